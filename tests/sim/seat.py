# SPDX-License-Identifier: Apache-2.0
"""A process on a real pseudo-terminal of its own, as a person's shell is, with a clean environment."""

import contextlib
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = str(Path(__file__).parents[2])
WAIT_MAX_S = 20.0
_SIT = "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
"""Take what is on descriptor 0 for the controlling terminal."""


class Seat:
    """The terminal's other end: reads what the process shows, types what a person would."""

    def __init__(self, master: int, child: subprocess.Popen[bytes], tty: int) -> None:
        self.master = master
        self.child = child
        self.pid = child.pid
        self.tty = tty
        """Device number of the terminal."""
        self.seen = ""

    def type(self, text: str) -> None:
        """Press keys."""
        os.write(self.master, text.encode())

    def until(self, text: str) -> str:
        """Everything that was shown, once `text` was."""
        end = time.monotonic() + WAIT_MAX_S
        while text not in self.seen:
            ready = select.select([self.master], [], [], max(0, end - time.monotonic()))[0]
            assert ready, f"{text!r} was not shown, but {self.seen!r}"
            try:
                self.seen += os.read(self.master, 65536).decode("utf-8", "replace")
            except OSError as error:  # Linux: every process of the terminal has ended
                raise AssertionError(f"ended before {text!r}: {self.seen!r}") from error
        return self.seen


@contextlib.contextmanager
def seat(code: str, *argv: str, env: dict[str, str] | None = None, own_tty: bool = True) -> Iterator[Seat]:
    """Run Python code on a terminal of its own; without `own_tty` in a session that has none."""
    master, slave = os.openpty()

    child = subprocess.Popen(
        [sys.executable, "-c", (_SIT if own_tty else "") + code, *argv],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env={"PATH": os.defpath, "PYTHONPATH": ROOT, **(env or {})},
        start_new_session=True,
    )
    try:
        yield Seat(master, child, os.fstat(slave).st_rdev)
    finally:
        os.close(slave)
        child.kill()
        child.wait()
        os.close(master)
