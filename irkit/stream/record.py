# SPDX-License-Identifier: Apache-2.0
"""The audit record: one line of the log, with exactly the fields of the contract, in its order.

`prev` is last and is the SHA-256 of the previous line's bytes, newline included; `seq` is global and gapless. A record
never holds an unredacted argument: it is made from an `Event`, which is redacted already.
"""

from typing import Any

import msgspec
from msgspec import Struct

from irkit import limits
from irkit.agents.payload import Happening
from irkit.clock import from_iso, iso
from irkit.stream.event import Event

VERSION = 1
FIRST_PREV = "0" * 64
OWN_EVENTS = (
    "guard_start",
    "guard_stop",
    "latch",
    "unlatch",
    "freeze",
    "resume",
    "kill",
    "keep",
    "incident_open",
    "incident_note",
    "incident_close",
    "detection",
    "notify",
    "recovered",
    "disk_full",
    "clock_step",
    "tampering",
    "policy_approved",
    "policy_changed",
    "rule_quarantined",
    "exception_added",
    "spool_gap",
    "spool_reject",
    "tail_notice",
    "unguarded",
    "checkpoint",
    "acted",
)
"""What the guard itself writes."""
EVENTS = frozenset((*(happening.value for happening in Happening), *OWN_EVENTS))
"""The closed list of `event`."""


class AuditRecord(Struct, frozen=True, kw_only=True, omit_defaults=False):
    """One line of the log."""

    v: int = VERSION
    ts: str
    """RFC 3339, UTC, microseconds."""
    seq: int = 0
    agent: str = ""
    session: str = ""
    subagent: str = ""
    user: str = ""
    turn: int | None = None
    event: str
    phase: str = ""
    tool: str = ""
    call_id: str = ""
    cwd: str = ""
    pid: int = 0
    start: int = 0
    args: dict[str, Any] = {}
    args_sha256: str = ""
    exit: int | None = None
    error: str = ""
    response_bytes: int | None = None
    duration_ms: int | None = None
    secrets: tuple[str, ...] = ()
    risk: int = 0
    decision: str = ""
    source: str = "guard"
    prev: str = FIRST_PREV


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(AuditRecord)


def from_event(event: Event, *, decision: str, risk: int) -> AuditRecord:
    """The record of an agent's event."""
    return AuditRecord(
        ts=iso(event.ts),
        agent=event.agent,
        session=event.session,
        subagent=event.subagent,
        user=event.user,
        turn=event.turn,
        event=event.event,
        phase=event.phase,
        tool=event.tool,
        call_id=event.call_id,
        cwd=event.cwd,
        pid=event.pid,
        start=event.start,
        args=event.args,
        args_sha256=event.args_sha256,
        exit=event.exit,
        error=event.error,
        response_bytes=event.response_bytes,
        duration_ms=event.duration_ms,
        secrets=event.secrets,
        risk=risk,
        decision=decision,
        source=event.source,
    )


def to_event(record: AuditRecord) -> Event:
    """The event of a record that an agent's call made, for replay. Raises ValueError on a bad time."""
    from irkit.agents.tools import kind_of

    return Event(
        ts=from_iso(record.ts),
        agent=record.agent,
        session=record.session,
        subagent=record.subagent,
        user=record.user,
        turn=record.turn,
        event=record.event,
        phase=record.phase,  # type: ignore[arg-type]  # a closed set, checked where it is judged
        tool=record.tool,
        kind=kind_of(record.tool) if record.tool else "other",
        call_id=record.call_id,
        cwd=record.cwd,
        pid=record.pid,
        start=record.start,
        args=record.args,
        args_sha256=record.args_sha256,
        exit=record.exit,
        error=record.error,
        response_bytes=record.response_bytes,
        duration_ms=record.duration_ms,
        secrets=record.secrets,
        source="replay",
    )


def encode(record: AuditRecord) -> bytes:
    """The record as one line with its newline, at most `RECORD_MAX_BYTES`: larger arguments are cut and say so."""
    line = _encoder.encode(record)
    if len(line) >= limits.RECORD_MAX_BYTES:
        line = _encoder.encode(_cut(record))
    return line + b"\n"


def decode(line: bytes) -> AuditRecord:
    """The record of a line. Raises msgspec.DecodeError."""
    return _decoder.decode(line)


def _cut(record: AuditRecord) -> AuditRecord:
    text = _encoder.encode(record.args)[: limits.RECORD_MAX_BYTES // 4].decode("utf-8", "ignore")
    args = {"cut": text, "bytes": len(_encoder.encode(record.args))}
    keep = {
        name: getattr(record, name)[:4096]
        for name in ("error", "cwd", "tool", "call_id", "session", "subagent", "user")
    }
    return msgspec.structs.replace(record, args=args, secrets=record.secrets[:200], **keep)
