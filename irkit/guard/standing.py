# SPDX-License-Identifier: Apache-2.0
"""Whether a process stands where a person types: on a terminal outside every watched tree.

This is one condition of a proof and never the whole of it: a process can leave its tree (a second fork, a terminal
multiplexer, a service), and nothing here sees that. Reads the kernel's tables, signals and changes nothing.
"""

from collections.abc import Callable, Iterator

from irkit.agents.facts import marker_of
from irkit.respond import procfs

LEVELS_MAX = 64
Watched = Callable[[int], bool]
"""Whether the process with this number belongs to a session, or is a known agent."""


def why_not_a_person(pid: int, is_watched: Watched, watched_ttys: frozenset[int] = frozenset()) -> str:
    """The reason why this process does not count as a person's, in words; empty when it does."""
    proc = procfs.look(pid)
    if proc is None:
        return "whoever asks is gone"
    if proc.tty == 0:
        return "whoever asks has no terminal"
    if any(map(is_watched, (pid, *_above(proc)))):
        return "it was started by an agent"
    leader = procfs.look(proc.sid) if proc.sid != pid else None
    if leader is not None and any(map(is_watched, (leader.pid, *_above(leader)))):
        return "its terminal was opened by an agent"
    if proc.tty in watched_ttys:
        return "an agent runs on this terminal"
    for one in (proc, leader):
        marks = marker_of(procfs.environ(one.pid) or b"") if one else []
        if marks:
            return f"it has the environment of {marks[0][0]}"
    return ""


def _above(proc: procfs.Proc) -> Iterator[int]:
    """Its parents, nearest first, without pid 1."""
    above = proc.ppid
    for _ in range(LEVELS_MAX):
        if above <= 1:
            return
        yield above
        parent = procfs.look(above)
        above = parent.ppid if parent else 0
