# SPDX-License-Identifier: Apache-2.0
"""Makes an agent's calls, run as a file: `python -I -S caller.py GATE SESSION CALLS`.

It says its pid, and on a line of input makes CALLS calls through the hook's socket, as fast as they are answered.
Before the last one goes out it says the time. Standard library only, nothing of irkit.
"""

import json
import os
import signal
import socket
import sys
import time

LIFETIME_S = 60


def main() -> None:
    """Wait for the word, call."""
    gate, session, calls = sys.argv[1:]
    signal.alarm(LIFETIME_S)
    os.chdir(gate)
    print(os.getpid(), flush=True)
    sys.stdin.readline()
    for number in range(1, int(calls)):
        call(session, number)
    print(time.monotonic(), flush=True)
    call(session, int(calls))


def call(session: str, number: int) -> None:
    """One call, answered."""
    body = {
        "session_id": session,
        "transcript_path": "",
        "cwd": "/src/shop",
        "hook_event_name": "PreToolUse",
        "tool_name": "Read",
        "tool_input": {"file_path": f"src/part_{number}.py"},
        "tool_use_id": f"toolu_{number}",
    }
    data = json.dumps(body).encode()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as hook:
        hook.connect("hook.sock")
        hook.sendall(
            b"irkit-hook/1 claude-code PreToolUse n%d %d\n" % (time.monotonic_ns(), len(data)) + data
        )
        while hook.recv(65536):
            pass


if __name__ == "__main__":
    main()
