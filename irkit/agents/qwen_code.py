# SPDX-License-Identifier: Apache-2.0
"""Qwen Code: Claude Code's events in `~/.qwen/settings.json`, timeouts in milliseconds.

UserPromptSubmit comes before every request to the model, not once a prompt (seen), so its prompts do not count turns.

Sources: QwenLM/qwen-code docs (hooks), and seen running 0.15.10.
"""

from typing import Any

from irkit.agents import answers, dialect
from irkit.agents.hook_file import HookFile, Version
from irkit.agents.payload import Happening
from irkit.agents.spec import AgentSpec, HookEvent, Verified

_EVENTS = (
    HookEvent("PreToolUse", Happening.BEFORE_TOOL, 600),
    HookEvent("PostToolUse", Happening.AFTER_TOOL, 600),
    HookEvent("PostToolUseFailure", Happening.TOOL_FAILED, 600),
    HookEvent("PermissionRequest", Happening.PERMISSION, 600),
    HookEvent("UserPromptSubmit", Happening.PROMPT, 600),
    HookEvent("SessionStart", Happening.SESSION_START, 600),
    HookEvent("SessionEnd", Happening.SESSION_END, 3),
    HookEvent("SubagentStart", Happening.SUBAGENT_START, 600),
    HookEvent("SubagentStop", Happening.SUBAGENT_STOP, 600),
)


def _entry(event: HookEvent, command: str, _version: Version | None) -> dict[str, Any]:
    handler = {"name": "irkit", "type": "command", "command": command, "timeout": event.timeout_s * 1000}
    return {"matcher": "*", "hooks": [handler]}


_FILE = HookFile(events=_EVENTS, entry=_entry)

QWEN_CODE = AgentSpec(
    name="qwen-code",
    title="Qwen Code",
    verified=Verified.CAPTURED,
    commands=("qwen",),
    settings=".qwen/settings.json",
    events=_EVENTS,
    parse=dialect.parse,
    refuse=answers.refuse,
    ask=answers.never_asks,
    install=_FILE.install,
    remove=_FILE.remove,
    installed=_FILE.installed,
    gaps=(
        "disableAllHooks switches hooks off (a project's settings probably too)",
        "a hook that breaks or is late lets the call run",
        "no session start and end in headless runs (none seen)",
        "a prompt event comes before every request to the model",
    ),
)
