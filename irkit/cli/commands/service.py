# SPDX-License-Identifier: Apache-2.0
"""`irkit service`: the guard as a service of the user, or of the system under a user of its own."""

import argparse
import os
import pwd
import subprocess
import sys
from typing import Any

from irkit import exit_codes
from irkit.cli.output import emit, talk
from irkit.errors import BadInputError, NotPermittedError
from irkit.guard import client, install
from irkit.guard import service as service_package
from irkit.guard.service import managed, place
from irkit.guard.service.place import Place
from irkit.guard.service.units import SYSTEM_HOME, Paths
from irkit.home import Home

COMMAND_MAX_S = 30


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `irkit service`."""
    parser.add_argument("what", choices=["install", "status", "remove"])
    parser.add_argument(
        "--system", action="store_true", help="under a user of its own, for every user's agents"
    )
    parser.add_argument("--dry-run", action="store_true", help="show the diff, write nothing")
    parser.add_argument("--linger", action="store_true", help="keep it running after logout (loginctl)")
    parser.add_argument(
        "--root", default="/", metavar="DIR", help="write below DIR and run nothing: to look at it"
    )
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.epilog = (
        "examples:\n"
        "  irkit service install --dry-run       the units, as a diff\n"
        "  irkit service install --linger        as your user, also while you are logged out\n"
        "  sudo irkit service install --system   the agent's user can neither kill nor edit it"
    )


def run(args: argparse.Namespace) -> int:
    """Show, write or remove the units."""
    root = os.path.abspath(args.root)
    here = Place(
        system=args.system,
        darwin=sys.platform == "darwin",
        root=root,
        user_home=os.path.expanduser("~"),
        config_home=os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config"),
    )
    home = Home(SYSTEM_HOME) if args.system else Home()
    if args.what == "status":
        return _status(args, here, home)
    removing = args.what == "remove"
    changes = place.plan(here, Paths(_command(), home.path), removing=removing)
    settings = _managed(args, home, removing=removing)
    if settings and settings.problem:
        raise BadInputError(settings.problem, where=settings.path)
    changed = any(one.changed for one in changes) or bool(settings and settings.changed)
    if not args.json:
        sys.stdout.write("".join(one.diff() for one in changes) + (settings.diff() if settings else ""))
    done: dict[str, Any] = {
        "changed": changed and not args.dry_run,
        "would_change": changed,
        "files": [one.path for one in changes] + ([settings.path] if settings else []),
        "commands": place.commands(here, removing=removing),
        "notes": _notes(args, here),
    }
    if args.dry_run:
        emit(args.json, done, "\n".join(done["notes"]))
        return exit_codes.DONE
    if args.system and root == "/" and os.getuid():
        raise NotPermittedError("the system's units belong to root", fix="run it with sudo")
    if args.system and not removing and root == "/":
        for path in (sys.executable, os.path.dirname(service_package.__file__ or "/")):
            if theirs := _not_roots(path):
                raise NotPermittedError(
                    "others than root may change it (and so the guard's own code), or may not use it",
                    where=theirs,
                    fix="install irkit as root, say below /opt/irkit, and run it from there",
                )
    return _carry_out(args, done, changes, settings, home, root)


def _carry_out(
    args: argparse.Namespace,
    done: dict[str, Any],
    changes: list[place.Change],
    settings: install.Plan | None,
    home: Home,
    root: str,
) -> int:
    removing = args.what == "remove"
    commands = list(done["commands"])
    failed: list[str] = []
    if removing:
        failed += _run_all(commands[:1], root)
    place.apply(changes)
    if settings:
        records = home if root == "/" else Home(os.path.join(root, home.path.lstrip("/")))
        install.apply(records, settings, installing=not removing)
        if settings.after is not None:
            os.chmod(settings.path, 0o644)  # each user's agent reads it
    failed += _run_all(commands[1:] if removing else commands, root)
    if args.linger and not removing and not args.system:
        failed += _run_all([[place.LOGINCTL, "enable-linger", _user()]], root)
    done["failed"] = failed
    emit(args.json, done, "\n".join(done["notes"]))
    for line in failed:
        talk(f"irkit: {line}")
    return exit_codes.PARTLY_DONE if failed else exit_codes.DONE


def _status(args: argparse.Namespace, here: Place, home: Home) -> int:
    changes = place.plan(here, Paths(_command(), home.path))
    there = [one.path for one in changes if one.before is not None]
    try:
        guard: dict[str, Any] = client.call(home, "ping")
    except (OSError, NotPermittedError, BadInputError):
        guard = {}
    except Exception as error:  # noqa: BLE001 - the seam: whatever keeps the guard from answering is a line here
        guard = {"problem": str(error)[:200]}
    differs = [one.path for one in changes if one.changed and one.before is not None]
    done = {
        "installed": len(there) == len(changes),
        "files": there,
        "differs": differs,
        "answers": "pid" in guard,
        "lingers": place.lingers(here, _user()),
    }
    words = [
        f"  units      {len(there)} of {len(changes)} in {here.folder}",
        f"  guard      {'answers, pid ' + str(guard['pid']) if 'pid' in guard else 'does not answer'}",
        *(f"  changed    {path}: irkit service install writes it anew" for path in differs),
        *_notes(args, here),
    ]
    emit(args.json, done, "\n".join(words))
    return exit_codes.DONE if done["installed"] and done["answers"] else exit_codes.NEGATIVE


def _managed(args: argparse.Namespace, home: Home, *, removing: bool) -> install.Plan | None:
    if not args.system:
        return None
    return managed.plan_managed(home, args.root, darwin=sys.platform == "darwin", removing=removing)


def _notes(args: argparse.Namespace, here: Place) -> list[str]:
    if args.system:
        return [managed.CODEX_STEP]
    if here.darwin or args.linger or place.lingers(here, _user()):
        return []
    return ["  note       it stops when you log out; `irkit service install --linger` keeps it running"]


def _command() -> tuple[str, ...]:
    """How this irkit is started: absolute, and without what a virtual environment's shell sets."""
    return (os.path.abspath(sys.executable), "-I", "-m", "irkit")


def _not_roots(path: str) -> str:
    """The first part of a path that others than root may change, or may not use; empty when there is none."""
    part = os.path.realpath(path)
    while True:
        status = os.stat(part)
        if status.st_uid or status.st_mode & 0o022 or not status.st_mode & 0o001:
            return part
        if part == "/":
            return ""
        part = os.path.dirname(part)


def _run_all(commands: list[list[str]], root: str) -> list[str]:
    """Run them where the files are the machine's own; what failed, in words."""
    if root != "/":
        return []
    failed = []
    for argv in commands:
        try:
            done = subprocess.run(
                argv,
                capture_output=True,
                text=True,
                timeout=COMMAND_MAX_S,
                check=False,
                stdin=subprocess.DEVNULL,
            )
            why = done.stderr.strip().splitlines()[-1:] or [f"exit {done.returncode}"]
            failed += [f"{' '.join(argv)}: {why[0]}"] if done.returncode else []
        except (OSError, subprocess.TimeoutExpired) as error:
            failed.append(f"{' '.join(argv)}: {error}")
    return failed


def _user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
