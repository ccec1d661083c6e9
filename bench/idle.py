# SPDX-License-Identifier: Apache-2.0
"""What a guard costs while nothing happens, and whether it grows with what did happen.

CPU is the kernel's count of nanoseconds over all threads (schedstat), wake-ups are voluntary context switches.
"""

import os
import time
from pathlib import Path
from typing import NamedTuple

from bench.measure import QUICK, Figure
from bench.stage import ask, guard, payload, staged

IDLE_S = 31 if QUICK else 40
SETTLE_S = 5
EVENTS = 100_000
"""Windows and memories of bounded size are full well before half of them."""
_SHADOW = '[rules]\nshadow = ["burst", "burst.user", "loop.same-call"]\n'


class Used(NamedTuple):
    """What a process has used so far."""

    cpu_ns: int
    wakeups: int
    rss_kib: int
    threads: int


def figures() -> list[Figure]:
    """Run on a stage."""
    return staged("idle")


def measure() -> list[Figure]:
    """Idle first, then the events."""
    with guard(_SHADOW) as process:
        os.chdir(Path(os.environ["IRKIT_HOME"], "gate"))
        time.sleep(SETTLE_S)
        before = used(process.pid)
        time.sleep(IDLE_S)
        idle = used(process.pid)
        sizes = []
        for half in range(2):
            for number in range(EVENTS // 2):
                ask(payload(f"grow-{number % 50}", f"cat src/part_{number % 97}.py", half * EVENTS + number))
            time.sleep(SETTLE_S)
            sizes.append(used(process.pid).rss_kib)
    cpu = (idle.cpu_ns - before.cpu_ns) / IDLE_S / 1e7
    wakeups = (idle.wakeups - before.wakeups) / IDLE_S
    grown = sizes[1] - sizes[0]
    return [
        Figure("idle guard, CPU", f"{cpu:.4f} %", "≤ 0.01 %", cpu <= 0.01, f"{IDLE_S} s"),
        Figure(
            "idle guard, wake-ups of all threads",
            f"{wakeups:.2f}/s",
            "≤ 0.2/s",
            wakeups <= 0.2,
            f"{idle.threads} threads",
        ),
        Figure("idle guard, RSS", f"{idle.rss_kib / 1024:.1f} MiB", "≤ 60 MiB", idle.rss_kib <= 60 * 1024),
        Figure(
            f"guard, RSS after {EVENTS // 2:,} / after {EVENTS:,} events",
            f"{sizes[0] / 1024:.1f} / {sizes[1] / 1024:.1f} MiB",
            "flat",
            grown <= sizes[0] * 0.03,
            f"50 sessions; {idle.rss_kib / 1024:.1f} MiB before the first event",
        ),
    ]


def used(pid: int) -> Used:
    """Over all threads that live now."""
    cpu = wakeups = threads = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        cpu += int((task / "schedstat").read_text().split()[0])
        wakeups += int(_status(task, "voluntary_ctxt_switches"))
        threads += 1
    return Used(cpu, wakeups, int(_status(Path(f"/proc/{pid}"), "VmRSS")), threads)


def _status(folder: Path, name: str) -> str:
    lines = (folder / "status").read_text().splitlines()
    return next(line.split()[1] for line in lines if line.startswith(f"{name}:"))


if __name__ == "__main__":
    for row in figures():
        print(*row, sep=" | ")
