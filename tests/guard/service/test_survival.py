# SPDX-License-Identifier: Apache-2.0
"""What a guard outlives: its terminal, a write that nobody reads; and the hardening that its unit asks for."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.guard.running import ROOT, Running, call, until

pytestmark = pytest.mark.namespace

_HARDENED = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
if libc.prctl(65, 1, 0, 0, 0):  # PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN: what MemoryDenyWriteExecute= asks for
    sys.exit(77)
if libc.prctl(38, 1, 0, 0, 0):  # PR_SET_NO_NEW_PRIVS
    sys.exit(77)
os.umask(0o077)
os.execv(sys.executable, [sys.executable, "-m", "irkit", "guard"])
"""


def test_hangups_and_a_terminals_signals_do_not_end_it(tmp_path: Path) -> None:
    on = Running(tmp_path)
    for number in (signal.SIGHUP, signal.SIGTTOU, signal.SIGTTIN, signal.SIGPIPE):
        on.guard.send_signal(number)
    assert on.hook(call("s", "ls")).returncode == 0
    assert on.guard.poll() is None
    assert on.json("status")["guard"]["pid"] == on.guard.pid


def test_a_terminal_that_is_gone_takes_no_word_and_nothing_else(tmp_path: Path) -> None:
    on = Running(tmp_path)
    on.stop()
    reader, writer = os.pipe()
    on.guard = subprocess.Popen(
        [sys.executable, "-m", "irkit", "guard"],
        env={"PATH": os.defpath, "HOME": on.stage.folder, "IRKIT_HOME": on.home.path, "PYTHONPATH": ROOT},
        cwd=on.stage.work,
        stdin=subprocess.DEVNULL,
        stdout=writer,
        stderr=writer,
        start_new_session=True,
    )
    os.close(writer)
    os.close(reader)  # whatever it says from now on nobody hears
    until(lambda: os.path.exists(on.home.guard_socket))
    on.decoy()
    until(lambda: bool(on.json("status")["waiting"]))
    assert on.stop() < 20
    assert on.guard.returncode == 0


def test_it_runs_under_the_memory_rules_of_its_unit(tmp_path: Path) -> None:
    on = Running(tmp_path)
    on.stop()
    on.guard = on.stage.start(
        [sys.executable, "-c", _HARDENED], "hard", IRKIT_HOME=on.home.path, PYTHONPATH=ROOT
    )
    until(lambda: os.path.exists(on.home.guard_socket) or on.guard.poll() is not None)
    if on.guard.poll() == 77:
        pytest.skip("this kernel knows no PR_SET_MDWE")
    assert on.guard.poll() is None, (tmp_path / "hard.log").read_text()
    assert on.hook(call("s", "ls")).returncode == 0
    on.decoy()
    until(lambda: bool(on.json("status")["waiting"]))
