# SPDX-License-Identifier: Apache-2.0
"""How many times within how long, for many groups at once. Runs several times for every event, so it is flat on purpose.

Rules:
- N in T fires when some N consecutive times lie within T, the newest call included or not: a late event is inserted
  where it belongs, and is looked at there. At least the newest 2N−1 times of a group are kept.
- A group that was seen once is kept as that one time. Groups are bounded as in `groups`: two generations, the
  longest idle leaves first.
- Who fires a window empties it; that is the caller's to do, because a group may have two windows.
"""

from array import array
from bisect import bisect_left

from irkit import limits


class Counts:
    """`gte` times within `timespan` seconds, for each group."""

    __slots__ = ("_full", "_half", "_most", "_old", "_young", "gte", "timespan")

    def __init__(
        self, gte: int, timespan: float, *, most: int = 0, groups: int = limits.WINDOW_GROUPS_MAX
    ) -> None:
        """`most`: the highest count that `reached` is asked for, when it is not `gte`."""
        self.gte = gte
        self.timespan = timespan
        self._most = max(gte, most)
        self._full = 4 * self._most
        self._half = max(1, groups // 2)
        self._young: dict[object, array[float] | float] = {}
        self._old: dict[object, array[float] | float] = {}

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def push(self, key: object, ts: float) -> bool:
        """Add one time to a group; whether `gte` of them now lie within the timespan, this one among them."""
        times = self._young.get(key)
        if not isinstance(times, array):
            if times is None:
                return self._first(key, ts)
            times = self._young[key] = array("d", (times,))
        if ts < times[-1]:
            return self._late(times, ts)
        times.append(ts)
        gte, size = self.gte, len(times)
        if size < gte:
            return False
        if size > self._full:
            del times[: size - (2 * self._most - 1)]
        return ts - times[-gte] <= self.timespan

    def _first(self, key: object, ts: float) -> bool:
        """The group is not among the young: promote it, or begin it."""
        found = self._old.pop(key, None)
        if len(self._young) >= self._half:
            self._old, self._young = self._young, {}
        if found is not None:
            self._young[key] = found
            return self.push(key, ts)
        self._young[key] = float(ts)
        return self.gte <= 1

    def _late(self, times: "array[float]", ts: float) -> bool:
        at = bisect_left(times, ts)
        times.insert(at, ts)
        gte = self.gte
        last = len(times) - gte
        fired = any(
            times[first + gte - 1] - times[first] <= self.timespan
            for first in range(max(0, at - gte + 1), min(at, last) + 1)
        )
        if len(times) > self._full:
            del times[: len(times) - (2 * self._most - 1)]
        return fired

    def reached(self, key: object, ts: float, count: int) -> bool:
        """Whether the last `count` times of the group lie within the timespan before `ts`."""
        times = self._young.get(key)
        return isinstance(times, array) and len(times) >= count and ts - times[-count] <= self.timespan

    def within(self, key: object) -> int:
        """How many times of the group lie within the timespan before its newest."""
        times = self._young.get(key, self._old.get(key))
        if not isinstance(times, array):
            return 0 if times is None else 1
        return len(times) - bisect_left(times, times[-1] - self.timespan)

    def empty(self, key: object) -> None:
        """Forget the group."""
        self._young.pop(key, None)
        self._old.pop(key, None)
