# SPDX-License-Identifier: Apache-2.0
"""A session's own control group: frozen and killed as one by the kernel, and a proof when it is empty.

Kill path: standard library only. Sources: cgroup-v2.rst (cgroup.freeze, cgroup.kill, cgroup.events) and the v1
freezer's documentation in the kernel; what a zombie leader with a live thread does to cgroup.kill was measured.

Rules:
- A folder is only trusted after a look (`distrust`): below a mounted control group file system and not its top, and
  nobody in it who must not be touched or who is older than the session. Whoever fails that is stopped by signals.
- Freezing shows no stop to a shell, and no SIGCONT undoes it; a frozen process can be killed in version 2. In
  version 1 a killed process dies at the thaw.
- `cgroup.kill` is not the end: members that are left are killed one by one, and counted, by whoever calls this.
- A group below this one belongs to it. A process that left it is found by the other ways, or not at all.
- Nothing here waits longer than `CGROUP_WAIT_S`, and nothing here raises.
"""

from __future__ import annotations

import os
import time

from irkit import limits
from irkit.respond import procfs

_MOUNTS = "/proc/self/mountinfo"
_GROUPS_MAX = 256
"""Groups below a session's own that are looked at."""


class Group:
    """One control group folder, of version 2 or of the version 1 freezer."""

    __slots__ = ("path", "unified")

    def __init__(self, path: str, *, unified: bool) -> None:
        self.path = path
        self.unified = unified

    def pids(self) -> list[int] | None:
        """Who is in it and in the groups below it, as numbered here; None when it cannot be read."""
        found: list[int] = []
        folders = [self.path]
        for folder in folders:  # grows while it is walked
            text = _read(folder + "/cgroup.procs")
            if text is None:
                if folder == self.path:
                    return None
                continue
            found += [int(line) for line in text.split() if line.isdigit()]
            folders += _below(folder)[: _GROUPS_MAX - len(folders)]
        return found

    def freeze(self) -> str:
        """Ask the kernel to freeze it; why not, or empty. Returns at once: see `wait_frozen`."""
        return _write(
            *(
                (self.path + "/cgroup.freeze", "1")
                if self.unified
                else (self.path + "/freezer.state", "FROZEN")
            )
        )

    def thaw(self) -> str:
        """Let it run again; why not, or empty."""
        return _write(
            *(
                (self.path + "/cgroup.freeze", "0")
                if self.unified
                else (self.path + "/freezer.state", "THAWED")
            )
        )

    def frozen(self) -> bool:
        """Whether every process of it has stopped."""
        if self.unified:
            return b"frozen 1" in (_read(self.path + "/cgroup.events") or b"")
        return (_read(self.path + "/freezer.state") or b"").strip() == b"FROZEN"

    def wait_frozen(self) -> bool:
        """Whether it is frozen, now or within the bound."""
        ends = time.monotonic() + limits.CGROUP_WAIT_S
        while not self.frozen():
            if time.monotonic() > ends:
                return False
            time.sleep(0.0002)
        return True

    def kill(self) -> str:
        """Kill all of it with one write, where this kernel can; why not, or empty."""
        return _write(self.path + "/cgroup.kill", "1") if self.unified else "version 1 has no kill of a group"

    def empty(self) -> bool:
        """Whether nobody is left in it, by the kernel's own word. A group that is gone is empty."""
        if self.unified:
            events = _read(self.path + "/cgroup.events")
            return b"populated 0" in events if events is not None else not os.path.lexists(self.path)
        left = self.pids()
        return not left if left is not None else not os.path.lexists(self.path)


def group_at(path: str) -> Group | str:
    """The group of that folder, or why it is none. Nothing of the caller's text is followed outside a mount."""
    if not path.startswith("/") or os.path.realpath(path) != path or not os.path.isdir(path):
        return "not the plain path of a folder"
    for mount, unified in _mounts():
        if path == mount:
            return "the top of the control group file system"
        if path.startswith(mount + "/"):
            return Group(path, unified=unified)
    return "not below a control group file system that can freeze"


def distrust(group: Group, untouchable: frozenset[int], since: int) -> str:
    """Why this group may not be frozen as one; empty when it may."""
    pids = group.pids()
    if pids is None:
        return "cannot be read"
    for pid in pids:
        if pid in untouchable or pid <= 1:
            return f"process {pid} in it must not be touched"
        start = procfs.start_of(pid)
        if 0 <= start < since:
            return f"process {pid} in it is older than the session"
    return ""


def _mounts() -> list[tuple[str, bool]]:
    """(mount point, is version 2) of the file systems that can freeze, deepest first."""
    found = []
    for line in (_read(_MOUNTS, 1 << 20) or b"").decode("utf-8", "surrogateescape").split("\n"):
        before, _, after = line.partition(" - ")
        kind = after.split(" ")
        point = before.split(" ")[4:5]
        if point and kind[0] == "cgroup2":
            found.append((point[0], True))
        elif point and kind[0] == "cgroup" and "freezer" in kind[2:3][0].split(","):
            found.append((point[0], False))
    return sorted(found, key=lambda one: -len(one[0]))


def _below(folder: str) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []


def _read(path: str, most: int = 1 << 18) -> bytes | None:
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        found = b""
        while len(found) < most and (part := os.read(file, 65536)):
            found += part
        return found
    except OSError:
        return None
    finally:
        os.close(file)


def _write(path: str, word: str) -> str:
    try:
        file = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        return str(error.strerror)
    try:
        os.write(file, word.encode())
    except OSError as error:
        return str(error.strerror)
    finally:
        os.close(file)
    return ""
