# SPDX-License-Identifier: Apache-2.0
"""What `irkit run` adds before an agent's first output: a bare command against the same one contained."""

import os
import subprocess
import sys
import time
from pathlib import Path

from bench.measure import QUICK, Figure, Spent, interleaved, median
from bench.stage import guard, staged

ROUNDS = 15 if QUICK else 60
GOAL_MS = 50


def figures() -> list[Figure]:
    """Run on a stage."""
    return staged("contain")


def measure() -> list[Figure]:
    """First byte of output, interleaved; with a guard, as people use it."""
    project = Path(os.environ["HOME"], "project")
    project.mkdir()
    os.chdir(project)
    irkit = [os.path.join(os.path.dirname(sys.executable), "irkit"), "run", "--", "/bin/echo", "x"]
    cases = {
        "bare": lambda: first(["/bin/echo", "x"]),
        "python": lambda: first([sys.executable, "-c", "print(1)"]),
        "run": lambda: first(irkit),
    }
    with guard(""):
        found = {
            name: median([one.wall_ms for one in spent]) for name, spent in interleaved(cases, ROUNDS).items()
        }
    added = found["run"] - found["bare"]
    about = f"bare {found['bare']:.1f} ms, contained {found['run']:.1f} ms; starting this Python alone {found['python']:.1f} ms"
    goal = f"≤ {GOAL_MS} ms"
    return [
        Figure("`irkit run`: added before the first output", f"{added:.0f} ms", goal, added <= GOAL_MS, about)
    ]


def first(argv: list[str]) -> Spent:
    """Until the first byte; the end is waited for, and not counted."""
    began = time.perf_counter()
    with subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        assert process.stdout.read(1), argv
        wall = (time.perf_counter() - began) * 1000
        process.stdout.read()
    return Spent(0.0, wall, process.returncode)
