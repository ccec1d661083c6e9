# SPDX-License-Identifier: Apache-2.0
"""What shells, terminals and the kernel do to a frozen session, and that it is found and undone (threat T4)."""

import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from irkit.respond import procfs, stillness, stop
from irkit.respond.census import Key
from irkit.respond.finder import Target
from irkit.respond.scene import Scene
from tests.respond.trees import agent, state, until

pytestmark = pytest.mark.namespace

SHELLS = {"bash": ["--norc", "-i"], "zsh": ["-f", "-i"], "fish": ["--no-config", "-i"]}

_JOB = """
import os, signal, sys, time
for name in ("SIGHUP", "SIGCONT", "SIGTERM"):
    signal.signal(getattr(signal, name), lambda *_: None)
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
child = os.fork()
if child:
    with open(sys.argv[1] + ".new", "w") as told:
        told.write("%d %d" % (os.getpid(), child))
    os.rename(sys.argv[1] + ".new", sys.argv[1])
while True:
    time.sleep(60)
"""


class Terminal:
    """An interactive shell on a terminal of its own, with a job that plays an agent and traps HUP and CONT."""

    def __init__(self, shell: str, folder: Path) -> None:
        self.told = folder / "told"
        (folder / "job.py").write_text(_JOB)
        self.shell, self._master = pty.fork()
        if self.shell == 0:
            path = shutil.which(shell) or shell
            os.environ["TERM"] = "dumb"
            os.execv(path, [shell, *SHELLS[shell]])
        self._closing = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.type(f"{sys.executable} -I -S {folder}/job.py {self.told}")
        until(self.told.exists, f"the job of {shell} runs")
        agent_pid = int(self.told.read_text().split()[0])
        self.key: Key = procfs.snapshot()[agent_pid].key

    def type(self, line: str) -> None:
        """Type a line."""
        os.write(self._master, line.encode() + b"\r")

    def close(self) -> None:
        """Close the window."""
        self._closing.set()
        self._reader.join()
        os.close(self._master)

    def _read(self) -> None:
        while not self._closing.is_set():
            if select.select([self._master], [], [], 0.02)[0]:
                try:
                    os.read(self._master, 65536)
                except OSError:
                    return


def _leave(terminal: Terminal) -> None:
    """Type exit until the shell is gone: it warns of stopped jobs first."""

    def gone() -> bool:
        if state(terminal.shell) in ("", "Z"):
            return True
        terminal.type("exit")
        return False

    for _ in range(3):
        if gone():
            return
        until(lambda: state(terminal.shell) in ("", "Z", "S"), "the shell has read it")


ACTIONS: tuple[tuple[str, Callable[[Terminal], None]], ...] = (
    ("fg", lambda terminal: terminal.type("fg")),
    ("bg", lambda terminal: terminal.type("bg")),
    ("exit", _leave),
    ("window closed", lambda terminal: terminal.close()),
    ("HUP and CONT", lambda terminal: _hup_and_cont(terminal.key[0])),
)


def _has_two(scene: Scene) -> bool:
    return len(scene.walk()) == 2


def _hup_and_cont(pid: int) -> None:
    os.kill(pid, signal.SIGHUP)
    os.kill(pid, signal.SIGCONT)


def _held_through(scene: Scene, act: Callable[[], None], what: str) -> None:
    """Freeze, act, and see that it is continued, stopped again for good, and dies."""
    frozen = stop.freeze(scene)
    assert frozen.complete, what
    stopped = tuple(frozen.stopped)
    assert len(stopped) == 2, what
    assert stillness.running_again(stopped) == []
    act()
    until(lambda: stillness.running_again(stopped), f"{what}: it is continued")
    assert stillness.how(stopped[0])
    again = stop.freeze(scene)
    assert again.complete, what

    def steady() -> bool:
        if stillness.running_again(stopped):
            assert stop.freeze(scene).complete, what
            return False
        return True

    until(steady, f"{what}: it stays stopped")
    killed = stop.kill(scene)
    assert not killed.survivors, what
    assert not [key for key in stopped if procfs.alive(*key)], what


@pytest.mark.parametrize("shell", SHELLS)
def test_what_a_shell_or_its_window_continues_is_found_and_stopped_again(shell: str, tmp_path: Path) -> None:
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    for number, (what, act) in enumerate(ACTIONS):
        folder = tmp_path / str(number)
        folder.mkdir()
        terminal = Terminal(shell, folder)
        scene = Scene([Target("claude-code:s", "claude-code", "s", roots=[terminal.key])])
        until(partial(_has_two, scene), f"{shell}: the job and its child")
        _held_through(scene, partial(act, terminal), f"{shell}, {what}")
        with_shell = procfs.look(terminal.shell)
        if what in ("fg", "bg", "HUP and CONT"):
            assert with_shell is not None, "the user's shell lives"
            assert not with_shell.dead


def _tmux_window(tmp_path: Path, short: Path, *, by_hand: bool) -> tuple[list[str], Key]:
    """An agent in a tmux window: typed to the shell there, or as the window's own command."""
    tmux, bash = shutil.which("tmux"), shutil.which("bash")
    if not tmux or not bash:
        pytest.skip("tmux and bash are not both installed")
    (tmp_path / "job.py").write_text(_JOB)
    told = tmp_path / "told"
    asked = [tmux, "-S", str(short / "s"), "-f", "/dev/null"]
    job = f"{sys.executable} -I -S {tmp_path}/job.py {told}"
    first = f"{bash} --norc -i" if by_hand else f"exec {job}"
    subprocess.run([*asked, "new-session", "-d", "-x", "80", "-y", "24", first], check=True, timeout=20)
    if by_hand:
        subprocess.run([*asked, "send-keys", job, "Enter"], check=True, timeout=20)
    until(told.exists, "the job runs in tmux")
    return asked, procfs.snapshot()[int(told.read_text().split()[0])].key


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder whose path fits into a socket's address."""
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def test_a_tmux_window_that_is_closed_frees_nothing(tmp_path: Path, short: Path) -> None:
    asked, key = _tmux_window(tmp_path, short, by_hand=True)
    scene = Scene([Target("claude-code:s", "claude-code", "s", roots=[key])])
    until(partial(_has_two, scene), "the job and its child")
    _held_through(scene, lambda: _run([*asked, "kill-session"]), "tmux, window closed")


def test_what_tmux_itself_continues_is_not_quietly_called_frozen_and_dies(
    tmp_path: Path, short: Path
) -> None:
    """A tmux server sends SIGCONT to a window's own process whenever that is stopped: signals cannot hold it."""
    _, key = _tmux_window(tmp_path, short, by_hand=False)
    scene = Scene([Target("claude-code:s", "claude-code", "s", roots=[key])])
    until(partial(_has_two, scene), "the job and its child")
    frozen = stop.freeze(scene, within=0.5)
    if frozen.complete:
        until(lambda: stillness.running_again(tuple(frozen.stopped)), "tmux continues it, and that is found")
    killed = stop.kill(scene)
    assert not killed.survivors
    assert not procfs.alive(*key)


def _run(argv: list[str]) -> None:
    subprocess.run(argv, check=False, capture_output=True, timeout=20)


def test_what_ended_or_is_another_process_by_now_is_not_running_again(tmp_path: Path) -> None:
    tree = agent("plain", tmp_path, count=4)
    pid, start = tree.key
    assert stillness.running_again(((pid, start),)) == [(pid, start)]
    assert stillness.running_again(((pid, start + 1),)) == []
    assert stillness.how((pid, start + 1)) == "it ended meanwhile"
    stop.kill(tree.scene())
    assert stillness.running_again(((pid, start),)) == []
