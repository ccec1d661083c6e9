# SPDX-License-Identifier: Apache-2.0
"""Shell functions, so that `claude` means `irkit run -- claude`: files of irkit's own, to be sourced by a line of yours.

Rules:
- No rc file is ever edited: the one line to add is shown, and it is the person who adds it.
- irkit is called by its absolute path (threat T10): a program of that name on PATH is not taken for it.
- Written anew only when it differs; `uninstall` takes the files away.
"""

import difflib
import os
import shlex
import shutil
import sys

from irkit.agents.facts import AGENTS
from irkit.agents.registry import agent as agent_spec
from irkit.home import Home

SHELLS = ("bash", "zsh", "fish")
_HEAD = "# Written by `irkit init --wrap`: your agents start contained. `command NAME` starts one without.\n"


def program() -> str:
    """Where this irkit is, absolutely: the command beside its interpreter, else what was started."""
    beside = os.path.join(os.path.dirname(sys.executable), "irkit")
    return beside if os.path.exists(beside) else os.path.realpath(shutil.which("irkit") or sys.argv[0])


def texts(irkit: str, names: list[str]) -> dict[str, str]:
    """Shell -> the file's text."""
    quoted = shlex.quote(irkit)
    plain = "".join(f'{name}() {{ {quoted} run -- {name} "$@"; }}\n' for name in names)
    fish = "".join(f"function {name}; {quoted} run -- {name} $argv; end\n" for name in names)
    return {"bash": _HEAD + plain, "zsh": _HEAD + plain, "fish": _HEAD + fish}


def commands() -> list[str]:
    """The commands of known agents that are on PATH; editors are not wrapped."""
    found = [
        name
        for agent in AGENTS
        if agent not in {"cursor", "windsurf", "vscode"}
        for name in agent_spec(agent).commands
    ]
    return sorted({name for name in found if shutil.which(name)})


def path_of(home: Home, shell: str) -> str:
    """Where a shell's file lies."""
    return home.at("wrap", f"agents.{shell}")


def line_of(home: Home, shell: str) -> str:
    """The line that a person adds, and to which file."""
    rc = {"bash": "~/.bashrc", "zsh": "~/.zshrc", "fish": "~/.config/fish/config.fish"}[shell]
    return f"{rc}:  source {shlex.quote(path_of(home, shell))}"


def diff(home: Home, wanted: dict[str, str]) -> str:
    """What would change, empty when nothing would."""
    parts: list[str] = []
    for shell, text in wanted.items():
        path = path_of(home, shell)
        before = _read(path)
        if before != text:
            lines = (before.splitlines(keepends=True), text.splitlines(keepends=True))
            parts += difflib.unified_diff(*lines, path if before else "/dev/null", path)
    return "".join(parts)


def write(home: Home, wanted: dict[str, str]) -> list[str]:
    """Write what differs; returns the paths."""
    written = []
    os.makedirs(home.at("wrap"), mode=0o700, exist_ok=True)
    for shell, text in wanted.items():
        path = path_of(home, shell)
        if _read(path) != text:
            with open(f"{path}.new", "w", encoding="utf-8") as file:
                file.write(text)
            os.replace(f"{path}.new", path)
            written.append(path)
    return written


def remove(home: Home) -> list[str]:
    """Take the files away; returns the paths that were there."""
    gone = [path for shell in SHELLS if os.path.exists(path := path_of(home, shell))]
    for path in gone:
        os.unlink(path)
    return gone


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError:
        return ""
