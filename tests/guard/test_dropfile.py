# SPDX-License-Identifier: Apache-2.0
"""`gate/KILL` under a real guard: seen at once, every session frozen, also by the guard that starts next."""

import os
from pathlib import Path

import pytest

from irkit.respond import procfs
from tests.guard.running import Running, until
from tests.respond.trees import claude

pytestmark = pytest.mark.namespace


def _working(on: Running) -> str:
    """A decoy session that works on, slowly enough to trip nothing."""
    on.decoy(calls=500, interval="0.5", parallel="1")
    until(lambda: bool(on.json("sessions")["sessions"]), 40)
    return str(on.json("sessions")["sessions"][0]["id"])


def _stopped(pid: int) -> bool:
    proc = procfs.look(pid)
    return proc is not None and proc.state in "Tt"


def test_a_running_guard_freezes_every_session_and_who_was_never_heard_of(tmp_path: Path) -> None:
    on = Running(tmp_path)
    session = _working(on)
    unheard = claude(tmp_path, "sleep 600 & wait")
    (tmp_path / "home" / "gate" / "KILL").touch()
    until(lambda: bool(on.json("status")["waiting"]), 14)  # the round alone would take up to 15 s more
    (waits,) = on.json("status")["waiting"]
    assert waits["session"] == session
    assert "gate/KILL" in waits["why"]
    until(lambda: _stopped(unheard.pid), 10)
    roots = [pid for pid, _ in on.json("sessions")["sessions"][0]["processes"]]
    assert roots
    assert all(_stopped(pid) for pid in roots)
    assert on.json("status")["latched_all"]
    assert [one["args"]["sessions"] for one in on.log("latch") if "why" in one["args"]] == [[session]]
    until(lambda: any("unlisted" in one["args"] for one in on.log("freeze")), 10)


def test_with_no_guard_the_next_one_freezes_at_its_start_and_only_once(tmp_path: Path) -> None:
    on = Running(tmp_path)
    session = _working(on)
    on.guard.kill()
    on.guard.wait(5)
    for left in (on.home.hook_socket, on.home.guard_socket):
        os.unlink(left)
    os.symlink("/nonexistent", on.home.drop_file)  # whatever it is: that it is there counts
    on.guard = on.stage.start_guard()
    until(lambda: bool(on.json("status")["waiting"]), 20)
    (waits,) = on.json("status")["waiting"]
    assert waits["session"] == session
    on.restart()
    until(lambda: bool(on.json("status")["waiting"]), 20)
    assert [one["incident"] for one in on.json("status")["waiting"]] == [waits["incident"]]
