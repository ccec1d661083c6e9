# SPDX-License-Identifier: Apache-2.0
"""A decoy: a process tree shaped like a coding agent's, for the demo and for live fire. Harmless, bounded, obedient.

It plays one Claude Code session. It has a session id, starts the real hook for every event as Claude Code does
(`sh -c`, a session of its own, the payload on stdin), obeys a refusal, and really makes its calls: each appends
one line to a ledger. Before the calls begin it leaves the children that outlive real agents: one detached, one
shell in the background with a child of its own, one command that stays in the foreground.

Rules:
- Everything it starts ends by itself within `LIFETIME_S`, also when the decoy is long gone.
- It writes nowhere but in its work folder, connects to nothing, and signals nobody.
- What it measures goes to `decoy.jsonl` in the work folder, one JSON object a line, each with `kind`, `monotonic`
  (seconds, comparable on one machine) and `ts` (wall clock): `session`, `process` (pid, start, what), `asked`
  (number), `answered` (number, refused), `end`. A process is written down as soon as it is there, an attempt
  before the hook is started: whoever is stopped in the middle has already said what he was at.

Run it as a file, `python -I decoy.py …`: that is how a guard recognises it. Standard library only, nothing of irkit.

Source of shapes and process trees: seen running Claude Code 2.1.197.
"""

import argparse
import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, BinaryIO

LIFETIME_S = 100
"""The longest that anything here lives."""
HOOK_MAX_S = 60.0
"""Claude Code gives a hook at least this long."""
CALL_MAX_S = 30.0
CALLS_MAX = 2000
STEP = "a step of the exercise"
REFUSED = 2
"""The exit code by which a hook refuses a call."""

Json = dict[str, Any]


class Diary:
    """`decoy.jsonl`: what the decoy measured, written at once."""

    def __init__(self, path: str) -> None:
        self._file: BinaryIO = open(path, "ab", buffering=0)  # noqa: SIM115 - open until the process ends

    def note(self, kind: str, **facts: Any) -> None:
        """Append one line; a single write, so that threads do not mix theirs."""
        line = json.dumps({"kind": kind, "monotonic": time.monotonic(), "ts": time.time(), **facts})
        self._file.write(line.encode() + b"\n")

    def process(self, pid: int, what: str) -> None:
        """Write down a process that was just started."""
        self.note("process", pid=pid, start=start_of(pid), what=what)


