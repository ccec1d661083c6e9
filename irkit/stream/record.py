# SPDX-License-Identifier: Apache-2.0
"""The audit record: one line of the log, its closed list of events, and its exact bytes.

Rules:
- Fields and their order are fixed; all of them stand in every line, `prev` last.
- A line is at most `RECORD_MAX_BYTES`. Longer arguments are cut and say so; `args_sha256` stays over the whole.
- Encoding never fails on what an agent sent: lone surrogates, numbers beyond 64 bits and nesting without end are
  written in a form that JSON can hold.
It must never see a secret: events are redacted before they come here.
"""

from enum import StrEnum
from typing import Any

import msgspec
from msgspec import Struct

from irkit import limits
from irkit.agents.payload import Happening
from irkit.clock import iso
from irkit.stream.event import Event

VERSION = 1
NO_HASH = "0" * 64
"""`prev` of the first record."""
_CUT_STEPS = ((8192, 200), (1024, 64), (128, 16))
"""(characters of one string, items of one list or object) that are kept, tried in this order."""
_FIELD_MAX_CHARS = 1024
"""Any other field, when a record is too long."""
_DEPTH_MAX = 32


class OwnEvent(StrEnum):
    """What the guard writes about itself and its acts. The agents' part of the list is `Happening`."""

    GUARD_START = "guard_start"
    GUARD_STOP = "guard_stop"
    LATCH = "latch"
    UNLATCH = "unlatch"
    FREEZE = "freeze"
    RESUME = "resume"
    KILL = "kill"
    DISARM = "disarm"
    KEEP = "keep"
    SEAL = "seal"
    NOTIFY = "notify"
    ANSWER = "answer"
    INCIDENT_OPEN = "incident_open"
    INCIDENT_NOTE = "incident_note"
    INCIDENT_CLOSE = "incident_close"
    DETECTION = "detection"
    TAMPERING = "tampering"
    UNGUARDED = "unguarded"
    POLICY_APPROVED = "policy_approved"
    POLICY_CHANGED = "policy_changed"
    RULE_QUARANTINED = "rule_quarantined"
    EXCEPTION_ADDED = "exception_added"
    CHECKPOINT = "checkpoint"
    RECOVERED = "recovered"
    """A torn line was found at the log's end: `args` has its `fragment_sha256` and `fragment_bytes`."""
    DISK_FULL = "disk_full"
    CLOCK_STEP = "clock_step"
    """The wall clock moved by `step_s` against the monotonic one (or the machine slept)."""
    SPOOL_GAP = "spool_gap"
    SPOOL_REJECT = "spool_reject"
    ACTED = "acted"
    """The kill path acted by itself and told the guard."""
    DEFECT = "defect"
    """Something in the guard raised what it should not have."""
    TAIL_GAP = "tail_gap"
    """A watched file was truncated, replaced, or had a line that was too long."""


EVENTS = frozenset({*(one.value for one in Happening), *(one.value for one in OwnEvent)})
"""The closed list of a record's `event`."""


class AuditRecord(Struct, frozen=True, kw_only=True):
    """One line of `audit/YYYY-MM-DD.jsonl`."""

    v: int = VERSION
    ts: str = ""
    """RFC 3339, UTC, microseconds. Order is `seq`, never `ts`."""
    seq: int = 0
    """Global and gapless, from 1."""
    agent: str = ""
    session: str = ""
    subagent: str = ""
    user: str = ""
    turn: int | None = None
    event: str
    """One of `EVENTS`."""
    phase: str = ""
    tool: str = ""
    call_id: str = ""
    cwd: str = ""
    pid: int = 0
    """The agent's process; 0 when nobody is attributed."""
    start: int = 0
    args: dict[str, Any] = {}
    """Redacted."""
    args_sha256: str = ""
    """Keyed, over the whole unredacted arguments."""
    exit: int | None = None
    error: str = ""
    response_bytes: int | None = None
    duration_ms: int | None = None
    secrets: tuple[str, ...] = ()
    risk: int = 0
    decision: str = ""
    source: str = "guard"
    prev: str = NO_HASH
    """SHA-256 of the previous line including its newline, hex."""


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(AuditRecord)


