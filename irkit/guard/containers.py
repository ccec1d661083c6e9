# SPDX-License-Identifier: Apache-2.0
"""Who runs inside walls: what `irkit run` tells, checked with the kernel, and given to the sessions in there.

Rules:
- The caller is the wrapper, by SO_PEERCRED. What it names must be below it; namespace, audit session and group are
  read from the kernel here, never taken from the call.
- A session gets the facts when its agent process is below the first process of the walls: by the kernel's parents,
  never by what a payload says.
- The walls themselves are a session (`AGENT:pid:start`), so that an agent without hooks is in the table and in the
  roster; where a session with hooks stands in the same walls, it is that one which people see.
- Kept over a restart, as long as the first process lives.
"""

import os
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from irkit import limits
from irkit.agents.facts import AGENTS
from irkit.errors import BadInputError, NotPermittedError
from irkit.guard.rpc import Caller
from irkit.incident.session import ProcessId, Session, native_of, session_id
from irkit.respond import latch as latch_file
from irkit.respond import procfs
from irkit.respond.roster import Entry

if TYPE_CHECKING:
    from irkit.guard.daemon import Guard

NO_AUDIT = 0xFFFFFFFF


class Container(msgspec.Struct, frozen=True):
    """One set of walls."""

    session: str
    """Id of the session that stands for it."""
    first: tuple[int, int]
    """Its first process: ended, everything inside has ended."""
    wrapper: tuple[int, int]
    how: str
    pidns: int = 0
    cgroup: str = ""
    audit: int = 0
    opened: bool = False
    """A socket of a broker was let in by the person: what it does there outlives the walls."""


