# SPDX-License-Identifier: Apache-2.0
"""A hook that only writes down what it was given: one JSON line a call, to RECORD.

Usage: recording_hook.py RECORD [--hold SECONDS] EVENT  < payload

With --hold it waits before it refuses a PreToolUse: a hook that is pending. It proves the harness without irkit.
"""

import fcntl
import json
import os
import sys
import time


def main() -> int:
    """Record, and refuse only when told to hold."""
    record, *options, event = sys.argv[1:]
    began = time.monotonic()
    payload = json.loads(sys.stdin.read() or "null")
    line = json.dumps({"event": event, "pid": os.getpid(), "monotonic": began, "payload": payload}) + "\n"
    with open(record, "a", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(line)
    if options and event == "PreToolUse":
        time.sleep(float(options[1]))
        sys.stderr.write("held, then refused\n")
        return 2
    return 0


sys.exit(main())
