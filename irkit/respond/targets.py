# SPDX-License-Identifier: Apache-2.0
"""Whom an order is for: from the roster, from a process number, and from the agents found running.

Kill path: standard library only.

Rules:
- All means every session of the roster, and every process of a known agent executable of this user.
- A process that only carries a mark is nobody's target: it is listed afterwards, never signalled for that.
- Nothing that would stop the caller's own terminal, pid 1 or an editor's window is ever a target.
"""

from __future__ import annotations

import os

from irkit.agents import facts
from irkit.errors import BadInputError, NotPermittedError
from irkit.respond import finder, procfs
from irkit.respond.finder import Target
from irkit.respond.order import Order
from irkit.respond.procfs import Proc
from irkit.respond.roster import Entry

CHILDREN_ASKED_MAX = 64
"""Children of an agent whose environment is read for the session's id, before anything is stopped."""


def choose(order: Order, entries: list[Entry], table: dict[int, Proc]) -> list[Target]:
    """The targets of an order. Raises BadInputError when it names nobody, NotPermittedError for whom it may not be."""
    if order.pid:
        return [_by_pid(order, entries, table)]
    if order.target:
        return [_by_name(order, entries, table)]
    targets = [_of_entry(entry) for entry in entries]
    taken = {key for target in targets for key in target.roots}
    walls = {target.pidns for target in targets if target.pidns}
    return targets + [
        one for one in _unlisted_agents(table, taken, entries) if not (walls and _within(one, walls))
    ]


def inside(targets: list[Target], table: dict[int, Proc], environ: bytes) -> bool:
    """Whether the caller runs inside one of the targets: below an agent process of it, or with its mark.

    Such a caller would stop itself, or spare what started it.
    """
    line = [os.getpid(), *procfs.ancestors(table, os.getpid())]
    keys = {table[pid].key for pid in line if pid in table}
    marks = facts.marker_of(environ)
    for target in targets:
        if keys.intersection(target.roots) or keys.intersection(target.known):
            return True
        if target.native and (target.agent, target.native) in marks:
            return True
    return False


def sessions_on(entries: list[Entry], found: set[tuple[int, int]]) -> list[str]:
    """The sessions of the roster whose agent processes are among these: hit by whatever hits those."""
    return [entry.session for entry in entries if found.intersection(entry.roots)]


def _of_entry(entry: Entry) -> Target:
    since = None if entry.roots or entry.known else procfs.ticks_of(entry.since)
    return Target(
        entry.session,
        entry.agent,
        entry.native,
        roots=list(entry.roots),
        known=set(entry.known),
        since=since,
        tier=entry.tier,
        pidns=entry.pidns,
        cgroup=entry.cgroup,
        audit=entry.audit,
    )


def _by_name(order: Order, entries: list[Entry], table: dict[int, Proc]) -> Target:
    wanted = order.target
    exact = [entry for entry in entries if wanted in (entry.session, entry.native)]
    if not exact and len(wanted) >= 4:
        exact = [
            entry for entry in entries if entry.native.startswith(wanted) or entry.session.startswith(wanted)
        ]
    if len(exact) == 1:
        return _of_entry(exact[0])
    if exact:
        names = ", ".join(sorted(entry.session for entry in exact)[:5])
        raise BadInputError(f"{wanted!r} could be {names}", where=f"irkit {order.act}", fix="type more of it")
    unlisted = _by_mark(wanted, table)
    if unlisted is not None:
        return unlisted
    raise BadInputError(
        f"no session {wanted!r}",
        where=f"irkit {order.act}",
        fix="see `irkit sessions`, or stop all with --all",
    )


def _by_mark(wanted: str, table: dict[int, Proc]) -> Target | None:
    """A session that the roster does not have (it is torn, or gone), by `AGENT:ID` and the mark of its children."""
    agent, _, native = wanted.partition(":")
    if agent not in facts.AGENTS or not native:
        return None
    pid, _, start = native.partition(":")
    if pid.isdigit() and start.isdigit() and int(pid) > 1:
        return Target(wanted, agent, native, roots=[(int(pid), int(start))])
    marked = [
        proc
        for proc in table.values()
        if not proc.kernel and (agent, native) in facts.marker_of(procfs.environ(proc.pid) or b"")
    ]
    if not marked:
        return None
    roots = set()
    for proc in marked:
        for above in procfs.ancestors(table, proc.pid):
            if above in table and above > 1 and finder.agent_of(table[above]) == agent:
                roots.add(table[above].key)
                break
    return Target(wanted, agent, native, roots=sorted(roots), since=None if roots else 0)


def _by_pid(order: Order, entries: list[Entry], table: dict[int, Proc]) -> Target:
    where = f"irkit {order.act} --pid {order.pid}"
    proc = table.get(order.pid)
    if proc is None or proc.dead:
        raise BadInputError(
            "no such process", where=where, fix="see `irkit sessions`, or stop all with --all"
        )
    if finder.is_editor(proc):
        raise NotPermittedError(
            "an editor's window: stopping it would lose unsaved work",
            where=where,
            fix="latch its session instead",
        )
    if proc.kernel:
        raise NotPermittedError("a thread of the kernel", where=where)
    for entry in entries:
        if proc.key in entry.roots:
            return _of_entry(entry)
    agent = finder.agent_of(proc)
    if not agent and proc.pid in (os.getpid(), *procfs.ancestors(table, os.getpid())):
        raise NotPermittedError(
            "this command runs below it, and it is no known agent",
            where=where,
            fix="name the agent's process",
        )
    return _of_proc(proc, agent or "unknown", table, entries)


def _of_proc(proc: Proc, agent: str, table: dict[int, Proc], entries: list[Entry]) -> Target:
    native = _learned(proc, agent, table, entries) or f"{proc.pid}:{proc.start}"
    return Target(f"{agent}:{native}", agent, native, roots=[proc.key])


def _learned(proc: Proc, agent: str, table: dict[int, Proc], entries: list[Entry]) -> str:
    """The session's own id, from the marks of the agent's children; "" unless they agree.

    What lost its parent is found by that id. An id that the roster gives to another session is never taken.
    """
    taken = {entry.native for entry in entries}
    ids = set()
    children = [one for one in table.values() if one.ppid == proc.pid and one.start >= proc.start]
    for child in children[:CHILDREN_ASKED_MAX]:
        ids |= {native for name, native in facts.marker_of(procfs.environ(child.pid) or b"") if name == agent}
    found = [native for native in ids if native and native not in taken]
    return found[0] if len(found) == 1 and " " not in found[0] and found[0].isprintable() else ""


def _within(target: Target, walls: set[int]) -> bool:
    """Whether an agent runs in the namespace of a listed session: it is part of that one."""
    try:
        return os.stat(f"/proc/{target.roots[0][0]}/ns/pid").st_ino in walls
    except OSError:
        return False


def _unlisted_agents(
    table: dict[int, Proc], taken: set[tuple[int, int]], entries: list[Entry]
) -> list[Target]:
    """Agents found running that no session names. Editors are none: they are never stopped."""
    mine = os.geteuid()
    found = []
    for proc in table.values():
        if proc.key in taken or proc.kernel or proc.pid <= 1 or proc.state in procfs.GONE_STATES:
            continue
        if procfs.owner(proc.pid) != mine:
            continue
        path = procfs.exe(proc.pid)
        argv = procfs.argv(proc.pid) or []
        if path and (agent := facts.recognise(path, argv)) and not facts.is_editor(path, argv):
            found.append(_of_proc(proc, agent, table, entries))
    return found
