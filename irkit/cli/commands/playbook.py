# SPDX-License-Identifier: Apache-2.0
"""`irkit playbook list|show|lint`: the plans, in words, and whether a file is one."""

import argparse
import json
import sys
from typing import Any

import msgspec

from irkit import exit_codes
from irkit.cli.output import emit, table, talk
from irkit.errors import BadInputError
from irkit.guard.shelf import Shelf, Shelved, load_shelf, read_text, site_files
from irkit.home import Home
from irkit.incident.playbook import MEANING, Playbook, PlaybookStep, json_schema, lint
from irkit.report import safe
from irkit.report.incident_text import wrapped


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `irkit playbook`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="every playbook that holds here, the site's own first")
    show = actions.add_parser("show", help="one playbook, step by step")
    show.add_argument("id", help="its id, e.g. burst")
    check = actions.add_parser("lint", help="check playbook files; no FILE: the site's own")
    check.add_argument("files", nargs="*", metavar="FILE")
    check.add_argument(
        "--schema", action="store_true", help="print the JSON Schema of irkit.playbook/v1 instead"
    )
    for one in (listing, show, check):
        one.add_argument("--json", action="store_true", help="one JSON document")
    parser.epilog = (
        "examples:\n  irkit playbook list\n  irkit playbook show burst\n"
        "  irkit playbook lint ~/.local/share/irkit/playbooks/mine.yml"
    )


def run(args: argparse.Namespace) -> int:
    """Do what `args.action` says."""
    if args.action == "lint":
        return _lint(args)
    shelf = load_shelf(Home())
    for problem in shelf.broken:
        talk(f"put aside: {safe.terminal(str(problem), 600)}")
    return _list(shelf, args.json) if args.action == "list" else _show(shelf, args.id, args.json)


def _list(shelf: Shelf, as_json: bool) -> int:
    rows = [
        [one.playbook.id, str(one.playbook.version), _for(one.playbook), one.playbook.title, one.where]
        for one in shelf.held
    ]
    safe_rows = [[safe.terminal(cell, 80) for cell in row] for row in rows]
    value = {
        "playbooks": [_as_json(one) for one in shelf.held],
        "broken": [str(problem) for problem in shelf.broken],
    }
    emit(as_json, value, table(safe_rows, ["ID", "VERSION", "FOR", "TITLE", "FROM"]))
    return exit_codes.DONE if not shelf.broken else exit_codes.NEGATIVE


def _show(shelf: Shelf, ident: str, as_json: bool) -> int:
    found = shelf.named(ident)
    if found is None:
        names = ", ".join(one.playbook.id for one in shelf.held)
        raise BadInputError(f"no playbook {safe.terminal(ident, 60)!r}", fix=f"choose one of {names}")
    emit(as_json, _as_json(found), _text(found))
    return exit_codes.DONE


def _lint(args: argparse.Namespace) -> int:
    if args.schema:
        sys.stdout.write(json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n")
        return exit_codes.DONE
    files = args.files or site_files(Home())
    problems = [problem for path in files for problem in _problems(path)]
    text = "\n".join(safe.terminal(str(problem), 600) for problem in problems)
    value = {"files": files, "problems": [{"where": p.where, "what": p.what, "fix": p.fix} for p in problems]}
    emit(args.json, value, text)
    if not problems:
        talk(f"{len(files)} playbook{'' if len(files) == 1 else 's'} checked, no problem")
    return exit_codes.NEGATIVE if problems else exit_codes.DONE


def _problems(path: str) -> tuple[BadInputError, ...]:
    try:
        return lint(read_text(path), path)
    except BadInputError as problem:
        return (problem,)


def _as_json(one: Shelved) -> dict[str, Any]:
    plan: dict[str, Any] = msgspec.to_builtins(one.playbook)
    steps = [{**msgspec.to_builtins(step), "supported": step.supported} for step in one.playbook.steps]
    return {**plan, "steps": steps, "from": one.where}


def _text(one: Shelved) -> str:
    plan = one.playbook
    lines = [
        f"{plan.id} {plan.version}  {safe.terminal(plan.title, 120)}",
        f"  for   {_for(plan)}",
        f"  from  {safe.terminal(one.where)}",
    ]
    if plan.about:
        lines += ["", *wrapped("", plan.about, most=20, indent=2)]
    lines += ["", *(_step(number, step) for number, step in enumerate(plan.steps, 1)), ""]
    silence = "it is killed" if plan.on_unanswered == "kill" else "it stays frozen"
    deputy = safe.terminal(plan.deputy, 60) or "the deputy"
    lines.append(
        f"  A rule's freeze that nobody answers: told again after {plan.wait_s:g} s, then {deputy}, then {silence}."
    )
    return "\n".join(lines)


def _step(number: int, step: PlaybookStep) -> str:
    when = "at once" if step.mode == "auto" else "after the answer"
    later = "" if step.supported else "  [by hand in this version]"
    within = f" within {step.deadline}" if step.deadline and step.mode == "auto" else ""
    note = f"\n{'':14}{safe.terminal(step.note, 400)}" if step.note else ""
    return f"  {number}  {step.do:<8} {when}{within}: {MEANING[step.do]}{later}{note}"


def _for(plan: Playbook) -> str:
    tags = [f"tag {tag}" for tag in plan.applies_to.tags]
    return safe.terminal(", ".join((*plan.applies_to.rules, *tags)), 120)
