# SPDX-License-Identifier: Apache-2.0
"""Bad input and bad luck on the kill path: each ends in the honest report, never in a hang or a traceback.

What is not here is in `test_emergency.py`: two kills at once, a kill from inside its target, full, read-only and
missing homes, broken site-packages, no such session.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from irkit import exit_codes
from irkit.home import Home
from irkit.respond import procfs
from irkit.respond.roster import Entry, write_roster
from tests.respond.trees import agent, bystander, claude, state, until

pytestmark = pytest.mark.namespace

ROOT = Path(__file__).parents[2]


@pytest.fixture
def home() -> Home:
    made = Home()
    made.make()
    return made


def irkit(*words: str) -> "subprocess.CompletedProcess[str]":
    argv = [sys.executable, "-m", "irkit", *words]
    done = subprocess.run(
        argv, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
    )
    assert "Traceback" not in done.stderr
    return done


def test_a_pid_that_is_gone_or_nobodys_is_one_line(home: Home) -> None:
    ended = bystander()
    ended.kill()
    ended.wait(10)
    done = irkit("kill", "--pid", str(ended.pid), "--yes")
    assert done.returncode == exit_codes.BAD_INPUT
    assert len(done.stderr.splitlines()) == 1
    assert str(ended.pid) in done.stderr


def test_a_process_number_that_is_anothers_by_now_is_left_alone(home: Home) -> None:
    innocent = bystander()
    started = procfs.look(innocent.pid)
    assert started is not None
    stale = Entry("claude-code:old", "claude-code", "old", roots=((innocent.pid, started.start - 1),))
    write_roster(home.sessions, [stale])
    done = irkit("kill", "claude-code:old", "--yes", "--json")
    assert done.returncode in {exit_codes.DONE, exit_codes.NOT_RULED_OUT}, done.stderr
    assert json.loads(done.stdout)["dead"] == 0
    assert state(innocent.pid) == "S"


def test_another_users_process_is_said_to_be_and_not_skipped(home: Home, tmp_path: Path) -> None:
    theirs = claude(tmp_path, "sleep 600 & wait", user=64_103)
    done = subprocess.run(
        [
            "setpriv",
            "--reuid=64104",
            "--regid=64104",
            "--clear-groups",
            "--inh-caps=-all",
            "/bin/sh",
            "-c",
            _PLAIN,
        ],
        env={"PATH": os.defpath, "PYTHONPATH": str(ROOT), "HOME": "/nonexistent", "TARGET": str(theirs.pid)},
        cwd="/",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if done.returncode == 99 or "setpriv" in done.stderr:
        pytest.skip("another user can use no interpreter here")
    assert done.returncode not in {exit_codes.DONE, exit_codes.NOT_RULED_OUT}, done.stdout
    assert "Traceback" not in done.stderr
    assert state(theirs.pid) == "S"
    assert str(theirs.pid) in done.stdout + done.stderr


_PLAIN = """
for python in /usr/bin/python3 /usr/local/bin/python3; do
    $python -c 'import irkit.respond.emergency' 2>/dev/null && exec $python -m irkit kill --pid $TARGET --yes
done
exit 99
"""


def test_a_kill_during_a_kill_that_was_killed_itself_finishes_it(home: Home, tmp_path: Path) -> None:
    tree = agent("hundred", tmp_path, count=100)
    write_roster(home.sessions, [Entry("claude-code:s-1", "claude-code", "s-1", roots=(tree.key,))])
    first = subprocess.Popen(
        [sys.executable, "-m", "irkit", "kill", "--yes"],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until(lambda: first.poll() is not None or state(tree.process.pid) == "T", "the first one has begun")
    first.kill()
    first.wait(20)
    done = irkit("kill", "--yes", "--json")
    assert done.returncode == exit_codes.NOT_RULED_OUT, done.stderr
    report = json.loads(done.stdout)
    assert report["survivors"] == []
    assert not [pid for pid in tree.reported() if procfs.look(pid) and state(pid) not in "ZX"]


def test_a_hidden_proc_is_said_and_no_all_clear_is_given(home: Home, tmp_path: Path) -> None:
    theirs = claude(tmp_path, "sleep 600 & wait", user=64_103)
    mounted = subprocess.run(
        ["mount", "-o", "remount,hidepid=2", "/proc"], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"cannot hide processes here: {mounted.stderr.strip()}")
    done = subprocess.run(
        [
            "setpriv",
            "--reuid=64104",
            "--regid=64104",
            "--clear-groups",
            "--inh-caps=-all",
            "/bin/sh",
            "-c",
            _PLAIN,
        ],
        env={"PATH": os.defpath, "PYTHONPATH": str(ROOT), "HOME": "/nonexistent", "TARGET": str(theirs.pid)},
        cwd="/",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if done.returncode == 99:
        pytest.skip("another user can use no interpreter here")
    assert done.returncode not in {exit_codes.DONE, exit_codes.NOT_RULED_OUT}, done.stdout
    assert "Traceback" not in done.stderr
    assert state(theirs.pid) == "S"
