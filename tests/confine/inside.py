# SPDX-License-Identifier: Apache-2.0
"""`irkit run` with private folders: a person's home, a project in it, irkit's home. For bodies in a namespace."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from irkit.confine import bubblewrap

WAIT_S = 60


def need_bubblewrap() -> None:
    """Skip where bubblewrap cannot build walls."""
    if not bubblewrap.program():
        pytest.skip("bubblewrap is not installed")
    argv = [bubblewrap.program(), "--ro-bind", "/", "/", "--unshare-pid", "true"]
    tried = subprocess.run(argv, capture_output=True, text=True, timeout=WAIT_S, check=False)
    if tried.returncode:
        pytest.skip(f"bubblewrap cannot build walls here: {tried.stderr.strip()}")


class Place:
    """The folders of one test."""

    def __init__(self, folder: Path, irkit_home: str = "") -> None:
        self.home = folder / "person"
        self.project = self.home / "code" / "shop"
        self.irkit = Path(irkit_home) if irkit_home else folder / "irkit home"
        (self.project / ".git" / "hooks").mkdir(parents=True)
        (self.project / ".git" / "config").write_text("[core]\n")
        (self.home / ".bashrc").write_text("# mine\n")
        (self.home / ".config" / "systemd" / "user").mkdir(parents=True)

    def environ(self, **more: str) -> dict[str, str]:
        """What the wrapper starts with."""
        return {
            "HOME": str(self.home),
            "IRKIT_HOME": str(self.irkit),
            "PATH": "/usr/bin:/bin",
            "TERM": "xterm",
            "PYTHONPATH": str(Path(__file__).parents[2]),
            **more,
        }

    def argv(self, *arguments: str) -> list[str]:
        """The command line of `irkit run`."""
        return [sys.executable, "-m", "irkit", "run", *arguments]

    def run(self, *arguments: str, **env: str) -> "subprocess.CompletedProcess[str]":
        """Run it to its end, with pipes."""
        return subprocess.run(
            self.argv(*arguments),
            cwd=self.project,
            env=self.environ(**env),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=WAIT_S,
            check=False,
        )

    def start(self, *arguments: str, **env: str) -> "subprocess.Popen[bytes]":
        """Start it, in a session of its own, as a terminal's job would not be."""
        return subprocess.Popen(
            self.argv(*arguments),
            cwd=self.project,
            env=self.environ(**env),
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )

    def shell(self, script: str, *options: str, **env: str) -> "subprocess.CompletedProcess[str]":
        """Run a script inside."""
        return self.run(*options, "--", "sh", "-c", script, **env)


def without_bubblewrap(folder: Path) -> str:
    """Nothing that is called bwrap can be executed any more in this body's mount namespace: tier b is what is left."""
    empty = folder / "nothing"
    empty.write_text("")
    for path in ("/usr/bin/bwrap", "/usr/local/bin/bwrap"):
        if os.path.exists(path):
            subprocess.run(["mount", "--bind", str(empty), path], check=True, timeout=WAIT_S)
    return str(shutil.which("bwrap"))
