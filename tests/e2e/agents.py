# SPDX-License-Identifier: Apache-2.0
"""The real agents, headless and offline: where they are, how they are started, and whether they are here at all.

Every agent gets a throw-away HOME and talks to a scripted model on loopback; its key is a made-up word.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from scripts.install_agents import cache, command_path, missing

BINARIES = cache()
PROMPT = "Run the script."
FAKE_KEY = "not-a-key"


class AgentCli(NamedTuple):
    """One agent's command line, as the tests run it."""

    name: str
    """As irkit calls it."""
    command: str
    argv: Sequence[str]
    """After the command."""
    env: Callable[[str], Mapping[str, str]]
    """(url of the model) -> variables."""
    prepare: Callable[[Path, str], None]
    """(home, url of the model): write what the agent's own settings must hold, hooks not among it."""
    record: Callable[[Path, str], None]
    """(home, command line): install one foreign hook for each event, the event's name as its last argument."""
    session_variable: str
    """Holds the session's id in the environment of its tool children."""
    comm: str
    """The agent process's name: not always the program that was started."""

    def program(self) -> str:
        """The command's absolute path."""
        return str(command_path(self.command))


def unavailable(agent: AgentCli) -> str:
    """Why this agent cannot be run here; empty when it can."""
    why = missing().get(agent.command)
    return f"{agent.command} in {cache()}: {why}; `make test-agents` installs it" if why else ""


EVENTS = (
    "SessionStart",
    "UserPromptSubmit",
    "PreToolUse",
    "PostToolUse",
    "SubagentStart",
    "SubagentStop",
    "Stop",
)


def _nothing(home: Path, url: str) -> None:
    """Claude Code takes all it needs from its environment."""


def _claude_env(url: str) -> dict[str, str]:
    return {
        "ANTHROPIC_BASE_URL": url,
        "ANTHROPIC_API_KEY": FAKE_KEY,
        "IS_SANDBOX": "1",  # as root it refuses to bypass permissions without this
        "DISABLE_AUTOUPDATER": "1",
        "DISABLE_TELEMETRY": "1",
        "DISABLE_ERROR_REPORTING": "1",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    }


def _record_claude(home: Path, command: str) -> None:
    hooks = {
        event: [{"matcher": "*", "hooks": [{"type": "command", "command": f"{command} {event}"}]}]
        for event in (*EVENTS, "PostToolUseFailure", "SessionEnd")
    }
    settings = home / ".claude" / "settings.json"
    settings.parent.mkdir(exist_ok=True)
    settings.write_text(json.dumps({"hooks": hooks}))


def _prepare_codex(home: Path, url: str) -> None:
    settings = home / ".codex" / "config.toml"
    settings.parent.mkdir(exist_ok=True)
    settings.write_text(
        'model = "gpt-5.1-codex"\n'
        'model_provider = "scripted"\n'
        "check_for_update_on_startup = false\n"
        "[analytics]\n"
        "enabled = false\n"
        "[model_providers.scripted]\n"
        'name = "scripted"\n'
        f'base_url = "{url}/v1"\n'
        'env_key = "SCRIPTED_MODEL_KEY"\n'
        'wire_api = "responses"\n'
    )


def _codex_env(_url: str) -> dict[str, str]:
    return {"SCRIPTED_MODEL_KEY": FAKE_KEY}


def _record_codex(home: Path, command: str) -> None:
    with (home / ".codex" / "config.toml").open("a") as settings:
        for event in EVENTS:
            line = f"{command} {event}"
            settings.write(f'[[hooks.{event}]]\n[[hooks.{event}.hooks]]\ntype = "command"\n')
            settings.write(f"command = {json.dumps(line)}\n")


CLAUDE_CODE = AgentCli(
    name="claude-code",
    command="claude",
    argv=(
        *("-p", PROMPT, "--model", "claude-sonnet-4-5", "--permission-mode", "bypassPermissions"),
        *("--output-format", "stream-json", "--verbose"),
    ),
    env=_claude_env,
    prepare=_nothing,
    record=_record_claude,
    session_variable="CLAUDE_CODE_SESSION_ID",
    comm="claude",
)

CODEX = AgentCli(
    name="codex",
    command="codex",
    argv=(
        *("exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox"),
        # headless there is nobody to press "trust" in its /hooks screen, and an untrusted hook is skipped silently
        *("--dangerously-bypass-hook-trust", "--json", PROMPT),
    ),
    env=_codex_env,
    prepare=_prepare_codex,
    record=_record_codex,
    session_variable="CODEX_SESSION_ID",
    comm="codex",
)
