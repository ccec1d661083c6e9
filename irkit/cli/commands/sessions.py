# SPDX-License-Identifier: Apache-2.0
"""`irkit sessions`: who runs, one row each."""

import argparse
import time
from typing import Any

from irkit import exit_codes
from irkit.cli.output import emit, table
from irkit.guard import client
from irkit.home import Home
from irkit.report import safe


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `irkit sessions`."""
    parser.add_argument("--all", action="store_true", help="ended ones too")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.epilog = "examples:\n  irkit sessions\n  irkit sessions --all --json"


def run(args: argparse.Namespace) -> int:
    """Ask the guard and print."""
    found = client.call(Home(), "sessions", {"all": args.all})
    emit(args.json, found, rows_text(found["sessions"]) if found["sessions"] else "no sessions")
    return exit_codes.DONE


def rows_text(sessions: list[dict[str, Any]]) -> str:
    """The table that people see; every observed text made safe."""
    now = time.time()
    rows = []
    for one in sessions:
        state = one["state"] + (" latched" if one["latched"] and one["state"] != "frozen" else "")
        pids = ",".join(str(process[0]) for process in one["processes"]) or "-"
        risk = f"{one['risk']}" + (f" {one['risk_reasons'][0]}" if one["risk_reasons"] else "")
        rows.append(
            [
                safe.terminal(one["name"], 28),
                one["agent"],
                one["tier"],
                pids,
                age(now - one["since"]),
                f"{one['calls_in_window']}/200",
                safe.terminal(risk, 24),
                state,
                safe.terminal(
                    f"{one['last_call']}  {age(now - one['last_ts'])}" if one["last_call"] else "-", 60
                ),
            ]
        )
    return table(
        rows, ["SESSION", "AGENT", "TIER", "PID", "SINCE", "CALLS 10m", "RISK", "STATE", "LAST CALL"]
    )


def age(seconds: float) -> str:
    """A duration as people say it: `9 s`, `4 m`, `3 h`, `2 d`.

    >>> age(130)
    '2 m'
    """
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{max(0, int(seconds))} s"
