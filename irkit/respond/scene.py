# SPDX-License-Identifier: Apache-2.0
"""The scene: the sessions to be stopped together, and the walk over the process table that finds them.

Kill path: standard library only.

One scene serves one operation (freeze, or kill). The environments it read are remembered, so that a round costs
little; before a freeze is called complete they are forgotten, because an exec may have changed them.
"""

from __future__ import annotations

import os
import time

from irkit import limits
from irkit.respond import procfs
from irkit.respond.census import Census, Key, Marks
from irkit.respond.finder import Member, Protected, Search, Target
from irkit.respond.leftovers import Leftover, leftovers


class Scene:
    """Targets, what was found of them so far, and who must not be touched."""

    __slots__ = ("_asked_from", "_caller", "_guard", "_marks", "census", "protected", "searches")

    def __init__(
        self, targets: list[Target], *, guard: int = 0, caller: int | None = None, asked_from: int = 0
    ) -> None:
        self.searches = [Search(target) for target in targets]
        self._guard = guard
        self._caller = caller
        self._asked_from = asked_from
        self._marks: Marks = {}
        self.census = Census({}, self._marks)
        self.protected = Protected({}, caller, guard)

    def walk(self, *, marks: bool = True) -> list[Member]:
        """Look at the whole table once. The living members of all sessions, agents first."""
        table = procfs.snapshot()
        self.census = self._census(table)
        self.protected = Protected(table, self._caller, self._guard, self._asked_from)
        living: dict[Key, Member] = {}
        for search in self.searches:
            for member in search.look(self.census, self.protected, marks=marks):
                living.setdefault(member.key, member)
        return sorted(living.values(), key=lambda member: member.depth)

    def _census(self, table: dict[int, procfs.Proc]) -> Census:
        """It reaches back where a culprit or a wrapper was found."""
        since = min((search.target.since for search in self.searches), default=0)
        return Census(table, self._marks, since)

    def untouchable(self) -> frozenset[int]:
        """Pids that no control group may hold which is frozen as one: the guard, the caller, and all above it."""
        found = [0, 1, self._guard, pid := self._caller or os.getpid()]
        while (proc := procfs.look(pid)) is not None and (pid := proc.ppid) not in found:
            found.append(pid)
        return frozenset(found)

    def forget_marks(self) -> None:
        """Read every environment anew from the next walk on."""
        self._marks.clear()

    def everyone(self) -> dict[Key, Member]:
        """Every process that was ever seen to belong, dead ones included, in the order of discovery."""
        return {key: member for search in self.searches for key, member in search.found.items()}

    def spared(self) -> list[procfs.Proc]:
        """Editors' windows that were left alone."""
        return [proc for search in self.searches for proc in search.spared]

    def untouched(self) -> list[procfs.Proc]:
        """Who belongs and could not be stopped because the caller runs below it."""
        return [proc for search in self.searches for proc in search.untouched.values() if not proc.dead]

    def leftovers(self) -> list[Leftover]:
        """What cannot be told to be the sessions' or not, by the last walk and some quick looks after it.

        A process that becomes a new one every millisecond is easily between two numbers while a table is read.
        """
        table = dict(self.census.table)
        for _ in range(limits.PASSING_LOOKS):
            table.update((proc.pid, proc) for proc in procfs.newcomers(table))
            time.sleep(limits.PASSING_PAUSE_S)
        return leftovers(
            [search for search in self.searches if search.found or search.untouched],
            self._census(table),
            self.protected,
        )
