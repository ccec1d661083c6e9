# SPDX-License-Identifier: Apache-2.0
"""`irkit incident list|show|open|note|close`: what happened, what was done about it, and what people wrote down.

Reading needs no guard: when none answers, the incidents' files are read, and it is said so. Writing needs one.
"""

import argparse
import os
from typing import Any

import msgspec

from irkit import exit_codes, limits
from irkit.cli.output import emit, table, talk
from irkit.errors import BadInputError, GuardUnreachableError
from irkit.guard import client
from irkit.guard.lookback import records_of
from irkit.home import Home
from irkit.incident.ids import is_incident_id
from irkit.incident.incident import Incident
from irkit.report import safe, timeline
from irkit.report.incident_page import LIST_HEAD, list_row, page


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `irkit incident`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="all incidents, newest first")
    listing.add_argument("--open", action="store_true", dest="only_open", help="those that are not closed")
    show = actions.add_parser("show", help="one incident, complete")
    show.add_argument("id", nargs="?", help="INC-2026-014, or its number; the newest one if left out")
    show.add_argument("--timeline", action="store_true", help="every call and act, in order of time")
    opening = actions.add_parser("open", help="open one by hand; stops nothing")
    opening.add_argument("reason", help="what you saw or were told")
    opening.add_argument("--session", default="", help="the session that it is about")
    note = actions.add_parser("note", help="write something down in one")
    note.add_argument("id")
    note.add_argument("text")
    close = actions.add_parser("close", help="it is over")
    close.add_argument("id")
    close.add_argument("reason", help="what it was")
    for one in (listing, show, opening, note, close):
        one.add_argument("--json", action="store_true", help="one JSON document")
    parser.epilog = (
        "examples:\n  irkit incident list --open\n  irkit incident show 14 --timeline\n"
        "  irkit incident note INC-2026-014 'the vendor confirms'\n"
        "  irkit incident close INC-2026-014 'a test loop of mine'"
    )


def run(args: argparse.Namespace) -> int:
    """Do what `args.action` says."""
    home = Home()
    match args.action:
        case "list":
            found = [one for one in _all(home) if not args.only_open or one.closing is None]
            found.sort(key=lambda one: (one.opened, one.id), reverse=True)
            text = table([list_row(one) for one in found], LIST_HEAD) if found else "no incidents"
            emit(args.json, {"incidents": found}, text)
        case "show":
            return _show(home, args)
        case "open":
            params = {"reason": args.reason, "session": args.session}
            _changed(client.call(home, "incident.open", params), args.json)
        case "note":
            _changed(client.call(home, "incident.note", {"id": args.id, "text": args.text}), args.json)
        case _:
            _changed(client.call(home, "incident.close", {"id": args.id, "reason": args.reason}), args.json)
    return exit_codes.DONE


def _show(home: Home, args: argparse.Namespace) -> int:
    incident = _one(home, args.id)
    if not args.timeline:
        emit(args.json, incident, page(incident))
        return exit_codes.DONE
    moments = timeline.timeline(records_of(home, incident), incident)
    emit(args.json, {"incident": incident.id, "timeline": moments}, timeline.text(moments))
    return exit_codes.DONE


def _changed(answer: Any, as_json: bool) -> None:
    incident = _incident(answer)
    emit(as_json, incident, f"{incident.id} {incident.state}")


def _one(home: Home, wanted: str | None) -> Incident:
    found = _all(home)
    if wanted is None and found:
        return max(found, key=lambda one: (one.opened, one.id))
    exact = [one for one in found if one.id == wanted]
    numbered = [
        one for one in found if wanted and wanted.isdigit() and int(one.id.rsplit("-", 1)[1]) == int(wanted)
    ]
    if exact or numbered:
        return max(exact or numbered, key=lambda one: one.opened)
    what = f"no incident {safe.terminal(wanted, 40)}" if wanted else "there is no incident"
    raise BadInputError(what, fix="`irkit incident list` shows those there are")


def _all(home: Home) -> list[Incident]:
    """From the guard, else from the files."""
    try:
        answer = client.call(home, "incident.list")
    except GuardUnreachableError:
        talk("no guard answers; this is what the files say")
        return _from_files(home)
    rows = answer["incidents"] if isinstance(answer, dict) else answer
    return [_incident(row) for row in rows]


def _incident(answer: Any) -> Incident:
    body = answer.get("incident", answer) if isinstance(answer, dict) else answer
    try:
        return msgspec.convert(body, Incident)
    except msgspec.ValidationError as error:
        raise BadInputError(
            f"the guard speaks of incidents in another form ({error})", fix="restart it: `irkit guard`"
        ) from error


def _from_files(home: Home) -> list[Incident]:
    try:
        names = sorted(name for name in os.listdir(home.incidents) if is_incident_id(name))
    except FileNotFoundError:
        return []
    found = []
    for name in names[-limits.INCIDENTS_MAX :]:
        path = home.at("incidents", name, "incident.json")
        try:
            with open(path, "rb") as file:
                found.append(msgspec.json.decode(file.read(), type=Incident))
        except (OSError, msgspec.DecodeError) as error:
            talk(f"{path}: cannot be read ({error})")
    return found
