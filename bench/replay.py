# SPDX-License-Identifier: Apache-2.0
"""`irkit rules replay` with the shipped rules: calls per second on one core, and memory as a file grows.

The rate is calls by CPU seconds, so that programs beside it change little; what can be reached at most is the decoding
of the same lines into a typed record, without looking at them.
"""

import itertools
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.measure import QUICK, Figure, median

CALLS = 100_000 if QUICK else 300_000
LONG = 500_000 if QUICK else 3_000_000
ROUNDS = 1 if QUICK else 3
SESSIONS = 40
_SEED = 20260101
_MIX = {"read": 34, "plan": 10, "shell": 38, "edit": 15, "fetch": 3}
"""Per cent, about as agents' records have them."""
_COMMANDS = (
    "npm test -- --run src/part_{}",
    "git diff --stat HEAD~{} -- src",
    "python -m pytest -q tests/test_part_{}.py",
    "grep -rn 'part_{}' src | head -40",
    "ls -la src/part_{}",
    "sed -n '1,{}p' src/order/form.py",
    "cd /home/u/src/shop && make build TARGET=part_{}",
    "find src -name '*part_{}*' -type f",
)
_TEXT = (
    "def total(lines: list[Line]) -> Decimal:\n    return sum((line.price for line in lines), Decimal(0))\n"
)
_PROBE = """
import os, sys, time
from irkit.cli.replaying import Found, replay_file
from irkit.cli.rule_files import home_rules
from irkit.detect.engine import Engine
from irkit.home import Home
from irkit.stream.redact import build_redactor
import gc
gc.set_threshold(100_000)
engine, redactor = Engine(home_rules(Home())), build_redactor(bytes(32))
began, wall = time.process_time(), time.perf_counter()
found = sum(1 for _ in replay_file(Found(sys.argv[1], sys.argv[2]), engine, redactor))
print(time.process_time() - began, time.perf_counter() - wall, found)
"""
_DECODE = """
import sys, time, msgspec
from irkit.detect.replay import _Line, split
decode = msgspec.json.Decoder(_Line).decode
with open(sys.argv[1], "rb") as file:
    began = time.process_time()
    for line in split(iter(lambda: file.read(1 << 18), b"")):
        decode(line)
print(time.process_time() - began)
"""


def figures() -> list[Figure]:
    """Starts no guard and signals nobody, so it needs no stage; the home is thrown away."""
    with tempfile.TemporaryDirectory(prefix="irkit-bench-") as folder:
        environ = {"HOME": folder, "IRKIT_HOME": f"{folder}/irkit", "PATH": os.defpath, "TERM": "dumb"}
        generic, log = f"{folder}/calls.jsonl", f"{folder}/audit.jsonl"
        Path(generic).write_bytes(b"".join(lines(CALLS)))
        Path(log).write_bytes(b"".join(_as_log(lines(CALLS))))
        cases = [(generic, "generic"), (log, "irkit")]
        rates: dict[str, list[tuple[float, float, int]]] = {"generic": [], "irkit": []}
        limit: list[float] = []
        for _ in range(ROUNDS):
            limit.append(CALLS / _numbers(_DECODE, [generic], environ)[0])
            for path, dialect in cases:
                cpu, wall, found = _numbers(_PROBE, [path, dialect], environ)
                rates[dialect].append((CALLS / cpu, CALLS / wall, int(found)))
        sizes = [_peak_mib(count, environ) for count in (CALLS, LONG)]
    return [
        _rate("a file of the generic dialect", rates["generic"]),
        _rate("irkit's own log", rates["irkit"]),
        Figure("typed decoding of the generic file alone", f"{median(limit):,.0f} lines/s", "", None),
        Figure(
            f"`irkit rules replay`, greatest RSS for {CALLS:,} / {LONG:,} calls",
            f"{sizes[0]:.1f} / {sizes[1]:.1f} MiB",
            "flat",
            sizes[1] <= sizes[0] * 1.1,
            f"{SESSIONS} sessions; the longer stream comes through a pipe",
        ),
    ]


