# SPDX-License-Identifier: Apache-2.0
"""What runs on this machine, read straight from /proc as fast as Python can.

Kill path: standard library only, and nothing that costs milliseconds to import.

Rules:
- A process is (pid, start time in clock ticks since boot); a pid alone names nobody (proc(5), field 22 of stat).
- A process whose first thread has ended while another runs shows state Z and is alive: its threads are asked.
- Everything read of a process is foreign: bounded, and None where the kernel refuses or the process is gone.
- Never signals anything.
"""

from __future__ import annotations

import os
import sys
import time

from irkit import limits

GONE_STATES = "ZXx"
_CHUNK = 65536
_STAT_MAX = 1024
_FLAGS = os.O_RDONLY | os.O_CLOEXEC
_PF_KTHREAD = 0x00200000


class Proc:
    """One process as the kernel's table had it at one moment."""

    __slots__ = (
        "_flags",
        "_name",
        "pgrp",
        "pid",
        "ppid",
        "sid",
        "start",
        "state",
        "threads",
        "tpgid",
        "tty",
    )

    def __init__(
        self,
        pid: int,
        ppid: int,
        start: int,
        pgrp: int = 0,
        sid: int = 0,
        tty: int = 0,
        tpgid: int = -1,
        state: str = "S",
        name: bytes = b"",
        threads: int = 1,
        flags: int = 0,
    ) -> None:
        self.pid = pid
        self.ppid = ppid
        self.start = start
        self.pgrp = pgrp
        self.sid = sid
        self.tty = tty
        """Device number of the controlling terminal, 0 for none."""
        self.tpgid = tpgid
        """Foreground process group of that terminal, -1 for none."""
        self.state = state
        """One letter: R S D T t Z X I (proc(5))."""
        self._name = name
        self.threads = threads
        self._flags = flags

    @property
    def comm(self) -> str:
        """At most 15 bytes, chosen by the process itself: never proof of anything."""
        return self._name.decode("utf-8", "replace")

    @property
    def kernel(self) -> bool:
        """A thread of the kernel's own: no session starts one, and it has no environment."""
        return bool(self._flags & _PF_KTHREAD)

    @property
    def key(self) -> tuple[int, int]:
        """(pid, start): the identity."""
        return self.pid, self.start

    @property
    def dead(self) -> bool:
        """A zombie proper: no thread of it can run any more."""
        return self.state in GONE_STATES and (self.threads < 2 or not _any_thread(self.pid, GONE_STATES))

    @property
    def leads_terminal(self) -> bool:
        """A session leader with a controlling terminal: a login shell, or a terminal window's shell."""
        return self.tty != 0 and self.sid == self.pid

    @property
    def runnable(self) -> bool:
        """Some thread of it may still execute the program's code.

        State D cannot until it leaves the kernel, where the pending stop meets it.
        """
        if self.threads < 2:
            return self.state in "RSI"
        return _any_thread(self.pid, "TtDZXx")


def snapshot() -> dict[int, Proc]:
    """The whole process table, by pid. Zombies and kernel threads included."""
    table = {}
    opened, read, close = os.open, os.read, os.close  # a freeze waits for this loop
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                file = opened("/proc/" + name + "/stat", _FLAGS)
            except OSError:
                continue
            try:
                line = read(file, _STAT_MAX)
            except OSError:
                continue
            finally:
                close(file)
            pid = int(name)
            table[pid] = parse_stat(pid, line)
    return table


