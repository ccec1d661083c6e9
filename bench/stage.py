# SPDX-License-Identifier: Apache-2.0
"""Runs a part in a PID namespace of its own, with a throw-away home and a clean environment, and a real guard there."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.measure import Figure

REPOSITORY = str(Path(__file__).parents[1])
_INSIDE = "IRKIT_BENCH_INSIDE"
_DESCRIPTION = (
    "Run what the plan names as its next step, look at the output for failures, and fix the first of them before "
    "going on; the change was made in the order form, so begin with the tests of that folder and its neighbours."
)
"""Ordinary prose: a run of one letter would be looked at as if it were a key."""
_PASSED_ON = ("IRKIT_BENCH_QUICK", "IRKIT_BENCH_PEERS")
_NAMESPACE = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]
_INIT = ["sh", "-c", '"$@"; exit $?', "init"]
"""Pid 1 inside: collects orphans as an init does, so that no run leaves zombies for the next one to walk over."""


def staged(part: str, timeout_s: float = 600) -> list[Figure]:
    """The figures of `bench.PART.measure()`, run inside; one row that says why where that cannot be."""
    if subprocess.run([*_NAMESPACE, "true"], capture_output=True, check=False).returncode:
        return [Figure(part, "not run: no PID namespace can be made here", "", None)]
    with tempfile.TemporaryDirectory(prefix="irkit-bench-") as folder:
        environ = {
            "HOME": folder,
            "IRKIT_HOME": f"{folder}/irkit",
            "PATH": os.defpath,
            "TERM": "dumb",
            _INSIDE: part,
            **{name: os.environ[name] for name in _PASSED_ON if name in os.environ},
        }
        code = f"import json,bench.{part} as p; print(json.dumps(p.measure()))"
        done = subprocess.run(
            [*_NAMESPACE, *_INIT, sys.executable, "-c", code],
            cwd=REPOSITORY,
            env=environ,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
    if done.returncode:
        return [
            Figure(part, f"not run: {(done.stderr.strip().splitlines() or ['failed'])[-1][:200]}", "", None)
        ]
    return [Figure(*row) for row in json.loads(done.stdout.strip().splitlines()[-1])]


def require_inside() -> None:
    """Refuse to run where other programs could be hit."""
    if not os.environ.get(_INSIDE) or os.getpid() > 50:
        raise SystemExit("this part runs in a namespace of its own only: python -m bench")


@contextlib.contextmanager
def guard(config: str = "", rules: dict[str, str] | None = None) -> Iterator[subprocess.Popen[str]]:
    """A real guard on this stage's home, ready."""
    require_inside()
    home = Path(os.environ["IRKIT_HOME"])
    shutil.rmtree(home, ignore_errors=True)
    (home / "rules").mkdir(parents=True)
    (home / "irkit.toml").write_text(config)
    for name, text in (rules or {}).items():
        (home / "rules" / name).write_text(text)
    log = (home.parent / "guard.err").open("w")
    process = subprocess.Popen(
        [sys.executable, "-m", "irkit", "guard", "--json"], stdout=subprocess.PIPE, stderr=log, text=True
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    if "ready" not in line:
        process.wait(5)
        raise RuntimeError((home.parent / "guard.err").read_text()[-500:] or line)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(10)
        log.close()


def ask(data: bytes, agent: str = "claude-code", event: str = "PreToolUse") -> bytes:
    """One hook call by raw socket; the working folder is the gate."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as hook:
        hook.connect("hook.sock")
        hook.sendall(
            b"irkit-hook/1 %s %s n%d %d\n"
            % (agent.encode(), event.encode(), time.perf_counter_ns(), len(data))
            + data
        )
        answer = b""
        while part := hook.recv(65536):
            answer += part
    return answer


def payload(session: str, command: str, call: int) -> bytes:
    """A before-call payload of Claude Code's shape, about 600 bytes."""
    return json.dumps(
        {
            "session_id": session,
            "transcript_path": f"/home/u/.claude/projects/-home-u-src-shop/{session}.jsonl",
            "cwd": "/home/u/src/shop",
            "permission_mode": "default",
            "hook_event_name": "PreToolUse",
            "tool_name": "Bash",
            "tool_input": {"command": command, "description": _DESCRIPTION},
            "tool_use_id": f"toolu_{session[:8]}_{call}",
        }
    ).encode()