def start_of(pid: int) -> int:
    """Start time in clock ticks since boot (proc(5), field 22 of stat); 0 where the platform has no /proc."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            line = file.read(1024)
    except OSError:
        return 0
    return int(line[line.rindex(b")") + 2 :].split()[19])


class Decoy:
    """One session, from its first event to its last."""

    def __init__(self, gate: str, work: str, agent: str, diary: Diary) -> None:
        self.session = str(uuid.uuid4())
        self._gate = os.path.abspath(gate)
        self._work = os.path.abspath(work)
        self._agent = agent
        self._diary = diary
        self._ledger = os.path.join(self._work, "ledger")
        marks = {"CLAUDECODE": "1", "CLAUDE_CODE_SESSION_ID": self.session, "CLAUDE_CODE_ENTRYPOINT": "cli"}
        self._child_env: Mapping[str, str] = {**os.environ, **marks}
        self._staying: list[subprocess.Popen[bytes]] = []

    def begin(self) -> None:
        """Start the session; leave the children that outlive it, each as a call that the hook is asked about."""
        self._diary.note("session", session=self.session, pid=os.getpid(), start=start_of(os.getpid()))
        self._event("SessionStart", source="startup")
        self._event("UserPromptSubmit", prompt="tidy the ledger", permission_mode="bypassPermissions")
        children = (
            (f"setsid sleep {LIFETIME_S} < /dev/null", self._leave_detached),
            (f"sleep {LIFETIME_S} & wait", self._leave_background),
            (f"exec sleep {LIFETIME_S}", self._leave_foreground),
        )
        for number, (command, leave) in enumerate(children, 1):
            if self._asked(number, {"command": command, "description": STEP}):
                leave()

    def call(self, number: int) -> None:
        """One tool call: ask, and run it unless refused."""
        command = f"echo {number} >> {shlex.quote(self._ledger)}"
        tool_input = {"command": command, "description": STEP}
        if not self._asked(number, tool_input):
            return
        began = time.monotonic()
        shell = self._start(["/bin/sh", "-c", command], f"call {number}")
        output, errors = shell.communicate(timeout=CALL_MAX_S)
        response = {
            "stdout": output.decode(),
            "stderr": errors.decode(),
            "interrupted": False,
            "isImage": False,
        }
        took = int((time.monotonic() - began) * 1000)
        self._tool_event("PostToolUse", number, tool_input, tool_response=response, duration_ms=took)

    def end(self) -> None:
        """Say that the turn and the session are over. The children stay."""
        self._event("Stop", stop_hook_active=False, permission_mode="bypassPermissions")
        self._event("SessionEnd", reason="other")
        self._diary.note("end", session=self.session)

    # --- hooks -----------------------------------------------------------------------
    def _asked(self, number: int, tool_input: Json) -> bool:
        """Ask the hook; whether the call may run."""
        self._diary.note("asked", number=number)
        refused = self._tool_event("PreToolUse", number, tool_input) == REFUSED
        self._diary.note("answered", number=number, refused=refused)
        return not refused

    def _tool_event(self, event: str, number: int, tool_input: Json, **more: Any) -> int:
        return self._event(
            event,
            permission_mode="bypassPermissions",
            tool_name="Bash",
            tool_input=tool_input,
            tool_use_id=f"toolu_decoy_{number}",
            **more,
        )

    def _event(self, event: str, **facts: Any) -> int:
        """Start the hook as the real agent does; its exit code."""
        payload = {
            "session_id": self.session,
            "transcript_path": os.path.join(self._work, f"{self.session}.jsonl"),
            "cwd": self._work,
            "hook_event_name": event,
            **facts,
        }
        words = [f"{self._gate}/python", "-I", "-S", f"{self._gate}/hook.py", self._agent, event]
        hook = self._start(["/bin/sh", "-c", shlex.join(words)], f"hook {event}", stdin=subprocess.PIPE)
        try:
            hook.communicate(json.dumps(payload).encode(), timeout=HOOK_MAX_S)
        except subprocess.TimeoutExpired:
            hook.kill()
            hook.communicate()
        return hook.returncode

    # --- children that stay ------------------------------------------------------------
    def _leave_detached(self) -> None:
        """A daemon: two forks, a session of its own, no descriptor left; its mark is all that ties it to us."""
        read, write = os.pipe()
        if os.fork() == 0:
            os.setsid()
            child = os.fork()
            if child == 0:
                self._become_sleep()
            os.write(write, str(child).encode())
            os._exit(0)
        os.close(write)
        self._diary.process(int(os.read(read, 32)), "detached child")
        os.close(read)
        os.wait()

    def _become_sleep(self) -> None:
        """Take the place of the fork that calls this; never returns."""
        try:
            null = os.open(os.devnull, os.O_RDWR)
            for descriptor in (0, 1, 2):
                os.dup2(null, descriptor)
            argv = ["sleep", str(LIFETIME_S)]
            os.execve("/bin/sleep", argv, self._child_env)  # noqa: S606 - no shell is wanted here
        finally:
            os._exit(127)

    def _leave_background(self) -> None:
        """A shell in the background with a child of its own."""
        shell = self._start(["/bin/sh", "-c", f"sleep {LIFETIME_S} & echo $!; wait"], "background shell")
        if shell.stdout:
            self._diary.process(int(shell.stdout.readline()), "background shell's child")
        self._staying.append(shell)

    def _leave_foreground(self) -> None:
        """A command that the session still waits for."""
        shell = self._start(["/bin/sh", "-c", f"exec sleep {LIFETIME_S}"], "foreground command")
        self._staying.append(shell)

    def _start(
        self, argv: list[str], what: str, stdin: int = subprocess.DEVNULL
    ) -> "subprocess.Popen[bytes]":
        child = subprocess.Popen(
            argv,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self._child_env,
            cwd=self._work,
            start_new_session=True,
        )
        self._diary.process(child.pid, what)
        return child


def play(decoy: Decoy, calls: int, interval_s: float, parallel: int) -> None:
    """The whole session: `calls` attempts, the first three of which leave the children."""
    decoy.begin()
    with ThreadPoolExecutor(parallel) as pool:
        pause = threading.Event()
        for number in range(4, calls + 1):
            if parallel > 1:
                pool.submit(decoy.call, number)
            else:
                decoy.call(number)
            if interval_s:
                pause.wait(interval_s)
    decoy.end()


def main() -> int:
    """Play, then wait for as long as asked, like an agent at its prompt."""
    parser = argparse.ArgumentParser(description="Play an agent's session. For exercises only.")
    parser.add_argument("--gate", required=True, help="the gate folder of an irkit home")
    parser.add_argument("--work", required=True, help="a folder of its own")
    parser.add_argument("--agent", default="claude-code", choices=["claude-code"])
    parser.add_argument("--calls", type=int, default=250, help=f"attempts, 3 to {CALLS_MAX}")
    parser.add_argument("--interval", type=float, default=0.0, help="seconds between calls")
    parser.add_argument("--parallel", type=int, default=1, help="calls at the same time, 1 to 32")
    parser.add_argument("--linger", type=float, default=0.0, help="seconds to stay after the last call")
    args = parser.parse_args()
    if not 3 <= args.calls <= CALLS_MAX or not 1 <= args.parallel <= 32 or not 0 <= args.linger <= LIFETIME_S:
        parser.error("a number is out of its bounds; see --help")
    signal.alarm(LIFETIME_S)  # ends the decoy whatever it waits for
    os.makedirs(args.work, exist_ok=True)
    diary = Diary(os.path.join(args.work, "decoy.jsonl"))
    play(Decoy(args.gate, args.work, args.agent, diary), args.calls, args.interval, args.parallel)
    with contextlib.suppress(KeyboardInterrupt):
        threading.Event().wait(args.linger)
    return 0


if __name__ == "__main__":
    sys.exit(main())
