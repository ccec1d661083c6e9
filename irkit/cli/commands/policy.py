# SPDX-License-Identifier: Apache-2.0
"""`irkit policy`: what holds, what changed since a person approved it, and approving it."""

import argparse
import os
from typing import Any

from irkit import exit_codes
from irkit.cli.human import ask_passphrase, local_proof, prove
from irkit.cli.output import emit, paint
from irkit.errors import BadInputError, GuardUnreachableError
from irkit.guard import client
from irkit.guard.passphrase import set_passphrase
from irkit.home import Home
from irkit.report import safe


def configure(parser: argparse.ArgumentParser) -> None:
    """Sub-commands of `irkit policy`."""
    parser.add_argument("action", choices=["show", "approve", "set-passphrase"])
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.epilog = (
        "The policy is irkit.toml, rules/, playbooks/ and the exceptions below the home. A running guard goes on with\n"
        "what was approved, whatever is in the files.\n\n"
        "examples:\n  irkit policy show\n  irkit policy approve\n  irkit policy set-passphrase"
    )


def run(args: argparse.Namespace) -> int:
    """Run one of them."""
    home = Home()
    if args.action == "set-passphrase":
        return _set_passphrase(home, args.json)
    found = client.call(home, "policy.show")
    if args.action == "show":
        emit(args.json, found, _text(found))
        return exit_codes.NEGATIVE if found["changes"] else exit_codes.DONE
    if not found["changes"]:
        emit(
            args.json,
            {"approved": found["approved"], "changed": False},
            "nothing to approve: the files are what holds",
        )
        return exit_codes.DONE
    if not args.json:
        emit(False, found, _text(found))
    proof = prove(home, f"approve these {len(found['changes'])} change(s)")
    done = client.call(home, "policy.approve", {"digest": found["digest"], **proof})
    emit(args.json, {**done, "changed": True}, f"approved by {done['by']}: {done['approved'][:16]}")
    return exit_codes.DONE


def _text(found: dict[str, Any]) -> str:
    lines = [f"approved  {found['approved'][:16]}  ({', '.join(found['files']) or 'shipped policy only'})"]
    lines += [
        f"{paint('put aside', 'yellow')}  rule {one['name']}: {safe.terminal(one['what'])}"
        for one in found["quarantined"]
    ]
    for change in found["changes"]:
        lines.append(
            f"\n{paint(change['kind'].upper(), 'red')}  {change['name']}  without effect until `irkit policy approve`"
        )
        if change["problem"]:
            lines.append(f"  {safe.terminal(change['problem'], 300)}")
        lines += [f"  {safe.terminal(line, 160)}" for line in change["diff"].splitlines()]
    return "\n".join(lines)


def _set_passphrase(home: Home, as_json: bool) -> int:
    """The passphrase until now, or a typed code, proves that a person sets it: an agent's would lock people out."""
    home.make()
    first = ask_passphrase("The new operator passphrase: ")
    if ask_passphrase("Once more: ") != first:
        raise BadInputError("the two differ", fix="try again")
    if os.path.lexists(home.at("keys", "operator")):
        what = "replace the operator passphrase: prove it with the one until now"
    else:
        what = "set the first operator passphrase"
    try:
        proof = prove(home, what)
    except GuardUnreachableError:
        local_proof(home, what)
        set_passphrase(home.at("keys", "operator"), first)
    else:
        client.call(home, "policy.passphrase", {"text": first, **proof})
    emit(as_json, {"set": True}, "the operator passphrase is set")
    return exit_codes.DONE