def from_event(event: Event, *, decision: str, risk: int) -> AuditRecord:
    """The record of an agent's event. Raises ValueError when `event.event` is not in the closed list."""
    return AuditRecord(
        ts=iso(event.ts),
        agent=event.agent,
        session=event.session,
        subagent=event.subagent,
        user=event.user,
        turn=event.turn,
        event=_known(event.event),
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


def own_record(
    name: str,
    *,
    agent: str = "",
    session: str = "",
    pid: int = 0,
    start: int = 0,
    call_id: str = "",
    cwd: str = "",
    args: dict[str, Any] | None = None,
    risk: int = 0,
    decision: str = "",
    ts: float | None = None,
) -> AuditRecord:
    """A record of the guard's own; without `ts` the log gives it the time at which it is appended.

    Raises ValueError when `name` is not in the closed list.
    """
    return AuditRecord(
        ts="" if ts is None else iso(ts),
        event=_known(name),
        agent=agent,
        session=session,
        pid=pid,
        start=start,
        call_id=call_id,
        cwd=cwd,
        args=args or {},
        risk=risk,
        decision=decision,
    )


def encode(record: AuditRecord) -> bytes:
    """The record's line, newline included, at most `RECORD_MAX_BYTES`."""
    try:
        line = _encoder.encode(record)
    except (UnicodeEncodeError, OverflowError, RecursionError, TypeError, ValueError):
        record = _holdable(record)
        line = _encoder.encode(record)
    if len(line) >= limits.RECORD_MAX_BYTES:
        line = _encoder.encode(_shortened(record, len(line)))
    return line + b"\n"


def decode(line: bytes) -> AuditRecord:
    """A line of the log. Raises msgspec.DecodeError (which covers a wrong type of a field)."""
    try:
        return _decoder.decode(line)
    except (UnicodeDecodeError, RecursionError) as error:
        raise msgspec.DecodeError(str(error)) from error


def _known(event: str) -> str:
    if event not in EVENTS:
        raise ValueError(f"{event!r} is not an event of the audit log")
    return event


def _holdable(record: AuditRecord) -> AuditRecord:
    """The same record with every value in a form that JSON holds."""
    fields = {name: _held(getattr(record, name)) for name in record.__struct_fields__}
    fields["secrets"] = tuple(fields["secrets"])
    return AuditRecord(**fields)


def _held(value: Any, depth: int = 0) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**64 else str(value)[:_FIELD_MAX_CHARS]
    if depth >= _DEPTH_MAX:
        return "…[cut: nested too deeply]"
    if isinstance(value, dict):
        return {_held(str(key)): _held(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_held(item, depth + 1) for item in value]
    return _held(repr(value)[:_FIELD_MAX_CHARS])


def _shortened(record: AuditRecord, size: int) -> AuditRecord:
    """The record with its arguments cut until the line fits, a little more each time."""
    rest = {
        name: value[:_FIELD_MAX_CHARS]
        for name in ("agent", "session", "subagent", "user", "tool", "call_id", "cwd", "error")
        if len(value := getattr(record, name)) > _FIELD_MAX_CHARS
    }
    record = msgspec.structs.replace(record, secrets=record.secrets[:64], **rest)
    for characters, items in _CUT_STEPS:
        args = _cut(record.args, characters, items)
        shorter = msgspec.structs.replace(record, args=args)
        if len(_encoder.encode(shorter)) < limits.RECORD_MAX_BYTES:
            return shorter
    return msgspec.structs.replace(record, args={"…": f"[cut: a record of {size} bytes]"})


def _cut(value: Any, characters: int, items: int, depth: int = 0) -> Any:
    if isinstance(value, str):
        more = len(value) - characters
        return value if more <= 0 else f"{value[:characters]}…[cut: {more} more characters]"
    if depth >= _DEPTH_MAX and isinstance(value, dict | list):
        return "…[cut: nested too deeply]"
    if isinstance(value, dict):
        kept = {
            _cut(key, characters, items): _cut(item, characters, items, depth + 1)
            for key, item in list(value.items())[:items]
        }
        if len(value) > items:
            kept["…"] = f"[cut: {len(value) - items} more entries]"
        return kept
    if isinstance(value, list | tuple):
        cut = [_cut(item, characters, items, depth + 1) for item in value[:items]]
        return cut if len(value) <= items else [*cut, f"…[cut: {len(value) - items} more items]"]
    return value
