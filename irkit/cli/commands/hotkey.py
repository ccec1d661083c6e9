# SPDX-License-Identifier: Apache-2.0
"""`irkit hotkey`: one key that freezes everything, also when no terminal is at hand.

GNOME keeps shortcuts in settings that a program may change; elsewhere the steps are printed. The key runs
`irkit freeze` by absolute paths (threat T10): what lies on PATH under that name never matters.
"""

import argparse
import ast
import os
import shutil
import subprocess
import sys
from typing import Any

from irkit import exit_codes
from irkit.cli.output import emit
from irkit.errors import BadInputError, IrkitError, NotPermittedError

GSETTINGS = "/usr/bin/gsettings"
KEYS = "org.gnome.settings-daemon.plugins.media-keys"
ONE = f"{KEYS}.custom-keybinding"
PATH = "/org/gnome/settings-daemon/plugins/media-keys/custom-keybindings/irkit/"
"""Where irkit's own shortcut lies; all others are left as they are."""
DEFAULT = "<Control><Alt>Pause"
NAME = "irkit: freeze every agent"
COMMAND_MAX_S = 10
LIST_MAX = 200


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `irkit hotkey`."""
    parser.add_argument("what", choices=["install", "remove", "status"])
    parser.add_argument("--key", default=DEFAULT, metavar="KEY", help=f"in GTK's words; {DEFAULT} without it")
    parser.add_argument(
        "--gsettings", default=GSETTINGS, metavar="PATH", help="the program, by absolute path"
    )
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.epilog = (
        "On GNOME it is set; for KDE, Sway, i3, macOS and others the steps are printed.\n\n"
        "examples:\n  irkit hotkey install\n  irkit hotkey install --key '<Super>F12'\n  irkit hotkey remove"
    )


def run(args: argparse.Namespace) -> int:
    """Set it, take it away, or say what there is."""
    if not os.path.isabs(args.gsettings):
        raise BadInputError(f"{args.gsettings!r} is not an absolute path", where="--gsettings")
    if not args.key or len(args.key) > 100 or not args.key.isprintable():
        raise BadInputError("a key is named in GTK's words", where="--key", fix=f"for example {DEFAULT}")
    command = key_command()
    if not _gnome(args.gsettings):
        steps = steps_for(command)
        emit(args.json, {"installed": False, "command": command, "steps": steps}, "\n".join(steps))
        return exit_codes.NEGATIVE if args.what == "status" else exit_codes.NEEDS_HUMAN
    desk = _Desk(args.gsettings)
    before = desk.paths()
    if args.what == "install":
        for name, value in (("name", NAME), ("command", command), ("binding", args.key)):
            desk.set(f"{ONE}:{PATH}", name, value)
        if PATH not in before:
            desk.set_paths([*before, PATH])
    elif args.what == "remove" and PATH in before:
        desk.set_paths([path for path in before if path != PATH])
        for name in ("name", "command", "binding"):
            desk.reset(f"{ONE}:{PATH}", name)
    there = PATH in desk.paths()
    done: dict[str, Any] = {
        "installed": there,
        "key": desk.get(f"{ONE}:{PATH}", "binding") if there else "",
        "command": desk.get(f"{ONE}:{PATH}", "command") if there else "",
        "current": there and desk.get(f"{ONE}:{PATH}", "command") == command,
    }
    text = f"  {done['key']} runs {done['command']}" if there else "  no key is set"
    emit(args.json, done, text)
    wanted = args.what != "remove"
    return exit_codes.DONE if there is wanted else exit_codes.NEGATIVE


def key_command() -> str:
    """What the key runs: every word absolute or an option, quoted for the desktop's own splitting."""
    words = [os.path.abspath(sys.executable), "-I", "-m", "irkit", "freeze", "--reason=hotkey"]
    home = os.environ.get("IRKIT_HOME", "")
    if home:
        words = ["/usr/bin/env", f"IRKIT_HOME={os.path.abspath(home)}", *words]
    return " ".join(_quoted(word) for word in words)


def steps_for(command: str) -> list[str]:
    """What a person does where no program may do it."""
    return [
        "  This desktop's shortcuts are set by hand. The command:",
        f"    {command}",
        "  KDE     System Settings > Keyboard > Shortcuts > Add New > Command or Script",
        f"  Sway    bindsym Ctrl+Mod1+Pause exec {command}",
        f"  i3      bindsym Ctrl+Mod1+Pause exec --no-startup-id {command}",
        "  macOS   Shortcuts > new shortcut > Run Shell Script > the command > details > Add Keyboard Shortcut",
        "  others  any program that runs a command at a key; try it once, then `irkit resume`",
    ]


class _Desk:
    """GNOME's settings, through their own program."""

    def __init__(self, program: str) -> None:
        self._program = program

    def paths(self) -> list[str]:
        """The custom shortcuts there are."""
        text = self._run("get", KEYS, "custom-keybindings").removeprefix("@as ")
        try:
            found = ast.literal_eval(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError) as error:
            raise IrkitError(
                "the list of shortcuts cannot be read", where=f"{KEYS} custom-keybindings"
            ) from error
        if not isinstance(found, list) or len(found) > LIST_MAX or not all(isinstance(p, str) for p in found):
            raise IrkitError("the list of shortcuts cannot be read", where=f"{KEYS} custom-keybindings")
        return found

    def set_paths(self, paths: list[str]) -> None:
        """Write the list; an empty one names its type."""
        self._run("set", KEYS, "custom-keybindings", repr(paths) if paths else "@as []")

    def get(self, schema: str, key: str) -> str:
        """One text."""
        value = ast.literal_eval(self._run("get", schema, key))
        return value if isinstance(value, str) else ""

    def set(self, schema: str, key: str, value: str) -> None:
        """Write one text, as GVariant writes it."""
        escaped = value.replace("\\", "\\\\").replace("'", "\\'")
        self._run("set", schema, key, f"'{escaped}'")

    def reset(self, schema: str, key: str) -> None:
        """As if it was never set."""
        self._run("reset", schema, key)

    def _run(self, *words: str) -> str:
        try:
            done = subprocess.run(
                [self._program, *words], capture_output=True, text=True, timeout=COMMAND_MAX_S, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise NotPermittedError(f"cannot be run ({error})", where=self._program) from error
        if done.returncode:
            why = (done.stderr.strip().splitlines() or [f"exit {done.returncode}"])[0]
            raise NotPermittedError(f"GNOME's settings refuse: {why}", where=self._program)
        return done.stdout.strip()


def _gnome(program: str) -> bool:
    """Whether this is a desktop whose shortcuts gsettings keeps."""
    desktop = os.environ.get("XDG_CURRENT_DESKTOP", "").upper().split(":")
    return bool({"GNOME", "UNITY", "BUDGIE"}.intersection(desktop)) and bool(shutil.which(program))


def _quoted(word: str) -> str:
    if all(character.isalnum() or character in "/._-=+" for character in word):
        return word
    return "'" + word.replace("'", "'\\''") + "'"
