# SPDX-License-Identifier: Apache-2.0
"""What both ways of containing share: the two ends of the control socket, and the session that was started."""

import _socket
import os
import sys

from irkit.confine.marks import Marks

INNER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "inner.py")
SAID_MAX = 16 * 1024


class NotContainedError(Exception):
    """These walls cannot be built here; the message says why."""


class Contained:
    """A session that waits to be let go."""

    __slots__ = ("cgroup", "control", "how", "init", "marks", "outer", "said")

    def __init__(self, how: str, outer: int, init: int, control: _socket.socket, said: int) -> None:
        self.how = how
        """bubblewrap or landlock."""
        self.outer = outer
        """The wrapper's own child: when it ends, everything inside has ended."""
        self.init = init
        """The first process of the PID namespace, by its number here; 0 where there is none."""
        self.control = control
        self.said = said
        """What is read here was said by what stands between the wrapper and the command: errors."""
        self.cgroup = ""
        """Folder of a control group of its own, if one could be made."""
        self.marks: Marks | None = None


def interpreter() -> str:
    """An interpreter that starts fast: the one below any virtual environment."""
    return os.path.realpath(getattr(sys, "_base_executable", "") or sys.executable)


def inner_command(control: int, terminals: list[int], command: list[str]) -> list[str]:
    """The command line of the first program inside."""
    names = "".join(str(number) for number in terminals) or "-"
    return [interpreter(), "-I", "-S", INNER, str(control), names, *command]


def quiet_ends(terminals: list[int], said: int) -> None:
    """In the child, before exec: nothing inside holds the person's terminal, by no descriptor (threat T9)."""
    nothing = os.open("/dev/null", os.O_RDONLY)
    for number in terminals:
        os.dup2(nothing if number == 0 else said, number)
    if 2 not in terminals:
        return
    os.close(nothing)


def all_said(file: int) -> str:
    """What was said on that pipe so far; does not wait."""
    os.set_blocking(file, False)
    try:
        return os.read(file, SAID_MAX).decode("utf-8", "replace").strip()
    except OSError:
        return ""
