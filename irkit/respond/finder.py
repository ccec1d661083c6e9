# SPDX-License-Identifier: Apache-2.0
"""Which processes belong to a session, and why: the tree, what was known before, groups, and marks.

Kill path: standard library only.

Rules (a process belongs when one of these holds):
- it is an agent process of the session, or the wrapper that started it (the same agent, directly above);
- its parent belongs; or it was seen to belong before, whoever its parent is now;
- its process group or terminal session is led by one that belongs and started since the session;
- it is in the PID namespace that holds only this session, or, born since it, in its control group or audit session;
- it lost its parent, was born since the session, and writes its output into the session's own scratch (fd 1 or 2);
- it started the agent where no person did, or is below that (`culprit`);
- its environment names this session; or it has the agent's mark without an id *and* shares a group or terminal
  session with one that belongs or belonged. Either only if it started at or after the session.
What is weaker makes nobody a member: a pipe or a socket shared with one, a PID namespace shared with one, an executable
made in its folder. A user's own reader of a log shares as much, and a bystander killed is as bad as an escapee missed.
Such a process is listed by `leftovers` when it has no known parent.
A mark or a group never reaches the agent's ancestors, a terminal's session leader, or the guard. Nothing at all
reaches pid 1, the caller and the caller's ancestors, an editor's window, or an identity whose start time differs.
Never signals anything.
"""

from __future__ import annotations

import os

from irkit.agents import facts
from irkit.respond import procfs
from irkit.respond.census import Census, Key
from irkit.respond.culprit import culprit
from irkit.respond.fences import Fences
from irkit.respond.procfs import Proc

_MAYBE_EDITOR = ("code", "cursor", "windsurf", "electron", "node", "mainthread")
"""How the names of processes begin whose executable is worth a look. Another name cannot be an editor's."""


class Target:
    """One session as something to stop."""

    __slots__ = (
        "agent",
        "audit",
        "cgroup",
        "known",
        "native",
        "pidns",
        "roots",
        "session",
        "since",
        "tier",
    )

    def __init__(
        self,
        session: str,
        agent: str,
        native: str,
        *,
        roots: list[Key],
        known: set[Key] | None = None,
        since: int | None = None,
        tier: str = "attached",
        pidns: int = 0,
        cgroup: str = "",
        audit: int = 0,
    ) -> None:
        self.session = session
        self.agent = agent
        self.native = native
        self.roots = list(roots)
        self.known = set(known or ())
        starts = [start for _, start in roots or self.known]
        self.since = since if since is not None else min(starts, default=0)
        """Start time, in ticks, from which on a process can be the session's."""
        self.tier = tier
        self.pidns = pidns
        """Inode of a PID namespace all of whose processes are this session's, 0 for none."""
        self.cgroup = cgroup
        """Absolute path of a control group's folder that holds only this session, "" for none."""
        self.audit = audit
        """Audit session id that only this session has, 0 for none."""


class Member:
    """A process of a session, and why it is one."""

    __slots__ = ("depth", "proc", "why")

    def __init__(self, proc: Proc, why: str, depth: int) -> None:
        self.proc = proc
        self.why = why
        self.depth = depth
        """Steps below an agent process, as far as known: agents are stopped first and killed last."""

    @property
    def key(self) -> Key:
        """(pid, start)."""
        return self.proc.key


class Protected:
    """Who is never touched, from one look at the table."""

    __slots__ = ("always", "asked_from", "caller", "guard")

    def __init__(
        self, table: dict[int, Proc], caller: int | None = None, guard: int = 0, asked_from: int = 0
    ) -> None:
        self.caller = caller or os.getpid()
        self.always = frozenset((0, 1, self.caller, *procfs.ancestors(table, self.caller)))
        self.asked_from = asked_from
        """Who handed this order over to the caller, 0 for nobody."""
        self.guard = guard
        """The guard's pid where it is not the caller; a mark or a group does not reach it, a parent does."""

    def untouchable(self, table: dict[int, Proc]) -> frozenset[int]:
        """Nobody who may be taken for a culprit: the caller, the guard, and all above them."""
        others = (pid for pid in (self.guard, self.asked_from) if pid)
        return self.always.union(*((pid, *procfs.ancestors(table, pid)) for pid in others))