def _rate(what: str, found: list[tuple[float, float, int]]) -> Figure:
    rate, wall = median([cpu for cpu, _, _ in found]), median([wall for _, wall, _ in found])
    note = f"by CPU time; {wall:,.0f}/s by the clock; {found[0][2]} detections in {CALLS:,} calls"
    goal = "≥ 200,000/s"
    return Figure(f"replay, {what}, one core", f"{rate:,.0f} calls/s", goal, rate >= 200_000, note)


def lines(count: int) -> Iterator[bytes]:
    """Calls of SESSIONS sessions that take turns, each a call every 20 s: no window fills."""
    dice = random.Random(_SEED)
    kinds = dice.choices(list(_MIX), list(_MIX.values()), k=4096)
    began = 1_760_000_000.0
    for number, kind in zip(range(count), itertools.cycle(kinds), strict=False):
        tool, arguments = _call(kind, number)
        session = number % SESSIONS
        yield (
            b'{"ts":%.3f,"agent":"claude-code","session":"5572b661-1054-4189-9fe5-%012d","phase":"pre",'
            b'"tool":"%s","call_id":"toolu_%d","cwd":"/home/u/src/shop","user":"u%d","input":%s}\n'
            % (began + number * 20 / SESSIONS, session, tool, number, session, arguments)
        )


def _call(kind: str, number: int) -> tuple[bytes, bytes]:
    part = number % 977
    path = b"/home/u/src/shop/src/part_%d.py" % part
    if kind == "read":
        return b"Read", b'{"file_path":"%s","offset":%d,"limit":200}' % (path, number % 400)
    if kind == "plan":
        todos = [{"content": f"part {part}", "status": "pending", "activeForm": "working"}]
        return b"TodoWrite", json.dumps({"todos": todos}).encode()
    if kind == "edit":
        before = _TEXT.replace("total", f"total_{part}")
        return b"Edit", json.dumps(
            {"file_path": path.decode(), "old_string": before, "new_string": _TEXT}
        ).encode()
    if kind == "fetch":
        return b"WebSearch", b'{"query":"python decimal rounding part %d"}' % part
    command = _COMMANDS[number % len(_COMMANDS)].format(part)
    return b"Bash", json.dumps({"command": command, "description": "The next step of the plan"}).encode()


def _as_log(generic: Iterator[bytes]) -> Iterator[bytes]:
    """The same calls as the audit log has them."""
    from irkit.clock import iso

    for number, line in enumerate(generic, 1):
        one = json.loads(line)
        record = {
            "v": 1, "ts": iso(one["ts"]), "seq": number, "agent": one["agent"], "session": one["session"],
            "subagent": "", "user": one["user"], "turn": None, "event": "before_tool", "phase": "pre",
            "tool": one["tool"], "call_id": one["call_id"], "cwd": one["cwd"], "pid": 4242 + int(one["session"][-12:]), "start": 99,
            "args": one["input"], "args_sha256": f"{number % 8192:064x}", "exit": None, "error": "",
            "response_bytes": None, "duration_ms": None, "secrets": [], "risk": 0, "decision": "allow",
            "source": "hook", "prev": f"{number:064x}",
        }  # fmt: skip
        yield json.dumps(record, separators=(",", ":")).encode() + b"\n"


def _numbers(code: str, words: list[str], environ: dict[str, str]) -> list[float]:
    """What a program of its own prints, pinned to one core where the system can."""
    pin = "import os; hasattr(os, 'sched_setaffinity') and os.sched_setaffinity(0, [max(os.sched_getaffinity(0))])\n"
    done = subprocess.run(
        [sys.executable, "-c", pin + code, *words], env=environ, capture_output=True, text=True, check=True
    )
    return [float(word) for word in done.stdout.split()]


def _peak_mib(count: int, environ: dict[str, str]) -> float:
    """The greatest RSS of the command over a stream of so many calls."""
    argv = [sys.executable, "-m", "irkit", "rules", "replay", "--dialect", "generic", "--json", "/dev/stdin"]
    with subprocess.Popen(argv, env=environ, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        assert process.stdin is not None
        stream = lines(count)
        while block := b"".join(itertools.islice(stream, 5000)):
            process.stdin.write(block)
        process.stdin.close()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"irkit rules replay ended with {process.returncode}")
    return usage.ru_maxrss / 1024


if __name__ == "__main__":
    began = time.monotonic()
    for row in figures():
        print(*row, sep=" | ")
    print(f"{time.monotonic() - began:.0f} s")
