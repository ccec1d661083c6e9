# SPDX-License-Identifier: Apache-2.0
"""Who holds the other end of a pseudo-terminal: the terminal program, the SSH server, or a process that types for others.

Linux says it in `/proc/PID/fdinfo/FD` of an open `/dev/ptmx`: `tty-index: N` (proc_pid_fdinfo(5) and the kernel's
drivers/tty/pty.c). What may not be read is left out, so an empty answer proves nothing.
"""

import os
import re

from irkit.respond import procfs

_PTS_MAJORS = range(136, 144)
_MASTERS = ("/dev/ptmx", "/dev/pts/ptmx")
_INFO_MAX_BYTES = 4096


def pts_number(tty: int) -> int | None:
    """N of /dev/pts/N for a device number as stat(2) and /proc give it, None for another kind of terminal."""
    if os.major(tty) not in _PTS_MAJORS:
        return None
    return (os.major(tty) - _PTS_MAJORS.start) * 256 + os.minor(tty)


def holders(tty: int) -> tuple[int, ...]:
    """Pids of the processes that hold the master of this terminal, as far as this user may see."""
    number = pts_number(tty)
    if number is None:
        return ()
    found = []
    for proc in procfs.snapshot().values():
        if not proc.kernel and _holds(proc.pid, number):
            found.append(proc.pid)
    return tuple(found)


def _holds(pid: int, number: int) -> bool:
    try:
        names = os.listdir(f"/proc/{pid}/fd")
    except OSError:
        return False
    return any(_master_of(pid, name) == number for name in names)


def _master_of(pid: int, name: str) -> int | None:
    try:
        if os.readlink(f"/proc/{pid}/fd/{name}") not in _MASTERS:
            return None
        with open(f"/proc/{pid}/fdinfo/{name}", "rb") as info:
            found = re.search(rb"^tty-index:\s*(\d+)$", info.read(_INFO_MAX_BYTES), re.MULTILINE)
    except OSError:
        return None
    return int(found[1]) if found else None
