# SPDX-License-Identifier: Apache-2.0
"""What kind of break a log has, told from the lines around it. Pure: values in, a value out.

A line that was changed is seen only by the next one, whose `prev` no longer fits; a line that is missing or too many
shows in `seq` and in whose hash the next `prev` names. Where two readings fit, the earlier line is named and `why`
says so.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from msgspec import Struct

from irkit.stream.record import NO_HASH

_NEAR = 8
"""Hex digits in which an edited hash differs from the true one; two hashes that differ do so in about 60 of 64."""


class Kind(StrEnum):
    """What was done to the log."""

    EDITED = "edited"
    REMOVED = "removed"
    INSERTED = "inserted"
    REORDERED = "reordered"
    TRUNCATED = "truncated"
    """The file is shorter than a checkpoint that was signed."""
    REWRITTEN = "rewritten"
    """The chain fits, but not what was signed: one of the lines from `line` to `last_line`, or all of them."""
    NOT_A_RECORD = "not_a_record"
    TORN = "torn"
    """The last line has no end; a guard that starts again names it."""
    SEQ = "seq"
    """The chain fits, but the numbers do not."""
    CHECKPOINT = "checkpoint"
    """A checkpoint is malformed, of another file, or one was taken out before it."""
    BAD_SIGNATURE = "bad_signature"
    OTHER_KEY = "other_key"
    """Signed, but by a key that nobody vouches for."""


class Break(Struct, frozen=True, kw_only=True):
    """The first thing in a log that does not fit."""

    kind: Kind
    file: str
    line: int
    """From 1; for removed lines, the first that is there after them."""
    last_line: int
    """Equals `line`, except where only a range can be told."""
    seq: int
    """The number that the record there has, or should have."""
    why: str

    def text(self) -> str:
        """One line for people."""
        lines = f"{self.line}" if self.line == self.last_line else f"{self.line}-{self.last_line}"
        return f"{self.kind.value.replace('_', ' ')} at {self.file}:{lines} (seq {self.seq}): {self.why}"


class Seen(NamedTuple):
    """A line as the walk met it. `seq` is None when it is no record."""

    file: str
    line: int
    sha256: str
    seq: int | None
    prev: str
    event: str = ""


def broken(kind: Kind, at: Seen, seq: int, why: str) -> Break:
    """A break of one line."""
    return Break(kind=kind, file=at.file, line=at.line, last_line=at.line, seq=seq, why=why)


def classify(before: Sequence[Seen], ahead: Sequence[Seen], seq: int, prev: str) -> Break:
    """Name the break at `ahead[0]`, where a record with this `seq` and `prev` should be."""
    at, following = ahead[0], ahead[1] if len(ahead) > 1 else None
    successor = next((n for n, one in enumerate(ahead) if n and (one.seq, one.prev) == (seq, prev)), 0)
    if successor:
        return _too_many(before, ahead, successor, seq)
    if at.seq is None:
        if following is not None and following.seq == seq + 1:
            return broken(
                Kind.EDITED, at, seq, "it is no record any more, and the next one follows its number"
            )
        return broken(Kind.NOT_A_RECORD, at, seq, "it is no record, and no `recovered` record names it")
    if at.prev == prev:
        if following is not None and following.prev != at.sha256:
            return broken(Kind.EDITED, at, seq, f"its number is {at.seq} where {seq} belongs")
        return broken(Kind.SEQ, at, seq, f"its number is {at.seq} where {seq} belongs, though the chain fits")
    copy = next((one for one in before if one.sha256 == at.sha256), None)
    if copy is not None:
        return broken(Kind.INSERTED, at, at.seq, f"it is a copy of {copy.file}:{copy.line}")
    if at.seq == seq:
        return _changed(before, at, following, seq, prev)
    back = next((n for n, one in enumerate(reversed(before)) if n and one.sha256 == at.prev), 0)
    if at.seq == 1 and at.prev == NO_HASH and before:
        back = len(before)
    if back:
        first = before[-back]
        return broken(
            Kind.INSERTED, first, first.seq or seq, f"{at.file}:{at.line} follows the line before it instead"
        )
    if at.seq > seq:
        missing = at.seq - seq
        return broken(
            Kind.REMOVED,
            at,
            seq,
            f"{missing} record{'s' if missing > 1 else ''} before it missing (from seq {seq})",
        )
    return broken(Kind.INSERTED, at, at.seq, f"its number {at.seq} was given before")


def near(one: str, other: str) -> bool:
    """Whether one hash looks like the other with a few digits changed, or like no hash."""
    if len(one) != len(other) or not set(one) <= set("0123456789abcdef"):
        return True
    return sum(a != b for a, b in zip(one, other, strict=True)) <= _NEAR


def _too_many(before: Sequence[Seen], ahead: Sequence[Seen], successor: int, seq: int) -> Break:
    """The line that belongs here comes later: what stands before it was moved here, or put in."""
    at, true = ahead[0], ahead[successor]
    later = {one.sha256 for one in ahead[1:]}
    if at.seq is None or at.sha256 in later or any(one.sha256 == at.sha256 for one in before):
        why = f"the record that belongs here stands at {true.file}:{true.line}"
        return broken(Kind.INSERTED, at, at.seq or seq, why)
    if at.prev in later:
        return broken(Kind.REORDERED, at, at.seq, f"it belongs after {true.file}:{true.line}")
    return broken(
        Kind.INSERTED, at, at.seq, f"the record that belongs here stands at {true.file}:{true.line}"
    )


def _changed(before: Sequence[Seen], at: Seen, following: Seen | None, seq: int, prev: str) -> Break:
    """The right number, the wrong `prev`: either this line was changed or the one before it."""
    if near(at.prev, prev):
        return broken(Kind.EDITED, at, seq, "its `prev` was changed")
    if not before:
        return broken(Kind.EDITED, at, seq, "it is the first record, and its `prev` names another")
    if following is not None and following.prev != at.sha256:
        return broken(Kind.EDITED, at, seq, "neither its `prev` nor the next one's fits")
    last = before[-1]
    unsure = "" if following else "; if not, the line after it, which is the last"
    why = f"its hash is not the one that {at.file}:{at.line} names{unsure}"
    return broken(Kind.EDITED, last, last.seq or seq - 1, why)
