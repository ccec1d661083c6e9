# SPDX-License-Identifier: Apache-2.0
"""What a hook costs: whole-process CPU against a bare interpreter and against peers, in the same run."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from bench.measure import QUICK, Figure, Spent, interleaved, median, run_once

SOURCE = Path(__file__).parents[1] / "irkit" / "stream"
ROUNDS = 25 if QUICK else 60


def payload(size: int) -> bytes:
    """A before-tool payload of Claude Code's shape."""
    filler = "x" * max(0, size - 330)
    return (
        '{"session_id":"5572b661-1054-4189-9fe5-90df67ad5c55","transcript_path":"/home/u/.claude/projects/p/s.jsonl",'
        '"cwd":"/home/u/src/shop","permission_mode":"default","hook_event_name":"PreToolUse","tool_name":"Bash",'
        f'"tool_input":{{"command":"npm test","description":"{filler}"}},"tool_use_id":"toolu_01"}}'
    ).encode()


def answering(gate: Path) -> socket.socket:
    """A listener that answers every hook at once with *allow*."""
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.getcwd()
    os.chdir(gate)
    listening.bind("hook.sock")
    os.chdir(before)
    listening.listen(64)

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            data = b""
            while b"\n" not in data:
                data += connection.recv(1 << 20)
            head, _, body = data.partition(b"\n")
            missing = int(head.split()[-1]) - len(body)
            while missing > 0:
                missing -= len(connection.recv(1 << 20))
            connection.sendall(b"0 0 0\n")
            connection.close()

    threading.Thread(target=serve, daemon=True).start()
    return listening


def safety_net() -> list[str] | None:
    """The npm peer's hook command, when it is asked for; installed into a cache of its own the first time."""
    if not os.environ.get("IRKIT_BENCH_PEERS"):
        return None
    cache = os.environ.get("IRKIT_PEER_CACHE", os.path.expanduser("~/.cache/irkit-peers"))
    program = os.path.join(cache, "node_modules", ".bin", "cc-safety-net")
    if not os.path.exists(program) and shutil.which("npm"):
        subprocess.run(
            ["npm", "i", "--prefix", cache, "cc-safety-net"], check=False, stdout=subprocess.DEVNULL
        )
    return [program, "hook", "--claude-code"] if os.path.exists(program) else None


def figures() -> list[Figure]:
    """Measure and compare."""
    python = os.path.realpath(getattr(sys, "_base_executable", sys.executable))
    with tempfile.TemporaryDirectory() as folder:
        gate = Path(folder, "gate")
        (gate / "spool").mkdir(parents=True)
        for name in ("hook.py", "hook_slow.py"):
            shutil.copy(SOURCE / name, gate / name)
        listening = answering(gate)
        hook = [python, "-I", "-S", str(gate / "hook.py"), "claude-code", "PreToolUse"]
        small, large = payload(600), payload(60_000)
        peer = safety_net()
        cases = {
            "bare": lambda: run_once([python, "-I", "-S", "-c", "pass"]),
            "hook": lambda: run_once(hook, small),
            "hook 60 KB": lambda: run_once(hook, large),
        }
        if peer:
            own = {"HOME": folder, "PATH": os.environ.get("PATH", os.defpath)}  # it keeps a log in its home
            cases["cc-safety-net"] = lambda: run_once(peer, small, own)
        found = interleaved(cases, ROUNDS)
        listening.close()
    return _rows(found, python)


def _rows(found: dict[str, list[Spent]], python: str) -> list[Figure]:
    cpu = {name: median([one.cpu_ms for one in spent]) for name, spent in found.items()}
    wall = {name: median([one.wall_ms for one in spent]) for name, spent in found.items()}
    version = subprocess.run([python, "-V"], capture_output=True, text=True, check=True).stdout.strip()
    ratio, big = cpu["hook"] / cpu["bare"], cpu["hook 60 KB"] / cpu["hook"]
    rows = [
        Figure(
            "hook, CPU of the whole process / bare `python -I -S -c pass`",
            f"{ratio:.2f}x ({cpu['hook']:.1f} / {cpu['bare']:.1f} ms; wall {wall['hook']:.1f} / {wall['bare']:.1f} ms)",
            "≤ 1.2x",
            ratio <= 1.2,
            version,
        ),
        Figure(
            "hook, 60 KB payload / 600 bytes, CPU",
            f"{big:.2f}x ({cpu['hook 60 KB']:.1f} ms)",
            "≤ 1.2x",
            big <= 1.2,
        ),
    ]
    if "cc-safety-net" in cpu:
        share = cpu["hook"] / cpu["cc-safety-net"]
        text = f"1/{1 / share:.1f} ({cpu['cc-safety-net']:.1f} ms)"
        rows.append(Figure("hook CPU / cc-safety-net's", text, "≤ 1/5", share <= 0.2))
    else:
        rows.append(
            Figure("hook CPU / cc-safety-net's", "not run: asked for by `IRKIT_BENCH_PEERS=1`", "≤ 1/5", None)
        )
    return rows


if __name__ == "__main__":
    for row in figures():
        print(*row, sep=" | ")
