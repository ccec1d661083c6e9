# SPDX-License-Identifier: Apache-2.0
"""The `Event`: what detection, incidents and people see of one act of an agent. Pure value, already redacted.

Rules: secrets are replaced before an Event exists (`[redacted:KIND:FINGERPRINT]`), the kinds found are in
`secrets`; `ts` is the clock that windows use (receipt time for live hooks, the file's own for tails and
replay); `pid` and `start` are the agent process that the kernel attributed, 0 when nobody is.
"""

from typing import Any, Literal

from msgspec import Struct

Phase = Literal["pre", "post", ""]
Source = Literal["hook", "spool", "tail", "replay", "guard"]
Kind = Literal["shell", "read", "write", "search", "web", "mcp", "plan", "agent", "other"]


class Event(Struct, frozen=True, kw_only=True):
    """One act of one agent, in irkit's words."""

    ts: float
    """Seconds since the epoch, UTC."""
    agent: str
    session: str
    """The agent's own session id, or `pid:start` for a session without hooks."""
    event: str
    """A value of `irkit.agents.payload.Happening`, or one of the guard's own (`freeze`, `guard_start`, …)."""
    phase: Phase = ""
    tool: str = ""
    kind: Kind = "other"
    call_id: str = ""
    subagent: str = ""
    cwd: str = ""
    user: str = ""
    turn: int | None = None
    pid: int = 0
    start: int = 0
    """Start time of `pid` in clock ticks since boot (Linux), so that a reused pid is another process."""
    args: dict[str, Any] = {}
    args_sha256: str = ""
    """Keyed (HMAC-SHA-256) over the unredacted arguments in canonical JSON, hex."""
    secrets: tuple[str, ...] = ()
    """Kinds of secret found in the arguments, e.g. `aws-access-key`."""
    error: str = ""
    exit: int | None = None
    response_bytes: int | None = None
    duration_ms: int | None = None
    mode: str = ""
    source: Source = "hook"

    @property
    def attributed(self) -> bool:
        """Whether the kernel named the agent process."""
        return self.pid > 0
