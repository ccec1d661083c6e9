# SPDX-License-Identifier: Apache-2.0
"""Gemini CLI: command hooks in `~/.gemini/settings.json`, timeouts in milliseconds.

Payloads carry no call id, so a before-event and its after-event cannot be joined for sure. BeforeModel and
AfterModel are not registered: they carry the whole conversation.

Sources: google-gemini/gemini-cli docs (hooks reference), and seen running 0.61.0.
"""

from typing import Any

from irkit.agents import answers, dialect
from irkit.agents.hook_file import HookFile, Version
from irkit.agents.payload import Happening
from irkit.agents.spec import AgentSpec, HookEvent, Verified

_EVENTS = (
    HookEvent("BeforeTool", Happening.BEFORE_TOOL, 600),
    HookEvent("AfterTool", Happening.AFTER_TOOL, 600),
    HookEvent("BeforeAgent", Happening.PROMPT, 600),
    HookEvent("SessionStart", Happening.SESSION_START, 600),
    HookEvent("SessionEnd", Happening.SESSION_END, 3),
)


def _entry(event: HookEvent, command: str, _version: Version | None) -> dict[str, Any]:
    handler = {"name": "irkit", "type": "command", "command": command, "timeout": event.timeout_s * 1000}
    return {"matcher": "*", "hooks": [handler]}


_FILE = HookFile(events=_EVENTS, entry=_entry)

GEMINI_CLI = AgentSpec(
    name="gemini-cli",
    title="Gemini CLI",
    verified=Verified.CAPTURED,
    commands=("gemini",),
    settings=".gemini/settings.json",
    events=_EVENTS,
    parse=dialect.parse,
    refuse=answers.refuse,
    ask=answers.never_asks,
    install=_FILE.install,
    remove=_FILE.remove,
    installed=_FILE.installed,
    gaps=(
        "hooksConfig in a trusted project can switch hooks off",
        "a hook that crashes or is late lets the call run",
        "payloads carry no call id; parallel calls interleave",
        "no permission and no sub-agent events",
        "its own record of a call is written only after the call",
    ),
)
