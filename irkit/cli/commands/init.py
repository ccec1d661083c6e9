# SPDX-License-Identifier: Apache-2.0
"""`irkit init`: find the agents, show the diff, install the hooks, prove that they fire. And `uninstall`'s twin."""

import argparse
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
from typing import Any

from irkit import exit_codes
from irkit.agents.payload import Happening
from irkit.agents.registry import agent as agent_spec
from irkit.agents.spec import AgentSpec
from irkit.cli.output import emit, paint, table, talk
from irkit.errors import GuardUnreachableError, NeedsHumanError
from irkit.guard import client, install
from irkit.guard.config import default_config_text
from irkit.guard.gatefiles import hook_command, write_gate
from irkit.home import Home

PROBE_SECONDS = 10


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `irkit init`."""
    parser.add_argument(
        "--agent", action="append", default=[], metavar="NAME", help="only this agent (repeatable)"
    )
    parser.add_argument(
        "--wrap", action="store_true", help="shell functions, so that agents start contained (irkit run)"
    )
    parser.add_argument("--dry-run", action="store_true", help="show the diff, write nothing")
    parser.add_argument("--non-interactive", action="store_true", help="do not ask; for scripts")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.epilog = (
        "examples:\n"
        "  irkit init --dry-run                    what would change\n"
        "  irkit init                              show it, ask, do it, prove it\n"
        "  irkit init --non-interactive --json     for scripts; `changed` says whether anything was written"
    )


def run(args: argparse.Namespace) -> int:
    """Install and prove."""
    home = Home()
    if args.wrap:
        return _wrap(home, args)
    environ = dict(os.environ)
    user_home = os.path.expanduser("~")
    plans = _plans(home, [agent_spec(name).name for name in args.agent], user_home, environ)
    changing = [plan for plan in plans if plan.changed]
    if not args.json:
        _show(plans)
    if args.dry_run:
        emit(
            args.json,
            {"changed": False, "would_change": bool(changing), "agents": [_row(p) for p in plans]},
            "",
        )
        return exit_codes.DONE
    if changing and not (args.yes or args.non_interactive):
        _ask(len(changing))
    written = _prepare_home(home)
    for plan in changing:
        install.apply(home, plan, installing=True)
    rows = [
        _row(plan) | _proof(home, agent_spec(plan.agent))
        for plan in plans
        if plan.present and not plan.problem
    ]
    then = _next(rows)
    result = {
        "changed": bool(changing or written),
        "home": home.path,
        "agents": rows,
        "skipped": [_row(plan) for plan in plans if plan.problem or not plan.present],
        "next": then,
    }
    emit(args.json, result, "" if args.json else _summary(rows, then))
    return exit_codes.PARTLY_DONE if any(plan.problem for plan in plans if plan.present) else exit_codes.DONE


def _wrap(home: Home, args: argparse.Namespace) -> int:
    """`--wrap`: functions in files of irkit's own. The rc file stays the person's: the line to add is shown."""
    from irkit.cli import wrapping

    names = wrapping.commands()
    wanted = wrapping.texts(wrapping.program(), names)
    changes = wrapping.diff(home, wanted)
    if not args.json:
        sys.stdout.write(changes)
    if changes and not (args.dry_run or args.yes or args.non_interactive):
        _ask(len(wanted))
    written = [] if args.dry_run else wrapping.write(home, wanted)
    lines = [wrapping.line_of(home, shell) for shell in wrapping.SHELLS]
    found = {"changed": bool(written), "would_change": bool(changes), "wrapped": names, "add": lines}
    add = "add one of these lines yourself:\n  " + "\n  ".join(lines)
    emit(args.json, found, add if names else "no agent's command is on PATH: nothing to wrap")
    return exit_codes.DONE


def _plans(home: Home, names: list[str], user_home: str, environ: dict[str, str]) -> list[install.Plan]:
    plans: dict[str, install.Plan] = {}
    for spec in install.specs(names):
        if not names and not install.found_here(spec, user_home, environ):
            continue
        plan = install.plan_install(home, spec, user_home, environ, _version(spec, environ))
        plans.setdefault(plan.path, plan)  # Copilot CLI and VS Code read the same file: one entry serves both
    return list(plans.values())


def _version(spec: AgentSpec, environ: dict[str, str]) -> tuple[int, ...] | None:
    """What the agent says of itself; newer keys are written only for a version that has them."""
    program = next(
        (found for name in spec.commands if (found := shutil.which(name, path=environ.get("PATH")))), None
    )
    if program is None or not spec.asks_version:
        return None
    try:
        said = subprocess.run(
            [program, "--version"],
            capture_output=True,
            text=True,
            timeout=PROBE_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    numbers = re.search(r"\b(\d{1,4})\.(\d{1,4})\.(\d{1,4})\b", said.stdout)
    return tuple(int(part) for part in numbers.groups()) if numbers else None


def _prepare_home(home: Home) -> tuple[str, ...]:
    from irkit.evidence.keys import ensure_key
    from irkit.guard.config import load_config

    home.make()
    written: list[str] = []
    if not os.path.exists(home.config):
        with open(home.config, "w", encoding="utf-8") as file:
            file.write(default_config_text())
        os.chmod(home.config, 0o600)
        written.append("irkit.toml")
    with open(home.config, encoding="utf-8") as file:
        config = load_config(file.read(), home.config)
    written += write_gate(home, config.when_guard_down, config.when_down_per_agent())
    ensure_key(home)
    return tuple(written)


def _ask(count: int) -> None:
    if not sys.stdin.isatty():
        raise NeedsHumanError(
            "nobody is there to confirm", fix="run it on a terminal, or with --non-interactive"
        )
    sys.stderr.write(f"Write {count} settings file{'s' if count > 1 else ''} as shown? [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise NeedsHumanError("nothing was written", fix="run it again and answer y, or use --dry-run")


def _proof(home: Home, spec: AgentSpec) -> dict[str, Any]:
    """Send a harmless event through the very command line that was installed, and ask the guard whether it came."""
    harmless = (Happening.SESSION_START, Happening.SESSION_END, Happening.AFTER_TOOL)
    event = next(e for one in harmless for e in spec.events if e.happening is one)
    session = f"irkit-probe-{secrets.token_hex(6)}"
    payload = json.dumps(
        dict.fromkeys(("session_id", "sessionId", "conversation_id", "trajectory_id"), session)
        | dict.fromkeys(("hook_event_name", "agent_action_name"), event.name)
        | {"cwd": "/", "source": "startup", "reason": "other", "tool_name": "irkit-probe", "tool_input": {}}
        | {
            "input": {"sessionID": session},
            "output": {},
            "toolName": "irkit-probe",
            "toolArgs": {},
            "tool_info": {},
            "timestamp": "1970-01-01T00:00:00Z",
        }
    )
    if spec.in_process:
        command = [home.python, "-I", "-S", home.hook, spec.name, event.name]
    else:
        command = ["/bin/sh", "-c", hook_command(home, spec.name, event.name)]
    try:
        done = subprocess.run(
            command, input=payload.encode(), capture_output=True, timeout=PROBE_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return {"probe": "failed", "problem": f"the hook did not run: {error}"}
    if done.returncode != 0:
        return {"probe": "failed", "problem": done.stderr.decode("utf-8", "replace").strip()[:300]}
    try:
        seen = client.call(home, "probe.seen", {"session": session, "agent": spec.name})
    except GuardUnreachableError:
        return {"probe": "no guard runs", "trusted": _trusted(spec, seen=False), "seen_firing": False}
    return {
        "probe": "seen by the guard" if seen["probe"] else "not seen",
        "trusted": _trusted(spec, seen=seen["firing"]),
        "seen_firing": seen["firing"],
    }


def _trusted(spec: AgentSpec, *, seen: bool) -> bool | None:
    """True or False where the agent asks for trust; None where there is nothing to trust."""
    return seen if spec.needs_trust else None


def _row(plan: install.Plan) -> dict[str, Any]:
    row: dict[str, Any] = {
        "agent": plan.agent,
        "verified": agent_spec(plan.agent).verified.value,
        "settings": plan.path,
        "installed": not plan.problem and plan.present,
        "changed": plan.changed,
    }
    if plan.problem:
        row["problem"] = plan.problem
    return row


def _show(plans: list[install.Plan]) -> None:
    if not plans:
        talk("No coding agent was found here (looked for their commands on PATH and their settings folders).")
    for plan in plans:
        if plan.problem:
            talk(f"{plan.agent}: {plan.path}: {plan.problem}")
        elif plan.changed:
            sys.stdout.write(plan.diff())
        else:
            talk(f"{plan.agent}: hooks are in place, nothing to change")


def _summary(rows: list[dict[str, Any]], then: str) -> str:
    if not rows:
        return then
    body = [
        [
            row["agent"],
            "yes",
            {None: "-", True: "yes", False: "not yet"}[row.get("trusted")],
            "yes" if row.get("seen_firing") else "not yet",
            row["probe"],
            row["verified"],
        ]
        for row in rows
    ]
    head = ["AGENT", "INSTALLED", "TRUSTED", "SEEN FIRING", "PROBE", "KNOWN FROM"]
    return f"\n{table(body, head)}\n\n{paint('next:', 'bold')} {then}"


def _next(rows: list[dict[str, Any]]) -> str:
    if any(row.get("probe") == "no guard runs" for row in rows) or not rows:
        return "irkit guard"
    if any(row.get("trusted") is False for row in rows):
        return "start codex once and trust the hooks with /hooks; until then its sessions are unguarded"
    return "irkit status --watch"
