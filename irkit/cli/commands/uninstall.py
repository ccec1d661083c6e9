# SPDX-License-Identifier: Apache-2.0
"""`irkit uninstall`: take the hooks out of the agents' settings; evidence stays."""

import argparse
import os
import sys

from irkit import exit_codes
from irkit.agents.registry import agent as agent_spec
from irkit.cli.output import emit, talk
from irkit.errors import NeedsHumanError
from irkit.guard import install
from irkit.home import Home


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `irkit uninstall`."""
    parser.add_argument(
        "--agent", action="append", default=[], metavar="NAME", help="only this agent (repeatable)"
    )
    parser.add_argument("--dry-run", action="store_true", help="show the diff, write nothing")
    parser.add_argument("--yes", "--non-interactive", action="store_true", help="do not ask")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.epilog = (
        "The gate stays where it is: an agent that is still running has read its hooks already, and a missing\n"
        "hook file would refuse its calls. Evidence and logs stay too.\n\n"
        "examples:\n  irkit uninstall --dry-run\n  irkit uninstall --agent codex"
    )


def run(args: argparse.Namespace) -> int:
    """Remove our entries; a file that nobody else changed comes back byte for byte."""
    home = Home()
    names = [agent_spec(name).name for name in args.agent]
    environ = dict(os.environ)
    user_home = os.path.expanduser("~")
    planned = [install.plan_remove(home, spec, user_home, environ) for spec in install.specs(names)]
    plans = list({plan.path: plan for plan in reversed(planned)}.values())  # two agents may read one file
    changing = [plan for plan in plans if plan.changed]
    rows = [
        {"agent": p.agent, "settings": p.path, "changed": p.changed, "problem": p.problem}
        for p in plans
        if p.present
    ]
    if not args.json:
        for plan in changing:
            sys.stdout.write(plan.diff())
    if args.dry_run:
        emit(args.json, {"changed": False, "would_change": bool(changing), "agents": rows}, "")
        return exit_codes.DONE
    if changing and not args.yes:
        _ask()
    for plan in changing:
        install.apply(home, plan, installing=False)
    if not args.agent:
        from irkit.cli import wrapping

        for path in wrapping.remove(home):
            talk(f"{path} is gone: take out the line that sources it")
    text = (
        f"{len(changing)} settings file(s) restored; evidence stays in {home.path}"
        if changing
        else "nothing to remove"
    )
    emit(args.json, {"changed": bool(changing), "agents": rows, "kept": home.path}, text)
    for row in rows:
        if row["problem"]:
            talk(f"{row['agent']}: {row['settings']}: {row['problem']}")
    return exit_codes.PARTLY_DONE if any(row["problem"] for row in rows) else exit_codes.DONE


def _ask() -> None:
    if not sys.stdin.isatty():
        raise NeedsHumanError("nobody is there to confirm", fix="run it on a terminal, or with --yes")
    sys.stderr.write("Take the hooks out as shown? [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise NeedsHumanError("nothing was changed", fix="run it again and answer y")
