# SPDX-License-Identifier: Apache-2.0
"""A line written to a watched file, to the detection in the audit log; beside it, watchdog alone on the same kind of file.

The observer looks every 0.1 ms or so at the size of the file that the answer goes to.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

from bench.measure import Figure, percentile
from bench.stage import guard, require_inside, staged

ROUNDS = 150
PAUSE_S = 0.04
WAIT_S = 2.0
LOOK_EVERY_S = 0.0001
_BARE = """
import os, sys, threading
from watchdog.events import FileModifiedEvent, FileSystemEventHandler
from watchdog.observers import Observer
out = os.open(sys.argv[2], os.O_WRONLY | os.O_APPEND)
class Wake(FileSystemEventHandler):
    def on_modified(self, event):
        if event.src_path == sys.argv[1]:
            os.write(out, b"1")
observer = Observer()
observer.schedule(Wake(), os.path.dirname(sys.argv[1]), event_filter=[FileModifiedEvent])
observer.start()
print("ready", flush=True)
sys.stdin.readline()
observer.stop()
"""


def figures() -> list[Figure]:
    """Run on a stage."""
    return staged("tail")


def measure() -> list[Figure]:
    """A line to irkit and one to bare watchdog, in turn."""
    require_inside()
    folder = Path(os.environ["HOME"])
    ours, bare, answers = folder / "ours" / "calls.jsonl", folder / "bare" / "calls.jsonl", folder / "answers"
    for path in (ours, bare):
        path.parent.mkdir(parents=True)
        path.touch()
    answers.touch()
    config = (
        f'[notify]\nterminal = false\ndesktop = false\n[[watch]]\npath = "{ours}"\nagent = "claude-code"\n'
    )
    argv = [sys.executable, "-c", _BARE, str(bare), str(answers)]
    with (
        guard(config),
        subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as watchdog,
    ):
        assert watchdog.stdout is not None
        watchdog.stdout.readline()
        (audit,) = Path(os.environ["IRKIT_HOME"], "audit").glob("*.jsonl")
        times: list[float] = []
        alone: list[float] = []
        for number in range(ROUNDS):
            times.append(_round(ours, audit, b'"event":"detection"', number))
            alone.append(_round(bare, answers, b"1", number))
        watchdog.communicate(b"\n")
    return _rows(times, alone)


def _rows(times: list[float], alone: list[float]) -> list[Figure]:
    p50, p99, least = percentile(times, 0.5), percentile(times, 0.99), percentile(alone, 0.5)
    return [
        Figure("line written to detection in the log: p50", f"{p50:.2f} ms", "≤ 1.2 ms", p50 <= 1.2),
        Figure(
            "the same, over bare watchdog",
            f"{p50 - least:.2f} ms",
            "≤ 0.5 ms",
            p50 - least <= 0.5,
            f"bare watchdog {least:.2f} ms",
        ),
        Figure("the same: p99", f"{p99:.2f} ms", "≤ 5 ms", p99 <= 5, f"{len(times)} lines, one at a time"),
        Figure("fail2ban, line written to found", "not run: asked for by `IRKIT_BENCH_PEERS=1`", "", None)
        if not os.environ.get("IRKIT_BENCH_PEERS")
        else Figure("fail2ban, line written to found", "not run: not part of this program yet", "", None),
    ]


def _round(path: Path, answers: Path, wanted: bytes, number: int) -> float:
    """Milliseconds from the write to the answer. Raises RuntimeError when there is none."""
    time.sleep(PAUSE_S)
    line = (
        b'{"ts":%.6f,"agent":"claude-code","session":"tail-%d","phase":"pre","tool":"Bash",'
        b'"call_id":"toolu_%d","cwd":"/home/u/src/shop","input":{"command":"rm -rf ~"}}\n'
        % (time.time(), number, number)
    )
    with answers.open("rb") as file, path.open("ab", buffering=0) as watched:
        file.seek(0, os.SEEK_END)
        began = time.perf_counter()
        watched.write(line)
        seen = b""
        while wanted not in seen:
            if time.perf_counter() - began > WAIT_S:
                raise RuntimeError(f"line {number} of {path.parent.name} was not answered")
            time.sleep(LOOK_EVERY_S)
            seen += file.read()
        return (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    for row in figures():
        print(*row, sep=" | ")
