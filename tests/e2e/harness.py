# SPDX-License-Identifier: Apache-2.0
"""One run of a real agent under irkit: throw-away homes, a namespace, a scripted model, and eyes outside.

Rules: nothing of the real home is read or written; every program starts with an environment made here; all of
them live in a PID namespace that the stage closes. The stage asks irkit only what a user can ask: its commands.
"""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from tests.e2e.agents import BINARIES, AgentCli
from tests.e2e.namespace import Namespace, Process, children
from tests.sim import scripts
from tests.sim.model_server import ModelServer

COMMAND_MAX_S = 60.0
AGENT_MAX_S = 150.0
GUARD_READY_MAX_S = 10.0
LOOK_EVERY_S = 0.02
STOPPED = ("T", "t")
RECORDER = Path(__file__).with_name("recording_hook.py")

Json = dict[str, Any]


class Ran(NamedTuple):
    """A command that ended."""

    exit: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        """Its stdout as one JSON document."""
        return json.loads(self.stdout)

    @property
    def lines(self) -> list[Json]:
        """Its stdout as one JSON object a line."""
        return [json.loads(line) for line in self.stdout.splitlines() if line.strip()]


class Started:
    """A program that runs inside; its output goes to files, so that a stopped reader blocks nobody."""

    def __init__(self, process: "subprocess.Popen[bytes]", stdout: Path, stderr: Path) -> None:
        self.process = process
        self._stdout = stdout
        self._stderr = stderr

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self.process.poll() is None

    @property
    def pid(self) -> int:
        """The program itself, by its number outside; its parent is what entered the namespace for it."""
        return children(self.process.pid)[0]

    def ended(self, within_s: float) -> Ran:
        """Wait for its end. Raises TimeoutExpired."""
        code = self.process.wait(within_s)
        return Ran(code, self._stdout.read_text(errors="replace"), self._stderr.read_text(errors="replace"))


