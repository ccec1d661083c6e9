# SPDX-License-Identifier: Apache-2.0
"""Codex CLI: command hooks in `~/.codex/hooks.json`, which the person must trust before they run.

`hooks.json` and not `config.toml`: both are read and added up, and a JSON file that holds only hooks leaves the
person's TOML, its comments and its order alone. irkit never writes Codex's trust hash. A PreToolUse answer must be
exit 2 with a reason: `ask`, `continue:false` or an unknown key make Codex run the call.

Sources: developers.openai.com/codex (hooks, config), and seen running 0.169.0, from either file.
"""

from typing import Any

from irkit.agents import answers, dialect
from irkit.agents.hook_file import HookFile, Version
from irkit.agents.payload import Happening
from irkit.agents.spec import AgentSpec, HookEvent, Verified

_EVENTS = (
    HookEvent("PreToolUse", Happening.BEFORE_TOOL, 600),
    HookEvent("PostToolUse", Happening.AFTER_TOOL, 600),
    HookEvent("PermissionRequest", Happening.PERMISSION, 600),
    HookEvent("UserPromptSubmit", Happening.PROMPT, 600),
    HookEvent("SessionStart", Happening.SESSION_START, 600),
    HookEvent("SessionEnd", Happening.SESSION_END, 3),
    HookEvent("SubagentStart", Happening.SUBAGENT_START, 600),
    HookEvent("SubagentStop", Happening.SUBAGENT_STOP, 600),
)


def _entry(event: HookEvent, command: str, _version: Version | None) -> dict[str, Any]:
    return {"hooks": [{"type": "command", "command": command, "timeout": event.timeout_s}]}


_FILE = HookFile(events=_EVENTS, entry=_entry)

CODEX = AgentSpec(
    name="codex",
    title="Codex CLI",
    verified=Verified.LIVE,
    commands=("codex",),
    settings=".codex/hooks.json",
    settings_env="CODEX_HOME",
    events=_EVENTS,
    needs_trust=True,
    parse=dialect.parse,
    refuse=answers.refuse,
    ask=answers.never_asks,
    install=_FILE.install,
    remove=_FILE.remove,
    installed=_FILE.installed,
    gaps=(
        "a hook that was not trusted in /hooks is skipped, in `codex exec` without a word",
        "a trusted project may switch hooks off ([features] hooks=false; third-party reports)",
        "a hook that breaks or is late lets the call run; there is no fail-closed setting",
        "write_stdin to a running command, the hosted web search and Code Mode fire no hook",
        "sub-agents carry the parent's session id",
        "with the app-server daemon one process serves several sessions",
    ),
)
