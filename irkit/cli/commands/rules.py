# SPDX-License-Identifier: Apache-2.0
"""`irkit rules list|test|replay|except`: what is looked for, whether it works, and what it would have found."""

import argparse
import os
import re
from typing import Any

from irkit import exit_codes
from irkit.cli import replaying
from irkit.cli.output import emit, table, talk
from irkit.cli.rule_files import file_rules, home_rules
from irkit.detect.replay import KNOWN
from irkit.detect.rule import RuleSet
from irkit.detect.samples import Tried, run_samples
from irkit.errors import BadInputError
from irkit.home import Home
from irkit.report import safe

_UNTIL = re.compile(r"^[1-9][0-9]{0,4}[mhd]$")


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `irkit rules`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="every rule that runs here, and those put aside")
    listing.add_argument("--json", action="store_true", help="one JSON document")
    test = actions.add_parser("test", help="run the samples of all rules, or of rule files")
    test.add_argument("files", nargs="*", metavar="FILE")
    test.add_argument("--json", action="store_true", help="one JSON document")
    replaying.arguments(actions.add_parser("replay", help="what the rules find in recorded calls"))
    excepting = actions.add_parser("except", help="allow what one rule finds, narrowly, until a time")
    excepting.add_argument("rule")
    excepting.add_argument("--session", default="", help="only this session")
    excepting.add_argument("--project", default="", metavar="DIR", help="only in this folder and below")
    excepting.add_argument("--target", default="", help="only this path or host, as the finding names it")
    excepting.add_argument("--until", default="8h", metavar="TIME", help="expiry: 30m, 8h (default), 7d")
    excepting.add_argument("--reason", required=True)
    excepting.add_argument("--json", action="store_true", help="one JSON document")
    parser.epilog = (
        "examples:\n  irkit rules list\n  irkit rules test my-rules.yml\n"
        "  irkit rules replay --json audit.jsonl\n  irkit rules replay            your own history\n"
        "  irkit rules except destroy.repository --project ~/work/x --until 2h --reason 'clean-up'"
    )


def run(args: argparse.Namespace) -> int:
    """Do what `args.action` says."""
    if args.action == "list":
        return _list(args)
    if args.action == "test":
        return _test(args)
    return _replay(args) if args.action == "replay" else _except(args)


def _tell_quarantined(rules: RuleSet) -> None:
    for one in rules.quarantined:
        talk(
            f"irkit: {safe.terminal(f'{one.name}:{one.line}: {one.what}; {one.fix}', 500)}; this rule is put aside"
        )


def _quarantined(rules: RuleSet) -> list[dict[str, Any]]:
    return [one._asdict() for one in rules.quarantined]


def _list(args: argparse.Namespace) -> int:
    rules = home_rules(Home())
    _tell_quarantined(rules)
    value = {
        "rules": [
            {"name": one.name, "title": one.title, "level": one.level, "response": one.response.value,
             "risk": one.risk, "tags": list(one.tags)}
            for one in rules.verdicts
        ],
        "quarantined": _quarantined(rules),
    }  # fmt: skip
    rows = [
        [one.name, one.response.value, one.level, safe.terminal(one.title, 100)] for one in rules.verdicts
    ]
    emit(args.json, value, table(rows, ["RULE", "RESPONSE", "LEVEL", "TITLE"]))
    return exit_codes.DONE


def _test(args: argparse.Namespace) -> int:
    rules = file_rules(args.files) if args.files else home_rules(Home())
    _tell_quarantined(rules)
    tried = list(run_samples(rules))
    failed = [one for one in tried if not one.passed]
    value = {
        "samples": len(tried),
        "failed": [one._asdict() for one in failed],
        "quarantined": _quarantined(rules),
    }
    text = "\n".join([*(_failure(one) for one in failed), _summary(rules, len(tried), len(failed))])
    emit(args.json, value, text)
    return exit_codes.NEGATIVE if failed or rules.quarantined else exit_codes.DONE


def _failure(one: Tried) -> str:
    what = "was not found" if one.kind == "hit" else "was found, and must not be"
    others = f" (found by {', '.join(one.found)})" if one.found and one.kind == "hit" else ""
    return f"{safe.terminal(one.source, 200)}: {one.rule}: {one.kind} sample {one.number} {what}{others}"


def _summary(rules: RuleSet, tried: int, failed: int) -> str:
    aside = f", {len(rules.quarantined)} put aside" if rules.quarantined else ""
    return f"{len(rules.verdicts)} rules, {tried} samples, {failed} failed{aside}"


def _replay(args: argparse.Namespace) -> int:
    if args.dialect and args.dialect not in KNOWN:
        raise BadInputError(f"no dialect is called {args.dialect!r}", fix=f"known are {', '.join(KNOWN)}")
    files = [replaying.Found(path, args.dialect or "") for path in args.files] or replaying.own_transcripts()
    rules = home_rules(Home())
    _tell_quarantined(rules)
    found = replaying.replay_files(files, rules, _redactor(), merged=args.merge_users)
    if args.json:
        replaying.print_json(found)
    else:
        replaying.print_table(found, len(files))
    return exit_codes.DONE


def _redactor() -> Any:
    from irkit.stream.redact import build_redactor

    return build_redactor(os.urandom(32))


def exception_of(args: argparse.Namespace) -> dict[str, str]:
    """What the guard is asked for. Raises BadInputError."""
    if not _UNTIL.match(args.until):
        raise BadInputError(f"`--until {args.until}` is not a time", fix="write 30m, 8h or 7d")
    if not args.reason.strip():
        raise BadInputError("an exception needs a reason", fix="say why with --reason")
    asked = {"rule": args.rule, "until": args.until, "reason": args.reason.strip()}
    if args.session:
        asked["session"] = args.session
    if args.project:
        asked["project"] = os.path.abspath(os.path.expanduser(args.project))
    if args.target:
        asked["target"] = args.target
    return asked


def _except(args: argparse.Namespace) -> int:
    from irkit.cli.human import prove
    from irkit.guard import client

    home = Home()
    asked = exception_of(args)
    names = {one.name for one in home_rules(home).verdicts}
    if args.rule not in names:
        raise BadInputError(
            f"no rule is called {args.rule!r}", fix="`irkit rules list` shows those there are"
        )
    proof = prove(home, f"except {args.rule} for {args.until}")
    done = client.call(home, "rules.except", {**asked, **proof})
    emit(args.json, done, f"{args.rule} is excepted for {args.until}")
    return exit_codes.DONE