class Search:
    """Looks for the processes of one target, again and again; what it once found stays found."""

    __slots__ = ("_fences", "_ids", "_looked_up", "_spared", "above", "found", "target", "uids", "untouched")

    def __init__(self, target: Target) -> None:
        self.target = target
        self._fences = Fences(target)
        self._looked_up: set[Key] = set()
        """Agents whose ancestors were asked who started them: once for each operation."""
        self.found: dict[Key, Member] = {}
        """Every process that was ever seen to belong, dead ones included."""
        self._spared: dict[Key, Proc] = {}
        self.untouched: dict[Key, Proc] = {}
        """The caller's ancestors where they are in the tree: they belong, live on, and have to be reported."""
        self.above: set[int] = set()
        """Pids of the agent's ancestors: what started it, up to pid 1."""
        self.uids: set[int] = set()
        """Whose session it is, from its agent processes."""
        self._ids: set[int] = {pid for pid, _ in (*target.roots, *target.known)}

    @property
    def spared(self) -> list[Proc]:
        """Editors' windows in the tree: latched, never stopped, and the report says so."""
        return list(self._spared.values())

    def look(self, census: Census, protected: Protected, *, marks: bool = True) -> list[Member]:
        """The living members now, agents first, then by distance from them.

        Without `marks` no environment is read: what the tree and the groups tell, in half the time.
        """
        self._seed(census, protected)
        if marks:
            self._look_up(census, protected)
        self._fenced(census, protected)
        grown = -1
        while grown != len(self.found) + len(self.untouched):
            grown = len(self.found) + len(self.untouched)
            self._descend(census, protected)
            self._groups(census, protected)
            if marks:
                self._marks(census, protected)
                self._scratch(census, protected)
        living = [
            member
            for key, member in self.found.items()
            if (proc := census.get(key)) is not None and self._refresh(member, proc)
        ]
        living.sort(key=lambda member: member.depth)
        return living

    @staticmethod
    def _refresh(member: Member, proc: Proc) -> bool:
        member.proc = proc
        return not proc.dead

    def _seed(self, census: Census, protected: Protected) -> None:
        for key in self.target.roots:
            root = census.get(key)
            if root is None:
                continue
            if self._take(root, "agent process", 0, protected):
                self.uids.add(procfs.owner(root.pid))
            above = procfs.ancestors(census.table, root.pid)
            while above and self._is_wrapper(census.table.get(above[0])):
                wrapper = census.table[above.pop(0)]
                self._take(wrapper, f"starts the agent {root.pid}", 0, protected)
                self.target.since = min(self.target.since, wrapper.start)
            self.above.update(above)
        for key in self.target.known:
            known = census.get(key)
            if known is not None:
                self._take(known, "known: seen as a descendant before", 1, protected)

    def _look_up(self, census: Census, protected: Protected) -> None:
        """Where no person started an agent, what did belongs to it (threat T27)."""
        for key in self.target.roots:
            if key in self._looked_up or census.get(key) is None or self.target.tier == "contained":
                continue
            self._looked_up.add(key)
            top = culprit(census.table, key[0], protected.untouchable(census.table))
            if top is not None and self._take(
                top, f"started the agent {key[0]}, and no person did", 0, protected
            ):
                self.target.since = min(self.target.since, top.start)

    def _fenced(self, census: Census, protected: Protected) -> None:
        for proc, why in self._fences.inside(census):
            if proc.pid != protected.guard:
                self._take(proc, why, 1, protected)

    def _scratch(self, census: Census, protected: Protected) -> None:
        """Orphans whose output goes where the agent keeps that of this session's commands."""
        native = self.target.native
        if not any(agent == self.target.agent for agent, _ in facts.SCRATCH):
            return
        for proc in census.children(1) + [p for pid in self.above - {1} for p in census.children(pid)]:
            if proc.key in self.found or proc.kernel or not self._reachable(proc, protected):
                continue
            path = procfs.writes_to(proc.pid)
            if any(facts.in_scratch(self.target.agent, native, one) for one in path):
                self._take(proc, "its output goes into the session's scratch", 1, protected)

    def _is_wrapper(self, proc: Proc | None) -> bool:
        """The same agent directly above: a launcher that would outlive what it launched, or a relaunch of itself."""
        if proc is None or proc.pid <= 1:
            return False
        return agent_of(proc) == self.target.agent

    def _descend(self, census: Census, protected: Protected) -> None:
        line = [member for key, member in self.found.items() if census.get(key) is not None]
        line += [Member(proc, "", 0) for key, proc in self.untouched.items() if census.get(key) is not None]
        for parent in line:  # grows while it is walked
            for child in census.children(parent.proc.pid):
                if child.key not in self.found and self._take(
                    child, f"child of {parent.proc.pid}", parent.depth + 1, protected
                ):
                    line.append(self.found[child.key])

    def _groups(self, census: Census, protected: Protected) -> None:
        for leader in list(self.found.values()):
            pid = leader.proc.pid
            now = census.table.get(pid)
            if leader.proc.start < self.target.since or (now is not None and now.start != leader.proc.start):
                continue  # older than the session, or its number is somebody else's by now
            if leader.proc.pgrp == pid:
                self._join(census.group(pid), f"process group of {pid}", leader, protected)
            if leader.proc.sid == pid:
                self._join(census.session(pid), f"terminal session of {pid}", leader, protected)

    def _join(self, procs: list[Proc], why: str, leader: Member, protected: Protected) -> None:
        for proc in procs:
            if (
                proc.key not in self.found
                and proc.start >= leader.proc.start
                and self._reachable(proc, protected)
            ):
                self._take(proc, why, leader.depth + 1, protected)

    def _marks(self, census: Census, protected: Protected) -> None:
        agent, native = self.target.agent, self.target.native
        for proc in census.marked(agent, native) if native else ():
            if proc.key not in self.found and self._reachable(proc, protected):
                self._take(proc, f"marked as {agent} session {native}", 1, protected)
        for proc in census.marked(agent, ""):
            if proc.key not in self.found and self._reachable(proc, protected) and self._related(proc):
                self._take(proc, f"marked as {agent}, and in a group of this session", 1, protected)

    def _reachable(self, proc: Proc, protected: Protected) -> bool:
        """Whether anything but its parent may make this process a member."""
        return (
            proc.start >= self.target.since
            and proc.pid != protected.guard
            and proc.pid not in self.above
            and not proc.leads_terminal
        )

    def _related(self, proc: Proc) -> bool:
        """In a group or session whose leader belongs or belonged (the kernel keeps that number while it is used)."""
        return proc.pgrp in self._ids or proc.sid in self._ids

    def _take(self, proc: Proc, why: str, depth: int, protected: Protected) -> bool:
        """Count it in, unless nothing may reach it."""
        if proc.key in self.found:
            return False
        if proc.pid in protected.always:
            if proc.pid not in (0, 1, protected.caller):
                self.untouched[proc.key] = proc
            return False
        if proc.kernel or proc.key in self._spared:
            return False
        if is_editor(proc):
            self._spared[proc.key] = proc
            return False
        self.found[proc.key] = Member(proc, why, depth)
        self._ids.add(proc.pid)
        return True


def find(target: Target, table: dict[int, Proc], protected: Protected | None = None) -> list[Member]:
    """The living processes of one target in this table: one look, without a memory."""
    return Search(target).look(Census(table, {}, target.since), protected or Protected(table))


def agent_of(proc: Proc) -> str:
    """The agent whose executable this process runs, or ""."""
    path = procfs.exe(proc.pid)
    return facts.recognise(path, procfs.argv(proc.pid) or []) if path else ""


def is_editor(proc: Proc) -> bool:
    """Whether it is an editor's window or server: never stopped, for the sake of work that is not saved."""
    if not proc.comm.lower().startswith(_MAYBE_EDITOR):
        return False
    path = procfs.exe(proc.pid)
    return bool(path) and facts.is_editor(path or "", procfs.argv(proc.pid) or [])
