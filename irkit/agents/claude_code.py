# SPDX-License-Identifier: Apache-2.0
"""Claude Code: command hooks in `~/.claude/settings.json`, which it reads again while it runs.

Sources: code.claude.com/docs (hooks, settings), its release notes for `onFailure`, and seen running 2.1.197.
"""

import json
from typing import Any

from irkit.agents import answers, dialect
from irkit.agents.hook_file import HookFile, Version
from irkit.agents.payload import Answer, Happening
from irkit.agents.spec import AgentSpec, HookEvent, Verified

FAIL_CLOSED_SINCE = (2, 1, 295)
"""From this version `onFailure` exists. What an older one does with it is not documented (2.1.197 was seen ignoring it,
and its hooks kept firing), so it is not written for a version that is older or not known."""

PROMPTING_MODES = frozenset({"default", "plan", "acceptEdits"})

_EVENTS = (
    HookEvent("PreToolUse", Happening.BEFORE_TOOL, 600),
    HookEvent("PostToolUse", Happening.AFTER_TOOL, 600),
    HookEvent("PostToolUseFailure", Happening.TOOL_FAILED, 600),
    HookEvent("PermissionRequest", Happening.PERMISSION, 600),
    HookEvent("UserPromptSubmit", Happening.PROMPT, 30),
    HookEvent("SessionStart", Happening.SESSION_START, 600),
    HookEvent("SessionEnd", Happening.SESSION_END, 3),
    HookEvent("SubagentStart", Happening.SUBAGENT_START, 600),
    HookEvent("SubagentStop", Happening.SUBAGENT_STOP, 600),
)


def _entry(event: HookEvent, command: str, version: Version | None) -> dict[str, Any]:
    handler: dict[str, Any] = {"type": "command", "command": command, "timeout": event.timeout_s}
    if event.happening.refusable and version is not None and version >= FAIL_CLOSED_SINCE:
        handler["onFailure"] = "block"
    return {"matcher": "*", "hooks": [handler]}


def ask(happening: Happening, mode: str, reason: str) -> Answer | None:
    """Make it prompt the person, in the modes in which it does."""
    if happening is not Happening.BEFORE_TOOL or mode not in PROMPTING_MODES:
        return None
    decision = {
        "hookEventName": "PreToolUse",
        "permissionDecision": "ask",
        "permissionDecisionReason": reason.strip() or answers.REASON_WHEN_NONE,
    }
    return Answer(stdout=json.dumps({"hookSpecificOutput": decision}).encode() + b"\n")


_FILE = HookFile(events=_EVENTS, entry=_entry)

CLAUDE_CODE = AgentSpec(
    name="claude-code",
    title="Claude Code",
    verified=Verified.LIVE,
    commands=("claude",),
    asks_version=True,
    settings=".claude/settings.json",
    settings_env="CLAUDE_CONFIG_DIR",
    events=_EVENTS,
    can_ask=True,
    parse=dialect.parse,
    refuse=answers.refuse,
    ask=ask,
    install=_FILE.install,
    remove=_FILE.remove,
    installed=_FILE.installed,
    gaps=(
        "a project's settings can switch user hooks off (disableAllHooks); so can --bare and --safe-mode",
        "before 2.1.295 a hook that cannot start or is late lets the call run",
        "no event for @file mentions, rejected inputs, and what the person runs with !",
        "a session that the settings change under takes the new hooks at once",
    ),
)
