# SPDX-License-Identifier: Apache-2.0
"""A real guard in this test's namespace, the real hook, and a decoy session to freeze."""

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from irkit.drill.stage import Stage, end

IRKIT = (sys.executable, "-m", "irkit")
ROOT = str(Path(__file__).parents[2])
DECOY = os.path.join(ROOT, "irkit", "drill", "decoy.py")


class Running:
    """A stage with its guard."""

    def __init__(self, folder: Path, config: str = "") -> None:
        self.stage = Stage(str(folder), IRKIT)
        self.home = self.stage.home
        self.stage.configure(f'[agents.claude-code]\nscripts = ["{DECOY}"]\n{config}')
        self.guard = self.stage.start_guard()

    def restart(self) -> None:
        """Kill the guard at once, as a crash does, and start another."""
        self.guard.kill()
        self.guard.wait(5)
        for left in (self.home.hook_socket, self.home.guard_socket):
            os.unlink(left)
        self.guard = self.stage.start_guard()

    def stop(self) -> float:
        """Ask it to stop; how long that took, in seconds."""
        began = time.monotonic()
        end(self.guard)
        return time.monotonic() - began

    def hook(
        self, payload: bytes, event: str = "PreToolUse", **env: str
    ) -> subprocess.CompletedProcess[bytes]:
        """One hook call, as an agent makes it, but not below one: it is attributed to nobody."""
        argv = [self.home.python, "-I", "-S", self.home.hook, "claude-code", event]
        return subprocess.run(argv, input=payload, capture_output=True, env=env, timeout=20, check=False)

    def json(self, *arguments: str) -> Any:
        """What a command of irkit prints with --json."""
        done = self.stage.irkit(*arguments, "--json")
        assert done.stdout, (arguments, done)
        return json.loads(done.stdout)

    def log(self, event: str = "") -> list[dict[str, Any]]:
        """The audit log's records."""
        found = []
        for path in sorted(Path(self.home.audit).glob("*.jsonl")):
            found += [json.loads(line) for line in path.read_text().splitlines()]
        return [one for one in found if not event or one["event"] == event]

    def decoy(
        self, calls: int = 250, interval: str = "0", parallel: str = "8", linger: str = "0"
    ) -> "subprocess.Popen[bytes]":
        """A decoy agent that bursts."""
        argv = [sys.executable, "-I", DECOY, "--gate", self.home.gate, "--work", self.stage.work]
        more = ["--calls", str(calls), "--interval", interval, "--parallel", parallel, "--linger", linger]
        return self.stage.start([*argv, *more], "decoy")

    def frozen(self) -> dict[str, Any]:
        """A session that the guard has frozen at a burst."""
        self.decoy()
        until(lambda: bool(self.json("status")["waiting"]), 60)
        waiting = self.json("status")["waiting"]
        assert len(waiting) == 1
        shown = ("incident", "show", waiting[0]["incident"])
        until(lambda: all(act.get("outcome") for act in self.json(*shown)["acts"]), 40)
        time.sleep(0.4)  # the hooks' grace is over
        return dict(self.json("status")["waiting"][0])


def until(true: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until it is so."""
    end_at = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end_at, "it did not come to be in time"
        time.sleep(0.02)


def call(session: str, command: str, call_id: str = "") -> bytes:
    """A before-call payload of Claude Code's."""
    body = {"session_id": session, "hook_event_name": "PreToolUse", "cwd": "/work/shop", "tool_name": "Bash"}
    more = {"tool_input": {"command": command}, "tool_use_id": call_id or secrets.token_hex(6)}
    return json.dumps({**body, **more}).encode()
