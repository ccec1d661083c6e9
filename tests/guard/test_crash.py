# SPDX-License-Identifier: Apache-2.0
"""The guard is killed with SIGKILL right after each record of its journal; the next guard finishes, once.

The guard under test is irkit's, started by a script of this test's whose journal kills the process: the product has
no switch for it.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from irkit import exit_codes
from irkit.errors import GuardUnreachableError
from irkit.guard import client
from irkit.respond import journal, procfs
from tests.guard.running import ROOT, Running, until

pytestmark = pytest.mark.namespace

_DYING = """
import os, sys
import irkit.guard.daemon as daemon
class Dying(daemon.Journal):
    left = int(sys.argv.pop(1))
    def _write(self, fields):
        written = super()._write(fields)
        Dying.left -= 1
        if Dying.left == 0:
            os.kill(os.getpid(), 9)
        return written
daemon.Journal = Dying
from irkit.__main__ import main
sys.argv = ["irkit", "guard"]
main()
"""
RECORDS = 12
"""Of a containment up to the end of a kill: latch, freeze, keep, checkpoint, notify, kill; each begins and ends."""

SOON = (1, 3, 4, 6, 9, 11, 12)
"""Tried in every `make test`; the others in `make test-long`."""


class _Crashing(Running):
    """A guard that dies at its nth record; what it tells people goes to a file."""

    def __init__(self, folder: Path, record: int) -> None:
        self.told = folder / "told"
        script = folder / "tell"
        script.write_text(f"#!/bin/sh\necho told >> {self.told}\n")
        script.chmod(0o700)
        super().__init__(folder, f'[notify]\ncommand = ["{script}"]\n')
        self.stop()
        self.guard = self.stage.start(
            [sys.executable, "-c", _DYING, str(record)], "dying", IRKIT_HOME=self.home.path, PYTHONPATH=ROOT
        )
        until(lambda: os.path.exists(self.home.guard_socket), 40)

    @property
    def dead(self) -> bool:
        return self.guard.poll() is not None

    def revive(self) -> None:
        self.guard.wait(20)
        for left in (self.home.hook_socket, self.home.guard_socket):
            os.unlink(left)
        self.guard = self.stage.start_guard()

    def state(self, incident: str) -> str:
        """Of the file, which is whole whether a guard runs or not."""
        return str(json.loads((Path(self.home.incidents) / incident / "incident.json").read_text())["state"])

    def living(self, *words: str) -> dict[str, Any]:
        """What a command says, of a guard that may have to be revived first, and may die while it is asked."""
        said: dict[str, Any] = {}

        def heard() -> bool:
            if self.dead:
                self.revive()
            done = self.stage.irkit(*words, "--json")
            if done.returncode != exit_codes.GUARD_UNREACHABLE and done.stdout:
                said.update(json.loads(done.stdout))
            return "waiting" in said or "sessions" in said

        until(heard, 60)
        return said

    def waiting(self) -> list[dict[str, Any]]:
        return list(self.living("status").get("waiting", []))


@pytest.mark.parametrize(
    "record",
    [
        pytest.param(record, marks=[] if record in SOON else pytest.mark.long)
        for record in range(1, RECORDS + 1)
    ],
)
def test_killed_after_any_record_it_finishes_and_repeats_nothing(tmp_path: Path, record: int) -> None:
    on = _Crashing(tmp_path, record)
    agent = on.decoy(calls=250, linger="80")
    until(lambda: bool(on.waiting()), 80)
    (waits,) = on.waiting()
    _settled(on)
    session = on.living("sessions")["sessions"][0]
    assert (session["state"], session["latched"]) == ("frozen", True)
    processes = [tuple(key) for key in session["processes"]]
    try:
        client.call(on.home, "session.kill", {"session": waits["session"], "reason": "test"})
    except GuardUnreachableError:  # it died before it answered
        on.guard.wait(20)
    until(lambda: bool(on.living("status")) and on.state(waits["incident"]) == "killed", 60)
    agent.wait(20)
    assert not any(procfs.alive(*key) for key in processes)
    _settled(on)
    begun = [one for one in journal.records(on.home.journal) if one["record"] == "intent"]
    assert len([one for one in begun if one["act"] == "kill"]) == 1, "a kill is never begun twice"
    rounds = [str(one["command"]) for one in begun if one["act"] == "notify"]
    assert len(rounds) == len(set(rounds)), "nobody is told twice"
    lines = on.told.read_text().splitlines() if on.told.exists() else []
    assert len(lines) <= len(rounds)
    assert on.json("log", "verify")["ok"]


def _settled(on: _Crashing) -> None:
    until(lambda: bool(on.living("status")) and journal.unfinished(on.home.journal) == [], 60)
