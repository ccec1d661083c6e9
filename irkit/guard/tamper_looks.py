# SPDX-License-Identifier: Apache-2.0
"""What is looked at for tampering beside the gate, the latch and the log: agents' settings, sockets, what `irkit` means.

Rules:
- A look is a few stats; a file is read only when its stat changed. It runs on the guard's round, and at once before a
  session's first call (a project's settings may turn hooks off).
- Of settings only irkit's own hooks count, and what turns all hooks off. Everything else belongs to its owner.
- Text that `irkit init` wrote itself (its index of backups says so) is the new truth.
It must never write to any of these files.
"""

import os
import re
import shutil
import stat
from typing import TYPE_CHECKING

import msgspec

from irkit.guard.install import SETTINGS_MAX_BYTES, backups

if TYPE_CHECKING:
    from irkit.guard.daemon import Guard

_TEXTS = re.compile(r'"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'')
_PROJECT_SETTINGS = (".claude/settings.json", ".claude/settings.local.json")
_RC_FILES = (".bashrc", ".bash_profile", ".profile", ".zshrc", ".zshenv", ".config/fish/config.fish")
_MEANS = re.compile(r"^\s*(?:alias\s+irkit[=\s]|function\s+irkit\b|irkit\s*\(\))", re.MULTILINE)
Stamp = tuple[int, int, int, int]


class Looks:
    """One owner: the guard's loop."""

    def __init__(self, guard: "Guard") -> None:
        self._g = guard
        self._stamps: dict[str, Stamp | None] = {}
        self._hooks: dict[str, tuple[str, ...]] = {}
        self._off: set[str] = set()
        self._sockets: dict[str, Stamp | None] = {}
        self._means = ""
        self._lines: dict[str, int] = {}

    def begin(self) -> None:
        """What holds now is the truth."""
        self._sockets = {
            path: _identity(path) for path in (self._g.home.hook_socket, self._g.home.guard_socket)
        }
        self._means = shutil.which("irkit") or ""
        for path in self._rc_files():
            self._stamps[path] = _stamp(path)
            self._lines[path] = _count(path)
        for path in backups(self._g.home):
            self._stamps[path] = _stamp(path)
            self._hooks[path] = self._ours(_text(path))

    def look(self) -> None:
        """One round."""
        self._look_at_sockets()
        self._look_at_settings()
        self._look_at_projects()
        self._look_at_command()

    # --- sockets -----------------------------------------------------------------------
    def _look_at_sockets(self) -> None:
        for path, before in self._sockets.items():
            now = _identity(path)
            if now != before:
                self._sockets[path] = now
                done = "replaced" if now else "removed"
                self._found("socket-replaced", path, done)

    # --- settings ----------------------------------------------------------------------
    def _look_at_settings(self) -> None:
        index = backups(self._g.home)
        for path, made in index.items():
            now = _stamp(path)
            if path in self._hooks and self._stamps.get(path) == now:
                continue
            self._stamps[path] = now
            text = _text(path)
            ours, before = self._ours(text), self._hooks.get(path)
            self._hooks[path] = ours
            if before is not None and ours != before and made.after_sha256 != _sha256(text):
                self._found("hooks-edited", path, "removed" if len(ours) < len(before) else "changed")
            self._hooks_off(path, text)

    def _ours(self, text: str) -> tuple[str, ...]:
        """Irkit's hooks in a settings text: the command lines, as they are written, however the rest looks."""
        gate = self._g.home.gate
        return tuple(sorted(one for one in _TEXTS.findall(text) if gate in one))

    def _look_at_projects(self) -> None:
        folders = {
            one.cwd for one in self._g.table if one.processes and one.cwd and one.agent == "claude-code"
        }
        for folder in folders:
            for name in _PROJECT_SETTINGS:
                path = os.path.join(folder, name)
                now = _stamp(path)
                if self._stamps.get(path) != now:
                    self._stamps[path] = now
                    self._hooks_off(path, _text(path), folder)

    def _hooks_off(self, path: str, text: str, folder: str = "") -> None:
        off = disables_hooks(text)
        if off and path not in self._off:
            readers = tuple(
                one.id
                for one in self._g.table
                if one.processes and one.agent == "claude-code" and one.cwd == folder
            )
            args = {"what": "hooks turned off", "path": path}
            if folder:
                self._g.tamper.of_sessions("hooks-disabled", args, readers)
            else:
                self._found("hooks-disabled", path, "hooks turned off")
        (self._off.add if off else self._off.discard)(path)

    # --- what `irkit` means --------------------------------------------------------------
    def _look_at_command(self) -> None:
        means = shutil.which("irkit") or ""
        if self._means and means != self._means:
            self._found("irkit-resolves", means or self._means, f"irkit was {self._means}")
        self._means = means
        for path in self._rc_files():
            now = _stamp(path)
            if self._stamps.get(path) != now:
                self._stamps[path] = now
                count, before = _count(path), self._lines.get(path, 0)
                self._lines[path] = count
                if count > before:
                    self._found("irkit-resolves", path, "an alias or function named irkit")

    def _rc_files(self) -> tuple[str, ...]:
        user = os.path.expanduser("~")
        return tuple(os.path.join(user, name) for name in _RC_FILES)

    def _found(self, kind: str, path: str, what: str) -> None:
        self._g.tamper.found(
            kind, {"what": what, "path": path}, changed_at(path), words=(path, os.path.basename(path))
        )


def disables_hooks(text: str) -> bool:
    """Whether settings turn all hooks off. What cannot be read turns off nothing: the agent refuses it too."""
    if "disableAllHooks" not in text:
        return False
    try:
        value = msgspec.json.decode(text.encode())
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return False
    return isinstance(value, dict) and value.get("disableAllHooks") is True


def changed_at(path: str) -> float:
    """When a path was last changed, removed or replaced, by the kernel's clock; now, where it does not tell."""
    times = []
    for one in (path, os.path.dirname(path)):
        try:
            times.append(os.stat(one, follow_symlinks=False).st_ctime)
        except OSError:
            continue
    if not times:
        import time

        return time.time()
    return times[0]


def _stamp(path: str) -> Stamp | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _identity(path: str) -> Stamp | None:
    try:
        found = os.stat(path, follow_symlinks=False)
    except OSError:
        return None
    return found.st_dev, found.st_ino, stat.S_IFMT(found.st_mode), 0


def _text(path: str) -> str:
    """The text of a plain file of bounded size, else nothing."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return ""
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            return ""
        return file.read(SETTINGS_MAX_BYTES).decode("utf-8", "replace")


def _count(path: str) -> int:
    return len(_MEANS.findall(_text(path)))


def _sha256(text: str) -> str:
    import hashlib

    return hashlib.sha256(text.encode()).hexdigest()
