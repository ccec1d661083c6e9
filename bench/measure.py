# SPDX-License-Identifier: Apache-2.0
"""Measuring whole processes and spans: CPU from wait4, medians over interleaved rounds."""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

QUICK = "--quick" in sys.argv or bool(os.environ.get("IRKIT_BENCH_QUICK"))
"""Fewer and shorter rounds: `python -m bench --quick`. The page says so."""


class Spent(NamedTuple):
    """What one process cost."""

    cpu_ms: float
    wall_ms: float
    code: int


def run_once(argv: Sequence[str], data: bytes = b"", env: Mapping[str, str] | None = None) -> Spent:
    """Start one process, feed it, reap it; CPU is user + system of it and what it reaped."""
    began = time.perf_counter()
    with subprocess.Popen(
        list(argv), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=env
    ) as process:
        assert process.stdin is not None
        try:
            process.stdin.write(data)
            process.stdin.close()
        except BrokenPipeError:
            pass
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall = (time.perf_counter() - began) * 1000
    return Spent((usage.ru_utime + usage.ru_stime) * 1000, wall, process.returncode)


def interleaved(
    cases: Mapping[str, Callable[[], Spent]], rounds: int, warm: int = 3
) -> dict[str, list[Spent]]:
    """Run every case in turn, `rounds` times, so that the machine's mood hits all alike."""
    found: dict[str, list[Spent]] = {name: [] for name in cases}
    for number in range(rounds + warm):
        for name, case in cases.items():
            spent = case()
            if number >= warm:
                found[name].append(spent)
    return found


def median(values: Sequence[float]) -> float:
    """The middle one."""
    return statistics.median(values)


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` (0 to 1) of them lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class Figure(NamedTuple):
    """One row of docs/BENCHMARKS.md."""

    what: str
    measured: str
    goal: str
    met: bool | None
    """None: nothing was asked of it, it is for comparison."""
    note: str = ""
