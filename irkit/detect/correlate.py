# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: ARG005 - all have one signature
"""Correlations as they run: one `Watch` each, with a window for every group.

Rules:
- An event is counted once by a correlation, however many of its parts it matches.
- Groups by session run a second window for the agent's process, so that a new session id in the same process
  inherits the count; whichever is full fires, once, and both are emptied.
- An event without a field that the correlation groups by is not counted.
"""

from collections.abc import Callable
from typing import TypeAlias

from irkit import limits
from irkit.detect.counts import Counts
from irkit.detect.facts import Facts, Values, getter
from irkit.detect.groups import Groups
from irkit.detect.rule import Correlation
from irkit.detect.window import ValueWindow
from irkit.stream.event import Event

Matches: TypeAlias = tuple[tuple[int, Facts], ...]
"""Parts of the correlation that an event matched, with what they matched on."""
Group: TypeAlias = Callable[[str, Event, Matches], object]
"""(session, event, matches) -> the group's key; None when the event lacks a field.

Keys of several fields are kept as their hash: it is salted, so that nobody can make two groups one, and a hash is
all that memory has to hold of a group that was seen once.
"""


See: TypeAlias = Callable[[str, Event, Matches], bool]
"""Takes one event in; whether the correlation fires."""


def session_key(event: Event) -> str:
    """The session as the guard names it, `AGENT:native_id`."""
    return f"{event.agent}:{event.session}"


def _group_of(names: tuple[str, ...]) -> Group:
    """How to read the group of an event. Instead of a session's key a process may be given."""
    if names == ("session",):
        return lambda session, event, matches: session
    if names == ("user",):
        return lambda session, event, matches: event.user or (None if event.source == "replay" else "owner")
    if names == ("session", "tool", "args_sha256"):
        return lambda session, event, matches: (
            hash((session, event.tool, event.args_sha256)) if event.args_sha256 else None
        )
    getters = [found for found in map(getter, (name for name in names if name != "session")) if found]
    by_session = "session" in names

    def group(session: str, event: Event, matches: Matches) -> object:
        facts = matches[0][1] if matches else Facts(event)
        values: list[Values] = [get(facts) for get in getters]
        return hash((session if by_session else "", *values)) if all(values) else None

    return group


class Watch:
    """One correlation at work."""

    def __init__(self, correlation: Correlation) -> None:
        self.correlation = correlation
        self._by_session = "session" in correlation.group_by
        self._only_session = correlation.group_by == ("session",)
        self._group = _group_of(correlation.group_by)
        self._timespan = correlation.timespan
        self._cap = correlation.cap or limits.RULE_THRESHOLD_MAX
        self._counts = Counts(correlation.gte, correlation.timespan, most=self._cap if correlation.per else 0)
        self._values: Groups[ValueWindow] = Groups(ValueWindow, limits.WINDOW_GROUPS_MAX)
        self._active: Groups[dict[object, float]] = Groups(dict, limits.WINDOW_GROUPS_MAX)
        self._value = getter(correlation.field) if correlation.field else None
        self._per = getter(correlation.per) if correlation.per else None
        self._session_per = correlation.per == "session"
        self.see: See = self._see_values
        if correlation.type == "event_count":
            self.see = self._see_session if self._only_session else self._see_count

    def _see_session(self, session: str, event: Event, matches: Matches) -> bool:  # noqa: ARG002 - a `See`
        """The most frequent case by far: counted for the session, and for its process."""
        counts = self._counts
        fired = counts.push(session, event.ts)
        if event.pid:
            process = (event.pid, event.start)
            if counts.push(process, event.ts) or fired:
                counts.empty(process)
                fired = True
        if fired:
            counts.empty(session)
        return fired

    def _see_count(self, session: str, event: Event, matches: Matches) -> bool:
        key = self._group(session, event, matches)
        if key is None:
            return False
        counts = self._counts
        fired = counts.push(key, event.ts)
        if self._by_session and event.pid:
            process = self._group(f"{event.pid}.{event.start}", event, matches)
            if counts.push(process, event.ts) or fired:
                counts.empty(process)
                fired = True
        if self._per is not None:
            fired = self._beyond_active(key, session, event, fired=fired)
        if fired:
            counts.empty(key)
        return fired

    def _beyond_active(self, key: object, session: str, event: Event, *, fired: bool) -> bool:
        """Whether the count is `gte` for each value of `per` that is active in the window, or the cap."""
        active = self._active.touch(key)
        if self._session_per or self._per is None:
            active[session] = event.ts
        else:
            for value in self._per(Facts(event)):
                active[value] = event.ts
        while len(active) > limits.WINDOW_ENTRIES_MAX:
            del active[next(iter(active))]
        if not fired:
            return False
        since = event.ts - self._timespan
        count = 0
        for ts in active.values():
            if ts >= since:
                count += self.correlation.gte
        return self._counts.reached(key, event.ts, min(count, self._cap))

    def _see_values(self, session: str, event: Event, matches: Matches) -> bool:
        key = self._group(session, event, matches)
        if key is None:
            return False
        keys: tuple[object, ...] = (key,)
        if self._by_session and event.pid:
            keys = (key, self._group(f"{event.pid}.{event.start}", event, matches))
        fired = [self._push(self._values.touch(one), event.ts, matches) for one in keys]
        if any(fired):
            for one in keys:
                self._values.drop(one)
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

    def calls(self, session: str) -> int:
        """How many events of this session are in its window."""
        return self._counts.within(session) if self._only_session else 0

    def forget(self, session: str) -> None:
        """Empty what is kept for this session alone, and for its processes nothing: they may have others."""
        if self._only_session:
            self._values.drop(session)
            self._counts.empty(session)
