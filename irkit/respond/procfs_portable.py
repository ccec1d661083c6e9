# SPDX-License-Identifier: Apache-2.0
"""The process table on systems without /proc (macOS, the BSDs, Windows), by psutil. Not run here.

Same names and meanings as in `irkit.respond.procfs`, which takes these over where it cannot read; a start time is in hundredths of a
second since the epoch. Threads are not asked: such a system's zombie is taken at its word.
"""

import os

import psutil

from irkit import limits
from irkit.respond.procfs import Proc

_STATES = {psutil.STATUS_STOPPED: "T", psutil.STATUS_ZOMBIE: "Z", psutil.STATUS_RUNNING: "R"}


def newcomers(known: dict[int, Proc]) -> list[Proc]:
    """Who has a number that is not in `known`."""
    return [proc for pid, proc in snapshot().items() if pid not in known]


def snapshot() -> dict[int, Proc]:
    """The whole process table, by pid."""
    table = {}
    for pid in psutil.pids():
        proc = look(pid)
        if proc is not None:
            table[pid] = proc
    return table


def look(pid: int) -> Proc | None:
    """One process now, or None when there is none of that pid."""
    try:
        process = psutil.Process(pid)
        with process.oneshot():
            start = int(process.create_time() * 100)
            found = Proc(
                pid,
                process.ppid(),
                start,
                name=process.name().encode(),
                state=_STATES.get(process.status(), "S"),
            )
    except psutil.Error:
        return None
    try:
        found.pgrp, found.sid = os.getpgid(pid), os.getsid(pid)
    except (AttributeError, OSError):
        found.pgrp = found.sid = 0
    return found


def ticks_of(epoch_s: float) -> int:
    """That wall time in this module's ticks."""
    return int(epoch_s * 100)


def start_of(pid: int) -> int:
    """The start time of whoever has that pid now, -1 when nobody has."""
    found = look(pid)
    return found.start if found else -1


def owner(pid: int) -> int:
    """The effective uid, -1 when it cannot be told."""
    try:
        return int(psutil.Process(pid).uids().effective)
    except (psutil.Error, AttributeError):
        return -1


def environ(pid: int) -> bytes | None:
    """NUL-separated `NAME=value`, None when it cannot be read."""
    try:
        pairs = psutil.Process(pid).environ().items()
    except (psutil.Error, OSError):
        return None
    return "\0".join(f"{name}={value}" for name, value in pairs).encode()[: limits.ENVIRON_MAX_BYTES]


def writes_to(pid: int) -> list[str]:  # noqa: ARG001 - the signature of procfs
    """Nothing: it is not looked at here."""
    return []


def text(pid: int | str, name: str) -> str:  # noqa: ARG001 - the signature of procfs
    """Nothing: there is no such file."""
    return ""


def argv(pid: int) -> list[str] | None:
    """The command line, None when it cannot be read."""
    try:
        return list(psutil.Process(pid).cmdline())
    except (psutil.Error, OSError):
        return None


def exe(pid: int) -> str | None:
    """The executable's path, None when it cannot be read."""
    try:
        return str(psutil.Process(pid).exe())
    except (psutil.Error, OSError):
        return None


def cwd(pid: int) -> str | None:
    """The working folder, None when it cannot be read."""
    try:
        return str(psutil.Process(pid).cwd())
    except (psutil.Error, OSError):
        return None
