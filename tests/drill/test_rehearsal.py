# SPDX-License-Identifier: Apache-2.0
"""The demo believes its eyes: an irkit that only says that it stopped something is found out."""

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from irkit.drill import namespace
from irkit.drill.rehearsal import Played

BURST_AT = 6
ROOT = Path(__file__).parents[2]
PLAY = """
import sys
import msgspec
from irkit.drill import rehearsal
rehearsal.BURST_MAX_S, rehearsal.FREEZE_MAX_S, rehearsal.KILL_MAX_S = 10.0, 1.0, 1.0
irkit = [sys.executable, sys.argv[2], sys.argv[3], sys.argv[4]]
played = rehearsal.Rehearsal(sys.argv[1], irkit, alone=True, burst_at=int(sys.argv[4])).play()
open(sys.argv[1] + "/played.json", "wb").write(msgspec.json.encode(played))
"""


def play(folder: Path, fault: str) -> Played:
    apart = namespace.prefix()
    if not apart:
        pytest.skip("no PID namespace can be made here")
    pretend = ROOT / "tests" / "sim" / "pretend_irkit.py"
    argv = [*apart, sys.executable, "-c", PLAY, str(folder), str(pretend), fault, str(BURST_AT)]
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    return msgspec.json.decode((folder / "played.json").read_bytes(), type=Played)


def test_a_stop_that_is_one_is_believed(tmp_path: Path) -> None:
    played = play(tmp_path, "none")
    assert played.contained, played
    assert played.verdict == 0
    times = [moment.at_s for moment in played.timeline]
    assert times == sorted(times)
    assert any("are seen stopped" in moment.what for moment in played.timeline)


@pytest.mark.parametrize(
    ("fault", "word"),
    [
        ("no-freeze", "was not stopped"),
        ("no-latch", "frozen and latched"),
        ("call-runs", "must not have"),
        ("half-killed", "outlived the kill"),
        ("log-broken", "log verify"),
    ],
)
def test_a_stop_that_is_none_is_told(tmp_path: Path, fault: str, word: str) -> None:
    played = play(tmp_path, fault)
    assert not played.contained
    assert any(word in problem for problem in played.problems), played.problems


def test_a_survivor_is_named_and_ended(tmp_path: Path) -> None:
    assert any(name.endswith("detached child") for name in play(tmp_path, "half-killed").unaccounted)


def test_a_process_that_nobody_knows_is_named(tmp_path: Path) -> None:
    played = play(tmp_path, "leaves-a-child")
    assert not played.contained
    assert [name.split()[1] for name in played.unaccounted] == ["sleep"]


def test_a_guard_that_does_not_start_is_one_clear_problem(tmp_path: Path) -> None:
    played = play(tmp_path, "dies-at-start")
    assert not played.contained
    assert played.problems[0].startswith("the guard did not start")
