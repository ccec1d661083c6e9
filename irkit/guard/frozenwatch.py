# SPDX-License-Identifier: Apache-2.0
"""Watches what is frozen: whoever continues it without irkit is undone, and that is reported (threat T4).

A shell's `fg`, the end of a parent, a closed window or any SIGCONT continues what SIGSTOP holds. The latch stays
whatever happens, so no tool call passes; this stops the processes again.

Rules:
- Only while something is frozen, and never more often than every `EVERY_S`; rarer where looking costs more than
  `SHARE` of one processor. Nothing frozen: no timer.
- Every `WALK_EVERY_S` the whole table is walked too: what was born, or left the control group, is found by that.
- Each session's first continue is reported at once, further ones together, at most every `TELL_EVERY_S`.
- What does not stay stopped (tmux continues a window's own process at each stop) gets one short try a second, so that
  the guard's loop is not spent on it; the report says that only a kill or a control group holds it.
- It stops and reports, and decides nothing: what a continue means is for people and rules.
"""

import asyncio
import time
from typing import TYPE_CHECKING

import msgspec

from irkit import limits
from irkit.incident.inputs import Noted
from irkit.incident.session import Session, State
from irkit.respond import stillness, stop
from irkit.respond.census import Key

if TYPE_CHECKING:
    from irkit.guard.acts import Held
    from irkit.guard.daemon import Guard

EVERY_S = 0.05
SLOWEST_S = 1.0
SHARE = 0.02
"""Of one processor, for looking; a tree of a hundred costs about 1 ms a look."""
WALK_EVERY_S = 2.0
TELL_EVERY_S = 5.0
AGAIN_MAX_S = 0.05
"""What one more stop of what does not stay stopped may take of the guard's loop."""
UNRULY_AFTER = 3
UNRULY_EVERY_S = 1.0


class _Watched:
    """What is remembered of one frozen session."""

    def __init__(self, walked: float) -> None:
        self.walked = walked
        self.told = float("-inf")
        self.count = 0
        """Continues that were not reported yet."""
        self.why = ""
        self.failed = 0
        """Stops in a row after which it did not stand still."""
        self.wait_until = float("-inf")


class FrozenWatch:
    """One owner: the guard's loop."""

    def __init__(self, guard: "Guard") -> None:
        self._g = guard
        self._timer: asyncio.TimerHandle | None = None
        self._watched: dict[str, _Watched] = {}

    def wake(self) -> None:
        """Something was frozen, or may be."""
        if self._timer is None and self._g.acts.held:
            self._timer = self._g.loop.call_later(EVERY_S, self._look)

    def stop(self) -> None:
        """No more timer."""
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        self._timer = None
        began = time.thread_time()
        held = dict(self._g.acts.held)
        for ident in [one for one in self._watched if one not in held]:
            del self._watched[ident]
        for ident, one in held.items():
            session = self._g.table.get(ident)
            if session is None or session.state is not State.FROZEN:
                continue
            try:
                self._look_at(session, one)
            except OSError as error:  # out of descriptors: the next look may have them
                self._g.say(f"watch of {session.id}: {error}")
        if self._g.acts.held:
            spent = time.thread_time() - began
            self._timer = self._g.loop.call_later(min(SLOWEST_S, max(EVERY_S, spent / SHARE)), self._look)

    def _look_at(self, session: Session, held: "Held") -> None:
        now = time.monotonic()
        watched = self._watched.setdefault(session.id, _Watched(now))
        if now < watched.wait_until:
            return
        moved = stillness.running_again(held.stopped, held.groups)
        if not moved and now - watched.walked >= WALK_EVERY_S:
            watched.walked = now
            moved = self._strays(session, held)
        if moved:
            if not watched.count:
                watched.why = stillness.how(moved[0])
            watched.count += len(moved)
            most = AGAIN_MAX_S if watched.failed >= UNRULY_AFTER else limits.FREEZE_ON_LOOP_MAX_S
            watched.failed = 0 if self._stop_again(session, held, most) else watched.failed + 1
            if watched.failed >= UNRULY_AFTER:
                watched.wait_until = time.monotonic() + UNRULY_EVERY_S
        if watched.count and now - watched.told >= TELL_EVERY_S:
            self._tell(session, watched, now)

    def _strays(self, session: Session, held: "Held") -> list[Key]:
        """Members that run and are no hook that still has its time."""
        if self._g.clock.now() - held.at <= limits.HOOK_EXIT_GRACE_S:
            return []
        found = [member for member in self._g.acts.scene(session).walk(marks=False) if member.proc.runnable]
        if not found or not held.groups:
            return [member.key for member in found]
        keys = tuple(member.key for member in found)
        return stillness.running_again(keys, held.groups)

    def _stop_again(self, session: Session, held: "Held", most: float) -> bool:
        """To the fixpoint, as at first; whether it got there. Since when it is held, and its hooks, stay."""
        early = self._g.clock.now() - held.at <= limits.HOOK_EXIT_GRACE_S
        spare = (
            frozenset((peer.pid, peer.start) for peer in self._g.hooks.pending()) if early else frozenset()
        )
        scene = self._g.acts.scene(session)
        frozen = stop.freeze(scene, spare, within=most)
        stopped = tuple(dict.fromkeys((*held.stopped, *frozen.stopped)))
        groups = tuple(dict.fromkeys((*held.groups, *frozen.groups)))
        if (stopped, groups) != (held.stopped, held.groups):
            self._g.acts.remember_held(
                session.id, msgspec.structs.replace(held, stopped=stopped, groups=groups)
            )
        return frozen.settled

    def _tell(self, session: Session, watched: _Watched, now: float) -> None:
        unruly = watched.failed >= UNRULY_AFTER
        done = "stopped again, does not stay stopped, a kill ends it" if unruly else "stopped again"
        args = {
            "what": "a frozen session was continued",
            "processes": watched.count,
            "how": watched.why,
            "done": done,
        }
        self._g.books.record_own("tampering", session, args)
        text = f"{watched.count} processes of it ran again ({watched.why}); {done}, the latch holds"
        incident = self._g.casebook.active_of(session.id)
        if incident is not None:
            self._g.casebook.feed(incident, Noted(at=self._g.clock.now(), text=text, by="irkit"))
        self._g.say(f"{session.id}: {text}")
        watched.told, watched.count = now, 0
