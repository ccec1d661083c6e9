# SPDX-License-Identifier: Apache-2.0
"""What a dialect makes of an agent's own words, before redaction. Lives in memory only: it is never stored or judged."""

from enum import StrEnum
from typing import Any

from msgspec import Struct


class Happening(StrEnum):
    """What an agent can tell, in irkit's words. The values are the audit record's `event`."""

    BEFORE_TOOL = "before_tool"
    AFTER_TOOL = "after_tool"
    TOOL_FAILED = "tool_failed"
    SESSION_START = "session_start"
    SESSION_END = "session_end"
    PROMPT = "prompt"
    PERMISSION = "permission"
    SUBAGENT_START = "subagent_start"
    SUBAGENT_STOP = "subagent_stop"
    TURN_END = "turn_end"
    NOTICE = "notice"
    MALFORMED = "malformed"
    OVERSIZE = "oversize"

    @property
    def refusable(self) -> bool:
        """Whether a refusal is ever given: exit 2 on others makes some agents go on (Stop), or means nothing."""
        return self in {Happening.BEFORE_TOOL, Happening.PROMPT, Happening.PERMISSION}


class Payload(Struct, frozen=True, kw_only=True):
    """One hook call or transcript line, parsed, unredacted."""

    happening: Happening
    session: str
    """The agent's own session id; empty when it gave none."""
    subagent: str = ""
    tool: str = ""
    """The tool's name as the agent says it (`Bash`, `run_shell_command`, `mcp__db__query`)."""
    call_id: str = ""
    input: dict[str, Any] = {}
    """The tool's arguments, the prompt as {"prompt": …}, or what the event carries."""
    cwd: str = ""
    ts: float | None = None
    """The agent's own time, seconds since the epoch; None when the payload has none."""
    user: str = ""
    turn: int | None = None
    mode: str = ""
    """The agent's permission mode, where it says one."""
    error: str = ""
    exit: int | None = None
    response_bytes: int | None = None
    duration_ms: int | None = None
    transcript: str = ""
    """Path of the agent's own record of the session."""


class Answer(Struct, frozen=True):
    """What the hook process ends with, verbatim."""

    exit: int = 0
    stdout: bytes = b""
    stderr: bytes = b""

    def frame(self) -> bytes:
        """The wire form: `EXIT STDOUT_LEN STDERR_LEN` and the bytes."""
        return b"%d %d %d\n%s%s" % (self.exit, len(self.stdout), len(self.stderr), self.stdout, self.stderr)


ALLOW = Answer()
