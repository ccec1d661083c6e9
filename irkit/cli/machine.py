# SPDX-License-Identifier: Apache-2.0
"""What the machine that irkit runs on keeps it from promising: looked at, put in words, changed by nothing.

A limit is no defect: nothing on this machine can lift it, and whoever relies on irkit should know of it before the
day. What can be mended is `irkit doctor`'s to say.
"""

import os
import platform
import shutil
import sys
from collections.abc import Callable, Mapping
from typing import NamedTuple

_EDITORS = ("code", "code-insiders", "cursor", "windsurf")
_BROKERS = ("tmux", "screen", "at", "crontab", "systemd-run", "docker", "podman", "ssh")
_NOTIFIERS = ("notify-send", "gdbus", "osascript")
_CONTAINER_FILES = (".dockerenv", "run/.containerenv")
_SUDOERS_MAX_BYTES = 65536


class Limit(NamedTuple):
    """One thing that cannot be promised here."""

    what: str
    detail: str


class Machine(NamedTuple):
    """Where to look. The defaults are the machine itself."""

    environ: Mapping[str, str] = os.environ
    uid: int = os.getuid()
    root: str = "/"
    which: Callable[[str], str | None] = shutil.which

    def limits(self) -> list[Limit]:
        """Everything that cannot be promised here, the widest first."""
        return [*self._system(), *self._user(), *self._place(), *self._programs()]

    def _system(self) -> list[Limit]:
        if sys.platform != "linux":
            return [
                Limit(
                    "system", "not Linux: no pidfd, no /proc; processes are found through psutil, best effort"
                )
            ]
        if not hasattr(os, "pidfd_open"):
            return [Limit("pidfd", "no pidfd here: a small race between look and signal")]
        return []

    def _user(self) -> list[Limit]:
        if self.uid == 0:
            return [
                Limit("user", "you are root: an agent of yours is root too, and nothing holds against root")
            ]
        if self._no_password_sudo():
            return [Limit("user", "passwordless sudo: an agent of yours can become root")]
        return []

    def _place(self) -> list[Limit]:
        found = []
        if self._hidepid():
            found.append(
                Limit("/proc", "hidepid hides other users' processes from irkit: no verdict covers them")
            )
        inside = any(os.path.exists(os.path.join(self.root, name)) for name in _CONTAINER_FILES)
        if inside or "container" in self.environ:
            found.append(
                Limit("container", "inside a container: what runs outside cannot be seen or stopped")
            )
        if self.environ.get("WSL_DISTRO_NAME") or "microsoft" in platform.release().lower():
            found.append(Limit("WSL", "Windows programs started from here cannot be stopped from here"))
        if self.environ.get("SSH_CONNECTION"):
            found.append(Limit("ssh", "a remote shell: an agent on the other end is not seen"))
        return found

    def _programs(self) -> list[Limit]:
        found = []
        editors = [name for name in _EDITORS if self.which(name)]
        if editors:
            detail = "a session in its window is latched and its tools are stopped; the window itself runs on"
            found.append(Limit("editors", f"{', '.join(editors)}: {detail}"))
        brokers = [name for name in _BROKERS if self.which(name)]
        if brokers:
            detail = (
                "what an agent starts through it has no parent in its session: not ruled out after a kill"
            )
            found.append(Limit("brokers", f"{', '.join(brokers)}: {detail}"))
        if not any(self.which(name) for name in _NOTIFIERS):
            detail = "no way to notify a desktop here: terminal, log, command, webhook remain"
            found.append(Limit("desktop", detail))
        return found

    def _no_password_sudo(self) -> bool:
        """Whether sudoers.d visibly grants it; asking sudo itself would leave a trace in its log."""
        folder = os.path.join(self.root, "etc/sudoers.d")
        try:
            return any("NOPASSWD" in _start_of(os.path.join(folder, name)) for name in os.listdir(folder))
        except OSError:
            return False

    def _hidepid(self) -> bool:
        mounts = _start_of(os.path.join(self.root, "proc/mounts")).splitlines()
        return any("hidepid=" in line and " /proc " in line and "hidepid=0" not in line for line in mounts)


def _start_of(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(_SUDOERS_MAX_BYTES)
    except OSError:
        return ""
