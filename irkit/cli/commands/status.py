# SPDX-License-Identifier: Apache-2.0
"""`irkit status`: is anything wrong, what is it, and what do I type."""

import argparse
import sys
import time
from typing import Any

from irkit import exit_codes
from irkit.cli.commands.sessions import age, rows_text
from irkit.cli.output import emit, paint
from irkit.errors import BadInputError, GuardUnreachableError
from irkit.guard import client
from irkit.home import Home
from irkit.report import safe


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `irkit status`."""
    parser.add_argument(
        "--watch",
        nargs="?",
        type=float,
        const=2.0,
        metavar="S",
        help="show it again every S seconds (default 2)",
    )
    parser.add_argument("--json", action="store_true", help="one JSON document (with --watch: one a line)")
    parser.epilog = "examples:\n  irkit status\n  irkit status --watch\n  irkit status --json"


def run(args: argparse.Namespace) -> int:
    """Print the status once, or again and again."""
    if args.watch is not None and not args.watch > 0:
        raise BadInputError(f"--watch {args.watch:g} is no number of seconds", fix="write a number above 0")
    if args.watch is None:
        return _once(args.json)
    while True:
        if not args.json and sys.stdout.isatty():
            sys.stdout.write("\x1b[H\x1b[2J")
        _once(args.json)
        sys.stdout.flush()
        time.sleep(max(0.2, args.watch))


def _once(as_json: bool) -> int:
    home = Home()
    try:
        found = client.call(home, "status")
    except GuardUnreachableError as error:
        down = {"guard": None, "home": home.path, "problem": error.what}
        text = (
            f"{paint('NOT GUARDING', 'red', 'bold')}  no guard runs for {home.path}\n"
            "Hooks answer by `when_guard_down`, and spool what they see. Start it: irkit guard\n"
            "Stopping still works without it: irkit kill"
        )
        emit(as_json, down, text)
        return exit_codes.GUARD_UNREACHABLE
    emit(as_json, found, text_of(found))
    return exit_codes.DONE


def text_of(found: dict[str, Any]) -> str:
    """The whole status as text."""
    parts = [_headline(found)]
    parts += [_frozen(one) for one in found["waiting"]]
    if found["sessions"]:
        parts.append(rows_text(found["sessions"]))
    elif not found["unguarded"]:
        parts.append("No agent runs.")
    for one in found["unguarded"]:
        parts.append(
            f"{paint('UNGUARDED', 'yellow')}  {one['agent']} pid {one['pid']}: it runs, but no hook of it was seen. "
            "Its hooks may be missing or not trusted: irkit init"
        )
    parts += [f"{paint('ATTENTION', 'yellow')}  {safe.terminal(line, 200)}" for line in found["problems"]]
    return "\n\n".join(parts)


def _headline(found: dict[str, Any]) -> str:
    guard = found["guard"]
    frozen = len(found["waiting"])
    word = (
        paint(f"FROZEN: {frozen} WAIT", "inverse", "bold") if frozen else paint("GUARDING", "green", "bold")
    )
    if found["latched_all"]:
        word += "  " + paint("ALL LATCHED", "red", "bold")
    count = sum(1 for one in found["sessions"] if one["state"] == "running")
    return (
        f"irkit  {word}  {count} session{'' if count == 1 else 's'} · {found['calls_per_minute']} calls/min · "
        f"guard pid {guard['pid']}, up {age(time.time() - guard['since'])} · log record {found['log']['seq']}"
    )


def _frozen(one: dict[str, Any]) -> str:
    """What waits for a person: why, and the commands that answer it."""
    session = safe.terminal(one["session"], 60)
    lines = [
        (
            f"{paint('FROZEN', 'red', 'bold')}  {one['incident']}  {session}  in {safe.terminal(one['cwd'], 60)}  "
            f"for {age(time.time() - one['since'])}"
        ),
        f"  why       {safe.terminal(one['why'], 160)}",
        *(f"  call      {safe.terminal(call, 140)}" for call in one["last_calls"]),
        f"  stopped   {one['stopped']} processes" + (f", {one['note']}" if one["note"] else ""),
        f"  it was me       irkit resume {session}",
        f"  stop it         irkit kill {session}",
        f"  look closer     irkit incident show {one['incident']}",
    ]
    return "\n".join(lines)
