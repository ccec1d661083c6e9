# SPDX-License-Identifier: Apache-2.0
"""Tampering on a real guard: who works meanwhile is frozen, nobody else is; a clean stop is no finding."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.guard.running import Running, until

pytestmark = pytest.mark.namespace


def _gate(on: Running) -> None:
    Path(on.home.hook).write_text("raise SystemExit(0)\n")


def _log(on: Running) -> None:
    (day,) = Path(on.home.audit).glob("*.jsonl")
    day.unlink()


def _latch(on: Running) -> None:
    assert on.stage.irkit("latch", "--all").returncode == 0
    os.unlink(on.home.latch)


@pytest.mark.parametrize(("rule", "act"), [("tamper.gate-files", _gate), ("tamper.log", _log)])
def test_the_session_that_worked_meanwhile_is_frozen(
    tmp_path: Path, rule: str, act: Callable[[Running], None]
) -> None:
    on = Running(tmp_path)
    on.decoy(calls=190, interval="0.4", parallel="1")
    until(lambda: len(on.log("before_tool")) > 2, 60)
    act(on)
    until(lambda: bool(on.json("status")["waiting"]), 60)
    (waits,) = on.json("status")["waiting"]
    assert _rules(on, waits["incident"]) == {rule}
    assert on.json("sessions")["sessions"][0]["state"] == "frozen"


@pytest.mark.parametrize("act", [_gate, _log, _latch])
def test_with_nobody_at_work_people_are_told_and_nothing_is_frozen(
    tmp_path: Path, act: Callable[[Running], None]
) -> None:
    on = Running(tmp_path)
    act(on)
    until(lambda: bool(on.log("tampering")), 60)
    until(lambda: bool(on.json("incident", "list")["incidents"]), 60)
    assert on.log("freeze") == []
    (incident,) = on.json("incident", "list")["incidents"]
    assert "nothing was stopped" in str(incident)


def test_a_killed_guard_is_found_by_the_next_and_a_stopped_one_is_not(tmp_path: Path) -> None:
    on = Running(tmp_path)
    on.decoy(calls=190, interval="0.4", parallel="1")
    until(lambda: len(on.log("before_tool")) > 2, 60)
    on.stop()
    on.guard = on.stage.start_guard()
    assert on.log("freeze") == []
    assert on.log("tampering") == []
    seen = len(on.log("before_tool"))
    until(lambda: len([one for one in on.log("before_tool")[seen:] if one["source"] == "hook"]) > 1, 60)
    on.restart()
    until(lambda: bool(on.json("status")["waiting"]), 60)
    (waits,) = on.json("status")["waiting"]
    assert "tamper.guard-killed" in _rules(on, waits["incident"])
    assert on.json("log", "verify")["ok"]


def _rules(on: Running, incident: str) -> set[str]:
    shown: dict[str, Any] = on.json("incident", "show", incident)
    return {one["first"]["rule"] for one in shown["findings"]}
