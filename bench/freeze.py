# SPDX-License-Identifier: Apache-2.0
"""From the 200th attempt to a whole tree of 100 processes stopped, seen by an observer that is neither.

The attempt begins when its bytes leave for the hook's socket; the observer reads each process's state from /proc every
0.1 ms or so, and the time is that of the read which found the last one stopped. The shipped rule counts to 200.
"""

import os
import subprocess
import sys
import time

from bench import caller, tree
from bench.measure import QUICK, Figure, percentile
from bench.stage import guard, staged
from irkit.respond import procfs, signals

RUNS = 20 if QUICK else 25
ATTEMPTS = 200
SHELLS, SLEEPS = 9, 10
PROCESSES = 1 + SHELLS + SHELLS * SLEEPS
WAIT_S = 3.0
LOOK_EVERY_S = 0.0001
"""A loop without a pause would keep one of two cores from what is measured."""
_CONFIG = f"""
[rules]
shadow = ["burst.user"]
[notify]
terminal = false
desktop = false
[agents.claude-code]
scripts = ["{tree.__file__}"]
"""

Key = tuple[int, int]


def figures() -> list[Figure]:
    """Run on a stage."""
    return staged("freeze")


def measure() -> list[Figure]:
    """Each run has a session and a tree of its own under one guard."""
    with guard(_CONFIG):
        gate = os.path.join(os.environ["IRKIT_HOME"], "gate")
        found = [_run(gate, number) for number in range(RUNS)]
    times = [one for one in found if one is not None]
    if not times:
        return [Figure("freeze", "not measured: no tree was ever seen all stopped", "p50 ≤ 5 ms", False)]
    p50, p99, whole = percentile(times, 0.5), percentile(times, 0.99), len(times) == RUNS
    note = f"{len(times)} of {RUNS} runs all stopped; the worst of them is the p99"
    what = f"{ATTEMPTS}th attempt to all of {PROCESSES} processes stopped, seen from outside"
    return [
        Figure(f"{what}: p50", f"{p50:.1f} ms", "≤ 5 ms", p50 <= 5 and whole, note),
        Figure("the same: p99", f"{p99:.1f} ms", "≤ 20 ms", p99 <= 20 and whole),
    ]


def _run(gate: str, number: int) -> float | None:
    """Milliseconds of one run; None when something still ran after `WAIT_S`."""
    calls = [sys.executable, "-I", "-S", caller.__file__, gate, f"freeze-{number:04}", str(ATTEMPTS)]
    root = subprocess.Popen(
        [sys.executable, "-I", tree.__file__, str(SHELLS), str(SLEEPS), *calls],
        env={"PATH": os.defpath},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert root.stdin is not None
    assert root.stdout is not None
    try:
        keys = _grown(root.pid, besides=int(root.stdout.readline()))
        root.stdin.write(b"go\n")
        root.stdin.flush()
        began = float(root.stdout.readline())
        ended = _all_stopped(keys)
        return None if ended is None else (ended - began) * 1000
    finally:
        for pid, start in tree_of(root.pid):
            signals.send(pid, start, signals.KILL)
        root.communicate()


def tree_of(root: int) -> list[Key]:
    """A process and all below it."""
    table = procfs.snapshot()
    return [
        proc.key for proc in table.values() if proc.pid == root or root in procfs.ancestors(table, proc.pid)
    ]


def _grown(root: int, besides: int) -> list[Key]:
    """The tree once it is whole, without the process that makes the calls."""
    deadline = time.monotonic() + WAIT_S
    while len(found := [key for key in tree_of(root) if key[0] != besides]) < PROCESSES:
        if time.monotonic() > deadline:
            raise RuntimeError(f"the tree has {len(found)} processes, not {PROCESSES}")
        time.sleep(0.02)
    time.sleep(0.05)  # the last of them get past their exec
    return found


def _all_stopped(keys: list[Key]) -> float | None:
    """When all were stopped at once: one after the other is waited for, then all are looked at again."""
    files = [os.open(f"/proc/{pid}/stat", os.O_RDONLY) for pid, _ in keys]
    try:
        deadline = time.monotonic() + WAIT_S
        for file in files:
            while not _stopped(file):
                if time.monotonic() > deadline:
                    return None
                time.sleep(LOOK_EVERY_S)
        ended = time.monotonic()
        return ended if all(_stopped(file) for file in files) else None
    finally:
        for file in files:
            os.close(file)


def _stopped(file: int) -> bool:
    line = os.pread(file, 256, 0)
    return line[line.rindex(b")") + 2 :][:1] in b"Tt"


if __name__ == "__main__":
    for row in figures():
        print(*row, sep=" | ")
