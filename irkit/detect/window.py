# SPDX-License-Identifier: Apache-2.0
"""Sliding windows over the events' own time, exact and bounded. Pure values of one group each.

Rules:
- `CountWindow`: N in T fires when some N consecutive times lie within T, the newest call included or not: a late
  event is inserted where it belongs, and is looked at there. At least the newest 2N−1 times are kept.
- The other windows keep at most `WINDOW_ENTRIES_MAX` entries; the oldest leave first.
- Who fires a window empties it; `empty` is the caller's to call, because a group may have two windows.
"""

from array import array
from bisect import bisect_left, insort_right
from collections import Counter
from typing import Any

from irkit import limits


class CountWindow:
    """Times of one group."""

    __slots__ = ("_times",)

    def __init__(self) -> None:
        self._times = array("d")

    def push(self, ts: float, count: int, timespan: float, most: int = 0) -> bool:
        """Add one time; whether some `count` of them now lie within `timespan` seconds, this one among them.

        `most`: the highest count that will be asked for, when it is not `count`.
        """
        times = self._times
        if times and ts < times[-1]:
            return self._insert(ts, count, timespan, most or count)
        times.append(ts)
        if len(times) > 4 * (most or count):
            self._forget(most or count)
        return len(times) >= count and ts - times[-count] <= timespan

    def _insert(self, ts: float, count: int, timespan: float, most: int) -> bool:
        times = self._times
        at = bisect_left(times, ts)
        times.insert(at, ts)
        last = len(times) - count
        fired = any(
            times[first + count - 1] - times[first] <= timespan
            for first in range(max(0, at - count + 1), min(at, last) + 1)
        )
        if len(times) > 4 * most:
            self._forget(most)
        return fired

    def _forget(self, most: int) -> None:
        del self._times[: len(self._times) - (2 * most - 1)]

    def within(self, timespan: float) -> int:
        """How many of the times lie within `timespan` seconds before the newest."""
        times = self._times
        return len(times) - bisect_left(times, times[-1] - timespan) if times else 0

    def empty(self) -> None:
        """Forget all times."""
        del self._times[:]


class ValueWindow:
    """Times of one group, each with a value: what value_count, value_sum and temporal windows look at."""

    __slots__ = ("entries",)

    def __init__(self) -> None:
        self.entries: list[tuple[float, int, Any]] = []
        """(time, order within one time, value), sorted by the first two."""

    def push(self, ts: float, order: int, value: Any) -> None:
        """Add one entry where it belongs in time."""
        entries = self.entries
        entry = (ts, order, value)
        if not entries or entries[-1][:2] <= (ts, order):
            entries.append(entry)
        else:
            insort_right(entries, entry, key=lambda one: one[:2])
        if len(entries) > limits.WINDOW_ENTRIES_MAX:
            del entries[: len(entries) - limits.WINDOW_ENTRIES_MAX]

    def trim(self, timespan: float) -> None:
        """Forget what can no longer meet the newest entry, nor one as late as a window is long."""
        if self.entries and self.entries[0][0] < (oldest := self.entries[-1][0] - 2 * timespan):
            del self.entries[: bisect_left(self.entries, oldest, key=lambda one: one[0])]

    def distinct(self, timespan: float) -> int:
        """The most distinct values within any `timespan` seconds."""
        seen: Counter[Any] = Counter()
        most = first = 0
        for ts, _, value in self.entries:
            seen[value] += 1
            while ts - self.entries[first][0] > timespan:
                gone = self.entries[first][2]
                seen[gone] -= 1
                if not seen[gone]:
                    del seen[gone]
                first += 1
            most = max(most, len(seen))
        return most

    def total(self, timespan: float) -> int:
        """The highest sum of values within any `timespan` seconds."""
        most = running = first = 0
        for ts, _, value in self.entries:
            running += value
            while ts - self.entries[first][0] > timespan:
                running -= self.entries[first][2]
                first += 1
            most = max(most, running)
        return most

    def in_order(self, steps: int, timespan: float) -> bool:
        """Whether values 0, 1, … steps−1 follow one another within `timespan` seconds."""
        begun: list[float | None] = [None] * steps
        for ts, _, step in self.entries:
            if step == 0:
                begun[0] = ts
            else:
                start = begun[step - 1]
                if start is not None and ts - start <= timespan:
                    begun[step] = start if begun[step] is None else max(start, begun[step] or start)
            if begun[-1] is not None:
                return True
        return False
