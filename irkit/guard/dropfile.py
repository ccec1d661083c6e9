# SPDX-License-Identifier: Apache-2.0
"""The drop file: whoever makes `gate/KILL` (`touch` does) has every session frozen, by the guard that runs.

Rules:
- Hooks take the file for a latch by themselves, guard or no guard. The freeze is the guard's.
- It is seen by inotify, at once; the round looks besides, and a starting guard looks first.
- Once for each file: it stays a latch while it lies there, and freezes anew when it was taken away and made again.
- The table's sessions become incidents; agents that run without a session are stopped as `irkit freeze` does it,
  in a thread, and journaled.
"""

import os
from typing import TYPE_CHECKING

from irkit.incident.inputs import FreezeAsked
from irkit.incident.session import State
from irkit.respond import procfs, stop, targets
from irkit.respond.finder import Target
from irkit.respond.journal import new_id
from irkit.respond.order import Order
from irkit.respond.scene import Scene
from irkit.stream.watch import Watch

if TYPE_CHECKING:
    from irkit.guard.daemon import Guard

REASON = "the drop file gate/KILL"


class DropFile:
    """One owner: the guard's loop."""

    def __init__(self, guard: "Guard") -> None:
        self._g = guard
        self._seen: tuple[int, int] | None = None
        path = guard.home.drop_file
        self._watch = Watch((path,), lambda: guard.loop.call_soon_threadsafe(self._woken))

    def start(self) -> None:
        """Look now, and be woken from now on."""
        self._watch.start()
        self.look()

    def stop(self) -> None:
        """Be woken no more."""
        self._watch.stop()

    def _woken(self) -> None:
        self._watch.paths()  # be woken by the next change too
        self.look()

    def look(self) -> None:
        """Freeze everything when the file is there and was not there before."""
        try:
            status = os.lstat(self._g.home.drop_file)
        except OSError:
            self._seen = None
            return
        ident = (status.st_ino, status.st_ctime_ns)
        if self._seen is None:
            self._freeze_all(status.st_uid)
        self._seen = ident

    def _freeze_all(self, uid: int) -> None:
        guard = self._g
        guard.acts.latched_all = True
        running = [one for one in guard.table if one.processes and one.state is not State.FROZEN]
        for session in running:
            now = guard.table.get(session.id)
            if now is None or now.state is State.FROZEN:
                continue  # frozen just now with one that it shares its process with
            subject = guard.casebook.subject(now, guard.table.sharing(now))
            given = FreezeAsked(at=guard.clock.now(), subject=subject, by=f"uid {uid}", reason=REASON)
            guard.casebook.feed(guard.casebook.active_of(now.id), given)
        about = {"all": True, "why": REASON, "uid": uid, "sessions": [one.id for one in running]}
        guard.books.record_own("latch", None, about)
        guard.say(f"{REASON} is there: {len(running)} session(s) frozen")
        held = {process.pid for one in guard.table for process in one.processes}
        guard.workers.killing.submit(self._freeze_unlisted, held)

    def _freeze_unlisted(self, held: set[int]) -> None:
        """In a thread: agents that no hook ever told of."""
        everyone = Order("freeze")
        everyone.everyone = True
        chosen = [
            target
            for target in targets.choose(everyone, [], procfs.snapshot())
            if not held.intersection(pid for pid, _ in target.roots)
        ]
        if chosen:
            self._stop(chosen)

    def _stop(self, chosen: list[Target]) -> None:
        journal, ident = self._g.journal, new_id()
        names = " ".join(target.session for target in chosen[:20])
        journal.intent(ident, "freeze", names, reason=REASON)
        frozen = stop.freeze(Scene(chosen, guard=os.getpid()))
        journal.outcome(ident, "done" if frozen.complete else "unverified", stopped=frozen.stopped)
        about = {
            "reason": REASON,
            "unlisted": names,
            "stopped": len(frozen.stopped),
            "settled": frozen.settled,
        }
        self._g.loop.call_soon_threadsafe(self._g.books.record_own, "freeze", None, about)
