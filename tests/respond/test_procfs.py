# SPDX-License-Identifier: Apache-2.0
"""Reading /proc, of this test's own processes."""

import os
import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irkit import limits
from irkit.respond import procfs

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def test_a_process_is_seen_as_the_kernel_tells_it() -> None:
    me = procfs.snapshot()[os.getpid()]
    assert (me.pid, me.ppid, me.pgrp, me.sid) == (os.getpid(), os.getppid(), os.getpgrp(), os.getsid(0))
    assert me.state == "R"
    assert not me.dead
    assert procfs.start_of(me.pid) == me.start
    assert procfs.owner(me.pid) == os.geteuid()
    assert procfs.cwd(me.pid) == os.getcwd()
    assert procfs.exe(me.pid) == os.path.realpath(sys.executable)
    assert procfs.alive(me.pid, me.start)
    assert not procfs.alive(me.pid, me.start + 1)


@given(st.binary(max_size=15))
def test_no_name_confuses_the_parser(name: bytes) -> None:
    tail = b"S 7 8 9 34816 10 4194560 " + b"0 " * 10 + b"3 0 4242 " + b"0 " * 30
    proc = procfs.parse_stat(77, b"77 (" + name + b") " + tail)
    assert (proc.pid, proc.ppid, proc.pgrp, proc.sid, proc.tty, proc.tpgid) == (77, 7, 8, 9, 34816, 10)
    assert (proc.state, proc.threads, proc.start) == ("S", 3, 4242)
    assert proc.comm == name.decode("utf-8", "replace")


def test_a_zombie_proper_is_dead() -> None:
    child = subprocess.Popen(["/bin/true"])
    while (proc := procfs.look(child.pid)) and proc.state != "Z":
        time.sleep(0.001)
    assert proc is not None
    assert proc.dead
    assert not procfs.alive(child.pid, proc.start)
    assert procfs.argv(child.pid) == []
    child.wait()
    assert procfs.look(child.pid) is None


_HALF = """
import _thread, ctypes, os, time
_thread.start_new_thread(time.sleep, (600,))
time.sleep(0.05)
ctypes.CDLL(None).syscall({"x86_64": 60, "aarch64": 93}[os.uname().machine], 0)
"""


def test_a_zombie_with_a_live_thread_is_alive_and_its_environment_is_read() -> None:
    child = subprocess.Popen([sys.executable, "-I", "-S", "-c", _HALF], env={"MARK": "here"})
    try:
        while (proc := procfs.look(child.pid)) and proc.state != "Z":
            time.sleep(0.001)
        assert proc is not None
        assert not proc.dead
        assert proc.runnable
        assert procfs.alive(child.pid, proc.start)
        assert b"MARK=here" in (procfs.environ(child.pid) or b"")
    finally:
        child.kill()
        child.wait()


def test_what_is_read_of_a_process_is_bounded() -> None:
    command = [sys.executable, "-I", "-S", "-c", "import time; time.sleep(60)", *["x" * 1000] * 40]
    child = subprocess.Popen(command, env={f"V{n}": "y" * 1000 for n in range(200)})
    try:
        while not (found := procfs.environ(child.pid) or b"").startswith(b"V0"):
            assert child.poll() is None
            time.sleep(0.001)
        assert found.count(b"\0") == 200, "larger than one read"
        assert sum(map(len, procfs.argv(child.pid) or [])) <= limits.CMDLINE_MAX_BYTES
    finally:
        child.kill()
        child.wait()


def test_nobody_is_nobody() -> None:
    assert procfs.look(2**22 + 1) is None
    assert procfs.environ(2**22 + 1) is None
    assert procfs.argv(2**22 + 1) is None
    assert procfs.exe(2**22 + 1) is None
    assert procfs.owner(2**22 + 1) == -1
    assert procfs.start_of(2**22 + 1) == -1
    assert not procfs.environ_denied(2**22 + 1)


def test_a_wall_time_becomes_the_start_time_of_a_process_that_starts_then() -> None:
    before = time.time()
    child = subprocess.Popen(["/bin/sleep", "60"])
    after = time.time()
    try:
        start = procfs.start_of(child.pid)
        assert procfs.ticks_of(before) - 2 <= start <= procfs.ticks_of(after) + 2
    finally:
        child.kill()
        child.wait()


def test_ancestors_end_even_in_a_table_that_is_a_circle() -> None:
    table = {2: procfs.Proc(2, 3, 0), 3: procfs.Proc(3, 2, 0)}
    assert procfs.ancestors(table, 2) == [3, 2]
    assert procfs.ancestors(procfs.snapshot(), os.getpid())[0] == os.getppid()
