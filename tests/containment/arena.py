# SPDX-License-Identifier: Apache-2.0
"""A user's evening, in a namespace: terminals, an editor, other agents, and the one agent that is to be stopped.

irkit is asked from outside, by its command line. What the arena knows it knows from the observer: everything that
lives and was not there before the agent started is the agent's, however it looks.
"""

import functools
import json
import os
import pty
import shutil
import signal
import site
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.containment import observer
from tests.containment.observer import Key

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / "tests" / "escapees" / "program.py"
USER = 1000
COMMAND_MAX_S = 60
_PLACE = "/opt" if os.access("/opt", os.W_OK) else "/var/tmp"
"""Where others may look in, and where walls hide nothing, as they hide temporary folders."""
_STARTERS = ("setsid", "nohup", "unshare-", "sh")
NATIVE = "11111111-proof"


class Ran(NamedTuple):
    """A command of irkit that ended, and what the observer saw before and after."""

    code: int
    report: Any
    stderr: str
    before: dict[Key, observer.Seen]
    """The agent's, just before."""
    after: dict[Key, observer.Seen]
    """The agent's, that live."""


def is_root() -> bool:
    """Whether this is root who can become others: in a user namespace of one's own it is not."""
    return os.getuid() == 0 and Path("/proc/self/uid_map").read_text().split()[2] != "1"


def needs_user(uid: int) -> None:
    """Skip where no other user can be acted as."""
    if uid and not is_root():
        pytest.skip("acts as another user: needs root outside a user namespace")
    if uid and not python_for(uid):
        pytest.skip(f"uid {uid} can run no Python of this checkout")


@functools.cache
def python_for(uid: int) -> str:
    """An interpreter that this user can run irkit with: a checkout's own may lie in somebody's home; "" for none."""
    for python in (sys.executable, "/usr/bin/python3"):
        with suppress(OSError):
            words = [python, "-m", "irkit", "guard", "--help"]
            env = {"PATH": os.defpath, "PYTHONPATH": _packages()}
            if not subprocess.run(
                words, cwd="/", env=env, capture_output=True, check=False, **_as(uid)
            ).returncode:
                return python
    return ""


def _packages() -> str:
    return os.pathsep.join([str(ROOT), *site.getsitepackages()])


def _as(uid: int) -> dict[str, Any]:
    return {"user": uid, "group": uid, "extra_groups": []} if uid else {}


