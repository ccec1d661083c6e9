# SPDX-License-Identifier: Apache-2.0
"""What was left with a broker since a session began: somebody else starts it, so no scan finds it to be the session's.

Kill path: standard library only; looked at after the last signal, and never before the first.

Rules:
- Nothing is run, signalled or changed here: it reads /proc and the brokers' own spools. What cannot be read is said.
- A finding is **started during the session, not proven to be its own**. Names prove nothing: anybody can call a
  process conmon. So each finding is a step for a person: one command to look, one to stop it. Nothing is stopped
  without a yes.
- What belongs to the session, dead or alive, is no finding: it has a row in the report already.
- Each command is quoted for a shell; the texts in it are foreign.
"""

from __future__ import annotations

import os
import stat
import time

from irkit import limits
from irkit.respond import procfs
from irkit.respond.procfs import Proc

NOT_PROVEN = "started during the session, not proven to be its own"
_SAFE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./-_")
_RUNTIMES = {
    "conmon": ("podman", "-c"),
    "containerd-shim": ("docker", "-id"),
    "docker-containe": ("docker", "-id"),
}
"""How the names (15 characters) of a container's parent begin -> (the program to ask, the option with its id)."""
_AT_SPOOLS = ("/var/spool/cron/atjobs", "/var/spool/at", "/var/at/jobs")
_CRON_SPOOLS = ("/var/spool/cron/crontabs", "/var/spool/cron", "/var/at/tabs")
_SSH_WITH_VALUE = frozenset("-B -b -c -D -E -e -F -I -i -J -L -l -m -O -o -p -Q -R -S -W -w".split())
LOOK = {
    "tmux": (
        "tmux list-panes -a -F '#{pane_id} #{pane_pid} #{pane_current_command}'",
        "tmux kill-pane -t PANE",
    ),
    "screen": ("screen -ls", "screen -S SESSION -X quit"),
    "at": ("atq", "atrm N"),
    "cron": ("crontab -l", "crontab -e"),
    "systemd": (
        "systemctl --user list-units --type=service,timer --state=active",
        "systemctl --user kill --kill-whom=all -s KILL UNIT",
    ),
    "docker": ("docker ps --no-trunc", "docker kill ID"),
    "podman": ("podman ps --no-trunc", "podman kill ID"),
    "ssh": ("ssh HOST ps -fu USER", "ssh HOST kill -9 PID"),
    "wsl": ("tasklist.exe", "taskkill.exe /F /PID N"),
    "launchd": ("launchctl list", "launchctl bootout gui/UID/LABEL"),
    "schtasks": ("schtasks /query /fo LIST", "schtasks /delete /tn NAME"),
}
"""Broker -> how to look and how to stop, where nothing more is known."""


class Step:
    """One thing for a person to look at."""

    __slots__ = ("broker", "look", "stop", "what", "why")

    def __init__(self, broker: str, what: str, look: str, stop: str, why: str = NOT_PROVEN) -> None:
        self.broker = broker
        self.what = what
        """In words, with what is known; hostile."""
        self.look = look
        self.stop = stop
        self.why = why

    def to_dict(self) -> dict[str, object]:
        """Plain values."""
        return {name: getattr(self, name) for name in ("broker", "what", "look", "stop", "why")}


def find(
    since: int,
    members: dict[tuple[int, int], list[str] | None],
    table: dict[int, Proc] | None = None,
    *,
    root: str = "",
) -> list[Step]:
    """What began at the brokers since that start time (ticks).

    `members` are the session's own processes with their command lines: they are left out, and their ssh clients name
    other machines. `root` stands before absolute paths (a test's private folder).
    """
    table = procfs.snapshot() if table is None else table
    began = _epoch(since)
    steps = _remote(members)
    for proc in sorted(table.values(), key=lambda one: one.start):
        if not proc.dead and not proc.kernel and proc.start >= since and proc.key not in members:
            steps += _of_process(proc, table)
    steps += _at_jobs(root, began) + _crontabs(root, began) + _units(root, began)
    unique = {(step.broker, step.what, step.stop): step for step in steps}
    return list(unique.values())[: limits.BROKERS_LISTED_MAX]


def quoted(word: str) -> str:
    """A word that a shell takes as it is; control characters become `?`, so that no terminal is moved by it."""
    text = "".join(char if char.isprintable() else "?" for char in word[:300])
    return text if text and all(char in _SAFE for char in text) else "'" + text.replace("'", "'\\''") + "'"


# --- by processes ---------------------------------------------------------------------


def _of_process(proc: Proc, table: dict[int, Proc]) -> list[Step]:
    name = proc.comm
    if name.startswith("tmux: server") or _is_child_of(proc, table, "tmux: server"):
        return _tmux(proc, table)
    if name.lower() == "screen" and (procfs.argv(proc.pid) or [""])[0] == "SCREEN":
        what = f"screen session, process {proc.pid}"
        return [Step("screen", what, "screen -ls", f"screen -S {proc.pid} -X quit")]
    for start, (program, option) in _RUNTIMES.items():
        if name.startswith(start):
            return _container(proc, program, option)
    return []


def _is_child_of(proc: Proc, table: dict[int, Proc], name: str) -> bool:
    parent = table.get(proc.ppid)
    return parent is not None and parent.comm.startswith(name)


