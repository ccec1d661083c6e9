# SPDX-License-Identifier: Apache-2.0
"""Sliding windows whose entries have a value, over the events' own time, exact and bounded. One group each.

Rules: an entry that comes late is inserted where it belongs. At most `WINDOW_ENTRIES_MAX` entries are kept; the oldest
leave first. Plain counts, which every event takes part in, are in `counts`.
"""

from bisect import bisect_left, insort_right
from collections import Counter
from typing import Any

from irkit import limits


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
                    begun[step] = start  # never earlier than before: entries are in order
            if begun[-1] is not None:
                return True
        return False
