# SPDX-License-Identifier: Apache-2.0
"""Windsurf (Cascade): command hooks in `~/.codeium/windsurf/hooks.json`, and a payload of its own.

An event is named for the kind of act; there is no tool name and no call id. Only exit 2 of a `pre_` hook blocks.

Source: docs.windsurf.com (cascade, hooks). Nothing here was seen running.
"""

from collections.abc import Mapping
from typing import Any

from irkit.agents import answers
from irkit.agents.dialect import arguments, bounded, moment, session, size_of, text
from irkit.agents.hook_file import HookFile, Version
from irkit.agents.payload import Happening, Payload
from irkit.agents.spec import AgentSpec, HookEvent, Verified
from irkit.errors import BadInputError
from irkit.limits import NAME_MAX_CHARS

_EVENTS = (
    HookEvent("pre_read_code", Happening.BEFORE_TOOL, 600),
    HookEvent("post_read_code", Happening.AFTER_TOOL, 600),
    HookEvent("pre_write_code", Happening.BEFORE_TOOL, 600),
    HookEvent("post_write_code", Happening.AFTER_TOOL, 600),
    HookEvent("pre_run_command", Happening.BEFORE_TOOL, 600),
    HookEvent("post_run_command", Happening.AFTER_TOOL, 600),
    HookEvent("pre_mcp_tool_use", Happening.BEFORE_TOOL, 600),
    HookEvent("post_mcp_tool_use", Happening.AFTER_TOOL, 600),
    HookEvent("pre_user_prompt", Happening.PROMPT, 600),
)
_HAPPENINGS = {event.name: event.happening for event in _EVENTS} | {
    "post_cascade_response": Happening.TURN_END,
    "post_cascade_response_with_transcript": Happening.TURN_END,
    "post_setup_worktree": Happening.NOTICE,
}


def parse(event: str, payload: Mapping[str, Any]) -> Payload:
    """One hook call. Raises BadInputError."""
    happening = _HAPPENINGS.get(event)
    if happening is None:
        raise BadInputError(f"the event {event[:NAME_MAX_CHARS]!r} is not known")
    info = payload.get("tool_info")
    if info is None:
        info = {}
    if not isinstance(info, dict):
        raise BadInputError("the field tool_info is not an object")
    tool, told = _act(event, info)
    result = next(
        (info[key] for key in ("mcp_result", "stdout", "response") if info.get(key) is not None), None
    )
    return Payload(
        happening=happening,
        session=session(payload, "trajectory_id"),
        tool=bounded(tool, "tool"),
        input=told,
        cwd=text(info, "cwd"),
        ts=moment(payload.get("timestamp")),
        response_bytes=None if result is None else size_of(result),
        transcript=text(info, "transcript_path"),
    )


def _act(event: str, info: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """(tool, arguments): `command` for a command line, as the other agents say it."""
    if event.endswith("_run_command"):
        return "run_command", {"command": text(info, "command_line", "command")}
    if event.endswith("_mcp_tool_use"):
        tool = f"mcp__{text(info, 'mcp_server_name')}__{text(info, 'mcp_tool_name')}"
        return tool, arguments(info.get("mcp_tool_arguments"))
    if event.endswith(("_read_code", "_write_code")):
        told: dict[str, Any] = {key: info[key] for key in ("file_path", "edits") if key in info}
        return event.removeprefix("pre_").removeprefix("post_"), told
    if event == "pre_user_prompt":
        return "", {"prompt": text(info, "user_prompt")}
    return "", {}


def _entry(_event: HookEvent, command: str, _version: Version | None) -> dict[str, Any]:
    return {"command": command, "show_output": False}


_FILE = HookFile(events=_EVENTS, entry=_entry)

WINDSURF = AgentSpec(
    name="windsurf",
    title="Windsurf",
    verified=Verified.DOCUMENTED,
    commands=("windsurf",),
    settings=".codeium/windsurf/hooks.json",
    events=_EVENTS,
    parse=parse,
    refuse=answers.refuse,
    ask=answers.never_asks,
    install=_FILE.install,
    remove=_FILE.remove,
    installed=_FILE.installed,
    gaps=(
        "never seen running",
        "a hook that breaks lets the act pass; no timeout is documented, so none is written",
        "no session, permission, failure and sub-agent events, and no call id",
        "acts other than read, write, command and MCP (web search, for one) fire no hook",
        "the process is the editor: it is latched, never stopped",
    ),
)
