# SPDX-License-Identifier: Apache-2.0
"""What hides is unaccounted for, what cannot be told is not ruled out, and what is accounted for is not noise."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from irkit.respond import procfs, stop
from irkit.respond.killreport import report_of
from tests.respond.trees import agent, until

_DETACHED = """
import os, sys
def detached(act):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            act()
        os._exit(0)
    os.wait()
"""


def spawn(act: str, **env: str) -> None:
    """A process that loses its parent at once, and then does `act`."""
    subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"{_DETACHED}\ndetached(lambda: {act})"], env=env, check=True
    )


def comm(name: str) -> int:
    """The pid of the one process of that name."""
    found = [p.pid for p in procfs.snapshot().values() if p.comm == name and not p.dead]
    return found[0] if len(found) == 1 else 0


@pytest.mark.namespace
def test_an_orphan_with_an_empty_environment_is_unaccounted_and_an_ordinary_one_is_not_ruled_out(
    tmp_path: Path,
) -> None:
    tree = agent("none", tmp_path, count=1)
    os.symlink("/bin/sleep", tmp_path / "wiped")
    os.symlink("/bin/sleep", tmp_path / "plain")
    os.symlink("/bin/sleep", tmp_path / "mine")
    spawn(f"os.execve('{tmp_path}/wiped', ['wiped', '600'], {{}})")
    spawn(f"os.execve('{tmp_path}/plain', ['plain', '600'], {{'A': 'b'}})")
    mine = subprocess.Popen([tmp_path / "mine", "600"], env={})
    until(lambda: comm("wiped") and comm("plain") and comm("mine"), "all three run")
    scene = tree.scene()
    report = report_of(scene, stop.kill(scene))
    assert [row.pid for row in report.unaccounted] == [comm("wiped")]
    assert "environment is empty" in report.unaccounted[0].why
    assert comm("plain") in [row.pid for row in report.not_ruled_out]
    assert mine.pid not in [row.pid for row in (*report.unaccounted, *report.not_ruled_out)], (
        "its parent is known"
    )
    assert report.verdict == 11
    assert {procfs.alive(comm(name), procfs.start_of(comm(name))) for name in ("wiped", "plain", "mine")} == {
        True
    }


_AS_NOBODY = """
import os, sys, time, ctypes
from irkit.respond import procfs, stop
from irkit.respond.finder import Target
from irkit.respond.killreport import report_of
from irkit.respond.scene import Scene
def child(act):
    if os.fork() == 0:
        act()
        os._exit(0)
def hide():
    os.close(1)
    os.close(2)
    ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)
    open(sys.argv[1], "w").write(str(os.getpid()))
    time.sleep(600)
os.chmod(os.path.dirname(sys.argv[1]), 0o777)
os.setresuid(65534, 65534, 65534)
ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)
root = os.fork()
if root == 0:
    time.sleep(600)
def between():
    os.setsid()
    child(hide)
child(between)
os.wait()
while not os.path.exists(sys.argv[1]) or not open(sys.argv[1]).read():
    time.sleep(0.005)
scene = Scene([Target("codex:a", "codex", "a", roots=[procfs.look(root).key])])
report = report_of(scene, stop.kill(scene))
print([row.pid for row in report.unaccounted], report.unaccounted[0].why, report.verdict)
"""


@pytest.mark.namespace
def test_an_orphan_that_made_itself_unreadable_is_unaccounted(tmp_path: Path) -> None:
    if os.getuid() or Path("/proc/self/uid_map").read_text().split()[2] == "1":
        pytest.skip("needs a plain user beside root: root outside a user namespace")
    folder = Path("/tmp") / f"irkit-hidden-{os.getpid()}-{os.path.basename(tmp_path)}"
    folder.mkdir()
    try:
        hidden = folder / "pid"
        done = subprocess.run(
            [sys.executable, "-c", _AS_NOBODY, str(hidden)],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert (
            done.stdout.strip()
            == f"[{hidden.read_text()}] no known parent; no mark; hides its environment 11"
        )
    finally:
        for name in folder.iterdir():
            name.unlink()
        folder.rmdir()


@pytest.mark.namespace
def test_a_terminals_shell_that_inherited_the_mark_is_named_and_left_alone(tmp_path: Path) -> None:
    tree = agent("none", tmp_path, count=1)
    pid, master = pty.fork()
    if pid == 0:
        os.execve("/bin/sh", ["sh"], {"CLAUDE_CODE_SESSION_ID": "s-1", "PATH": "/bin"})
    until(lambda: procfs.snapshot()[pid].comm == "sh", "the shell runs")
    scene = tree.scene()
    report = report_of(scene, stop.kill(scene))
    assert procfs.alive(pid, procfs.start_of(pid))
    assert [(row.pid, row.why) for row in report.not_ruled_out] == [
        (pid, "carries the session's mark, which does not count here")
    ]
    assert report.verdict == 10
    os.close(master)
