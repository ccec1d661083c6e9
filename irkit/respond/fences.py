# SPDX-License-Identifier: Apache-2.0
"""Who is inside what holds only one session's processes: its PID namespace, its control group, its audit session.

Kill path: standard library only.

Rules:
- What the caller or pid 1 is in as well holds more than one session: it is never believed, whatever a roster says.
- A namespace holds whoever is in it. A group or an audit session counts only for what was born since the session:
  who is older was moved there, and is somebody else's.
- A process's PID namespace is fixed when it is born, so it is read once. A group and an audit session are read anew.
- A cleared environment, a new parent, another user: none of them leads out of here.
- Never signals anything.
"""

from __future__ import annotations

import os

from irkit import limits
from irkit.respond import procfs
from irkit.respond.census import Census, Key
from irkit.respond.procfs import Proc

TYPE_CHECKING = False  # as a type checker takes it; importing typing costs what a kill must not wait for
if TYPE_CHECKING:
    from irkit.respond.finder import Target

_UNSET = 0xFFFFFFFF
"""The audit session of whatever no login started."""


class Fences:
    """The fences of one target, as far as they are to be believed."""

    __slots__ = ("_audit", "_cgroup", "_namespaces", "_pidns", "_target")

    def __init__(self, target: Target) -> None:
        self._pidns = target.pidns if target.pidns not in (0, pid_namespace("self"), pid_namespace(1)) else 0
        mine = (_UNSET, audit_session("self"), audit_session(1))
        self._audit = target.audit if target.audit and target.audit not in mine else 0
        self._cgroup = target.cgroup
        self._target = target
        self._namespaces: dict[Key, int] = {}

    def inside(self, census: Census) -> list[tuple[Proc, str]]:
        """Those inside, each with the fence that it is in."""
        found = []
        if self._pidns:
            why = f"in the session's PID namespace {self._pidns}"
            found += [(proc, why) for proc in census.table.values() if self._namespace(proc) == self._pidns]
        if self._cgroup:
            pids = group_pids(self._cgroup)
            if os.getpid() in pids or 1 in pids:
                self._cgroup = ""
            else:
                found += [
                    (census.table[pid], "in the session's control group")
                    for pid in pids
                    if pid in census.table and census.table[pid].start >= self._target.since
                ]
        if self._audit:
            why = f"in the session's audit session {self._audit}"
            found += [
                (p, why)
                for p in census.table.values()
                if not p.kernel and p.start >= self._target.since and audit_session(p.pid) == self._audit
            ]
        return found

    def _namespace(self, proc: Proc) -> int:
        if proc.kernel:
            return 0
        inode = self._namespaces.get(proc.key)
        if inode is None:
            inode = pid_namespace(proc.pid)
            if inode:
                self._namespaces[proc.key] = inode
        return inode


def pid_namespace(pid: int | str) -> int:
    """Inode of a process's PID namespace, 0 where the kernel does not tell."""
    try:
        return os.stat(f"/proc/{pid}/ns/pid").st_ino
    except OSError:
        return 0


def audit_session(pid: int | str) -> int:
    """A process's audit session, 0 where there is none to read."""
    text = procfs.text(pid, "sessionid")
    return int(text) if text.isdigit() else 0


def group_pids(folder: str) -> list[int]:
    """The processes of a control group and of every group below it. A folder that is none has none."""
    found: list[int] = []
    folders = [folder]
    for place in folders:  # grows while it is walked
        if len(folders) > limits.CGROUPS_MAX:
            break
        try:
            with open(f"{place}/cgroup.procs", "rb") as file:
                found += [int(line) for line in file.read(limits.MIB).split() if line.isdigit()]
            with os.scandir(place) as entries:
                folders += [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
        except OSError:
            continue
    return found
