# SPDX-License-Identifier: Apache-2.0
"""Who is behind a hook connection: the kernel's answer, never the payload's.

From the hook's pid (SO_PEERCRED) up past its shell to the nearest known agent process. A hook process also has to
look like ours: a foreign interpreter or a loader variable in its environment can turn a refusal into nothing
(threat T3), so each is named in `problems`.
"""

import os
import socket
from collections import OrderedDict
from typing import NamedTuple

from irkit.agents.facts import recognise
from irkit.guard.rpc import caller_of
from irkit.incident.session import ProcessId
from irkit.respond import procfs

MAX_LEVELS = 64
_CACHE_MAX = 4096
_LOADER = (b"LD_", b"PYTHON", b"GCONV_PATH=", b"IRKIT_", b"DYLD_")
"""Variables that change what a hook does before its first line runs."""
_HARMLESS = (
    b"LD_LIBRARY_PATH=",
    b"PYTHONUNBUFFERED=",
    b"PYTHONIOENCODING=",
    b"PYTHONUTF8=",
    b"PYTHONDONTWRITEBYTECODE=",
)


class Peer(NamedTuple):
    """The process at the other end, and the agent above it."""

    pid: int
    start: int
    uid: int
    agent: str
    """Name of the nearest known agent above, empty when there is none: the call is *unattributed*."""
    process: ProcessId | None
    problems: tuple[str, ...] = ()
    tty: int = 0

    @property
    def tree(self) -> object:
        """What per-tree limits count by: the agent process, else the peer's user."""
        return self.process or ("uid", self.uid)


class PeerFinder:
    """Attributes connections. Remembers which processes are agents, by (pid, start time)."""

    def __init__(self, interpreter: str, extra: tuple[tuple[str, str], ...] = ()) -> None:
        self._interpreter = os.path.realpath(interpreter)
        self._extra = extra
        self._known: OrderedDict[ProcessId, str] = OrderedDict()

    def find(self, connection: socket.socket) -> Peer:
        """The peer of a connection; pid 0 and no agent where the kernel does not tell."""
        caller = caller_of(connection)
        return self.of_pid(caller.pid, caller.uid)

    def of_pid(self, pid: int, uid: int) -> Peer:
        """Attribute a process of this user."""
        hook = procfs.look(pid) if pid > 0 else None
        if hook is None:
            return Peer(pid, 0, uid, "", None)
        agent, process = self.nearest_agent(hook.ppid)
        return Peer(pid, hook.start, uid, agent, process, self._problems(pid), hook.tty)

    def nearest_agent(self, pid: int) -> tuple[str, ProcessId | None]:
        """The first known agent at or above `pid`."""
        for _ in range(MAX_LEVELS):
            found = procfs.look(pid) if pid > 1 else None
            if found is None:
                break
            process = ProcessId(pid, found.start)
            agent = self.agent_of(process)
            if agent:
                return agent, process
            pid = found.ppid
        return "", None

    def agent_of_pid(self, pid: int) -> str:
        """Which agent runs under this number now."""
        found = procfs.look(pid)
        return self.agent_of(ProcessId(pid, found.start)) if found else ""

    def agent_of(self, process: ProcessId) -> str:
        """Which agent a process is, empty for none."""
        known = self._known.get(process)
        if known is not None:
            return known
        agent = recognise(procfs.exe(process.pid) or "", procfs.argv(process.pid) or [], self._extra)
        # A shell that is about to exec the agent has the same pid and start: remember only what is certain.
        if agent:
            self._known[process] = agent
            if len(self._known) > _CACHE_MAX:
                self._known.popitem(last=False)
        return agent

    def _problems(self, pid: int) -> tuple[str, ...]:
        found = []
        exe = procfs.exe(pid)
        if exe is not None and exe != self._interpreter:
            found.append(f"the hook ran in {exe}, not in irkit's interpreter")
        for entry in (procfs.environ(pid) or b"").split(b"\0"):
            if entry.startswith(_LOADER) and not entry.startswith(_HARMLESS):
                found.append(f"{entry.split(b'=')[0].decode('ascii', 'replace')} was set for the hook")
        return tuple(found)
