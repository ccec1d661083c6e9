# SPDX-License-Identifier: Apache-2.0
"""What irkit must know of a coding agent, as one record. Each agent's module makes one; `registry` lists them."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

from msgspec import Struct

from irkit.agents.payload import Answer, Happening, Payload


class Verified(StrEnum):
    """How far irkit's knowledge of an agent was tried."""

    LIVE = "live"
    """The real agent ran against irkit's hook in this project's own tests."""
    CAPTURED = "captured"
    """Tested on payloads that the real agent sent."""
    DOCUMENTED = "documented"
    """Written from the vendor's documentation only."""


class HookEvent(Struct, frozen=True):
    """One event that irkit registers a hook for."""

    name: str
    """The agent's own name of the event (`PreToolUse`), the hook's second argument."""
    happening: Happening
    timeout_s: int
    """The longest that the agent takes: no agent timer may run out during a freeze."""


class AgentSpec(Struct, frozen=True, kw_only=True):
    """One coding agent.

    `settings` is the file below the user's home that hooks are written to. `install(text, command)` returns the
    new text of that file with irkit's hooks in it (`text` is None when there is no file; `command(event_name)`
    gives the quoted command line); `remove(text)` takes them out again; neither touches a foreign setting or
    its order. `installed(text)` names the events whose hook is there. `parse` raises
    `irkit.errors.BadInputError` on what it cannot read.
    """

    name: str
    title: str
    verified: Verified
    commands: tuple[str, ...] = ()
    """Names of its program on PATH, to tell whether it is on this machine."""
    settings: str
    """Relative to the user's home, e.g. `.claude/settings.json`."""
    settings_env: str = ""
    """Variable that moves the settings folder (`CLAUDE_CONFIG_DIR`), empty when there is none."""
    events: tuple[HookEvent, ...]
    can_ask: bool = False
    """Whether `ask` was seen to prompt the person, interactively."""
    in_process: bool = False
    """Whether the hook is a plugin inside the agent, not a command (OpenCode)."""
    needs_trust: bool = False
    """Whether the agent runs a hook only after its user trusted it (Codex)."""
    parse: Callable[[str, Mapping[str, Any]], Payload]
    refuse: Callable[[Happening, str], Answer]
    ask: Callable[[Happening, str, str], Answer | None]
    """(happening, mode, reason) -> the answer that makes it prompt, or None where it would not."""
    install: Callable[[str | None, Callable[[str], str]], str]
    remove: Callable[[str], str]
    installed: Callable[[str], frozenset[str]]
