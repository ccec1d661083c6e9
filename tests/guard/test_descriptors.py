# SPDX-License-Identifier: Apache-2.0
"""A guard whose file descriptors run out: who cannot be heard is refused at once, and the rest goes on."""

import os
import resource
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from irkit.guard.descriptors import Reserve
from tests.guard.running import ROOT, Running, call, until

_RAISES = """
import resource
from irkit.guard.descriptors import raise_limit
resource.setrlimit(resource.RLIMIT_NOFILE, (64, min(4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1])))
print(raise_limit(), raise_limit(100), resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""


def test_the_soft_limit_is_raised_as_far_as_the_hard_one() -> None:
    env = {"PATH": os.defpath, "PYTHONPATH": ROOT}
    done = subprocess.run(
        [sys.executable, "-c", _RAISES], env=env, capture_output=True, text=True, check=True
    )
    hard = min(4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    assert done.stdout.split() == [str(hard)] * 3


def test_the_reserve_refuses_one_that_waits_and_says_when_nobody_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listening = socket.socket(socket.AF_UNIX)
    monkeypatch.chdir(tmp_path)
    listening.bind("s")
    listening.listen()
    listening.setblocking(False)
    reserve = Reserve()
    assert not reserve.refuse_one(listening, b"no")
    caller = socket.socket(socket.AF_UNIX)
    caller.connect("s")
    assert reserve.refuse_one(listening, b"no")
    assert (caller.recv(10), caller.recv(10)) == (b"no", b"")
    assert not reserve.refuse_one(listening, b"no")
    reserve.close()
    for one in (caller, listening):
        one.close()


@pytest.mark.namespace
def test_without_a_descriptor_hooks_are_refused_at_once_and_later_ones_are_answered(tmp_path: Path) -> None:
    on = Running(tmp_path)
    on.stop()
    script = f"ulimit -n 56; exec {sys.executable} -m irkit guard"
    on.guard = on.stage.start(["/bin/sh", "-c", script], "small", IRKIT_HOME=on.home.path, PYTHONPATH=ROOT)
    until(lambda: os.path.exists(on.home.guard_socket))
    os.chdir(on.home.gate)
    silent = []
    for _ in range(60):
        one = socket.socket(socket.AF_UNIX)
        one.settimeout(20)
        one.connect("hook.sock")
        silent.append(one)
    assert b"no file descriptor left" in b"".join(_rest(one) for one in silent[-3:])
    for one in silent:
        one.close()
    until(lambda: on.hook(call("s", "ls")).returncode == 0, 40)
    assert any("no file descriptor was left" in line for line in on.json("status")["problems"])
    assert on.guard.poll() is None


def _rest(one: socket.socket) -> bytes:
    parts = []
    while part := one.recv(4096):
        parts.append(part)
    return b"".join(parts)
