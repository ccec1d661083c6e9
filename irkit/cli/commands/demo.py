# SPDX-License-Identifier: Apache-2.0
"""`irkit demo`: see the whole of it work in a throw-away home, on nobody's agent but our own decoy."""

import argparse
import sys
import textwrap

from irkit import exit_codes
from irkit.cli.output import emit, paint, talk
from irkit.drill import demo

IRKIT = [sys.executable, "-m", "irkit"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `irkit demo`."""
    parser.add_argument("--keep", action="store_true", help="keep the throw-away home and say where it is")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.add_argument("--inside", metavar="FOLDER", help=argparse.SUPPRESS)
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    parser.epilog = (
        "It takes under 30 s, touches no session of yours, and leaves nothing running.\n\n"
        "examples:\n"
        "  irkit demo\n"
        "  irkit demo --keep         look at the audit log, the kill report and the journal afterwards\n"
        "  irkit demo --json"
    )


def run(args: argparse.Namespace) -> int:
    """Run it; 0 when everything was contained and verified."""
    if args.inside:
        demo.rehearse(args.inside, IRKIT, alone=args.alone)
        return exit_codes.DONE
    if not args.json:
        talk("A decoy agent meets the real guard. This takes a few seconds.")
    shown = demo.show(IRKIT, keep=args.keep)
    emit(args.json, shown, "" if args.json else text_of(shown))
    if shown.contained:
        return exit_codes.DONE
    return exit_codes.SURVIVOR if shown.unaccounted else exit_codes.NEGATIVE


def text_of(shown: demo.Shown) -> str:
    """What a person sees."""
    lines = ["       TIME  SINCE 200th"] if shown.timeline else []
    for moment in shown.timeline:
        since = "" if moment.since_burst_s is None else f"+{moment.since_burst_s:.3f} s"
        lines.append(f"  {moment.at_s:7.3f} s  {since:>11}  {moment.what}")
    lines += [f"  not as it should be: {textwrap.shorten(problem, 300)}" for problem in shown.problems]
    lines += [f"  was still alive, and was ended: {process}" for process in shown.unaccounted]
    word = paint("CONTAINED", "green", "bold") if shown.contained else paint("NOT CONTAINED", "red", "bold")
    where = (
        "ran in a PID namespace of its own"
        if shown.alone
        else "ran without a namespace: none can be had here"
    )
    kept = f"its files: {shown.home}" if shown.home else "its home is removed (--keep keeps it)"
    lines.append(f"\n  {word}  {where}; {kept}")
    return "\n".join(lines)
