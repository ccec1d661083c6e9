# SPDX-License-Identifier: Apache-2.0
"""One plain block on the frozen session's own terminal: written, never read, and never waited for."""

import os
import stat
from collections.abc import Callable, Iterable

from irkit import limits
from irkit.incident.commands import AnyOutcome, Done, Failed, Unverified
from irkit.incident.incident import Incident
from irkit.report.incident_text import block

_PTS = 136
"""Major numbers 136 to 143 are pseudo-terminals' (Linux, devices.txt)."""


class TerminalNotifier:
    """Writes to the terminals with these device numbers."""

    name = "terminal"

    def __init__(self, terminals: Callable[[], Iterable[int]]) -> None:
        self._terminals = terminals

    def tell(self, incident: Incident, number: int) -> AnyOutcome:
        """Done when each of them took the whole block."""
        devices = tuple(self._terminals())[: limits.NOTIFY_TERMINALS_MAX]
        if not devices:
            return Unverified("the session has no terminal")
        text = "\r\n" + block(incident, number).replace("\n", "\r\n")
        problems = [
            problem for device in devices if (problem := write_to(device, text.encode("utf-8", "replace")))
        ]
        return Failed("; ".join(problems)) if problems else Done(f"{len(devices)} terminal(s)")


def write_to(device: int, data: bytes) -> str:
    """Write to the terminal with this device number; empty when it took all, else why not."""
    path = path_of(device)
    if not path:
        return f"no terminal is known by {os.major(device)}:{os.minor(device)}"
    try:
        terminal = os.open(path, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        return f"{path}: {error.strerror}"
    try:
        status = os.fstat(terminal)
        if not stat.S_ISCHR(status.st_mode) or status.st_rdev != device:
            return f"{path}: not that terminal"
        written = os.write(terminal, data)
    except OSError as error:
        return f"{path}: {error.strerror}"
    finally:
        os.close(terminal)
    return "" if written == len(data) else f"{path}: took {written} of {len(data)} bytes"


def path_of(device: int) -> str:
    """The path of a terminal, from its device number as in /proc/PID/stat; empty when it is none that is known."""
    major, minor = os.major(device), os.minor(device)
    if _PTS <= major < _PTS + 8:
        return f"/dev/pts/{minor + 256 * (major - _PTS)}"
    return f"/dev/tty{minor}" if major == 4 and 0 < minor < 64 else ""
