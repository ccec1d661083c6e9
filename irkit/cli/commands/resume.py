# SPDX-License-Identifier: Apache-2.0
"""`irkit resume`: let a frozen session go on. Lowers protection, so a human proves to be one."""

import argparse
from typing import Any

from irkit import exit_codes
from irkit.cli.human import prove
from irkit.cli.output import emit, talk
from irkit.errors import BadInputError
from irkit.guard import client
from irkit.home import Home
from irkit.report import safe


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `irkit resume`."""
    parser.add_argument(
        "session", nargs="?", help="session id, or a clear beginning of one; the only frozen one if left out"
    )
    parser.add_argument("--reason", default="", help="goes into the incident and the log")
    parser.add_argument(
        "--except", dest="exception", action="store_true", help="also except this rule here, until --until"
    )
    parser.add_argument(
        "--until", default="8h", metavar="TIME", help="expiry of the exception: 30m, 8h (default), 7d"
    )
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.epilog = (
        "It asks for the operator passphrase, or for a code typed on a terminal that no agent has.\n\n"
        "examples:\n  irkit resume\n  irkit resume 5572b661 --reason 'my own load test' --except --until 2h"
    )


def run(args: argparse.Namespace) -> int:
    """Prove, then resume."""
    home = Home()
    target = _target(home, args.session)
    proof = prove(
        home, f"resume {safe.terminal(target['session'], 60)} ({target['incident'] or 'no incident'})"
    )
    params = {"session": target["session"], "reason": args.reason, **proof}
    if args.exception:
        params["except_until"] = args.until
    done = client.call(home, "session.resume", params, timeout_s=30)
    emit(args.json, done, _text(done))
    if done.get("exception"):
        talk(
            f"excepted until {done['exception']['until']}: {done['exception']['rule']} in {done['exception']['project']}"
        )
    return exit_codes.DONE if done["outcome"] == "Done" else exit_codes.PARTLY_DONE


def _target(home: Home, wanted: str | None) -> dict[str, Any]:
    waiting = client.call(home, "status")["waiting"]
    if wanted:
        found = [
            one
            for one in waiting
            if wanted in {one["session"], one["native"]} or one["native"].startswith(wanted)
        ]
    else:
        found = waiting
    if len(found) == 1:
        return dict(found[0])
    names = ", ".join(one["session"] for one in waiting) or "none"
    if not waiting:
        raise BadInputError("no session is frozen", fix="see `irkit status`")
    raise BadInputError(f"which session? frozen: {names}", fix="name one")


def _text(done: dict[str, Any]) -> str:
    lines = [f"{done['session']}: {done['outcome'].lower()}{': ' + done['reason'] if done['reason'] else ''}"]
    if done["outcome"] == "Done":
        lines = [f"{done['session']} goes on: {done['resumed']} processes continued, latch taken back"]
    return "\n".join(lines)
