# SPDX-License-Identifier: Apache-2.0
"""Killing never stands behind other work, and a freeze that takes long goes on beside the loop."""

import os
import sys
import threading
from pathlib import Path

import pytest

from irkit.guard import client
from irkit.guard.workers import READERS, Workers
from irkit.incident.commands import Checkpoint, IncidentId, Keep, Kill, Notify, Resume, SessionId
from irkit.respond import procfs
from tests.guard.running import ROOT, Running, call, until

INCIDENT, SESSION = IncidentId("IR-2026-001"), SessionId("s")
_NO_TIME = """
import sys
import irkit.limits
irkit.limits.FREEZE_ON_LOOP_MAX_S = -1.0
from irkit.__main__ import main
sys.argv = ["irkit", "guard"]
main()
"""
"""A guard whose loop has no time for a freeze: all of it is the thread's."""


def test_a_kill_runs_while_every_other_thread_is_taken() -> None:
    workers = Workers()
    go = threading.Event()
    for pool, count in ((workers.reading, READERS), (workers.keeping, 50)):
        for _ in range(count):
            pool.submit(go.wait)
    killing = workers.of(Kill(incident=INCIDENT, session=SESSION))
    assert killing is not None
    assert killing.submit(lambda: "killed").result(20) == "killed"
    assert workers.of(Resume(incident=INCIDENT, session=SESSION)) is killing
    assert workers.of(Keep(incident=INCIDENT, session=SESSION)) is workers.keeping
    assert workers.of(Checkpoint(incident=INCIDENT)) is workers.keeping
    assert workers.of(Notify(incident=INCIDENT, session=SESSION)) is None
    go.set()
    workers.stop()


@pytest.mark.namespace
def test_what_the_loop_has_no_time_to_freeze_is_frozen_beside_it(tmp_path: Path) -> None:
    on = Running(tmp_path)
    on.stop()
    on.guard = on.stage.start(
        [sys.executable, "-c", _NO_TIME], "slow", IRKIT_HOME=on.home.path, PYTHONPATH=ROOT
    )
    until(lambda: os.path.exists(on.home.guard_socket))
    agent = on.decoy(calls=500, interval="0.5", parallel="1")
    until(lambda: bool(on.json("sessions")["sessions"]))
    session = on.json("sessions")["sessions"][0]["id"]
    client.call(on.home, "session.freeze", {"session": session, "reason": "test"})

    def frozen() -> bool:
        proc = procfs.look(agent.pid)
        return proc is not None and proc.state in "Tt"

    until(frozen)
    until(lambda: any(one["args"].get("went_on") and one["args"]["settled"] for one in on.log("freeze")))
    (waits,) = on.json("status")["waiting"]
    assert waits["stopped"] >= 1
    assert on.hook(call("other", "ls")).returncode == 0
    killed = on.stage.irkit("kill", waits["session"], "--yes")
    assert killed.returncode == 10, killed.stderr