class Containers:
    """Those that live. One owner: the guard's loop."""

    def __init__(self, guard: "Guard") -> None:
        self._g = guard
        self._all: dict[tuple[int, int], Container] = {}
        try:
            kept = msgspec.json.decode(guard.store.get("containers") or "[]", type=list[Container])
        except msgspec.DecodeError:
            kept = []
        self._all = {one.first: one for one in kept if procfs.alive(*one.first)}

    def register(self, params: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """`contained`: a wrapper tells of walls before anything runs inside."""
        first = _below(params.get("first"), caller.pid)
        wrapper = procfs.look(caller.pid)
        if first is None or wrapper is None:
            raise NotPermittedError("that process is not below the caller")
        pidns = namespace_of(first.pid)
        if pidns in {0, namespace_of(os.getpid()), namespace_of(caller.pid)}:
            pidns = 0
        agent = str(params.get("agent"))
        agent = agent if agent in AGENTS else "unknown"
        how = "bubblewrap" if pidns else "landlock" if _is_keeper(first, caller.pid) else ""
        self._prune()
        ident = session_id(agent, native_of(first))
        found = Container(
            session=ident,
            first=first,
            wrapper=wrapper.key,
            how=how,
            opened=params.get("opened") is not False,
            pidns=pidns,
            cgroup=_own_group(params.get("cgroup"), first.pid),
            audit=_own_audit(first.pid, caller.pid),
        )
        self._all[first] = found
        now = self._g.clock.now()
        cwd = str(params.get("cwd") or "")[: limits.NAME_MAX_CHARS]
        one = Session(
            id=ident,
            agent=agent,
            native=native_of(first),
            processes=(first,),
            cwd=self._g.redactor.text(cwd)[0],
            since=now,
            last_ts=now,
        )
        session = self._g.table.put(_marked(one, found))
        self._g.chores.session_changed(session, first, call=False)
        self._g.acts.write_roster()
        self._save()
        told = {"act": "contained", "how": how, "pidns": pidns, "cgroup": found.cgroup, "audit": found.audit}
        self._g.books.record_own("acted", session, told)
        return {
            "session": ident,
            "tier": session.tier,
            "pidns": pidns,
            "cgroup": found.cgroup,
            "audit": found.audit,
        }

    def ended(self, params: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """`contained.ended`: the wrapper tells what appeared where no wall could stand."""
        mine = next((one for one in self._all.values() if one.wrapper[0] == caller.pid), None)
        if mine is None:
            raise BadInputError("the caller is the wrapper of no session")
        appeared = params.get("appeared")
        names = (
            [str(one)[: limits.NAME_MAX_CHARS] for one in appeared[:64]] if isinstance(appeared, list) else []
        )
        if names:
            told = {"what": "persistence place", "appeared": names, "why": "during a contained session"}
            self._g.books.record_own("tampering", self._g.table.get(mine.session), told)
        return {"noted": len(names)}

    def mark(self, session: Session, process: ProcessId | None) -> Session:
        """Give a session the facts of the walls that its agent process is in, if it is in any."""
        if process is None or not self._all or session.pidns or session.tier != "attached":
            return session
        found = self.around(process.pid)
        if found is None or found.session == session.id:
            return session
        stands = self._g.table.get(found.session)
        latched = session.latched or (stands is not None and stands.latched)
        if latched and not session.latched:
            latch_file.latch_session(self._g.home, session.agent, session.native)
        return self._g.table.put(replace(_marked(session, found), latched=latched))

    def adopt(self, entry: Entry) -> None:
        """At the start: walls that were built while no guard ran, from the roster, as far as the kernel agrees."""
        if not entry.tier.startswith("contained") or not entry.roots:
            return
        first = entry.roots[0]
        proc = procfs.look(first[0])
        if proc is None or proc.start != first[1] or first in self._all:
            return
        if entry.native != f"{first[0]}:{first[1]}" or entry.pidns != namespace_of(first[0]):
            return
        above = procfs.look(proc.ppid)
        wrapper = procfs.look(above.ppid) if above else None
        self._all[first] = Container(
            session=entry.session, first=first, wrapper=wrapper.key if wrapper else (0, 0), how="bubblewrap", opened=entry.tier != "contained",
            pidns=entry.pidns, cgroup=entry.cgroup, audit=entry.audit,
        )  # fmt: skip
        self._save()

    def around(self, pid: int) -> Container | None:
        """The walls that a process is in."""
        for _ in range(64):
            proc = procfs.look(pid) if pid > 1 else None
            if proc is None:
                return None
            if proc.key in self._all:
                return self._all[proc.key]
            pid = proc.ppid
        return None

    def shown(self, session: Session) -> bool:
        """Whether people see this session: not where it only stands for walls in which a known one runs."""
        key = session.processes[0] if session.processes else None
        held = self._all.get(key) if key else None
        if held is None or held.session != session.id:
            return True
        others = (one for one in self._g.table if one.id != session.id and one.processes)
        return not any(_same_walls(one, held) for one in others)

    def _prune(self) -> None:
        self._all = {first: one for first, one in self._all.items() if procfs.alive(*first)}

    def _save(self) -> None:
        self._g.store.set("containers", msgspec.json.encode(list(self._all.values())).decode())


def namespace_of(pid: int) -> int:
    """The inode of a process's PID namespace, 0 where the kernel does not tell."""
    try:
        return os.stat(f"/proc/{pid}/ns/pid").st_ino
    except OSError:
        return 0


def _marked(session: Session, found: Container) -> Session:
    """With the facts. Without a namespace or the scopes' keeper nothing holds it: then it is not called contained."""
    tier = ("contained, opened" if found.opened else "contained") if found.how else "attached"
    return replace(session, tier=tier, pidns=found.pidns, cgroup=found.cgroup, audit=found.audit)


def _same_walls(session: Session, held: Container) -> bool:
    return session.tier != "attached" and (session.pidns, session.cgroup, session.audit) == (
        held.pidns,
        held.cgroup,
        held.audit,
    )


def _below(first: Any, wrapper: int) -> ProcessId | None:
    """The process of that number, if it is a child or grandchild of the wrapper."""
    if not isinstance(first, int) or isinstance(first, bool) or first <= 1 or wrapper <= 1:
        return None
    found = procfs.look(first)
    above = found
    for _ in range(3):
        if found is None or above is None:
            return None
        if above.ppid == wrapper:
            return ProcessId(first, found.start)
        above = procfs.look(above.ppid)
    return None


def _is_keeper(first: ProcessId, wrapper: int) -> bool:
    """Whether it is what `irkit.confine.subreaper` forks: the wrapper's own program again, directly below it."""
    proc = procfs.look(first.pid)
    same = procfs.argv(first.pid) == procfs.argv(wrapper) and procfs.exe(first.pid) == procfs.exe(wrapper)
    return proc is not None and proc.ppid == wrapper and proc.sid == first.pid and same


def _own_audit(first: int, wrapper: int) -> int:
    """The audit session id, where it is neither unset nor shared with who started it."""
    inside = _number(f"/proc/{first}/sessionid")
    shared = {NO_AUDIT, 0, _number(f"/proc/{wrapper}/sessionid"), _number("/proc/self/sessionid")}
    return 0 if inside in shared else inside


def _number(path: str) -> int:
    try:
        with open(path, "rb") as file:
            return int(file.read(32))
    except (OSError, ValueError):
        return NO_AUDIT


def _own_group(folder: Any, first: int) -> str:
    """A control group's folder, where the first process is in it and nobody from elsewhere."""
    if not isinstance(folder, str) or not folder.startswith("/sys/fs/cgroup/") or "/../" in f"{folder}/":
        return ""
    try:
        with open(os.path.join(folder, "cgroup.procs"), "rb") as file:
            members = [int(line) for line in file.read(limits.MIB).split()]
    except (OSError, ValueError):
        return ""
    outer = procfs.look(first)
    known = {first, outer.ppid if outer else 0}
    inside = [pid for pid in members if pid in known or _has_ancestor(pid, first)]
    return folder if first in members and len(inside) == len(members) else ""


def _has_ancestor(pid: int, wanted: int) -> bool:
    for _ in range(64):
        proc = procfs.look(pid) if pid > 1 else None
        if proc is None:
            return False
        if proc.ppid == wanted:
            return True
        pid = proc.ppid
    return False
