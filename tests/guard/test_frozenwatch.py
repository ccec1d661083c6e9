# SPDX-License-Identifier: Apache-2.0
"""A real guard, a frozen decoy, and somebody who continues it."""

import os
import signal
from pathlib import Path

import pytest

from irkit.respond import latch, procfs
from tests.guard.running import Running, until

pytestmark = pytest.mark.namespace


def _stopped(running: Running) -> list[int]:
    """The pids that stand still of the decoy's session."""
    return [
        proc.pid
        for proc in procfs.snapshot().values()
        if proc.state == "T" and not proc.kernel and proc.pid != running.guard.pid
    ]


def _continued(running: Running) -> list[dict[str, object]]:
    return [
        one["args"]
        for one in running.log("tampering")
        if one["args"].get("what") == "a frozen session was continued"
    ]


def test_a_frozen_session_that_somebody_continues_is_stopped_again_and_reported(tmp_path: Path) -> None:
    running = Running(tmp_path)
    incident = running.frozen()
    before = _stopped(running)
    assert before
    for pid in before:
        os.kill(pid, signal.SIGCONT)
    until(lambda: bool(_continued(running)), 60)
    assert str(_continued(running)[0]["done"]).startswith("stopped again")
    until(lambda: all((proc := procfs.look(pid)) is None or not proc.runnable for pid in before), 60)
    shown = running.json("incident", "show", str(incident["incident"]))
    assert "the latch holds" in str(shown)
    session = running.json("status")["waiting"][0]["session"]
    agent, _, native = str(session).partition(":")
    assert latch.latched(running.home, agent, native)
    running.stop()


def test_a_guard_that_starts_anew_watches_what_was_frozen_before(tmp_path: Path) -> None:
    running = Running(tmp_path)
    running.frozen()
    running.restart()
    before = _stopped(running)
    assert before
    os.kill(before[0], signal.SIGCONT)
    until(lambda: bool(_continued(running)), 60)
    until(lambda: (proc := procfs.look(before[0])) is None or not proc.runnable, 60)
    running.stop()
