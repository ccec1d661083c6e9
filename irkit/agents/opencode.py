# SPDX-License-Identifier: Apache-2.0
"""OpenCode: no command hooks, but plugins that run inside the agent. irkit ships one.

The plugin file is irkit's own, so nothing foreign is edited: a file of another origin under its name is left alone
and reported. Payloads are what the plugin sends: OpenCode's own `input` and `output` of each plugin event.

Sources: opencode.ai/docs (plugins), and seen running 1.18.33 (there with another plugin on the same events).
"""

import json
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from irkit.agents import answers
from irkit.agents.dialect import arguments, name, session, size_of, text, whole
from irkit.agents.payload import Happening, Payload
from irkit.agents.spec import AgentSpec, HookEvent, Verified
from irkit.errors import BadInputError
from irkit.limits import NAME_MAX_CHARS

_EVENTS = (
    HookEvent("tool.execute.before", Happening.BEFORE_TOOL, 2),
    HookEvent("tool.execute.after", Happening.AFTER_TOOL, 2),
    HookEvent("permission.ask", Happening.PERMISSION, 2),
    HookEvent("chat.message", Happening.PROMPT, 2),
    HookEvent("session.created", Happening.SESSION_START, 2),
    HookEvent("session.deleted", Happening.SESSION_END, 2),
)
_HAPPENINGS = {event.name: event.happening for event in _EVENTS}

_PLUGIN = Path(__file__).with_name("opencode_plugin.js")
_FIRST_LINE = "// irkit plugin for OpenCode, "


def parse(event: str, payload: Mapping[str, Any]) -> Payload:
    """One plugin event. Raises BadInputError."""
    happening = _HAPPENINGS.get(event)
    if happening is None:
        raise BadInputError(f"the event {event[:NAME_MAX_CHARS]!r} is not known")
    told, output = _part(payload, "input"), _part(payload, "output")
    metadata = _part(output, "metadata")
    after = happening is Happening.AFTER_TOOL
    result = next((output[key] for key in ("output", "content") if output.get(key) is not None), None)
    tool = name(told, "tool") if happening is not Happening.PERMISSION else name(told, "type", "permission")
    if not tool and happening in {Happening.BEFORE_TOOL, Happening.AFTER_TOOL, Happening.PERMISSION}:
        raise BadInputError("the payload names no tool")
    return Payload(
        happening=happening,
        session=session(told, "sessionID"),
        tool=tool,
        call_id=name(told, "callID"),
        input=_input(happening, told, output),
        cwd=text(payload, "cwd"),
        exit=whole(metadata, "exit") if after else None,
        response_bytes=whole(output, "response_bytes")
        if result is None
        else size_of(result)
        if after
        else None,
    )


def _part(holder: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = holder.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadInputError(f"the field {key} is not an object")
    return value


def _input(happening: Happening, told: dict[str, Any], output: dict[str, Any]) -> dict[str, Any]:
    match happening:
        case Happening.BEFORE_TOOL:
            return arguments(output.get("args"))
        case Happening.AFTER_TOOL:
            return arguments(told.get("args"))
        case Happening.PERMISSION:
            return {key: told[key] for key in ("pattern", "title", "metadata") if key in told}
        case Happening.PROMPT:
            return {"prompt": text(output, "prompt")}
    parent = text(told, "parentID")
    return {"parent": parent} if parent else {}


def install(text: str | None, command: Callable[[str], str], version: tuple[int, ...] | None = None) -> str:  # noqa: ARG001 - no key depends on it
    """The plugin's text for the gate that the command line names. Raises BadInputError for a foreign file."""
    if text and text.strip() and not text.startswith(_FIRST_LINE):
        raise BadInputError(
            "the plugin file is not irkit's", where="line 1", fix="move it away, then run `irkit init`"
        )
    gate = json.dumps(_gate(command(_EVENTS[0].name)), ensure_ascii=False)
    return _PLUGIN.read_text(encoding="utf-8").replace('"@GATE@"', gate, 1)


def remove(text: str) -> str:
    """Nothing left of irkit's plugin; another's text as it is."""
    return "" if text.startswith(_FIRST_LINE) else text


def installed(text: str) -> frozenset[str]:
    """All events or none."""
    return frozenset(_HAPPENINGS) if text.startswith(_FIRST_LINE) else frozenset()


def _gate(command: str) -> str:
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise BadInputError(f"the hook's command line cannot be read: {error}") from error
    for word in words:
        if word.endswith("gate/hook.py"):
            return word.removesuffix("/hook.py")
    raise BadInputError("the hook's command line does not run gate/hook.py")


OPENCODE = AgentSpec(
    name="opencode",
    title="OpenCode",
    verified=Verified.CAPTURED,
    commands=("opencode",),
    in_process=True,
    settings=".config/opencode/plugin/irkit.js",
    events=_EVENTS,
    parse=parse,
    refuse=answers.refuse,
    ask=answers.never_asks,
    install=install,
    remove=remove,
    installed=installed,
    gaps=(
        "the plugin runs inside the agent: --pure and a project's configuration can leave it out",
        "a prompt is recorded, not refused; a permission is denied, a tool call is thrown",
        "calls of sub-agents were reported not to reach plugins (anomalyco/opencode issues; third-party)",
        "MCP tools cannot be told by their name",
        "payloads carry no permission mode and no time",
    ),
)
