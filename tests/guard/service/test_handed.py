# SPDX-License-Identifier: Apache-2.0
"""What the guard takes from a service manager: real descriptors, a real datagram socket."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from irkit.guard.service.handed import Handed

ROOT = Path(__file__).parents[3]

_TAKES = """
import os, sys
from irkit.guard.service.handed import Handed
os.environ["LISTEN_PID"] = str(os.getpid())
handed = Handed(os.environ)
print(sorted(handed.sockets), sorted(n for n in os.environ if n.startswith(("LISTEN", "NOTIFY", "WATCHDOG"))))
for number in (3, 4, 5):
    try:
        os.fstat(number); print(number, "open", os.get_inheritable(number))
    except OSError:
        print(number, "closed")
"""


def _listener(path: Path) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(str(path))
    sock.listen()
    return sock


def _run(first: int, second: int, third: int, **env: str) -> str:
    """Run the taker with these descriptors as 3, 4 and 5, as a service manager would."""
    wrapped = (
        "import os, sys\n"
        "spare = [os.dup(int(n)) for n in sys.argv[1:4]]\n"
        "import fcntl\n"
        "high = [fcntl.fcntl(n, fcntl.F_DUPFD, 20) for n in spare]\n"
        "for to, n in zip((3, 4, 5), high): os.dup2(n, to, inheritable=True)\n"
        "os.execv(sys.executable, [sys.executable, '-c', sys.argv[4]])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", wrapped, str(first), str(second), str(third), _TAKES],
        env={"PATH": os.defpath, "PYTHONPATH": str(ROOT), **env},
        pass_fds=(first, second, third),
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_sockets_are_known_by_name_and_everything_else_is_closed(tmp_path: Path) -> None:
    hook, guard = _listener(tmp_path / "h"), _listener(tmp_path / "g")
    plain = socket.socket(socket.AF_UNIX)
    said = _run(
        hook.fileno(),
        plain.fileno(),
        guard.fileno(),
        LISTEN_FDS="3",
        LISTEN_FDNAMES="irkit-hook:irkit-guard:irkit-guard",
        NOTIFY_SOCKET="/nowhere",
        WATCHDOG_USEC="1000",
    )
    assert said.splitlines() == [
        "['irkit-guard', 'irkit-hook'] []",
        "3 open False",
        "4 closed",
        "5 open False",
    ]
    said = _run(hook.fileno(), plain.fileno(), guard.fileno(), LISTEN_FDS="2", LISTEN_FDNAMES="somebody:else")
    assert said.splitlines()[:3] == ["[] []", "3 closed", "4 closed"]
    for one in (hook, guard, plain):
        one.close()


@pytest.mark.parametrize("count", ["", "x", "-1", "99999999999999999999", "\u0663"])
def test_a_count_that_is_none_hands_nothing_over(count: str) -> None:
    environ = {"LISTEN_PID": "1", "LISTEN_FDS": count, "LISTEN_FDNAMES": "irkit-hook"}
    assert Handed(environ).sockets == {}
    assert environ == {}


@pytest.mark.parametrize("abstract", [False, True])
def test_it_tells_whoever_listens(tmp_path: Path, abstract: bool) -> None:
    ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    address = f"@irkit-test-{os.getpid()}" if abstract else str(tmp_path / "ear")
    ear.bind("\0" + address[1:] if abstract else address)
    environ = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}
    handed = Handed(environ)
    assert handed.tell("READY=1")
    assert ear.recv(100) == b"READY=1"
    assert handed.watchdog_s == 30
    ear.close()
    assert handed.tell("WATCHDOG=1") is False


def test_a_full_ear_holds_nobody_up(tmp_path: Path) -> None:
    ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    ear.bind(str(tmp_path / "ear"))
    handed = Handed({"NOTIFY_SOCKET": str(tmp_path / "ear")})
    told = [handed.tell("WATCHDOG=1") for _ in range(5000)]
    assert told[0] is True
    assert told[-1] is False
    ear.close()


def test_anothers_watchdog_and_sockets_are_not_taken() -> None:
    environ = {"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1", "LISTEN_PID": "1", "LISTEN_FDS": "1"}
    handed = Handed(environ)
    assert (handed.watchdog_s, handed.sockets, handed.tell("READY=1")) == (0, {}, False)