class Arena:
    """The machine as irkit finds it. `uid` is the user's: whose agent it is, and who runs irkit."""

    def __init__(self, uid: int) -> None:
        self.uid = uid
        self.folder = Path(tempfile.mkdtemp(prefix="irkit-proof-", dir=_PLACE))
        self.folder.chmod(0o755)
        self.home = self.folder / "irkit"
        self.own = self.folder / "own"
        self.user_home = self.folder / "home"
        for made in (self.home, self.own, self.user_home):
            made.mkdir(mode=0o700)
            os.chown(made, uid, uid)
        self.own.chmod(0o755)
        self.env = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self.user_home),
            "IRKIT_HOME": str(self.home),
            "LANG": "C.UTF-8",
            "TERM": "dumb",
            "PYTHONPATH": _packages(),
        }
        self.python = python_for(uid)
        """What runs irkit."""
        self.tool = python_for(USER) or sys.executable
        """What runs the escapees: some of them become another user."""
        with suppress(KeyError):  # the escapees' own last line of defence
            self.env["IRKIT_TEST_OUTSIDE_NAMESPACE"] = os.environ["IRKIT_TEST_OUTSIDE_NAMESPACE"]
        self.run_as_user([self.python, "-c", "from irkit.home import Home; Home().make()"])
        self.claude = self._copied("own/agent/claude", "/bin/sh")
        self.program = self.own / "program.py"
        """A copy: a checkout below /tmp is not seen inside the walls."""
        self.program.write_bytes(PROGRAM.read_bytes())
        self.program.chmod(0o644)
        self.bystanders: dict[Key, str] = {}
        self._children: list[int] = []
        self._lines: list[int] = []
        self._count = 0

    # --- bystanders ------------------------------------------------------------------
    def open(self) -> None:
        """Everybody else comes first: some older than the agent, the shell is what it is started from."""
        self.shell = self._terminal("user's shell", ["/bin/bash", "--norc", "--noprofile", "-i"])
        self.second = self._terminal("user's other shell", ["/bin/bash", "--norc", "--noprofile", "-i"])
        self.shell_pid = self._children[0]
        self.type(f"sleep 500 & echo $! > {self.own}/job\n")
        job = self.own / "job"
        observer.until(lambda: job.exists() and job.read_text().strip(), "the user's job runs")
        self._note(int(job.read_text()), "user's job")
        self._child("editor", [self._copied("share/code/code", "/bin/sleep"), "500"])
        self._child("old daemon without a name", ["/bin/sleep", "500"], {})
        other = f"CODEX_SESSION_ID=x CODEX_CI=1 /bin/sleep 500 & echo $! > {self.own}/other; wait"
        self._child("another agent", [self._copied("other/codex", "/bin/sh"), "-c", other])
        self._child("another session's child", ["/bin/sleep", "500"], {"CLAUDE_CODE_SESSION_ID": "another"})
        observer.until(lambda: self._written("other"), "the other agent's tool runs")
        self._note(int((self.own / "other").read_text()), "another agent's tool")
        if os.getuid() == 0 and self.uid == 0:
            with suppress(OSError, subprocess.SubprocessError):
                self._child("another user's", ["/bin/sleep", "500"], uid=65534)
        self._tmux()
        self.before = set(observer.table())

    def _tmux(self) -> None:
        if not shutil.which("tmux"):
            return
        socket, pane = str(self.own / "tmux"), self.own / "pane"
        inner = f"echo $$ > {pane}; exec sleep 500"
        self.run_as_user(["tmux", "-S", socket, "-f", "/dev/null", "new-session", "-d", inner])
        observer.until(lambda: self._written("pane"), "a pane runs")
        self._note(int(pane.read_text()), "pane of the user's tmux")
        seen = observer.look(int(pane.read_text()))
        assert seen is not None
        self._note(seen.ppid, "the user's tmux")

    def younger(self) -> None:
        """What the user starts while the agent works, in the agent's folder, from another terminal."""
        with suppress(OSError):
            (self.own / "younger").unlink()
        os.write(self.second, f"cd {self.own}; exec 9>>log; sleep 501 & echo $! > younger\n".encode())
        observer.until(lambda: self._written("younger"), "the user's younger job runs")
        self._note(int((self.own / "younger").read_text()), "user's younger job, in the agent's folder")

    def type(self, text: str) -> None:
        """At the user's terminal."""
        os.write(self.shell, text.encode())

    def _written(self, name: str) -> bool:
        path = self.own / name
        return path.exists() and path.read_text().endswith("\n")

    def _terminal(self, what: str, argv: list[str]) -> int:
        pid, line = pty.fork()
        if pid == 0:
            if self.uid:
                os.setgroups([])
                os.setresgid(self.uid, self.uid, self.uid)
                os.setresuid(self.uid, self.uid, self.uid)
            os.chdir(self.own)
            os.execve(argv[0], argv, self.env)
        self._children.append(pid)
        threading.Thread(target=_drain, args=(line,), daemon=True).start()
        self._note(pid, what)
        return line

    def _child(
        self, what: str, argv: list[str], env: dict[str, str] | None = None, uid: int | None = None
    ) -> None:
        env = {"PATH": self.env["PATH"]} if env is None else env
        started = subprocess.Popen(
            argv, cwd=ROOT, env=env, start_new_session=True, **_as(self.uid if uid is None else uid)
        )
        self._children.append(started.pid)
        self._kept = [*getattr(self, "_kept", []), started]
        self._note(started.pid, what)

    def _note(self, pid: int, what: str) -> None:
        seen = observer.look(pid)
        assert seen is not None, what
        self.bystanders[seen.key] = what

    def harmed(self, watched: observer.Watching | None = None) -> list[str]:
        """Bystanders that are dead, stopped, or were."""
        harmed = []
        for key, what in self.bystanders.items():
            seen = observer.look(key[0])
            if seen is None or seen.start != key[1] or not seen.lives:
                harmed.append(f"{what}: dead")
            elif seen.stopped or (watched and key in watched.stopped):
                harmed.append(f"{what}: stopped")
            elif key[0] in self._children and _ever_stopped(key[0]):
                harmed.append(f"{what}: was stopped and continued")
        return harmed

    # --- the agent ---------------------------------------------------------------------
    def start(
        self, shape: str, *, births: int, moves: bool = False, guarded: bool = False, wrapper: str = ""
    ) -> Key:
        """The user starts the agent at the terminal; it lets a tool call leave that shape. Returns who it is."""
        self._count += 1
        self.ledger = self.own / f"ledger-{self._count}"
        self.ledger.touch()
        self.ledger.chmod(0o666)  # another user writes itself down too
        script = self.own / f"session-{self._count}"
        hooks = (
            "".join(self._hook(event, script) for event in ("SessionStart", "PreToolUse")) if guarded else ""
        )
        tool = f"{self.tool} -I -S {self.program} {shape} {self.ledger} {self.own}"
        marks = f"CLAUDECODE=1 CLAUDE_CODE_SESSION_ID={NATIVE}-{self._count}"
        self.native = self._native()
        script.write_text(
            f"echo $$ > {script}.pid\n{hooks}{marks} setsid {tool} </dev/null >/dev/null 2>&1 &\n"
            f"{marks} sleep {observer.WAIT_S * 2:.0f} &\nwait\n"
        )
        self.since = set(observer.table())
        self.type(f"{wrapper} {self.claude} {script} {self._count}\n")
        pid = Path(f"{script}.pid")
        observer.until(lambda: pid.exists() and pid.read_text().endswith("\n"), "the agent runs")
        observer.until(lambda: len(self.births()) >= births, f"{births} births of {shape}")
        if not moves:
            self._settled()
        return next(
            (seen.key for seen in self.strangers().values() if seen.pid == int(pid.read_text())), (0, 0)
        )

    def _settled(self) -> None:
        """Wait until those that only start others have ended: what is in neither of two looks was on its way out."""
        looks: list[set[Key]] = []

        def same() -> bool:
            there = self.strangers()
            looks.append(set(there))
            time.sleep(0.03)
            quiet = not any(s.comm in _STARTERS or "R" in s.states for s in there.values())
            return bool(there) and quiet and looks[-4:].count(looks[-1]) == 4

        observer.until(same, "only what stays is there")

    def guard(self) -> None:
        """Start the guard, as the user does."""
        self._child("the guard", [self.python, "-m", "irkit", "guard"], self.env)
        sockets = (self.home / "gate" / "hook.sock", self.home / "guard.sock")
        observer.until(lambda: all(path.exists() for path in sockets), "the guard listens")

    def _hook(self, event: str, script: Path) -> str:
        """A line of the agent's: this event through the real hook."""
        payload = script.with_suffix(f".{event}")
        call = {"tool_name": "Bash", "tool_input": {"command": "true"}, "tool_use_id": "toolu_1"}
        facts = {
            "session_id": self._native(),
            "transcript_path": f"{script}.jsonl",
            "cwd": str(self.own),
            "hook_event_name": event,
            "source": "startup",
            "permission_mode": "bypassPermissions",
        }
        payload.write_text(json.dumps(facts | call if event == "PreToolUse" else facts))
        gate = self.home / "gate"
        return f"{gate}/python -I -S {gate}/hook.py claude-code {event} < {payload}\n"

    def _native(self) -> str:
        return f"{NATIVE}-{self._count}"

    def births(self) -> list[Key]:
        """Who wrote themselves down, by the numbers that they see."""
        text = self.ledger.read_text() if self.ledger.exists() else ""
        return [(int(pid), int(start)) for pid, start in (line.split() for line in text.splitlines())]

    def strangers(self) -> dict[Key, observer.Seen]:
        """What lives and is neither the arena's nor a bystander."""
        known = self.since | set(self.bystanders)
        mine = os.getpid()
        return {
            key: seen
            for key, seen in observer.table().items()
            if key not in known and seen.pid != mine and not (seen.ppid == mine and seen.comm == "python")
        }

    # --- irkit ---------------------------------------------------------------------------
    def run_as_user(self, argv: list[str]) -> "subprocess.CompletedProcess[str]":
        """Run a command as the user, to its end."""
        return subprocess.run(
            argv,
            cwd=ROOT,
            env=self.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_MAX_S,
            check=False,
            start_new_session=True,
            **_as(self.uid),
        )

    def wrappers(self) -> set[Key]:
        """What the user typed at the terminal: outside the walls, `irkit run` itself."""
        return {key for key, seen in self.strangers().items() if seen.ppid == self.shell_pid}

    def kill(self, *whom: str) -> Ran:
        """`irkit kill WHOM --yes --json`."""
        before = self.strangers()
        done = self.run_as_user([self.python, "-m", "irkit", "kill", *whom, "--yes", "--json"])
        after = self.strangers()
        report = json.loads(done.stdout) if done.stdout.startswith("{") else {}
        return Ran(done.returncode, report, done.stderr, before, after)

    def session(self) -> str:
        """The native id of the one session that runs, as irkit lists it."""
        done = self.run_as_user([self.python, "-m", "irkit", "sessions", "--json"])
        running = [one for one in json.loads(done.stdout)["sessions"] if one["state"] == "running"]
        assert len(running) == 1, done.stdout
        return str(running[0]["native"])

    def sweep(self) -> None:
        """End what a shape left: only what was born since this agent started, each by its start time."""
        quiet = 0  # who is a new process every 2 ms may be between two looks

        def cleared() -> bool:
            nonlocal quiet
            left = self.strangers()
            quiet = 0 if left else quiet + 1
            for number in (signal.SIGSTOP, signal.SIGKILL):
                for key in left:
                    _signal(key, number)
            return quiet >= 40

        observer.until(cleared, "the arena is clear")
        with suppress(OSError):
            os.rmdir(f"/sys/fs/cgroup/pids/{self.own.name}")

    def close(self) -> None:
        """End the bystanders that were started here, the guard among them, then take the folders away."""
        for pid in self._children:
            seen = observer.look(pid)
            if seen is not None and seen.ppid == os.getpid():
                _signal(seen.key, signal.SIGKILL)
        observer.until(self._removed, "the folders are gone")

    def _removed(self) -> bool:
        shutil.rmtree(self.folder, ignore_errors=True)
        return not self.folder.exists()

    def _copied(self, path: str, of: str) -> str:
        whole = self.folder / path
        whole.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(os.path.realpath(of), whole)
        return str(whole)


@contextmanager
def arena(uid: int) -> Iterator[Arena]:
    """An open arena."""
    needs_user(uid)
    made = Arena(uid)
    try:
        made.open()
        yield made
    finally:
        made.close()


def _drain(line: int) -> None:
    with suppress(OSError):
        while os.read(line, 4096):
            pass


def _ever_stopped(pid: int) -> bool:
    """Whether the kernel has a stop or a continue of this child to tell: nothing short of both is missed."""
    options = os.WSTOPPED | os.WCONTINUED | os.WNOHANG | os.WNOWAIT
    with suppress(ChildProcessError):
        return os.waitid(os.P_PID, pid, options) is not None
    return False


def _signal(key: Key, number: int) -> None:
    try:
        handle = os.pidfd_open(key[0])
    except OSError:
        return
    try:
        seen = observer.look(key[0])
        if seen is not None and seen.key == key:
            signal.pidfd_send_signal(handle, number)
    except OSError:
        return
    finally:
        os.close(handle)
