# SPDX-License-Identifier: Apache-2.0
"""Looks at processes from outside the thing that is tested, and times what happens to them. Never signals."""

import time
from collections.abc import Callable, Iterable

from irkit.respond import procfs

LOOK_EVERY_S = 0.001
"""What a measured time is exact to, plus one look."""

STOPPED = "Tt"

Key = tuple[int, int]
"""(pid, start)."""


def alive(keys: Iterable[Key]) -> list[Key]:
    """Those that can still run, stopped ones included."""
    return [key for key in keys if procfs.alive(*key)]


def running(keys: Iterable[Key]) -> list[Key]:
    """Those that are alive and not stopped.

    State D counts as running: a parent that waits for its child's exec is in it, and nobody has stopped it.
    """
    found = []
    for key in keys:
        proc = procfs.look(key[0])
        if proc is not None and proc.start == key[1] and not proc.dead and proc.state not in STOPPED:
            found.append(key)
    return found


def wait_until(reached: Callable[[], bool], within_s: float) -> float | None:
    """The monotonic time at which it was first seen to be so; None when it was not within the time."""
    deadline = time.monotonic() + within_s
    while not reached():
        if time.monotonic() > deadline:
            return None
        time.sleep(LOOK_EVERY_S)
    return time.monotonic()
