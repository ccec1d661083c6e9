# SPDX-License-Identifier: Apache-2.0
"""Windows against a recount by hand: everything is kept, everything is looked at."""

import sys

from hypothesis import given
from hypothesis import strategies as st

from irkit.detect.counts import Counts

ARRIVALS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 5)), max_size=80)
"""(seconds since the event before, seconds that it comes late)"""


def arrivals(steps: list[tuple[int, int]]) -> list[float]:
    """Times in the order of arrival; none is later than 5 s."""
    now, made = 100.0, []
    for step, late in steps:
        now += step
        made.append(now - late)
    return made


def recount(times: list[float], gte: int, timespan: float) -> list[bool]:
    """What a window without bounds says to each."""
    kept: list[float] = []
    fired = []
    for ts in times:
        kept = sorted([*kept, ts])
        hit = any(
            kept[i + gte - 1] - kept[i] <= timespan and ts in kept[i : i + gte]
            for i in range(len(kept) - gte + 1)
        )
        fired.append(hit)
        if hit:
            kept = []
    return fired


@given(ARRIVALS, st.integers(1, 12), st.integers(1, 20))
def test_counts_agree_with_a_recount(steps: list[tuple[int, int]], gte: int, timespan: int) -> None:
    counts = Counts(gte, timespan)
    said = []
    times = arrivals(steps)
    for ts in times:
        hit = counts.push("group", ts)
        if hit:
            counts.empty("group")
        said.append(hit)
    assert said == recount(times, gte, timespan)


def test_the_edge_of_the_window_is_inside() -> None:
    counts = Counts(3, 10)
    assert [counts.push("a", ts) for ts in (0.0, 5.0, 10.0)] == [False, False, True]
    assert [counts.push("b", ts) for ts in (0.0, 5.0, 10.001)] == [False, False, False]


def test_groups_do_not_touch_each_other() -> None:
    counts = Counts(2, 10)
    assert not counts.push("a", 0.0)
    assert not counts.push("b", 1.0)
    assert counts.push("a", 2.0)


def test_the_longest_idle_groups_leave_first_and_their_number_is_bounded() -> None:
    counts = Counts(2, 1e9, groups=10)
    for number in range(1000):
        counts.push(number, float(number))
        if counts.push("kept", float(number) - 0.5):
            counts.empty("kept")
    assert len(counts) <= 10
    assert counts.within(0) == 0
    assert counts.within(999) == 1


def test_one_group_stays_small_however_much_it_gets() -> None:
    counts = Counts(200, 1.0)
    for number in range(100_000):
        counts.push("a", float(number))
    assert sys.getsizeof(counts._young["a"]) < 20_000
