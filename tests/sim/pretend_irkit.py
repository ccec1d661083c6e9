# SPDX-License-Identifier: Apache-2.0
"""A stand-in for irkit's commands that freezes and kills a decoy, or only says so: `pretend_irkit.py FAULT COMMAND…`.

It proves that the demo believes its eyes. FAULT is `none` or what goes wrong: `no-freeze`, `no-latch`, `call-runs`,
`half-killed`, `log-broken`, `leaves-a-child`, `dies-at-start`. Signals only what the decoy in the same folder wrote down, by pid and start time.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from irkit.clock import iso
from irkit.drill.diary import Diary
from irkit.respond import signals

HOOK = """
import json, os, sys
payload = json.load(sys.stdin)
number = int(payload.get("tool_use_id", "x_0").rpartition("_")[2])
if payload["hook_event_name"] == "PreToolUse" and number >= BURST_AT:
    open(os.path.join(os.path.dirname(sys.argv[0]), "tripped"), "w").close()
    sys.exit(CODE)
"""


def diary() -> Diary:
    found = Diary(os.path.join(os.environ["IRKIT_HOME"], "..", "work", "decoy.jsonl"))
    found.look()
    return found


def guard(fault: str, burst_at: int) -> None:
    if fault == "dies-at-start":
        sys.exit("no guard today")
    home = Path(os.environ["IRKIT_HOME"])
    (home / "gate" / "python").symlink_to(os.path.realpath(sys.executable))
    code = 0 if fault == "call-runs" else 2
    (home / "gate" / "hook.py").write_text(HOOK.replace("BURST_AT", str(burst_at)).replace("CODE", str(code)))
    for path in (home / "gate" / "hook.sock", home / "guard.sock"):
        os.chdir(path.parent)
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(path.name)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    while True:
        if (
            (home / "gate" / "tripped").exists()
            and fault != "no-freeze"
            and _late_call_is_over(fault, burst_at)
        ):
            for pid, start in diary().processes:
                signals.send(pid, start, signals.STOP)
        time.sleep(0.005)


def _late_call_is_over(fault: str, burst_at: int) -> bool:
    """Whether the fault `call-runs` has happened, when that is the fault."""
    ledger = Path(os.environ["IRKIT_HOME"]).parent / "work" / "ledger"
    ran = ledger.read_text().split() if ledger.exists() else []
    return fault != "call-runs" or str(burst_at) in ran


def kill(fault: str) -> int:
    victims = list(diary().processes.items())
    if fault == "half-killed":
        victims = [(key, what) for key, what in victims if what != "detached child"]
    for (pid, start), _ in victims:
        signals.send(pid, start, signals.KILL)
    if fault == "leaves-a-child":
        quiet = subprocess.DEVNULL  # whoever kept the pipe would be waited for
        subprocess.Popen(["sleep", "60"], start_new_session=True, stdout=quiet, stderr=quiet)
    print("{}")
    return 0


def main() -> int:
    fault, burst_at, *command = sys.argv[1:]
    match command[:2]:
        case ["guard"]:
            guard(fault, int(burst_at))
        case ["kill", _]:
            return kill(fault)
        case ["sessions", _]:
            row = {"id": f"claude-code:{diary().session}", "state": "frozen", "latched": fault != "no-latch"}
            print(json.dumps({"sessions": [row]}))
        case ["log", "show"]:
            for index, (number, attempt) in enumerate(diary().attempts.items(), 1):
                call = {"event": "before_tool", "call_id": f"toolu_decoy_{number}"}
                decision = "allow" if index < int(burst_at) else "deny"
                print(json.dumps({**call, "decision": decision, "ts": iso(attempt.asked_ts + 0.001)}))
        case ["log", "verify"]:
            return 1 if fault == "log-broken" else 0
    return 0


sys.exit(main())
