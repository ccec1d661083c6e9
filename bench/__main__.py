# SPDX-License-Identifier: Apache-2.0
"""`python -m bench [--quick] [PART…]`: measure, print, and, when all parts were measured, write docs/BENCHMARKS.md."""

import importlib
import os
import platform
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from bench.measure import Figure

PARTS = ("hook", "kill", "contain", "tail", "freeze", "contain", "guard", "idle", "replay")
PAGE = Path(__file__).parents[1] / "docs" / "BENCHMARKS.md"
_LIBRARIES = ("msgspec", "watchdog", "apscheduler")
_INTRO = """# Benchmarks

Written by `make bench`; these are measurements of one machine at one time, not tests. Every part that starts a guard or
stops processes runs in a PID namespace of its own, with a home that is thrown away. What is compared was measured in the
same run. Medians, unless a row says otherwise; a row without *met* is there for comparison.
"""


def main(names: list[str]) -> int:
    """Run the parts, in order; a part that fails is a row that says so."""
    if "--quick" in names:
        names.remove("--quick")
        os.environ["IRKIT_BENCH_QUICK"] = "1"
    if wrong := [name for name in names if name not in PARTS]:
        print(f"bench: no part is called {wrong[0]!r}; known are {', '.join(PARTS)}", file=sys.stderr)
        return 2
    load = [os.getloadavg()]
    rows: list[Figure] = []
    for name in names or PARTS:
        print(f"bench: {name} …", file=sys.stderr, flush=True)
        found = importlib.import_module(f"bench.{name}").figures()
        for one in found:
            print(" | ".join(_cells(one)), flush=True)
        rows += found
        load.append(os.getloadavg())
    if not names:
        PAGE.write_text(f"{_INTRO}\n{_about(load)}\n{_table(rows)}", encoding="utf-8")
        print(f"bench: wrote {PAGE}", file=sys.stderr)
    return 0


def _about(load: list[tuple[float, float, float]]) -> str:
    """The machine, the versions, the date, and how busy others kept it."""
    one_minute = [first for first, _, _ in load]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    shared = f"load average {min(one_minute):.1f} to {max(one_minute):.1f} during the run"
    if one_minute[0] > cores / 2:
        shared += (
            f"; it was {one_minute[0]:.1f} before anything was measured, so other programs shared the cores"
        )
    libraries = ", ".join(f"{name} {_version(name)}" for name in _LIBRARIES)
    return (
        f"- machine: {_processor()}, {cores} cores, {platform.machine()}\n"
        f"- system: {platform.system()} {platform.release()}\n"
        f"- versions: Python {platform.python_version()}, irkit {_version('irkit')}, {libraries}\n"
        f"- date: {time.strftime('%Y-%m-%d %H:%M UTC', time.gmtime())}\n"
        f"- {shared}\n"
        f"- rounds: {'quick (`--quick`)' if os.environ.get('IRKIT_BENCH_QUICK') else 'full'}\n"
    )


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "(run from its folder)"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown processor"
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else "unknown processor"


def _table(rows: list[Figure]) -> str:
    lines = ["| what | measured | goal | met | note |", "|---|---|---|---|---|"]
    lines += [f"| {' | '.join(cell.replace('|', '/') for cell in _cells(one))} |" for one in rows]
    return "\n".join(lines) + "\n"


def _cells(one: Figure) -> tuple[str, str, str, str, str]:
    return one.what, one.measured, one.goal, {True: "yes", False: "**no**", None: ""}[one.met], one.note


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
