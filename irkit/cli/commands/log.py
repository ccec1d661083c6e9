# SPDX-License-Identifier: Apache-2.0
"""`irkit log`: the audit log for people, and whether it holds. Reads files; needs no guard."""

import argparse
import os
import re
import sys
import threading
from collections.abc import Iterable

import msgspec

from irkit import exit_codes
from irkit.cli.commands.verify import signers_of, verdict_of
from irkit.cli.output import paint
from irkit.clock import SystemClock, from_iso
from irkit.errors import BadInputError
from irkit.evidence.stock import stock_check
from irkit.home import Home
from irkit.report import safe
from irkit.stream import logfiles
from irkit.stream.logfiles import Wanted
from irkit.stream.record import AuditRecord
from irkit.stream.words import describe

LOOK_S = 15.0
"""`tail -f` looks this often, in case the system told nothing."""
_AGO = re.compile(r"(\d{1,6})([smhd])", re.ASCII)
_UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_TIME_HELP = "RFC 3339, such as 2026-11-24T10:00:00Z, or how long ago: 30m, 2h, 1d"


def configure(parser: argparse.ArgumentParser) -> None:
    """Sub-commands of `irkit log`."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="tail|show|verify")
    tail = actions.add_parser("tail", help="the newest records")
    tail.add_argument("-n", type=int, default=20, metavar="N", help="how many (default 20)")
    tail.add_argument("-f", action="store_true", help="go on as new ones come")
    show = actions.add_parser("show", help="the records of a session, a time, a kind")
    show.add_argument("session", nargs="?", default="", help="session id, or a beginning of one")
    show.add_argument("--since", default="", metavar="TIME", help=_TIME_HELP)
    show.add_argument("--until", default="", metavar="TIME", help=_TIME_HELP)
    show.add_argument("--event", default="", metavar="NAME", help="before_tool, detection, freeze, …")
    verify = actions.add_parser(
        "verify", help="name the first broken line and what kind of break it is; exit 1 when broken"
    )
    verify.add_argument(
        "--stock", action="store_true", help="print the shell commands that check it without irkit"
    )
    for one in (tail, show):
        one.add_argument("--json", action="store_true", help="one JSON object a line")
    verify.add_argument("--json", action="store_true", help="one JSON document")
    parser.epilog = (
        "examples:\n  irkit log tail -f\n  irkit log show 5572b661 --event detection --since 2h\n"
        "  irkit log verify\n  irkit log verify --stock | sh"
    )


def run(args: argparse.Namespace) -> int:
    """Run one of them."""
    home = Home()
    if args.action == "verify":
        return _print_stock(home) if args.stock else verdict_of(home.audit, args.json, home)
    if args.action == "show":
        wanted = Wanted(_time(args.since), _time(args.until), args.session, args.event)
        _Printer(args.json).show(logfiles.records(home.audit, wanted))
        return exit_codes.DONE
    printer = _Printer(args.json)
    if args.n < 0:
        raise BadInputError(
            f"-n takes a number of records, not {args.n}", where="irkit log tail", fix="try -n 20"
        )
    printer.show(logfiles.newest(home.audit, args.n))
    if args.f:
        _follow(home.audit, printer)
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
    told = {"deny": "REFUSED", "pass": ""}.get(record.decision, safe.terminal(record.decision, 16))
    risk = f"  risk {record.risk}" if record.risk else ""
    time, event = safe.terminal(record.ts[11:23], 16), safe.terminal(record.event, 20)
    line = f"{time:<12}  {safe.terminal(where, 16):<16}  {event:<13}  {safe.terminal(what, 110)}"
    decision = paint(told, "red") if told == "REFUSED" else told
    return f"{line}  {decision}{risk}".rstrip()


class _Printer:
    """Prints records; for people with a line where a day begins."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json
        self._day = ""
        self.last = 0
        """The newest record that was shown."""

    def show(self, records: Iterable[AuditRecord]) -> None:
        for record in records:
            self.last = max(self.last, record.seq)
            if self._as_json:
                sys.stdout.write(msgspec.json.encode(record).decode() + "\n")
                continue
            if record.ts[:10] != self._day:
                self._day = record.ts[:10]
                sys.stdout.write(f"{safe.terminal(self._day, 16)} UTC\n")
            sys.stdout.write(line_of(record) + "\n")
        sys.stdout.flush()


def _follow(folder: str, printer: _Printer) -> None:
    """Print what is new as soon as the system says that a file grew. Ends by the interrupt key."""
    from irkit.stream.watch import Watch

    woken = threading.Event()
    watch = Watch([os.path.join(folder, "*.jsonl")], woken.set)
    watch.start()
    try:
        while True:
            watch.paths()
            printer.show(logfiles.after(folder, printer.last))
            woken.wait(LOOK_S)
            woken.clear()
    finally:
        watch.stop()


def _print_stock(home: Home) -> int:
    signers, identity = signers_of(home)
    script = stock_check(home.audit, signers, identity)
    if not script:
        raise BadInputError(
            "no checkpoint was signed yet", where=home.audit, fix="a day is signed when it ends"
        )
    sys.stdout.write(script)
    return exit_codes.DONE


def _time(text: str) -> float | None:
    """Seconds since the epoch, from a time or from how long ago."""
    if not text:
        return None
    if ago := _AGO.fullmatch(text):
        return SystemClock().now() - int(ago[1]) * _UNIT_S[ago[2]]
    try:
        return from_iso(text)
    except (ValueError, OverflowError) as error:
        raise BadInputError(f"{text!r} is no time", fix=f"write it as {_TIME_HELP}") from error
