# SPDX-License-Identifier: Apache-2.0
"""One decoy under one real guard, from start to the last verified death, with the times that an observer saw.

It runs beside both, never inside them. All times are its own or the decoy's; only the moment of the refusal is
the audit log's. It signals only what the decoy wrote down as its own, by pid and start time, and only what is
still alive when nothing should be.
"""

import os
import sys
import time
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from irkit import exit_codes
from irkit.clock import from_iso
from irkit.drill import decoy, observer
from irkit.drill.diary import Attempt, Diary
from irkit.drill.stage import Process, Stage, end, said
from irkit.errors import IrkitError
from irkit.respond import procfs, signals

AGENT = "claude-code"
BURST_AT = 200
"""The attempt that crosses the line of the shipped burst rule."""
PARALLEL = 2
"""Calls at the same time: agents make them in batches, and it keeps two cores busy."""
CALLS_BEYOND = 50
"""How often the decoy would ask on if nobody stopped it."""
BURST_MAX_S = 45.0
FREEZE_MAX_S = 5.0
KILL_MAX_S = 15.0


class Moment(Struct, frozen=True):
    """One line of the timeline."""

    at_s: float
    """Seconds since the exercise began."""
    what: str
    since_burst_s: float | None = None
    """Seconds since the 200th attempt, for what came after it."""


class Played(Struct, frozen=True):
    """How it went."""

    verdict: int | None
    """The kill's exit code; None when it never came to that."""
    unaccounted: tuple[str, ...]
    """What was alive when nothing should have been."""
    problems: tuple[str, ...]
    """Checks that did not hold, in words; empty when all held."""
    timeline: tuple[Moment, ...]

    @property
    def contained(self) -> bool:
        """Every death verified, a verdict of 0 or 10, and nothing else amiss."""
        good = self.verdict in {exit_codes.DONE, exit_codes.NOT_RULED_OUT}
        return good and not self.unaccounted and not self.problems


