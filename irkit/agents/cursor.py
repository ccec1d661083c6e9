# SPDX-License-Identifier: Apache-2.0
"""Cursor, editor and `cursor-agent`: command hooks in `~/.cursor/hooks.json`.

Registered are the events that fire for every tool. The narrower ones (beforeShellExecution, beforeMCPExecution,
beforeReadFile) fire beside them for the same call, and would make one call count twice; they are understood all the
same. `ask` is never answered: the documentation says that preToolUse accepts it and does not enforce it, so the call
would run. `failClosed` is not written: a hook that says nothing would then count as failed, by third-party reports.

Source: cursor.com/docs (hooks), partly through third parties. Nothing here was seen running.
"""

from typing import Any

from irkit.agents import answers, dialect
from irkit.agents.hook_file import HookFile, Version
from irkit.agents.payload import Happening
from irkit.agents.spec import AgentSpec, HookEvent, Verified

_EVENTS = (
    HookEvent("preToolUse", Happening.BEFORE_TOOL, 600),
    HookEvent("postToolUse", Happening.AFTER_TOOL, 600),
    HookEvent("postToolUseFailure", Happening.TOOL_FAILED, 600),
    HookEvent("beforeSubmitPrompt", Happening.PROMPT, 600),
    HookEvent("sessionStart", Happening.SESSION_START, 600),
    HookEvent("sessionEnd", Happening.SESSION_END, 3),
    HookEvent("subagentStart", Happening.SUBAGENT_START, 600),
    HookEvent("subagentStop", Happening.SUBAGENT_STOP, 600),
)


def _entry(event: HookEvent, command: str, _version: Version | None) -> dict[str, Any]:
    return {"command": command, "timeout": event.timeout_s}


_FILE = HookFile(events=_EVENTS, entry=_entry, versioned=True)

CURSOR = AgentSpec(
    name="cursor",
    title="Cursor",
    verified=Verified.DOCUMENTED,
    commands=("cursor", "cursor-agent"),
    settings=".cursor/hooks.json",
    events=_EVENTS,
    parse=dialect.parse,
    refuse=answers.refuse,
    ask=answers.never_asks,
    install=_FILE.install,
    remove=_FILE.remove,
    installed=_FILE.installed,
    gaps=(
        "never seen running",
        "a project's hook outranks the user's where their answers differ (documented)",
        "a hook that breaks or is late lets the call run",
        "`cursor-agent -p` sends no prompt event, a resumed one no session start (third-party reports)",
        "imports Claude Code's hooks when that is switched on: an event may come twice",
        "the editor's process is latched, never stopped",
    ),
)
