# SPDX-License-Identifier: Apache-2.0
"""`irkit unlatch`: let tool calls pass again. Lowers protection, so a human proves to be one."""

import argparse

from irkit import exit_codes
from irkit.cli.human import prove
from irkit.cli.output import emit
from irkit.errors import BadInputError
from irkit.guard import client
from irkit.home import Home
from irkit.report import safe


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `irkit unlatch`."""
    parser.add_argument("session", nargs="?", help="session id")
    parser.add_argument("--all", action="store_true", help="every latch, and the drop file")
    parser.add_argument("--reason", default="", help="goes into the log")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.epilog = (
        "examples:\n  irkit unlatch --all\n  irkit unlatch claude-code:5572b661-1054-4189-9fe5-90df67ad5c55"
    )


def run(args: argparse.Namespace) -> int:
    """Prove, then unlatch."""
    if bool(args.session) == args.all:
        raise BadInputError("name one session, or --all")
    home = Home()
    what = "every latch" if args.all else f"the latch of {safe.terminal(args.session, 60)}"
    proof = prove(home, f"take back {what}")
    done = client.call(home, "unlatch", {"session": args.session, "reason": args.reason, **proof})
    emit(args.json, done, f"unlatched: {what}")
    return exit_codes.DONE if done["outcome"] == "Done" else exit_codes.PARTLY_DONE
