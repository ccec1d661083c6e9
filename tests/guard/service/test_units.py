# SPDX-License-Identifier: Apache-2.0
"""The units as systemd's own tools read them, the property list as Python's; none is started here but by socket."""

import os
import plistlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from irkit.guard.service.units import LABEL, Paths, launchd, systemd
from tests.guard.running import ROOT, Running, call, until

ANALYZE = shutil.which("systemd-analyze") or ""
ACTIVATE = shutil.which("systemd-socket-activate") or ""
HOME = "/home/some one/100%/irkit"


def _written(folder: Path, *, system: bool) -> list[str]:
    paths = Paths((os.path.realpath(sys.executable), "-I", "-m", "irkit"), HOME)
    for unit in systemd(paths, system=system):
        (folder / unit.name).write_text(unit.text)
    return sorted(str(path) for path in folder.iterdir())


def _analyze(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    if not ANALYZE:
        pytest.skip("systemd-analyze is not installed")
    env = {
        "PATH": os.defpath,
        "XDG_RUNTIME_DIR": str(folder),
        "HOME": str(folder),
        "SYSTEMD_LOG_LEVEL": "warning",
    }
    return subprocess.run(
        [ANALYZE, *words], env=env, capture_output=True, text=True, timeout=60, check=False, cwd=folder
    )


@pytest.mark.parametrize("system", [False, True], ids=["user", "system"])
def test_systemd_finds_nothing_to_say_against_them(tmp_path: Path, system: bool) -> None:
    files = _written(tmp_path, system=system)
    done = _analyze(tmp_path, *([] if system else ["--user"]), "verify", "--man=no", *files)
    ours = [line for line in done.stderr.splitlines() if "irkit" in line]
    if done.returncode and not ours:
        pytest.skip(f"systemd-analyze verify does not run here: {done.stderr.strip()[:200]}")
    assert ours == []
    assert done.returncode == 0


@pytest.mark.parametrize(("system", "most"), [(False, 6.5), (True, 3.0)], ids=["user", "system"])
def test_the_hardening_is_rated(tmp_path: Path, system: bool, most: float) -> None:
    _written(tmp_path, system=system)
    done = _analyze(tmp_path, "security", "--offline=true", "./irkit-guard.service")
    rated = re.search(r"exposure level for \S+: ([\d.]+)", done.stdout)
    if rated is None:
        pytest.skip(f"systemd-analyze security does not run here: {done.stderr.strip()[:200]}")
    assert float(rated[1]) <= most


def test_every_path_is_absolute_and_nothing_is_expanded() -> None:
    for system in (False, True):
        for unit in systemd(Paths(("/opt/ir kit/$x/python", "-I", "-m", "irkit"), HOME), system=system):
            for key in ("ExecStart", "ListenStream", "PathExists"):
                for value in re.findall(rf"^{key}=(.*)$", unit.text, re.MULTILINE):
                    assert value.lstrip('"').startswith("/"), value
                    assert "%%" in value or key == "ExecStart", value
            assert "StartLimitIntervalSec=0" in unit.text or not unit.name.endswith(".service")
    service = systemd(Paths(("/opt/$x/python",), "/h"), system=False)[0].text
    assert 'ExecStart="/opt/$$x/python" guard' in service
    assert "CLAUDECODE" in service.split("UnsetEnvironment=")[1].split("\n")[0].split()
    with pytest.raises(ValueError, match="not an absolute path"):
        systemd(Paths(("python",), "/h"), system=False)


def test_launchds_list_is_one_and_keeps_the_guard_alive() -> None:
    read = plistlib.loads(launchd(Paths(("/usr/bin/python3", "-m", "irkit"), HOME)).text.encode())
    assert read["Label"] == LABEL
    assert read["ProgramArguments"] == ["/usr/bin/python3", "-m", "irkit", "guard", "--quiet"]
    assert read["KeepAlive"]["PathState"] == {f"{HOME}/gate/KILL": True}
    assert read["EnvironmentVariables"]["IRKIT_HOME"] == HOME


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder whose sockets' addresses are short enough for whoever does not change into it."""
    folder = tempfile.mkdtemp(dir="/tmp")
    yield Path(folder)
    shutil.rmtree(folder)


@pytest.mark.namespace
def test_the_first_hook_starts_a_stopped_guard_and_it_tells_that_it_lives(short: Path) -> None:
    if not ACTIVATE:
        pytest.skip("systemd-socket-activate is not installed")
    on = Running(short)
    on.stop()
    ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    ear.settimeout(30)
    ear.bind(str(short / "ear"))
    started = on.stage.start(
        [
            ACTIVATE,
            f"--listen={on.home.hook_socket}",
            f"--listen={on.home.guard_socket}",
            "--fdname=irkit-hook:irkit-guard",
            *(
                f"--setenv={name}"
                for name in ("IRKIT_HOME", "NOTIFY_SOCKET", "WATCHDOG_USEC", "HOME", "PYTHONPATH")
            ),
            sys.executable,
            "-m",
            "irkit",
            "guard",
        ],
        "activated",
        IRKIT_HOME=on.home.path,
        NOTIFY_SOCKET=str(short / "ear"),
        WATCHDOG_USEC="600000",
        PYTHONPATH=ROOT,
    )
    until(lambda: os.path.exists(on.home.hook_socket) and os.path.exists(on.home.guard_socket))
    inode = os.stat(on.home.hook_socket).st_ino
    on.hook(call("s", "ls"))  # its answer depends on how soon the guard is there; its record does not
    until(lambda: len(on.log("before_tool")) == 1, 60)
    assert on.hook(call("s", "ls -l")).returncode == 0
    heard = [ear.recv(100).decode() for _ in range(3)]
    assert heard == ["READY=1", "WATCHDOG=1", "WATCHDOG=1"]
    started.terminate()
    started.wait(20)
    assert os.stat(on.home.hook_socket).st_ino == inode, "the service manager's socket is left alone"
    while (said := ear.recv(100)) == b"WATCHDOG=1":
        pass
    assert said == b"STOPPING=1"
    ear.close()
