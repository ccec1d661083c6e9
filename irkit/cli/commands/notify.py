# SPDX-License-Identifier: Apache-2.0
"""`irkit notify test`: would people be told? Sends a notice that says TEST through every channel."""

import argparse
import os
import time

from irkit import exit_codes, limits
from irkit.cli.output import emit, paint, table
from irkit.guard.config import load_config
from irkit.guard.notify import notifiers_of, tell_all
from irkit.guard.shelf import read_text
from irkit.home import Home
from irkit.incident.commands import Done, IncidentId
from irkit.incident.incident import Incident, IncidentState
from irkit.respond import procfs


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `irkit notify`."""
    parser.add_argument("action", choices=["test"])
    parser.add_argument("--round", type=int, default=0, choices=[0, 1, 2], help="2 is the deputy's")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.epilog = "Exit 0 when every channel took it, 12 when one did not.\n\nexamples:\n  irkit notify test\n  irkit notify test --round 2"


def run(args: argparse.Namespace) -> int:
    """Send, and say how it went."""
    home = Home()
    text = read_text(home.config) if os.path.exists(home.config) else ""
    config = load_config(text, home.config).notify
    told = tell_all(
        notifiers_of(config, _own_terminal, args.round), _incident(), args.round, limits.NOTIFY_MAX_S
    )
    rows = [
        {"channel": name, "outcome": type(outcome).__name__, "reason": outcome.reason}
        for name, outcome in told
    ]
    whole = all(isinstance(outcome, Done) for _, outcome in told)
    shown = table(
        [[row["channel"], row["outcome"].lower(), row["reason"]] for row in rows], ["CHANNEL", "OUTCOME", ""]
    )
    verdict = (
        paint("everybody would be told", "green") if whole else paint("not every channel works", "yellow")
    )
    emit(args.json, {"told": rows, "all": whole}, f"{shown}\n\n{verdict}")
    return exit_codes.DONE if whole else exit_codes.PARTLY_DONE


def _own_terminal() -> tuple[int, ...]:
    proc = procfs.look(os.getpid())
    return (proc.tty,) if proc is not None and proc.tty else ()


def _incident() -> Incident:
    return Incident(
        id=IncidentId("INC-0000-000"),
        opened=time.time(),
        agent="claude-code",
        cwd=os.getcwd(),
        cause="TEST: nothing happened, nothing is stopped; irkit tries whether this notice reaches you",
        state=IncidentState.OPEN,
        exercise=True,
    )