class Stage:
    """Everything that one run needs, open while its `with` block runs."""

    def __init__(self, folder: Path, agent: AgentCli, script: scripts.Maker) -> None:
        self.agent = agent
        self.home = folder / "home"
        self.irkit_home = folder / "irkit home"  # with a space: quoting is part of what is tested
        self.work = folder / "work"
        self.ledger_folder = self.work / "ledger"
        self.logs = folder / "logs"
        self.recorded_file = folder / "recorded.jsonl"
        for made in (self.home, self.work, self.ledger_folder, self.logs):
            made.mkdir()
        self.server = ModelServer(script(self.ledger_folder))
        self.namespace = Namespace(folder / "tmp", keep=[folder, BINARIES])
        self._open = ExitStack()
        self._count = 0

    def __enter__(self) -> Self:
        self._open.enter_context(self.server)
        self._open.enter_context(self.namespace)
        self.agent.prepare(self.home, self.server.url)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    # --- programs ------------------------------------------------------------------
    def start(self, argv: list[str], **env: str) -> Started:
        """Start a program in the namespace, in the work folder."""
        self._count += 1
        name = f"{self._count:02d}-{Path(argv[0]).name}"
        stdout, stderr = self.logs / f"{name}.out", self.logs / f"{name}.err"
        with stdout.open("wb") as out, stderr.open("wb") as err:
            process = self.namespace.start(argv, {**self._environment(), **env}, self.work, out, err)
        return Started(process, stdout, stderr)

    def irkit(self, *arguments: str, within_s: float = COMMAND_MAX_S) -> Ran:
        """Run one irkit command to its end."""
        return self.start([sys.executable, "-m", "irkit", *arguments]).ended(within_s)

    def start_guard(self) -> Started:
        """Start the guard and wait until it answers."""
        guard = self.start([sys.executable, "-m", "irkit", "guard"])
        socket = self.irkit_home / "guard.sock"
        if not wait_for(lambda: socket.exists() or not guard.running, GUARD_READY_MAX_S) or not guard.running:
            guard.process.kill()
            raise AssertionError(f"the guard did not start: {guard.ended(5)}")
        return guard

    def install_hooks(self) -> Json:
        """`irkit init`, as a script would run it."""
        ran = self.irkit("init", "--non-interactive", "--json")
        assert ran.exit == 0, ran
        return dict(ran.json)

    def record_hooks(self, hold_s: float | None = None) -> None:
        """Install a hook that only records: for proving the harness, and as the control without irkit."""
        hold = [] if hold_s is None else ["--hold", str(hold_s)]
        argv = [sys.executable, "-I", "-S", str(RECORDER), str(self.recorded_file), *hold]
        self.agent.record(self.home, shlex.join(argv))

    def start_agent(self) -> Started:
        """Start the agent on its script."""
        return self.start([self.agent.program(), *self.agent.argv], **self.agent.env(self.server.url))

    def run_agent(self, within_s: float = AGENT_MAX_S) -> Ran:
        """Run the agent to its end."""
        return self.start_agent().ended(within_s)

    def signal(self, started: Started, signum: int) -> None:
        """Signal a program that was started here."""
        (process,) = [one for one in self.namespace.processes() if one.pid == started.pid]
        self.namespace.signal(process, signum)

    def thaw(self) -> None:
        """Continue all that is stopped, as a shell's `fg` or a closing terminal would: irkit is not asked."""
        for process in self.namespace.processes():
            if process.state in STOPPED:
                self.namespace.signal(process, signal.SIGCONT)

    # --- what can be seen ------------------------------------------------------------
    def ledger(self) -> dict[int, str]:
        """Which calls ran: number of the call -> what it wrote."""
        return {int(path.name): path.read_text() for path in self.ledger_folder.iterdir()}

    def recorded(self, event: str = "") -> list[Json]:
        """What the recording hook was given."""
        if not self.recorded_file.exists():
            return []
        lines = [json.loads(line) for line in self.recorded_file.read_text().splitlines()]
        return [line for line in lines if event in {"", line["event"]}]

    def log(self, event: str = "") -> list[Json]:
        """The audit log's records of this agent, in order."""
        ran = self.irkit("log", "show", "--json")
        assert ran.exit == 0, ran
        return [
            line for line in ran.lines if line["agent"] == self.agent.name and event in {"", line["event"]}
        ]

    def session(self) -> Json:
        """The one session of this agent that irkit knows."""
        ran = self.irkit("sessions", "--json")
        assert ran.exit == 0, ran
        value = ran.json
        rows = value["sessions"] if isinstance(value, dict) else value
        (row,) = [row for row in rows if row["agent"] == self.agent.name]
        return dict(row)

    def marked(self, session: str) -> list[Process]:
        """Live processes whose environment carries the session's id, the agent included."""
        return [
            p
            for p in self.alive()
            if self.is_agent(p) or p.environ.get(self.agent.session_variable) == session
        ]

    def sleeping(self, seconds: int) -> list[Process]:
        """Live processes that are `sleep SECONDS`."""
        return [p for p in self.alive() if p.argv[-2:] == ("sleep", str(seconds)) or _sleeps(p, seconds)]

    def alive(self) -> list[Process]:
        """Live processes in the namespace; what only waits to be reaped is dead."""
        return [process for process in self.namespace.processes() if process.state not in {"Z", "X"}]

    def is_agent(self, process: Process) -> bool:
        """Whether this is the agent itself or its wrapper."""
        return any(self.agent.program() in word for word in process.argv) or process.comm == self.agent.comm

    def agents_stopped(self) -> bool:
        """Whether the agent is there and all of it is stopped."""
        found = [process for process in self.alive() if self.is_agent(process)]
        return bool(found) and all(process.state in STOPPED for process in found)

    def _environment(self) -> dict[str, str]:
        node = os.environ.get("PATH", os.defpath)
        return {
            "HOME": str(self.home),
            "IRKIT_HOME": str(self.irkit_home),
            "PATH": f"{BINARIES}/node_modules/.bin:{node}",
            "LANG": "C.UTF-8",
            "TERM": "dumb",
            "NO_COLOR": "1",
            "NO_PROXY": "127.0.0.1",
            "DO_NOT_TRACK": "1",
            "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
        }


def wait_for(reached: Callable[[], bool], within_s: float) -> bool:
    """Look again and again; False when the time is over."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if reached():
            return True
        time.sleep(LOOK_EVERY_S)
    return reached()


def _sleeps(process: Process, seconds: int) -> bool:
    return len(process.argv) == 2 and process.argv[0].endswith("sleep") and process.argv[1] == str(seconds)
