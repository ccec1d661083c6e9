# SPDX-License-Identifier: Apache-2.0
"""One look at the process table, with the ways in which processes are related: parent, group, session, mark.

Kill path: standard library only.

Rules:
- The environment is the only dear thing to read: it is read once for each (pid, start), only of processes that
  started at or after `since`, and the marks in it are kept for the operation that this belongs to.
- Marks say what an environment claims. Whether that counts is `finder`'s to decide.
"""

from __future__ import annotations

from irkit.agents.facts import marker_of
from irkit.respond import procfs
from irkit.respond.procfs import Proc

Key = tuple[int, int]
Marks = dict[Key, list[tuple[str, str]]]
"""(agent, session id or "") as found in each process's environment."""


class Census:
    """The process table at one moment."""

    __slots__ = ("_children", "_groups", "_marked", "_marks", "_sessions", "_since", "table")

    def __init__(self, table: dict[int, Proc], marks: Marks, since: int = 0) -> None:
        self.table = table
        self._marks = marks
        self._since = since
        self._children: dict[int, list[Proc]] = {}
        self._groups: dict[int, list[Proc]] = {}
        self._sessions: dict[int, list[Proc]] = {}
        self._marked: dict[tuple[str, str], list[Proc]] | None = None
        for proc in table.values():
            self._children.setdefault(proc.ppid, []).append(proc)
            self._groups.setdefault(proc.pgrp, []).append(proc)
            self._sessions.setdefault(proc.sid, []).append(proc)

    def get(self, key: Key) -> Proc | None:
        """This very process, if it is in the table."""
        proc = self.table.get(key[0])
        return proc if proc is not None and proc.start == key[1] else None

    def children(self, pid: int) -> list[Proc]:
        """Those whose parent it is."""
        return self._children.get(pid, [])

    def group(self, pgrp: int) -> list[Proc]:
        """Those in that process group."""
        return self._groups.get(pgrp, [])

    def session(self, sid: int) -> list[Proc]:
        """Those in that terminal session."""
        return self._sessions.get(sid, [])

    def marked(self, agent: str, native: str) -> list[Proc]:
        """Those whose environment names this session; native "": those with the agent's mark and no id."""
        if self._marked is None:
            self._marked = {}
            for proc in self.table.values():
                for mark in self.marks(proc):
                    self._marked.setdefault(mark, []).append(proc)
        return self._marked.get((agent, native), [])

    def marks(self, proc: Proc) -> list[tuple[str, str]]:
        """The marks in its environment; none where it cannot be read, or it started before `since`."""
        if proc.start < self._since or proc.kernel:
            return []
        found = self._marks.get(proc.key)
        if found is None:
            environ = procfs.environ(proc.pid) or b""
            found = marker_of(environ)
            if environ:  # in the middle of an exec it reads as empty
                self._marks[proc.key] = found
        return found
