# SPDX-License-Identifier: Apache-2.0
"""Correlations as they run: one `Watch` each, with a window for every group.

Rules:
- An event is counted once by a correlation, however many of its parts it matches.
- Groups by session run a second window for the agent's process, so that a new session id in the same process
  inherits the count; whichever is full fires, once, and both are emptied.
- An event without a field that the correlation groups by is not counted.
"""

from collections.abc import Iterator
from typing import TypeAlias

from irkit import limits
from irkit.detect.facts import Facts, Getter, Values, getter
from irkit.detect.groups import Groups
from irkit.detect.rule import Correlation
from irkit.detect.window import CountWindow, ValueWindow
from irkit.stream.event import Event

Matches: TypeAlias = tuple[tuple[int, Facts], ...]
"""Parts of the correlation that an event matched, with what they matched on."""


def session_key(event: Event) -> str:
    """The session as the guard names it, `AGENT:native_id`."""
    return f"{event.agent}:{event.session}"


class Watch:
    """One correlation at work."""

    def __init__(self, correlation: Correlation) -> None:
        self.correlation = correlation
        self._by_session = "session" in correlation.group_by
        self._only_session = correlation.group_by == ("session",)
        self._getters: tuple[Getter | None, ...] = tuple(
            None if name == "session" else getter(name) for name in correlation.group_by
        )
        self._counts: Groups[CountWindow] = Groups(CountWindow, limits.WINDOW_GROUPS_MAX)
        self._values: Groups[ValueWindow] = Groups(ValueWindow, limits.WINDOW_GROUPS_MAX)
        self._active: Groups[dict[object, float]] = Groups(dict, limits.WINDOW_GROUPS_MAX)
        self._counts_events = correlation.type == "event_count"
        self._value = getter(correlation.field) if correlation.field else None
        self._per = getter(correlation.per) if correlation.per else None

    def see(self, session: str, event: Event, matches: Matches) -> bool:
        """Take one event in; whether the correlation fires."""
        if self._counts_events:
            return self._count(session, event, matches)
        keys = tuple(self._keys(session, event, matches))
        fired = [self._push(self._values.touch(key), event.ts, matches) for key in keys]
        if any(fired):
            for key in keys:
                self._values.drop(key)
            return True
        return False

    def _count(self, session: str, event: Event, matches: Matches) -> bool:
        one = self.correlation
        if self._only_session:
            window = self._counts.touch(session)
            fired = window.push(event.ts, one.gte, one.timespan)
            if not event.pid:
                if fired:
                    window.empty()
                return fired
            other = self._counts.touch((event.pid, event.start))
            if other.push(event.ts, one.gte, one.timespan) or fired:
                window.empty()
                other.empty()
                return True
            return False
        keys = tuple(self._keys(session, event, matches))
        full = [self._full(key, event) for key in keys]
        if any(full):
            for key in keys:
                self._counts.touch(key).empty()
            return True
        return False

    def _full(self, key: object, event: Event) -> bool:
        one = self.correlation
        window = self._counts.touch(key)
        if self._per is None:
            return window.push(event.ts, one.gte, one.timespan)
        active = self._active.touch(key)
        for value in self._per(Facts(event)):
            active.pop(value, None)
            active[value] = event.ts  # the last one active stands last
            if len(active) > limits.WINDOW_ENTRIES_MAX:
                del active[next(iter(active))]
        most = one.cap or limits.RULE_THRESHOLD_MAX
        if not window.push(event.ts, one.gte, one.timespan, most):
            return False
        count = window.within(one.timespan)
        return count >= most or not self._more_active_than(active, count // one.gte, event.ts - one.timespan)

    @staticmethod
    def _more_active_than(active: dict[object, float], most: int, since: float) -> bool:
        seen = 0
        for ts in reversed(active.values()):
            if ts < since:
                return False
            seen += 1
            if seen > most:
                return True
        return False

    def _push(self, window: ValueWindow, ts: float, matches: Matches) -> bool:
        one = self.correlation
        for part, facts in matches:
            if self._value is None:
                window.push(ts, part, part)
                continue
            for value in self._value(facts):
                if one.type == "value_count":
                    window.push(ts, 0, value)
                elif isinstance(value, int) and not isinstance(value, bool):
                    window.push(ts, 0, max(0, min(value, limits.RULE_THRESHOLD_MAX)))
        window.trim(one.timespan)
        if one.type == "value_count":
            return window.distinct(one.timespan) >= one.gte
        if one.type == "value_sum":
            return window.total(one.timespan) >= one.gte
        if one.type == "temporal":
            return window.distinct(one.timespan) >= len(one.parts)
        return window.in_order(len(one.parts), one.timespan)

    def _keys(self, session: str, event: Event, matches: Matches) -> Iterator[object]:
        facts = matches[0][1] if matches else Facts(event)
        rest: list[Values] = []
        for get in self._getters:
            if get is None:
                continue
            found = get(facts)
            if not found:
                return
            rest.append(found)
        if not self._by_session:
            yield tuple(rest)
            return
        yield (session, *rest)
        if event.pid:
            yield ((event.pid, event.start), *rest)

    def calls(self, session: str) -> int:
        """How many events of this session are in its window."""
        window = self._counts.peek(session)
        return window.within(self.correlation.timespan) if window else 0

    def forget(self, session: str) -> None:
        """Empty what is kept for this session alone, and for its processes nothing: they may have others."""
        if self._only_session:
            self._counts.drop(session)
            self._values.drop((session,))
