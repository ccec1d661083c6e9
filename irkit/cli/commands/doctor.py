# SPDX-License-Identifier: Apache-2.0
"""`irkit doctor`: what is in place, and what this machine can and cannot promise. Changes nothing."""

import argparse
import os
import platform
from typing import NamedTuple

from irkit import exit_codes
from irkit.cli.machine import Machine
from irkit.cli.output import emit, paint
from irkit.errors import GuardUnreachableError
from irkit.guard import client, install
from irkit.guard.gatefiles import lasting_interpreter
from irkit.home import Home


class Finding(NamedTuple):
    """One thing that was looked at."""

    what: str
    verdict: str
    """ok, limit (cannot be helped here), fix (you can do something)."""
    detail: str


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `irkit doctor`."""
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.epilog = "Exit 1 when something can be fixed.\n\nexamples:\n  irkit doctor\n  irkit doctor --json"


def run(args: argparse.Namespace) -> int:
    """Look, and say."""
    home = Home()
    found = [*_guard(home), *_gate(home), *_hooks(home), *_containment(), *_machine()]
    marks = {"ok": "green", "limit": "yellow", "fix": "red"}
    lines = [
        f"{paint(f'{one.verdict:<5}', marks[one.verdict])}  {one.what:<22}  {one.detail}" for one in found
    ]
    emit(args.json, {"findings": [one._asdict() for one in found]}, "\n".join(lines))
    return exit_codes.NEGATIVE if any(one.verdict == "fix" for one in found) else exit_codes.DONE


def _guard(home: Home) -> list[Finding]:
    try:
        status = client.call(home, "status")
    except GuardUnreachableError:
        return [Finding("guard", "fix", f"does not run for {home.path}: irkit guard")]
    rows = [Finding("guard", "ok", f"pid {status['guard']['pid']}, {len(status['sessions'])} sessions")]
    rows += [Finding("guard", "fix", problem) for problem in status["problems"]]
    return rows


def _gate(home: Home) -> list[Finding]:
    missing = [
        name for name in ("hook.py", "hook_slow.py", "answers") if not os.path.exists(home.at("gate", name))
    ]
    if missing:
        detail = f"{', '.join(missing)} missing: installed hooks refuse every tool call (Python exits 2); irkit init"
        return [Finding("gate", "fix", detail)]
    target = os.path.realpath(home.python)
    if not os.access(target, os.X_OK):
        return [Finding("gate", "fix", f"{home.python} points at {target}, which is gone: irkit init")]
    rows = [Finding("gate", "ok", f"hook runs in {target}")]
    if target != lasting_interpreter():
        rows.append(Finding("gate", "fix", f"{target} is not the interpreter below this irkit: irkit init"))
    if os.path.lexists(home.latch) or os.path.lexists(home.drop_file):
        rows.append(Finding("latch", "limit", "a latch is set: see irkit status, then irkit unlatch"))
    return rows


def _containment() -> list[Finding]:
    """Which walls `irkit run` can build here: by trying, since a forbidden namespace shows in nothing else."""
    from irkit.cli.walls_here import best

    found = best()
    return [Finding("contained tier", found.verdict, found.detail)]


def _hooks(home: Home) -> list[Finding]:
    rows = []
    user_home, environ = os.path.expanduser("~"), dict(os.environ)
    for spec in install.specs():
        if not install.found_here(spec, user_home, environ):
            continue
        plan = install.plan_install(home, spec, user_home, environ)
        if plan.problem:
            rows.append(Finding(spec.name, "fix", f"{plan.path}: {plan.problem}"))
        elif plan.changed:
            rows.append(Finding(spec.name, "fix", f"hooks are not (all) in {plan.path}: irkit init"))
        else:
            rows.append(Finding(spec.name, "ok", f"hooks in {plan.path} ({spec.verified.value})"))
        rows += [Finding(spec.name, "limit", gap) for gap in spec.gaps]
    return rows


def _machine() -> list[Finding]:
    rows = [
        Finding(
            "machine", "ok", f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
        )
    ]
    return rows + [Finding(one.what, "limit", one.detail) for one in Machine().limits()]
