# SPDX-License-Identifier: Apache-2.0
"""The guard under load: hook bytes in to answer out, and calls per second with a new connection each."""

import json
import multiprocessing
import os
import threading
import time
from pathlib import Path

from bench.measure import Figure, percentile
from bench.stage import ask, guard, payload, staged

RATE = 200
CONNECTIONS = 20
LATENCY_S = 10
FLOOD_S = 10
CLIENTS = 2
_SHADOW = '[rules]\nshadow = ["burst", "burst.user", "loop.same-call"]\n'
_COMMANDS = (
    "npm test",
    "git status",
    "ls -la src",
    "python -m pytest -q tests",
    "grep -rn TODO src",
    "cat README.md",
)


def figures() -> list[Figure]:
    """Run on a stage."""
    return staged("guard")


def measure() -> list[Figure]:
    """Latency at a steady rate, then as fast as two clients can."""
    with guard(_SHADOW):
        gate = Path(os.environ["IRKIT_HOME"], "gate")
        os.chdir(gate)
        times = _steady()
        sent, seconds = _flood()
    recorded = _recorded()
    expected = len(times) + sent
    p50, p99 = percentile(times, 0.5), percentile(times, 0.99)
    rate = sent / seconds
    return [
        Figure(
            f"hook bytes in to answer out, {RATE} events/s from {CONNECTIONS} connections: p50",
            f"{p50:.2f} ms",
            "≤ 1 ms",
            p50 <= 1,
        ),
        Figure("the same: p99", f"{p99:.2f} ms", "≤ 5 ms", p99 <= 5, f"{len(times)} calls"),
        Figure(
            "sustained, a new connection each",
            f"{rate:,.0f} events/s",
            "≥ 3,000/s",
            rate >= 3000,
            f"{CLIENTS} client processes, {seconds:.0f} s, sharing 2 cores with the guard",
        ),
        Figure(
            "records of those calls in the log",
            f"{recorded:,} of {expected:,}",
            "nothing lost",
            recorded == expected,
        ),
    ]


def _steady() -> list[float]:
    """Open loop: each of the connections has its own beat."""
    times: list[float] = []
    begin = time.perf_counter() + 0.2

    def client(number: int) -> None:
        for beat in range(LATENCY_S * RATE // CONNECTIONS):
            due = begin + (beat * CONNECTIONS + number) / RATE
            time.sleep(max(0.0, due - time.perf_counter()))
            data = payload(f"steady-{number}-{beat // 50}", _COMMANDS[beat % len(_COMMANDS)], beat)
            started = time.perf_counter()
            ask(data)
            times.append((time.perf_counter() - started) * 1000)

    threads = [threading.Thread(target=client, args=(number,)) for number in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return times


def _flood() -> tuple[int, float]:
    started = time.perf_counter()
    with multiprocessing.Pool(CLIENTS) as pool:
        counts = pool.map(_client, range(CLIENTS))
    return sum(counts), time.perf_counter() - started


def _client(number: int) -> int:
    sent = 0
    until = time.perf_counter() + FLOOD_S
    while time.perf_counter() < until:
        answer = ask(payload(f"flood-{number}-{sent // 50}", _COMMANDS[sent % len(_COMMANDS)], sent))
        assert answer.startswith(b"0 "), answer
        sent += 1
    return sent


def _recorded() -> int:
    folder = Path(os.environ["IRKIT_HOME"], "audit")
    count = 0
    for path in folder.glob("*.jsonl"):
        with path.open() as lines:
            count += sum(json.loads(line)["event"] == "before_tool" for line in lines)
    return count


if __name__ == "__main__":
    for row in figures():
        print(*row, sep=" | ")
