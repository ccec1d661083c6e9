# SPDX-License-Identifier: Apache-2.0
"""`irkit log`: the audit log for people, and whether it holds. Reads files; needs no guard."""

import argparse
import os
import sys
import time
from collections.abc import Iterable

import msgspec

from irkit import exit_codes
from irkit.cli.commands.verify import verdict_of
from irkit.cli.output import paint
from irkit.clock import from_iso
from irkit.errors import BadInputError
from irkit.home import Home
from irkit.report import safe
from irkit.stream import logfiles
from irkit.stream.logfiles import Wanted
from irkit.stream.record import AuditRecord
from irkit.stream.words import describe

FOLLOW_S = 0.5


def configure(parser: argparse.ArgumentParser) -> None:
    """Sub-commands of `irkit log`."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="tail|show|verify")
    tail = actions.add_parser("tail", help="the newest records")
    tail.add_argument("-n", type=int, default=20, metavar="N", help="how many (default 20)")
    tail.add_argument("-f", action="store_true", help="go on as new ones come")
    show = actions.add_parser("show", help="the records of a session, a time, a kind")
    show.add_argument("session", nargs="?", default="", help="session id, or a beginning of one")
    show.add_argument("--since", default="", metavar="TIME", help="RFC 3339, such as 2026-11-24T10:00:00Z")
    show.add_argument("--until", default="", metavar="TIME", help="RFC 3339")
    show.add_argument("--event", default="", metavar="NAME", help="before_tool, detection, freeze, …")
    verify = actions.add_parser(
        "verify", help="name the first broken line and what kind of break it is; exit 1 when broken"
    )
    for one in (tail, show, verify):
        one.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.epilog = (
        "examples:\n  irkit log tail -f\n  irkit log show 5572b661 --event detection\n  irkit log verify"
    )


def run(args: argparse.Namespace) -> int:
    """Run one of them."""
    folder = Home().audit
    if args.action == "verify":
        return verdict_of(folder, args.json, Home())
    if args.action == "show":
        wanted = Wanted(_time(args.since), _time(args.until), args.session, args.event)
        _print(logfiles.records(folder, wanted), args.json)
        return exit_codes.DONE
    newest = logfiles.newest(folder, max(0, args.n))
    _print(newest, args.json)
    last = newest[-1].seq if newest else 0
    while args.f:
        sys.stdout.flush()
        time.sleep(FOLLOW_S)
        fresh = [one for one in logfiles.newest(folder, 1000) if one.seq > last]
        _print(fresh, args.json)
        last = fresh[-1].seq if fresh else last
    return exit_codes.DONE


def line_of(record: AuditRecord) -> str:
    """One record for people: time, project, what, decision. Observed text is made safe."""
    where = os.path.basename(record.cwd) or record.session[:8] or "-"
    if record.event == "detection":
        what = f"{record.args.get('rule')}: {record.args.get('why')}"
    elif record.tool:
        what = describe(record.tool, record.args)
    else:
        what = " ".join(f"{name}={value}" for name, value in record.args.items())
    told = {"deny": "REFUSED", "pass": ""}.get(record.decision, record.decision)
    risk = f"  risk {record.risk}" if record.risk else ""
    line = (
        f"{record.ts[11:23]}  {safe.terminal(where, 16):<16}  {record.event:<13}  {safe.terminal(what, 110)}"
    )
    decision = paint(told, "red") if told == "REFUSED" else told
    return f"{line}  {decision}{risk}".rstrip()


def _print(records: Iterable[AuditRecord], as_json: bool) -> None:
    for record in records:
        text = msgspec.json.encode(record).decode() if as_json else line_of(record)
        sys.stdout.write(text + "\n")


def _time(text: str) -> float | None:
    if not text:
        return None
    try:
        return from_iso(text)
    except ValueError as error:
        raise BadInputError(f"{text!r} is no time", fix="write it as 2026-11-24T10:00:00Z") from error
