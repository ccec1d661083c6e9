# SPDX-License-Identifier: Apache-2.0
"""Which sessions had a call under way when something was changed: whose act a tampering is (ADR 0006).

Rules, in this order:
- Sessions of which a call of the last minute named the thing: these, and no others.
- Sessions with a call that ran at the moment of the change, or ended at most `GRACE_S` before it.
- Otherwise nobody: people are told, and nothing is frozen on a guess.
A refused call did not run, so it is no alibi and no suspicion. The moment is the kernel's (ctime), which no program sets.
It knows calls only: what an earlier call left running in the background is found by the second rule or not at all.
"""

from collections import OrderedDict
from typing import Any, NamedTuple

from irkit import limits
from irkit.incident.commands import SessionId
from irkit.stream.event import Event

GRACE_S = 2.0
NAMED_S = 60.0
_CALLS_MAX = 64
_TEXT_MAX = 4096
_ENDS = ("turn_end", "session_end")


class _Call(NamedTuple):
    call_id: str
    start: float
    text: str
    end: float | None = None


class Calls:
    """The newest calls of each session. One owner: the guard's loop."""

    def __init__(self) -> None:
        self._of: OrderedDict[SessionId, list[_Call]] = OrderedDict()

    def heard(self, session: SessionId, event: Event, decision: str) -> None:
        """A hook told of a call's begin or end, or that the turn is over."""
        if event.phase == "pre" and decision != "deny":
            calls = self._of.setdefault(session, [])
            self._of.move_to_end(session)
            calls.append(_Call(event.call_id, event.ts, _text(event.args)))
            del calls[:-_CALLS_MAX]
            if len(self._of) > limits.SESSIONS_MAX:
                self._of.popitem(last=False)
        elif event.phase == "post":
            self._end(session, event.call_id, event.ts)
        elif event.event in _ENDS:
            self._of[session] = [
                one if one.end is not None else one._replace(end=event.ts)
                for one in self._of.get(session, [])
            ]

    def culprits(self, moment: float, words: tuple[str, ...] = ()) -> tuple[SessionId, ...]:
        """Whose act a change at that moment is; `words` are what names the changed thing."""
        named = [
            session
            for session, calls in self._of.items()
            if any(
                moment - NAMED_S <= one.start <= moment + GRACE_S and any(word in one.text for word in words)
                for one in calls
            )
        ]
        return tuple(named) or tuple(
            session
            for session, calls in self._of.items()
            if any(
                one.start <= moment + GRACE_S and (one.end is None or one.end >= moment - GRACE_S)
                for one in calls
            )
        )

    def _end(self, session: SessionId, call_id: str, ts: float) -> None:
        """The call of that id, else the oldest that runs (agents without call ids)."""
        calls = self._of.get(session, [])
        running = [at for at, one in enumerate(calls) if one.end is None]
        at = next((at for at in running if call_id and calls[at].call_id == call_id), None)
        if at is None and not call_id and running:
            at = running[0]
        if at is not None:
            calls[at] = calls[at]._replace(end=ts)


def _text(value: Any) -> str:
    return str(value)[:_TEXT_MAX] if value else ""
