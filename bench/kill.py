# SPDX-License-Identifier: Apache-2.0
"""`irkit kill`: from its start to the first process seen stopped, against a whole argparse-only Python program."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial

from bench import tree
from bench.freeze import tree_of
from bench.measure import Figure, median, run_once
from bench.stage import require_inside, staged
from irkit.respond import procfs, signals

ROUNDS = 15
WAIT_S = 5.0
LOOK_EVERY_S = 0.0001
_ARGPARSE = """
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("act", choices=["kill", "freeze"])
parser.add_argument("--pid", type=int)
parser.add_argument("--yes", action="store_true")
print(parser.parse_args())
"""


def figures() -> list[Figure]:
    """Run on a stage."""
    return staged("kill")


def measure() -> list[Figure]:
    """The three in turn; each kill has a target of its own, which is killed."""
    require_inside()
    script = os.path.join(os.path.dirname(sys.executable), "irkit")
    ways = {"`python -m irkit kill`": [sys.executable, "-m", "irkit"]}
    if os.path.exists(script):
        ways["`irkit kill`, the installed script"] = [script]
    cases: dict[str, Callable[[], float]] = {
        "argparse": lambda: run_once([sys.executable, "-c", _ARGPARSE, "kill", "--pid", "1"]).wall_ms,
        **{name: partial(_first_stop, argv) for name, argv in ways.items()},
    }
    found: dict[str, list[float]] = {name: [] for name in cases}
    for number in range(ROUNDS + 1):
        for name, case in cases.items():
            took = case()
            if number:
                found[name].append(took)
    whole = median(found.pop("argparse"))
    return [
        Figure(
            f"{name}: start to first stop seen / a whole argparse-only program",
            f"{median(times) / whole:.2f}x ({median(times):.1f} / {whole:.1f} ms)",
            "≤ 1.3x",
            median(times) <= 1.3 * whole,
            f"{ROUNDS} rounds in turn, by the clock",
        )
        for name, times in found.items()
    ]


def _first_stop(irkit: list[str]) -> float:
    """Milliseconds until the target is seen stopped. Raises RuntimeError when it never is."""
    target = subprocess.Popen(
        [sys.executable, "-I", tree.__file__, "1", "2"], env={"PATH": os.defpath}, start_new_session=True
    )
    try:
        deadline = time.monotonic() + WAIT_S
        while len(tree_of(target.pid)) < 4:
            if time.monotonic() > deadline:
                raise RuntimeError("the target did not start")
            time.sleep(0.01)
        return _seen([*irkit, "kill", "--pid", str(target.pid), "--yes"], target.pid)
    finally:
        for pid, start in tree_of(target.pid):
            signals.send(pid, start, signals.KILL)
        target.wait()


def _seen(argv: list[str], pid: int) -> float:
    deadline = time.monotonic() + WAIT_S
    began = time.perf_counter()
    with subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as command:
        while (proc := procfs.look(pid)) is not None and proc.state not in "TtZX":
            if command.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"not seen stopped: {command.communicate()[1][-200:]}")
            time.sleep(LOOK_EVERY_S)
        took = (time.perf_counter() - began) * 1000
        command.communicate(timeout=WAIT_S * 2)
    if proc is None or proc.state not in "Tt":
        raise RuntimeError("the target was gone before it was seen stopped")
    return took


if __name__ == "__main__":
    for row in figures():
        print(*row, sep=" | ")
