# SPDX-License-Identifier: Apache-2.0
"""The set of an exercise: a folder with a home of its own, a real guard on it, irkit's commands asked of it.

Rules: nothing is written outside the folder; everything starts with an environment made here; only what was
started here is signalled, through the handle that started it. It asks irkit what a user can ask: its commands.
"""

import os
import subprocess
from collections.abc import Sequence
from typing import Any

import msgspec

from irkit.drill import observer
from irkit.errors import GuardUnreachableError, IrkitError
from irkit.home import Home

GUARD_READY_MAX_S = 60.0
COMMAND_MAX_S = 60.0
END_MAX_S = 5.0

Process = subprocess.Popen[bytes]


class Stage:
    """One folder. `irkit` is the command line by which irkit is started (`["python", "-m", "irkit"]`)."""

    def __init__(self, folder: str, irkit: Sequence[str]) -> None:
        self.folder = folder
        self.home = Home(os.path.join(folder, "home"))
        self.work = os.path.join(folder, "work")
        self._irkit = list(irkit)
        for made in (self.work, os.path.join(folder, "user")):
            os.makedirs(made, mode=0o700, exist_ok=True)

    def configure(self, text: str) -> None:
        """Write the home's `irkit.toml`; before the guard's first start."""
        self.home.make()
        with open(self.home.config, "w", encoding="utf-8") as config:
            config.write(text)
        os.chmod(self.home.config, 0o600)

    def start(self, argv: Sequence[str], name: str, **env: str) -> Process:
        """Start a program in the work folder, in a session of its own; what it says goes to NAME.log."""
        with open(os.path.join(self.folder, f"{name}.log"), "wb") as log:
            return subprocess.Popen(
                list(argv),
                env=self._environment(env),
                cwd=self.work,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def start_guard(self) -> Process:
        """Start the guard and wait until its sockets are there. Raises GuardUnreachableError, with its own words."""
        guard = self.start([*self._irkit, "guard"], "guard", IRKIT_HOME=self.home.path)
        sockets = (self.home.hook_socket, self.home.guard_socket)
        observer.wait_until(
            lambda: guard.poll() is not None or all(os.path.exists(path) for path in sockets),
            GUARD_READY_MAX_S,
        )
        if guard.poll() is None and all(os.path.exists(path) for path in sockets):
            return guard
        end(guard)
        with open(os.path.join(self.folder, "guard.log"), encoding="utf-8", errors="replace") as log:
            last = log.read(4000).strip().rpartition("\n")[2]
        raise GuardUnreachableError(f"the guard did not start: {last or 'it said nothing'}")

    def irkit(self, *arguments: str) -> "subprocess.CompletedProcess[bytes]":
        """Run one command to its end. Raises IrkitError when it does not end in time."""
        try:
            return subprocess.run(
                [*self._irkit, *arguments],
                env=self._environment({"IRKIT_HOME": self.home.path}),
                cwd=self.work,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=COMMAND_MAX_S,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise IrkitError(f"`irkit {' '.join(arguments)}` did not end in {COMMAND_MAX_S} s") from error

    def documents(self, *arguments: str) -> list[Any]:
        """What a command prints with --json: one document, or one a line. Raises IrkitError."""
        ran = self.irkit(*arguments, "--json")
        if ran.returncode:
            raise IrkitError(said(ran.stderr), where=f"irkit {' '.join(arguments)}")
        try:
            return [msgspec.json.decode(line) for line in ran.stdout.splitlines() if line.strip()]
        except msgspec.DecodeError as error:
            raise IrkitError(f"not JSON: {error}", where=f"irkit {' '.join(arguments)} --json") from error

    def _environment(self, more: dict[str, str]) -> dict[str, str]:
        """Nothing of the caller's: an agent's mark or a loader variable there must not reach the exercise."""
        clean = {
            "HOME": os.path.join(self.folder, "user"),
            "PATH": os.environ.get("PATH", os.defpath),
            "LANG": "C.UTF-8",
            "TERM": "dumb",
            "NO_COLOR": "1",
        }
        return {**clean, **more}


def end(process: Process) -> None:
    """Ask it to end, then make it."""
    process.terminate()
    try:
        process.wait(END_MAX_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(END_MAX_S)


def said(text: bytes) -> str:
    """The beginning of what a program said, for a message."""
    return text.decode("utf-8", "replace").strip()[:300]
