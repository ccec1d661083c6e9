# SPDX-License-Identifier: Apache-2.0
"""GitHub Copilot CLI: a hook file of irkit's own below `~/.copilot/hooks/`.

Its hooks run one after the other, and any exit but 0 denies the call; a late hook lets it run. A JSON decision beside
exit 2 gives it a reason to show. VS Code reads the same folder, and takes Copilot's event names for its own.

Sources: docs.github.com/copilot/reference (hooks), and seen running 1.0.102.
"""

import json
from typing import Any

from irkit.agents import answers, dialect
from irkit.agents.hook_file import HookFile, Version
from irkit.agents.payload import Answer, Happening
from irkit.agents.spec import AgentSpec, HookEvent, Verified

INTERACTIVE = "interactive"
"""The mode under which `ask` is answered. Copilot's payloads name none: who knows that a person sits there says so."""

EVENTS = (
    HookEvent("preToolUse", Happening.BEFORE_TOOL, 600),
    HookEvent("postToolUse", Happening.AFTER_TOOL, 600),
    HookEvent("postToolUseFailure", Happening.TOOL_FAILED, 600),
    HookEvent("permissionRequest", Happening.PERMISSION, 600),
    HookEvent("userPromptSubmitted", Happening.PROMPT, 600),
    HookEvent("sessionStart", Happening.SESSION_START, 600),
    HookEvent("sessionEnd", Happening.SESSION_END, 3),
    HookEvent("subagentStart", Happening.SUBAGENT_START, 600),
    HookEvent("subagentStop", Happening.SUBAGENT_STOP, 600),
)


def _entry(event: HookEvent, command: str, _version: Version | None) -> dict[str, Any]:
    return {"type": "command", "bash": command, "timeoutSec": event.timeout_s}


FILE = HookFile(events=EVENTS, entry=_entry, versioned=True, readers=("copilot-cli", "vscode"))


def refuse(happening: Happening, reason: str) -> Answer:
    """Exit 2; for a tool call with the flat decision that Copilot shows to people."""
    answer = answers.refuse(happening, reason)
    if happening is not Happening.BEFORE_TOOL:
        return answer
    return Answer(answer.exit, _decision("deny", reason), answer.stderr)


def ask(happening: Happening, mode: str, reason: str) -> Answer | None:
    """Make it prompt the person; headless runs and the cloud agent take `ask` for a denial."""
    if happening is not Happening.BEFORE_TOOL or mode != INTERACTIVE:
        return None
    return Answer(stdout=_decision("ask", reason))


def _decision(decision: str, reason: str) -> bytes:
    said = reason.strip() or answers.REASON_WHEN_NONE
    return json.dumps({"permissionDecision": decision, "permissionDecisionReason": said}).encode() + b"\n"


COPILOT_CLI = AgentSpec(
    name="copilot-cli",
    title="GitHub Copilot CLI",
    verified=Verified.CAPTURED,
    commands=("copilot",),
    settings=".copilot/hooks/irkit.json",
    settings_env="COPILOT_HOME",
    events=EVENTS,
    can_ask=True,
    parse=dialect.parse,
    refuse=refuse,
    ask=ask,
    install=FILE.install,
    remove=FILE.remove,
    installed=FILE.installed,
    gaps=(
        "a repository's settings can switch hooks off (disableAllHooks)",
        "a late hook lets the call run",
        "payloads carry no call id, and no mode: ask only where the guard knows that a person is there",
        "exit 2 on a prompt is ignored (seen)",
        "MCP tools cannot be told by their name",
        "the general-purpose sub-agent sends no sub-agent events",
    ),
)