def _tmux(proc: Proc, table: dict[int, Proc]) -> list[Step]:
    """A server that began since, or a pane of any server."""
    if proc.comm.startswith("tmux: server"):
        panes = [one for one in table.values() if one.ppid == proc.pid and not one.dead]
        socket = next((found for pane in panes if (found := _tmux_of(pane.pid)[0])), "")
        tmux = _tmux_command(socket)
        return [
            Step(
                "tmux",
                f"tmux server {proc.pid}, {len(panes)} panes",
                f"{tmux} list-sessions",
                f"{tmux} kill-server",
            )
        ]
    socket, pane = _tmux_of(proc.pid)
    tmux, target = _tmux_command(socket), quoted(pane or "PANE")
    argv = procfs.argv(proc.pid) or [proc.comm]
    program = argv[0].rpartition("/")[2] + (f" (+{len(argv) - 1} arguments)" if argv[1:] else "")
    what = f"tmux pane {pane or '?'}: {program}, process {proc.pid}"  # arguments hold secrets
    return [Step("tmux", what, f"{tmux} capture-pane -p -t {target}", f"{tmux} kill-pane -t {target}")]


def _tmux_of(pid: int) -> tuple[str, str]:
    """(socket, pane) as the pane's environment has them: its own words."""
    values = {}
    for entry in (procfs.environ(pid) or b"").split(b"\0"):
        name, _, value = entry.partition(b"=")
        if name in {b"TMUX", b"TMUX_PANE"}:
            values[name] = value.decode("utf-8", "replace")
    return values.get(b"TMUX", "").rpartition(",")[0].rpartition(",")[0], values.get(b"TMUX_PANE", "")


def _tmux_command(socket: str) -> str:
    return f"tmux -S {quoted(socket)}" if socket else "tmux"


def _container(proc: Proc, program: str, option: str) -> list[Step]:
    argv = procfs.argv(proc.pid) or []
    ident = next((argv[at + 1] for at, word in enumerate(argv[:-1]) if word == option), "")
    ident = ident if ident.isalnum() else ""
    look = f"{program} ps --no-trunc" + (f" --filter id={ident}" if ident else "")
    what = f"a process that calls itself {proc.comm} ({proc.pid})" + (
        f", container {ident[:12]}" if ident else ""
    )
    return [Step(program, what, look, f"{program} kill {ident or 'ID'}")]


def _remote(members: dict[tuple[int, int], list[str] | None]) -> list[Step]:
    """Other machines that the session's own ssh clients were connected to."""
    steps = []
    for argv in members.values():
        host = ssh_target(argv or [])
        if host:
            at = quoted(host)
            steps.append(
                Step(
                    "ssh",
                    f"the session was connected to {host}",
                    f"ssh {at} ps -fu \\$USER",
                    f"ssh {at} kill -9 PID",
                    "what it started there runs on",
                )
            )
    return steps


def ssh_target(argv: list[str]) -> str:
    """The host of an ssh command line, "" when it is none."""
    if not argv or argv[0].rpartition("/")[2] not in {"ssh", "autossh", "mosh-client"}:
        return ""
    words = iter(argv[1:])
    for word in words:
        if word in _SSH_WITH_VALUE:
            next(words, "")
        elif not word.startswith("-"):
            return word[:255]
    return ""


# --- by spools ------------------------------------------------------------------------


def _at_jobs(root: str, began: float) -> list[Step]:
    steps: list[Step] = []
    for folder in _AT_SPOOLS:
        for name, found in _entries(root + folder, steps, "at"):
            number = _at_number(name)
            if number and found.st_ctime >= began:
                steps.append(Step("at", f"at job {number}", f"at -c {number}", f"atrm {number}"))
    return steps


def _at_number(name: str) -> int:
    """`a0000201ab34cd` -> 2: queue, five hex digits of the number, eight of the minute."""
    digits = name[1:6]
    if len(name) != 14 or not name[:1].isalpha() or any(char not in "0123456789abcdef" for char in name[1:]):
        return 0
    return int(digits, 16)


def _crontabs(root: str, began: float) -> list[Step]:
    steps: list[Step] = []
    for folder in _CRON_SPOOLS:
        for name, found in _entries(root + folder, steps, "cron"):
            if found.st_ctime >= began and (found.st_uid == os.getuid() or os.getuid() == 0):
                crontab = f"crontab -u {quoted(name)}" if os.getuid() == 0 else "crontab"
                steps.append(
                    Step("cron", f"the crontab of {name} was changed", f"{crontab} -l", f"{crontab} -e")
                )
    return steps


def _units(root: str, began: float) -> list[Step]:
    """The user's units, and those that `systemd-run --user` made, by the change time of their files."""
    runtime = f"{root}/run/user/{os.getuid()}/systemd"
    home = os.path.expanduser("~")
    steps: list[Step] = []
    for folder in (f"{runtime}/transient", f"{runtime}/user", f"{home}/.config/systemd/user"):
        for name, found in _entries(folder, steps, "systemd"):
            if found.st_ctime >= began and name.endswith(
                (".service", ".timer", ".socket", ".path", ".scope")
            ):
                unit = quoted(name)
                stop = f"systemctl --user mask --runtime {unit}; systemctl --user kill --kill-whom=all -s KILL {unit}"
                steps.append(Step("systemd", f"unit {name}", f"systemctl --user status {unit}", stop))
    return steps


def _entries(folder: str, steps: list[Step], broker: str) -> list[tuple[str, os.stat_result]]:
    """Regular files of a folder; a folder that may not be read becomes a step of its own."""
    found = []
    try:
        for name in sorted(os.listdir(folder))[: limits.PERSISTENCE_FILES_MAX]:
            seen = os.stat(f"{folder}/{name}", follow_symlinks=False)
            if stat.S_ISREG(seen.st_mode):
                found.append((name, seen))
    except PermissionError:
        look, stop = LOOK[broker]
        steps.append(Step(broker, f"{folder} may not be read by this user", look, stop, "not looked at"))
    except OSError:
        return found
    return found


def _epoch(ticks: int) -> float:
    """The wall time of a start time, two seconds early: clocks of files are coarse."""
    boot = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    return boot + ticks / os.sysconf("SC_CLK_TCK") - 2.0
