# SPDX-License-Identifier: Apache-2.0
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from irkit.drill import observer
from irkit.respond import procfs

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="start times are read from /proc")


@pytest.fixture
def child() -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(["sleep", "30"])
    yield process
    process.kill()
    process.wait()


def key(child: "subprocess.Popen[bytes]") -> observer.Key:
    return child.pid, procfs.start_of(child.pid)


def test_a_stopped_process_is_alive_but_not_running(child: "subprocess.Popen[bytes]") -> None:
    one = key(child)
    assert observer.running([one]) == observer.alive([one]) == [one]
    child.send_signal(signal.SIGSTOP)
    assert observer.wait_until(lambda: not observer.running([one]), 5) is not None
    assert observer.alive([one]) == [one]


def test_a_zombie_is_dead(child: "subprocess.Popen[bytes]") -> None:
    one = key(child)
    child.kill()
    assert observer.wait_until(lambda: not observer.alive([one]), 5) is not None
    assert observer.running([one]) == []


def test_another_process_of_the_same_number_is_not_the_one(child: "subprocess.Popen[bytes]") -> None:
    pid, start = key(child)
    assert observer.alive([(pid, start + 1)]) == observer.running([(pid, start + 1)]) == []


def test_waiting_ends_with_its_time() -> None:
    began = time.monotonic()
    assert observer.wait_until(lambda: False, 0.05) is None
    assert 0.05 <= time.monotonic() - began < 5
