# SPDX-License-Identifier: Apache-2.0
"""`irkit disarm list|run|undo|accept`: what was left to start again later, against the baseline that a person accepted.

Taking out what is tied to a session needs nothing: it protects. Taking out an entry that a person names, putting one
back, and accepting a new baseline need proof of a human. With no guard, the command does it by itself.
"""

import argparse
import os
import time
from typing import Any

from irkit import exit_codes
from irkit.cli.human import local_proof, prove
from irkit.cli.output import emit, paint
from irkit.errors import BadInputError, GuardUnreachableError
from irkit.guard import client
from irkit.guard.disarming import Disarmer, row_of
from irkit.home import Home
from irkit.report import safe

_WAIT_S = 60.0


def configure(parser: argparse.ArgumentParser) -> None:
    """Sub-commands of `irkit disarm`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="what differs from the baseline, and what ties it to a session")
    run = actions.add_parser("run", help="take out what ledger, time and content tie to a session")
    run.add_argument(
        "--entry", action="append", default=[], metavar="ID", help="this one too (proof of a human)"
    )
    undo = actions.add_parser("undo", help="put one file back exactly (proof of a human)")
    undo.add_argument("id", help="as `irkit disarm run` or the incident said: D-…")
    accept = actions.add_parser("accept", help="what is there now is the baseline (proof of a human)")
    for one in (listing, run):
        one.add_argument("--session", default="", help="only what is tied to this session")
    for one in (listing, run, undo, accept):
        one.add_argument("--json", action="store_true", help="one JSON document")
    parser.epilog = (
        "The baseline is taken once, by the first guard, and advances only by `accept`.\n\n"
        "examples:\n  irkit disarm list\n  irkit disarm run\n  irkit disarm undo D-1f2e3d4c\n  irkit disarm accept"
    )


def run(args: argparse.Namespace) -> int:
    """Do what `args.action` says."""
    home = Home()
    disarmer = Disarmer(home, time.time)
    match args.action:
        case "list":
            found = _look(disarmer, args.session)
            emit(args.json, found, _text(found))
            return exit_codes.NEGATIVE if found["changes"] else exit_codes.DONE
        case "run":
            what = f"take out {len(args.entry)} entries that you named" if args.entry else ""
            params = {"entries": args.entry, "session": args.session}
            done = _do(home, "disarm.run", params, what, lambda: disarmer.run(args.entry, args.session))
            emit(args.json, done, _moved(done))
            failed = any(one["outcome"] != "Done" for one in done["moved"])
            return exit_codes.PARTLY_DONE if failed else exit_codes.DONE
        case "undo":
            return _undo(home, disarmer, args)
        case _:
            return _accept(home, disarmer, args)


def _undo(home: Home, disarmer: Disarmer, args: argparse.Namespace) -> int:
    record = next((one for one in disarmer.disarming.records() if one.id == args.id), None)
    if record is None:
        raise BadInputError(
            f"nothing was disarmed under {safe.terminal(args.id, 40)}", fix="the incident names it: D-…"
        )

    def local() -> dict[str, Any]:
        outcome = disarmer.undo(args.id)
        return {"outcome": type(outcome).__name__, "reason": outcome.reason}

    done = _do(home, "disarm.undo", {"id": args.id}, f"put back {safe.terminal(record.path, 120)}", local)
    text = "\n".join(safe.terminal(line, 300) for line in done["reason"].splitlines())
    emit(args.json, done, f"{done['outcome'].lower()}: {text}")
    return exit_codes.DONE if done["outcome"] == "Done" else exit_codes.PARTLY_DONE


def _accept(home: Home, disarmer: Disarmer, args: argparse.Namespace) -> int:
    found = _look(disarmer, "")
    ids = [one["entry"] for one in found["changes"]]
    if not args.json:
        emit(False, found, _text(found))
    by = f"uid {os.getuid()}"
    what = f"take these {len(ids)} changes into the baseline: they will never be shown again"
    done = _do(home, "disarm.accept", {"entries": ids}, what, lambda: disarmer.accept(ids, by))
    emit(args.json, done, f"accepted: {done['accepted']} changes, {done['files']} files are known")
    return exit_codes.DONE


def _do(home: Home, method: str, params: dict[str, Any], what: str, local: Any) -> dict[str, Any]:
    """Through the guard, or by ourselves where none answers; with proof of a human where `what` says for what."""
    try:
        proof = prove(home, what) if what else {}
        return dict(client.call(home, method, {**params, **proof}, timeout_s=_WAIT_S))
    except GuardUnreachableError:
        if what:
            local_proof(home, what)
        return dict(local())


def _look(disarmer: Disarmer, session: str) -> dict[str, Any]:
    look = disarmer.disarming.look()
    rows = [row_of(row) for row in disarmer.rows(look, session)]
    baseline = look.baseline
    return {
        "baseline": {
            "taken": baseline.taken,
            "reviewed": bool(baseline.accepted),
            "by": baseline.accepted_by,
            "files": len(baseline.files),
        },
        "changes": [one for one in rows if not session or one["session"]],
        "skipped": [{"path": one.path, "why": one.why} for one in look.skipped],
        "disarmed": [
            {"id": one.id, "path": one.path, "state": one.state, "reason": one.reason}
            for one in disarmer.disarming.records()
        ],
    }


def _text(found: dict[str, Any]) -> str:
    base = found["baseline"]
    review = (
        f"accepted by {safe.terminal(base['by'], 40)}" if base["reviewed"] else "taken, reviewed by nobody"
    )
    taken = time.strftime("%Y-%m-%d %H:%M", time.localtime(base["taken"]))
    lines = [f"baseline  {base['files']} files, {taken}, {review}"]
    for one in found["changes"]:
        ties = [name for name, words in one["ties"].items() if words]
        tied = f"{safe.terminal(one['session'], 60)} by {', '.join(ties)}" if one["session"] else "no session"
        mark = paint("moves by itself", "yellow") if one["moves_by_itself"] else "asked about"
        lines += [
            f"\n{one['entry']}  {one['kind']:<8}  {safe.terminal(one['path'], 160)}  {safe.terminal(one['where'], 80)}",
            f"  {mark}; tied to {tied}; {one['why']}" + ("" if one["removable"] else "; only by hand"),
        ]
        lines += [f"  | {safe.terminal(line, 160)}" for line in one["text"].splitlines()[:8]]
    if not found["changes"]:
        lines.append("nothing differs from it")
    lines += [f"not read  {safe.terminal(one['path'], 160)}: {one['why']}" for one in found["skipped"][:20]]
    lines += [
        f"{one['id']}  {one['state']}  {safe.terminal(one['path'], 160)}" for one in found["disarmed"][-20:]
    ]
    return "\n".join(lines)


def _moved(done: dict[str, Any]) -> str:
    lines = [
        f"{one['outcome'].lower():<8}  {safe.terminal(one['path'], 160)}  {safe.terminal(one['reason'], 300)}"
        for one in done["moved"]
    ]
    lines = lines or ["nothing was tied to a session by ledger, time and content"]
    if done["asked"]:
        lines.append(f"{done['asked']} more differ from the baseline: `irkit disarm list`")
    return "\n".join(lines)