class Rehearsal:
    """Plays once. `alone` says whether this PID namespace holds nothing but the exercise."""

    def __init__(self, folder: str, irkit: Sequence[str], *, alone: bool, burst_at: int = BURST_AT) -> None:
        self._stage = Stage(folder, irkit)
        self._alone = alone
        self._burst_at = burst_at
        self._diary = Diary(os.path.join(self._stage.work, "decoy.jsonl"))
        self._began = time.monotonic()
        self._moments: list[tuple[float, str]] = []
        self._problems: list[str] = []
        self._crossing: Attempt | None = None
        """The attempt that crossed the line, by the audit log's count."""
        self._allowed: set[int] = set()
        """Numbers of the calls that the audit log shows as allowed."""

    def play(self) -> Played:
        """From the guard's start to its end. Never raises for what it finds: that is a problem of the result."""
        verdict = None
        guard = None
        try:
            self._stage.configure(f"[agents.{AGENT}]\nscripts = [{_toml(decoy.__file__)}]\n")
            guard = self._stage.start_guard()
            self._mark("the guard is ready")
            if self._saw_freeze(self._start_decoy()):
                self._check_session()
                self._check_attempts()
                verdict = self._kill()
                self._check_ledger()
            self._check_log()
        except (IrkitError, OSError) as error:
            self._problems.append(str(error))
        finally:
            unaccounted = self._clear(guard)
        return Played(verdict, unaccounted, tuple(self._problems), self._timeline())

    def _start_decoy(self) -> Process:
        calls = str(self._burst_at + CALLS_BEYOND)
        options = ["--gate", self._stage.home.gate, "--work", self._stage.work]
        options += ["--calls", calls, "--parallel", str(PARALLEL)]
        self._mark("the decoy agent begins")
        return self._stage.start([sys.executable, "-I", decoy.__file__, *options], "decoy")

    def _saw_freeze(self, actor: Process) -> bool:
        """Watch the burst until the decoy is stopped, then until all of its tree is."""
        key = (actor.pid, procfs.start_of(actor.pid))
        first = observer.wait_until(lambda: not observer.running([key]), BURST_MAX_S)
        self._diary.look()
        if first is None or not observer.alive([key]):
            made = max(self._diary.attempts, default=0)
            self._problems.append(f"the decoy was not stopped; it made {made} attempts")
            return False
        last = observer.wait_until(lambda: not observer.running(self._living()), FREEZE_MAX_S)
        self._mark("the decoy is seen stopped", first)
        if last is None:
            self._problems.append(f"{len(observer.running(self._living()))} processes were not stopped")
        else:
            self._mark(f"all {len(self._living())} processes of the session are seen stopped", last)
        return True

    def _living(self) -> list[observer.Key]:
        self._diary.look()
        return observer.alive(self._diary.processes)

    def _check_session(self) -> None:
        """What a user would look at."""
        (found,) = self._stage.documents("sessions")
        rows = [row for row in found["sessions"] if self._diary.session in str(row.get("id"))]
        if len(rows) != 1 or rows[0]["state"] != "frozen" or not rows[0]["latched"]:
            self._problems.append(f"irkit does not show the session frozen and latched: {rows}")
        else:
            self._mark("irkit shows the session frozen and latched")

    def _check_attempts(self) -> None:
        """By the audit log: all were allowed before the 200th, none from it on."""
        records = [r for r in self._stage.documents("log", "show") if r["event"] == "before_tool"]
        self._allowed = {_number(r) for r in records if r["decision"] == "allow"}
        first = next((index for index, r in enumerate(records, 1) if r["decision"] == "deny"), 0)
        later = [r["decision"] for r in records[self._burst_at :] if r["decision"] != "deny"]
        if first != self._burst_at or later:
            self._problems.append(f"the first refused attempt is number {first}, then {later[:5]}")
        if not first:
            return
        refused = records[first - 1]
        self._crossing = self._diary.attempts[_number(refused)]
        at = self._crossing.asked + from_iso(refused["ts"]) - self._crossing.asked_ts
        self._mark(f"attempt {first}: the decoy starts the hook", self._crossing.asked)
        self._mark(f"attempt {first}: the guard has it and refuses it", at)

    def _kill(self) -> int:
        """By hand, as a person would; every death is looked at from here as well."""
        self._mark("irkit kill")
        ran = self._stage.irkit("kill", f"{AGENT}:{self._diary.session}", "--yes", "--json")
        with open(os.path.join(self._stage.folder, "kill.json"), "wb") as report:
            report.write(ran.stdout)
        dead = observer.wait_until(lambda: not self._living(), KILL_MAX_S)
        if dead is None:
            self._problems.append(f"{len(self._living())} processes outlived the kill")
        else:
            self._mark("every process that the decoy ever started is dead", dead)
        self._mark(f"verdict {ran.returncode}: {exit_codes.MEANING.get(ran.returncode, said(ran.stderr))}")
        return ran.returncode

    def _check_ledger(self) -> None:
        """The file that the calls append to knows which of them ran."""
        with open(os.path.join(self._stage.work, "ledger"), encoding="ascii") as ledger:
            ran = [int(line) for line in ledger]
        if late := sorted(set(ran) - self._allowed):
            self._problems.append(f"calls ran that must not have: {late[:5]}")
        self._mark(f"{len(ran)} calls wrote to the ledger, each of them allowed")

    def _check_log(self) -> None:
        ran = self._stage.irkit("log", "verify")
        if ran.returncode == exit_codes.DONE:
            self._mark("irkit log verify: the audit log is whole")
        else:
            self._problems.append(f"irkit log verify: {said(ran.stdout) or said(ran.stderr)}")

    def _clear(self, guard: Process | None) -> tuple[str, ...]:
        """End what is left, the guard last, and say what it was."""
        left = self._living()
        for pid, start in left:
            signals.send(pid, start, signals.KILL)
        if guard is not None:
            end(guard)
            self._mark("the guard has ended")
        unaccounted = [f"{pid} {self._diary.processes[pid, start]}" for pid, start in left]
        if self._alone:
            table = procfs.snapshot()
            named = {os.getpid(), *procfs.ancestors(table, os.getpid()), *(pid for pid, _ in left)}
            unaccounted += [f"{p.pid} {p.comm}" for p in table.values() if p.pid not in named and not p.dead]
        return tuple(unaccounted)

    def _mark(self, what: str, at: float | None = None) -> None:
        self._moments.append((time.monotonic() if at is None else at, what))

    def _timeline(self) -> tuple[Moment, ...]:
        burst = self._crossing
        return tuple(
            Moment(
                round(at - self._began, 4),
                what,
                round(at - burst.asked, 4) if burst and at >= burst.asked else None,
            )
            for at, what in sorted(self._moments)
        )


def _number(record: dict[str, Any]) -> int:
    """The decoy numbers its calls in their ids."""
    return int(str(record["call_id"]).rpartition("_")[2])


def _toml(text: str) -> str:
    """A JSON string is a TOML string."""
    return msgspec.json.encode(text).decode()
