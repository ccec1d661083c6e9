# SPDX-License-Identifier: Apache-2.0
"""Whether what irkit stopped still stands still: asked again and again while a session is frozen (threat T4).

Standard library only, and cheap: one state for each stopped process, or one word for a whole control group.

Rules:
- Whoever runs again is named by identity; a process that ended moved, but runs no more.
- In a frozen control group the kernel's word counts: the states there do not show that it stands still.
- Never signals anything.
"""

from __future__ import annotations

from irkit.respond import cgroup, procfs
from irkit.respond.census import Key


def running_again(stopped: tuple[Key, ...], groups: tuple[str, ...] = ()) -> list[Key]:
    """Those of the stopped that can run now."""
    still: set[int] = set()
    for path in groups:
        group = cgroup.group_at(path)
        if not isinstance(group, str) and group.frozen():
            still.update(group.pids() or ())
    moved = []
    for pid, start in stopped:
        if pid in still:
            continue
        proc = procfs.look(pid)
        if proc is not None and proc.start == start and proc.runnable:
            moved.append((pid, start))
    return moved


def how(key: Key) -> str:
    """Who seems to have continued it, in words: the terminal's shell where that gave it the foreground."""
    proc = procfs.look(key[0])
    if proc is None or proc.start != key[1]:
        return "it ended meanwhile"
    if proc.tty and proc.tpgid == proc.pgrp:
        return "it has its terminal's foreground: somebody typed fg there"
    if proc.ppid == 1:
        return "its parent ended, or somebody sent it SIGCONT"
    return "somebody sent it SIGCONT"
