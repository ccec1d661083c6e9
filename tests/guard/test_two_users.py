# SPDX-License-Identifier: Apache-2.0
"""The system's tier without a booted systemd: the guard under one user, the agent under another, in a namespace.

The guard has the three capabilities that its unit names, and no more.
"""

import functools
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from irkit.guard.service.units import _CAPABILITIES
from irkit.home import Home
from irkit.respond import procfs
from tests.guard.running import DECOY, ROOT, until

pytestmark = pytest.mark.namespace

GUARD, AGENT = 64_101, 64_102


LIBRARIES = os.pathsep.join((ROOT, sysconfig.get_path("purelib"), sysconfig.get_path("platlib")))


@functools.cache
def _interpreter() -> str:
    """One that another user may run, and that finds what irkit needs; the tests' own may lie in a private home."""
    for path in (sys.executable, "/usr/bin/python3"):
        tried = subprocess.run(
            _as(AGENT, "/bin/sh", "-c", f"exec {path} -c 'import irkit.guard.daemon'"),
            cwd="/",
            env={"PATH": os.defpath, "PYTHONPATH": LIBRARIES},
            capture_output=True,
            timeout=30,
            check=False,
        )
        if tried.returncode == 0:
            return path
    return ""


@pytest.fixture
def place() -> Iterator[Path]:
    if os.getuid() or Path("/proc/self/uid_map").read_text().split()[2] != "4294967295":
        pytest.skip("needs root, to act as two other users")
    if not shutil.which("setpriv"):
        pytest.skip("setpriv (util-linux) is not installed")
    if not _interpreter():
        pytest.skip("another user can use none of this machine's interpreters with irkit")
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    folder.chmod(0o755)
    for name, owner in (("home", GUARD), ("work", AGENT)):
        (folder / name).mkdir(mode=0o755)
        os.chown(folder / name, owner, owner)
    yield folder
    shutil.rmtree(folder)


def _as(user: int, *argv: str, capable: bool = False) -> list[str]:
    caps = ",".join(f"+{name.removeprefix('CAP_').lower()}" for name in _CAPABILITIES.split())
    more = [f"--inh-caps=-all,{caps}", f"--ambient-caps=-all,{caps}"] if capable else ["--inh-caps=-all"]
    return ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", *more, "--no-new-privs", *argv]


def _guard(place: Path) -> "subprocess.Popen[bytes]":
    home = Home(str(place / "home"))
    config = place / "home" / "irkit.toml"
    config.write_text(f'[agents.claude-code]\nscripts = ["{DECOY}"]\n')
    config.chmod(0o600)
    os.chown(config, GUARD, GUARD)
    env = {
        "PATH": os.defpath,
        "HOME": home.path,
        "IRKIT_HOME": home.path,
        "PYTHONPATH": LIBRARIES,
        "LANG": "C.UTF-8",
    }
    with open(place / "guard.log", "wb") as log:
        guard = subprocess.Popen(
            _as(GUARD, _interpreter(), "-m", "irkit", "guard", "--shared", capable=True),
            env=env,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    until(lambda: guard.poll() is not None or os.path.exists(home.guard_socket), 40)
    assert guard.poll() is None, (place / "guard.log").read_text()
    return guard


def _agent_does(place: Path, script: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        _as(AGENT, "/bin/sh", "-c", script),
        cwd=place / "work",
        env={"PATH": os.defpath},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_the_agents_user_is_guarded_and_can_touch_nothing_of_the_guards(place: Path) -> None:
    home = Home(str(place / "home"))
    guard = _guard(place)
    decoy = [
        sys.executable,
        "-I",
        DECOY,
        "--gate",
        home.gate,
        "--work",
        str(place / "work"),
        "--calls",
        "250",
    ]
    with open(place / "decoy.log", "wb") as log:
        agent = subprocess.Popen(
            _as(AGENT, *decoy, "--interval", "0", "--parallel", "4", "--linger", "80"),
            env={"PATH": os.defpath, "HOME": str(place / "work")},
            cwd=place / "work",
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )

    def frozen() -> bool:
        proc = procfs.look(agent.pid)
        return proc is not None and proc.state in "Tt"

    until(frozen, 60)  # its hooks were answered, counted, and another user's signal reached it
    assert procfs.owner(agent.pid) == AGENT
    for tried in (
        f"kill -9 {guard.pid}",
        f"kill -CONT {guard.pid}",
        f"echo x >> {home.latch}",
        f"rm -f {home.latch}",
        f"rm -rf {home.gate}/hook.py",
        f"mv {home.gate} {home.gate}2",
        f"touch {home.drop_file}",
        f"cat {home.config}",
        f"echo x >> {home.config}",
        f"ls {home.audit} {home.spool}",
        f"echo x > {home.at('rules', 'x.yml')}",
        f"echo x >> {home.journal}",
        f"cat {home.at('keys')}/*",
    ):
        assert _agent_does(place, tried).returncode != 0, tried
    assert guard.poll() is None
    assert os.path.exists(home.latch)
    day = next(Path(home.audit).glob("*.jsonl"))
    assert _agent_does(place, f"echo x >> {day}").returncode != 0
    guard.terminate()
    guard.wait(20)


def test_another_users_hook_is_spooled_without_a_guard_and_read_by_the_next(place: Path) -> None:
    home = Home(str(place / "home"))
    guard = _guard(place)
    hook = f"{home.python} -I -S {home.hook} claude-code PreToolUse"
    payload = '{"session_id":"s","hook_event_name":"PreToolUse","tool_name":"Bash","tool_input":{"command":"echo %d"}}'
    done = _agent_does(place, f"echo '{payload % 1}' | {hook}")
    assert (done.returncode, done.stderr) == (0, "")
    guard.terminate()
    guard.wait(20)
    assert _agent_does(place, f"echo '{payload % 2}' | {hook}").returncode == 2
    assert len(os.listdir(home.spool)) == 1
    guard = _guard(place)
    until(lambda: os.listdir(home.spool) == [], 40)
    text = "".join(path.read_text() for path in Path(home.audit).glob("*.jsonl"))
    assert "echo 1" in text
    assert "echo 2" in text
    guard.terminate()
    guard.wait(20)
