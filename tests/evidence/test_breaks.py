# SPDX-License-Identifier: Apache-2.0
"""Each kind of break, from the fewest lines that show it. Whole logs are damaged in test_verify."""

import pytest

from irkit.evidence.breaks import Kind, Seen, classify, near
from irkit.stream.record import NO_HASH

A, B, C, D = ("a" * 64, "b" * 64, "c" * 64, "d" * 64)
OTHER = "0123456789abcdef" * 4


def _seen(line: int, sha256: str, seq: int | None, prev: str) -> Seen:
    return Seen("day", line, sha256, seq, prev)


FIRST = _seen(1, A, 1, NO_HASH)

CASES = [
    ("removed", [_seen(2, C, 3, B)], Kind.REMOVED, 2, 2),
    ("removed, several", [_seen(2, D, 9, C)], Kind.REMOVED, 2, 2),
    ("swapped", [_seen(2, C, 3, B), _seen(3, B, 2, A), _seen(4, D, 4, C)], Kind.REORDERED, 2, 3),
    ("garbage put in", [_seen(2, OTHER, None, ""), _seen(3, B, 2, A)], Kind.INSERTED, 2, 2),
    ("a copy of an earlier line", [_seen(2, A, 1, NO_HASH), _seen(3, B, 2, A)], Kind.INSERTED, 2, 1),
    ("a copy at the end", [_seen(2, A, 1, NO_HASH)], Kind.INSERTED, 2, 1),
    ("no record any more", [_seen(2, OTHER, None, ""), _seen(3, C, 3, B)], Kind.EDITED, 2, 2),
    ("two lines made one", [_seen(2, OTHER, None, ""), _seen(3, D, 4, C)], Kind.NOT_A_RECORD, 2, 2),
    ("the line before was edited", [_seen(2, B, 2, OTHER), _seen(3, C, 3, B)], Kind.EDITED, 1, 1),
    ("this line's prev was edited", [_seen(2, OTHER, 2, "0" + A[1:]), _seen(3, C, 3, B)], Kind.EDITED, 2, 2),
    ("its number was edited", [_seen(2, OTHER, 7, A), _seen(3, C, 3, B)], Kind.EDITED, 2, 2),
    ("numbers that jump in a chain that fits", [_seen(2, B, 7, A), _seen(3, C, 8, B)], Kind.SEQ, 2, 7),
    ("a number given before", [_seen(2, B, 1, OTHER)], Kind.INSERTED, 2, 1),
]


@pytest.mark.parametrize(
    ("ahead", "kind", "line", "seq"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_a_break_is_told_from_the_lines_around_it(ahead: list[Seen], kind: Kind, line: int, seq: int) -> None:
    found = classify([FIRST], ahead, 2, A)
    assert (found.kind, found.line) == (kind, line), found
    if kind not in {Kind.SEQ, Kind.EDITED}:
        assert found.seq == seq


def test_a_forged_line_that_chains_is_told_by_the_line_that_skips_it() -> None:
    forged = _seen(2, OTHER, 2, A)
    found = classify([FIRST, forged], [_seen(3, B, 2, A)], 3, OTHER)
    assert (found.kind, found.line) == (Kind.INSERTED, 2)


def test_it_reads_as_one_line() -> None:
    text = classify([FIRST], [_seen(2, C, 3, B)], 2, A).text()
    assert text == "removed at day:2 (seq 2): 1 record before it missing (from seq 2)"


def test_near_hashes_are_edited_ones() -> None:
    assert near(A, A)
    assert near("0" * 8 + A[8:], A)
    assert not near(B, A)
    assert near("short", A)
    assert near("Z" * 64, A)
