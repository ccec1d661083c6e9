# SPDX-License-Identifier: Apache-2.0
"""Real processes of the shapes that agents leave behind, for bodies that run in a namespace of their own."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from irkit.respond import procfs
from irkit.respond.census import Key
from irkit.respond.finder import Target
from irkit.respond.scene import Scene

WAIT_S = 40.0

_PROGRAM = r"""
import os, signal, sys, time
log = os.open(sys.argv[2], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
def child(act):
    pid = os.fork()
    if pid == 0:
        act()
        os._exit(0)
    return pid
def idle():
    os.write(log, b"%d\n" % os.getpid())
    while True:
        time.sleep(60)
def detached(act):
    def between():
        os.setsid()
        child(act)
    os.waitpid(child(between), 0)
def ignoring():
    for name in ("SIGTERM", "SIGINT", "SIGHUP"):
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    idle()
def own_session():
    os.setsid()
    idle()
def own_group():
    os.setpgid(0, 0)
    idle()
def scrubbed():
    os.write(log, b"%d\n" % os.getpid())
    os.execve("/bin/sleep", ["sleep", "600"], {})
def marked():
    os.write(log, b"%d\n" % os.getpid())
    os.execve("/bin/sleep", ["sleep", "600"], dict(os.environ))
def stopper():
    os.write(log, b"%d\n" % os.getpid())
    while True:
        os.kill(os.getpid(), signal.SIGSTOP)
def zombie_leader():
    import _thread, ctypes
    os.write(log, b"%d\n" % os.getpid())
    _thread.start_new_thread(time.sleep, (600,))
    time.sleep(0.05)
    ctypes.CDLL(None).syscall({"x86_64": 60, "aarch64": 93}[os.uname().machine], 0)
def grandchildren():
    child(idle)
    child(own_session)
    idle()
def breed(left=150):
    for _ in range(left):
        child(idle)
        time.sleep(0.001)
def comet(left=400):
    for _ in range(left):
        if os.fork():
            os._exit(0)
        time.sleep(0.001)
    idle()
shapes = {
    "plain": lambda: [child(idle) for _ in range(3)],
    "deep": lambda: child(grandchildren),
    "setsid": lambda: child(own_session),
    "group": lambda: child(own_group),
    "ignoring": lambda: child(ignoring),
    "stopper": lambda: child(stopper),
    "zombie_leader": lambda: child(zombie_leader),
    "hundred": lambda: [child(own_session if n % 10 == 0 else idle) for n in range(99)],
    "detached": lambda: detached(marked),
    "scrubbed": lambda: detached(scrubbed),
    "breeder": lambda: child(breed),
    "comet": lambda: child(comet),
    "none": lambda: None,
}
signal.signal(signal.SIGCHLD, signal.SIG_IGN if sys.argv[1] == "hundred" else signal.SIG_DFL)
for name in sys.argv[1].split("+"):
    shapes[name]()
idle()
"""


class Agent:
    """A process that plays an agent, and what it started."""

    def __init__(self, process: "subprocess.Popen[bytes]", log: Path) -> None:
        self.process = process
        self._log = log
        started = procfs.look(process.pid)
        assert started is not None
        self.key: Key = started.key

    def wait_for(self, count: int) -> list[int]:
        """The pids that reported, once there are so many (the agent itself is the last)."""
        until(lambda: len(self.reported()) >= count, f"{count} processes in {self._log}")
        return self.reported()

    def reported(self) -> list[int]:
        """The pids that reported so far."""
        return [int(line) for line in self._log.read_text().split()] if self._log.exists() else []

    def target(self, native: str = "s-1", known: set[Key] | None = None) -> Target:
        """This agent as a target."""
        return Target(f"claude-code:{native}", "claude-code", native, roots=[self.key], known=known)

    def scene(self, native: str = "s-1") -> Scene:
        """A scene of this agent alone."""
        return Scene([self.target(native)])


def agent(shape: str, folder: Path, *, count: int, session: str = "s-1", **env: str) -> Agent:
    """Start an agent of that shape in a session of its own, as a tool's terminal would, and wait for its tree."""
    log = folder / f"pids-{time.monotonic_ns()}"
    variables = {"CLAUDECODE": "1", "CLAUDE_CODE_SESSION_ID": session, "PATH": os.environ["PATH"], **env}
    command = [sys.executable, "-I", "-S", "-c", _PROGRAM, shape, str(log)]
    process = subprocess.Popen(command, env=variables, stdin=subprocess.DEVNULL, start_new_session=True)
    started = Agent(process, log)
    started.wait_for(count)
    return started


def bystander(**env: str) -> "subprocess.Popen[bytes]":
    """A process that is nobody's: started by the test itself, in a session of its own."""
    return subprocess.Popen(["/bin/sleep", "600"], env=env, start_new_session=True)


def claude(folder: Path, script: str, user: int | None = None) -> "subprocess.Popen[bytes]":
    """A shell whose executable is called as Claude Code's is, running `script`; as another user where that can be."""
    path = Path(tempfile.mkdtemp(dir="/tmp" if user else folder)) / "claude"
    path.parent.chmod(0o755)
    shutil.copy(os.path.realpath("/bin/sh"), path)
    try:
        return subprocess.Popen(
            [str(path), "-c", script],
            env={"PATH": os.environ["PATH"]},
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            user=user,
        )
    except OSError as error:  # EPERM, or EINVAL in a user namespace
        pytest.skip(f"cannot act as another user here: {error}")
    finally:
        if user:
            shutil.rmtree(path.parent)  # it runs on without its file


def state(pid: int) -> str:
    """The process's state letter, "" when it is gone."""
    proc = procfs.look(pid)
    return proc.state if proc else ""


def until(holds: Callable[[], object], what: str) -> None:
    """Wait for another process to get somewhere; the bound is generous and never reached by a sound run."""
    deadline = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < deadline, f"never happened: {what}"
        time.sleep(0.002)