def newcomers(known: dict[int, Proc]) -> list[Proc]:
    """Who has a number that is not in `known`, read at once: a process may be there for a millisecond only."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) not in known:
            line = _read(f"/proc/{name}/stat", _STAT_MAX)
            if line:
                found.append(parse_stat(int(name), line))
    return found


def look(pid: int) -> Proc | None:
    """One process now, or None when there is none of that pid."""
    line = _read(f"/proc/{pid}/stat", _STAT_MAX)
    return parse_stat(pid, line) if line else None


def start_of(pid: int) -> int:
    """The start time of whoever has that pid now, -1 when nobody has."""
    line = _read(f"/proc/{pid}/stat", _STAT_MAX)
    return int(line[line.rindex(b")") + 2 :].split(b" ", 20)[19]) if line else -1


def parse_stat(pid: int, line: bytes) -> Proc:
    """Read one stat line. The name may hold spaces, brackets and newlines, so the last `)` ends it."""
    closed = line.rindex(b")")
    field = line[closed + 2 :].split(b" ", 20)
    return Proc(
        pid,
        int(field[1]),
        int(field[19]),
        int(field[2]),
        int(field[3]),
        int(field[4]),
        int(field[5]),
        field[0].decode(),
        line[line.index(b"(") + 1 : closed],
        int(field[17]),
        int(field[6]),
    )


def alive(pid: int, start: int) -> bool:
    """Whether this very process can still run; a zombie with a live thread can."""
    proc = look(pid)
    return proc is not None and proc.start == start and not proc.dead


def owner(pid: int) -> int:
    """The effective uid, -1 when gone. The folder tells it even for a process that hid the rest of itself."""
    try:
        return os.stat(f"/proc/{pid}").st_uid
    except OSError:
        return -1


def environ(pid: int) -> bytes | None:
    """NUL-separated `NAME=value`, b"" when there is none, None when the kernel refuses or nobody is there."""
    found = _read(f"/proc/{pid}/environ", limits.ENVIRON_MAX_BYTES)
    if found is None:
        for thread in _threads(pid):  # the first thread's end takes /proc/PID/environ with it
            found = _read(f"/proc/{pid}/task/{thread}/environ", limits.ENVIRON_MAX_BYTES)
            if found is not None:
                break
    return found


def environ_denied(pid: int) -> bool:
    """Whether the kernel keeps the environment from us although the process is there (not dumpable)."""
    try:
        os.close(os.open(f"/proc/{pid}/environ", os.O_RDONLY | os.O_CLOEXEC))
    except PermissionError:
        return True
    except OSError:
        return False
    return False


def argv(pid: int) -> list[str] | None:
    """The command line, cut at a bound; empty for kernel threads and zombies, None when it cannot be read."""
    line = _read(f"/proc/{pid}/cmdline", limits.CMDLINE_MAX_BYTES)
    if line is None:
        return None
    parts = line.split(b"\0")
    if parts[-1] == b"":
        parts.pop()
    return [part.decode("utf-8", "replace") for part in parts]


def exe(pid: int) -> str | None:
    """The executable's path, without the kernel's ` (deleted)`, None when it cannot be read."""
    try:
        path = os.readlink(f"/proc/{pid}/exe")
    except OSError:
        return None
    return path.removesuffix(" (deleted)")


def cwd(pid: int) -> str | None:
    """The working folder, None when it cannot be read."""
    try:
        return os.readlink(f"/proc/{pid}/cwd")
    except OSError:
        return None


def writes_to(pid: int) -> list[str]:
    """The files that its standard output and standard error are open on for writing."""
    found = []
    for number in (1, 2):
        try:
            path = os.readlink(f"/proc/{pid}/fd/{number}")
        except OSError:
            continue
        if path.startswith("/"):
            flags = [part.split()[1] for part in text(pid, f"fdinfo/{number}").splitlines()[1:2]]
            if flags and int(flags[0], 8) & (os.O_WRONLY | os.O_RDWR):
                found.append(path.removesuffix(" (deleted)"))
    return found


def text(pid: int | str, name: str) -> str:
    """A small file of a process (`cgroup`, `sessionid`), "" when it cannot be read."""
    return (_read(f"/proc/{pid}/{name}", _CHUNK) or b"").decode("utf-8", "replace")


def ticks_of(epoch_s: float) -> int:
    """The start time, in this module's ticks, of a process that started at that wall time; 0 at the least."""
    now_boot = time.clock_gettime(time.CLOCK_BOOTTIME)
    return max(0, int((now_boot - (time.time() - epoch_s)) * os.sysconf("SC_CLK_TCK")))


def ancestors(table: dict[int, Proc], pid: int) -> list[int]:
    """The parents of `pid`, nearest first, pid 1 included. Bounded by the table, whatever it says."""
    line: list[int] = []
    proc = table.get(pid)
    while proc is not None and proc.ppid > 0 and proc.ppid not in line:
        line.append(proc.ppid)
        proc = table.get(proc.ppid)
    return line


def _any_thread(pid: int, not_in: str) -> bool:
    """Whether any thread's state is none of these letters."""
    for thread in _threads(pid):
        line = _read(f"/proc/{pid}/task/{thread}/stat", _STAT_MAX)
        if line and chr(line[line.rindex(b")") + 2]) not in not_in:
            return True
    return False


def _threads(pid: int) -> list[str]:
    try:
        return os.listdir(f"/proc/{pid}/task")
    except OSError:
        return []


def _read(path: str, most: int) -> bytes | None:
    """The start of a file of /proc. None when it is not there or not ours to read."""
    try:
        file = os.open(path, _FLAGS)
    except OSError:
        return None
    try:
        found = part = os.read(file, min(most, _CHUNK))
        while len(part) == _CHUNK and len(found) < most:
            part = os.read(file, min(most - len(found), _CHUNK))
            found += part
        return found
    except OSError:
        return None
    finally:
        os.close(file)


if sys.platform != "linux":  # not run here
    from irkit.respond import procfs_portable

    for _name in (
        "argv",
        "cwd",
        "environ",
        "exe",
        "look",
        "newcomers",
        "owner",
        "snapshot",
        "start_of",
        "text",
        "ticks_of",
        "writes_to",
    ):
        globals()[_name] = getattr(procfs_portable, _name)
