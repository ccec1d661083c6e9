# SPDX-License-Identifier: Apache-2.0
"""What irkit must know of a coding agent, as one record. Each agent's module makes one; `registry` lists them."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Protocol

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


class Install(Protocol):
    """Writes irkit's hooks into a settings text."""

    def __call__(
        self, text: str | None, command: Callable[[str], str], version: tuple[int, ...] | None = None
    ) -> str:
        """The new text. `text` is None when there is no file, `command(event_name)` the quoted command line,
        `version` the installed agent's when it is known: newer keys are written only for a version that has them.
        """
        ...


class AgentSpec(Struct, frozen=True, kw_only=True):
    """One coding agent.

    `settings` is the file below the user's home that hooks are written to. `install(text, command, version)`
    returns the new text of that file with irkit's hooks in it; `remove(text)` takes them out again ("" when irkit
    made the whole file); neither touches a foreign setting or its order. Texts are decoded without translating
    line ends. `installed(text)` names the events whose hook is there. All of these and `parse` raise
    `irkit.errors.BadInputError` on what they cannot read.
    """

    name: str
    title: str
    verified: Verified
    commands: tuple[str, ...] = ()
    """Names of its program on PATH, to tell whether it is on this machine."""
    settings: str
    """Relative to the user's home, e.g. `.claude/settings.json`."""
    settings_env: str = ""
    """Variable that replaces the first folder of `settings` (`CLAUDE_CONFIG_DIR`), empty when there is none."""
    events: tuple[HookEvent, ...]
    can_ask: bool = False
    """Whether `ask` was seen to prompt the person, interactively."""
    asks_version: bool = False
    """Whether `install` writes something that depends on the version."""
    in_process: bool = False
    """Whether the hook is a plugin inside the agent, not a command (OpenCode)."""
    needs_trust: bool = False
    """Whether the agent runs a hook only after its user trusted it (Codex)."""
    parse: Callable[[str, Mapping[str, Any]], Payload]
    refuse: Callable[[Happening, str], Answer]
    ask: Callable[[Happening, str, str], Answer | None]
    """(happening, mode, reason) -> the answer that makes it prompt, or None where it would not."""
    install: Install
    remove: Callable[[str], str]
    installed: Callable[[str], frozenset[str]]
    gaps: tuple[str, ...] = ()
    """What this agent's hooks are known not to show or not to hold, for people."""
