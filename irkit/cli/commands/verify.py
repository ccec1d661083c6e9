# SPDX-License-Identifier: Apache-2.0
"""`irkit verify PATH`: check a log folder or a day's file, without a guard and without trusting one."""

import argparse
import os

from irkit import exit_codes
from irkit.cli.output import emit, paint
from irkit.errors import BadInputError, IrkitError
from irkit.evidence.keys import SIGNERS, read_signers
from irkit.evidence.verify import LogVerdict, verify_log
from irkit.home import Home
from irkit.report import safe


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `irkit verify`."""
    parser.add_argument("path", help="a folder of logs, or one day's file")
    parser.add_argument(
        "--signers", default="", metavar="FILE", help="allowed_signers that you got by another way"
    )
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.epilog = "examples:\n  irkit verify ~/.local/share/irkit/audit\n  irkit verify copy/2026-11-24.jsonl --signers team_signers"


def run(args: argparse.Namespace) -> int:
    """Verify."""
    if not os.path.exists(args.path):
        raise BadInputError(
            "there is nothing", where=args.path, fix="name a folder of logs, or one day's file"
        )
    return verdict_of(args.path, args.json, Home(), args.signers)


def verdict_of(path: str, as_json: bool, home: Home, signers: str = "") -> int:
    """Print the verdict on a log; the exit code says whether it holds."""
    own = os.path.join(home.keys, SIGNERS)
    named = signers or (own if os.path.exists(own) else "")
    found = verify_log(path, read_signers(named) if named else None)
    if not found.files:
        _nothing(path, home)
    emit(as_json, found, _text(found))
    return exit_codes.DONE if found.ok else exit_codes.NEGATIVE


def _nothing(path: str, home: Home) -> None:
    """Nothing to verify is no good verdict. Raises IrkitError."""
    if os.path.realpath(path) == os.path.realpath(home.audit) and os.path.exists(home.database):
        error = IrkitError("this home had a guard, and its whole log is gone", where=path)
        error.exit_code = exit_codes.NEGATIVE
        raise error
    raise BadInputError(
        "there is no audit log here", where=path, fix="name a folder of logs, or one day's file"
    )


def signers_of(home: Home) -> tuple[str, str]:
    """The home's `allowed_signers`, and the newest name in it. Raises BadInputError."""
    path = os.path.join(home.keys, SIGNERS)
    read_signers(path)
    with open(path, encoding="utf-8") as file:
        names = [line.split()[0] for line in file if line.strip() and not line.startswith("#")]
    if not names:
        raise BadInputError("names no key", where=path, fix="`irkit init` makes one")
    return path, names[-1]


def _text(found: LogVerdict) -> str:
    if found.broken is not None:
        text = f"{paint('BROKEN', 'red', 'bold')}  {safe.terminal(found.broken.text())}"
    else:
        signed = f"signed up to record {found.signed_seq}" if found.signed_seq else "not signed yet"
        text = (
            f"{paint('OK', 'green', 'bold')}  {found.lines} lines in {found.files} file(s), seq {found.first_seq} to "
            f"{found.last_seq}, {signed} ({found.checkpoints} checkpoint(s))\nhead {found.head}"
        )
    text += "".join(f"\nsigned by {key}" for key in found.keys)
    return text + "".join(f"\nnote: {safe.terminal(note)}" for note in found.notes)
