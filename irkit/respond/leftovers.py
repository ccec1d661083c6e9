# SPDX-License-Identifier: Apache-2.0
"""What might be the session's and cannot be told: never signalled, always listed (threat T17).

Kill path: standard library only.

Looked at: processes of the session's user, born since the session, that belong to nobody known: their parent is
pid 1, a reaper among the agent's ancestors, or another such process; and no living stranger leads their terminal
session. A process that another terminal's shell or a service that was there before started is accounted for.

Of these
- *unaccounted* is what hides: the environment is refused to us, or empty. That keeps a kill at verdict 11.
- *unaccounted* too is an orphan with this agent's mark where the session's own id is not known, and an orphan with
  the session's own mark that leads a terminal: a person's terminal has a window above it.
- *not ruled out* is what has an ordinary environment without this session's mark: started through a broker
  (cron, at, systemd, tmux, docker, ssh), by the user, or by a child of the agent that wiped its traces.
- A process with the session's mark that may not count (a terminal's shell) is not ruled out, and says so.
"""

from __future__ import annotations

import os

from irkit.respond import procfs
from irkit.respond.census import Census, Key
from irkit.respond.finder import Protected, Search
from irkit.respond.procfs import Proc

MARKED = "carries the session's mark, which does not count here"
MARKED_ORPHAN = "carries the session's mark, and has no window above its terminal"
_REAPERS = ("systemd", "init")
NAMELESS = "no known parent; carries this agent's mark, and the session's own id is not known"


class Leftover:
    """A process that was left alone, and why it is mentioned."""

    __slots__ = ("hides", "proc", "why")

    def __init__(self, proc: Proc, why: str, *, hides: bool) -> None:
        self.proc = proc
        self.why = why
        self.hides = hides
        """True: unaccounted. False: not ruled out."""


def leftovers(searches: list[Search], census: Census, protected: Protected) -> list[Leftover]:
    """Everything worth a mention, unaccounted first. Reads only what was born since the oldest of the sessions."""
    if not searches:
        return []
    scope = _Scope(searches, protected)
    found: dict[Key, Leftover] = {}
    grown = -1
    while grown != len(found):
        grown = len(found)
        for proc in census.table.values():
            if proc.key not in found and scope.holds(proc):
                why = scope.relation(proc, census, found)
                if why:
                    found[proc.key] = _described(proc, why)
    return sorted(found.values(), key=lambda one: (not one.hides, one.proc.start))


class _Scope:
    """What the sessions have in common, for one listing."""

    __slots__ = ("above", "ids", "members", "nameless", "protected", "sids", "since", "uids")

    def __init__(self, searches: list[Search], protected: Protected) -> None:
        self.protected = protected
        self.since = min(search.target.since for search in searches)
        self.members = {key for search in searches for key in search.found}
        self.sids = {member.proc.sid for search in searches for member in search.found.values()}
        self.above = {pid for search in searches for pid in search.above} | {1}
        self.ids = {(search.target.agent, search.target.native) for search in searches}
        self.nameless = {
            s.target.agent for s in searches if ":" in s.target.native and s.target.tier == "attached"
        }
        """Agents found running whose own session id is not known: every mark of that agent may be theirs."""
        self.uids = {uid for search in searches for uid in search.uids} or {os.getuid()}

    def holds(self, proc: Proc) -> bool:
        """Born since the sessions, of their user, nobody's member, and nobody that irkit must not touch."""
        return (
            proc.start >= self.since
            and proc.key not in self.members
            and proc.pid not in self.protected.always
            and proc.pid != self.protected.guard
            and proc.pid not in self.above  # what the agent was started by, such as its walls, is not its own
            and not proc.kernel
            and not proc.dead
            # root's may have become anybody; whoever is gone by now may have moved on to another number
            and (0 in self.uids or procfs.owner(proc.pid) in (*self.uids, -1))
        )

    def relation(self, proc: Proc, census: Census, found: dict[Key, Leftover]) -> str:
        """Why it may be the session's, in words; empty when it is accounted for."""
        marks = census.marks(proc)
        parent = census.table.get(proc.ppid)
        if self.ids.intersection(marks):
            reaped = proc.ppid == 1 or (parent is not None and parent.comm in _REAPERS)
            return MARKED_ORPHAN if reaped else MARKED
        if parent is not None and parent.key in found:
            return f"child of {proc.ppid}, which is listed"
        if not self._orphan(proc, parent, census):
            return ""
        if any(agent in self.nameless for agent, _ in marks):
            return NAMELESS
        if marks:
            return "no known parent; carries the mark of " + ", ".join(sorted({agent for agent, _ in marks}))
        return "no known parent; no mark"

    def _orphan(self, proc: Proc, parent: Proc | None, census: Census) -> bool:
        """Its parent ended, and no stranger to the session leads the terminal session that it is in."""
        if parent is not None and proc.ppid not in self.above and parent.key not in self.members:
            return False
        if parent is not None and proc.ppid != 1 and proc.sid == parent.sid:
            return False  # an ordinary job of the shell that the agent was started from
        leader = census.table.get(proc.sid)
        if leader is None or leader.pid == proc.pid or leader.key in self.members:
            return True
        return proc.sid in self.sids


def _described(proc: Proc, why: str) -> Leftover:
    environ = procfs.environ(proc.pid)
    if why in (NAMELESS, MARKED_ORPHAN):
        return Leftover(proc, why, hides=True)
    if environ is None and procfs.start_of(proc.pid) != proc.start:
        return Leftover(proc, f"{why}; gone at the second look: it may have moved on", hides=True)
    if environ is None and procfs.environ_denied(proc.pid):
        return Leftover(proc, f"{why}; hides its environment", hides=True)
    if environ is not None and not environ.strip(b"\0"):
        return Leftover(proc, f"{why}; its environment is empty", hides=True)
    return Leftover(proc, why, hides=False)
