# SPDX-License-Identifier: Apache-2.0
"""Putting the guard's units in place, and taking them away again: the diff first, and nothing that is not ours.

Rules:
- What is planned is what is written: a plan is shown, then applied. Repeating it changes nothing.
- Only files that carry our mark are replaced or removed; another's file of that name is refused, and said.
- Everything lies below `root`: "/" on a machine, a private folder in a test.
- Commands (`systemctl …`) are named as absolute argv for whoever runs them; nothing is run here.
"""

import contextlib
import difflib
import os
from typing import NamedTuple

from irkit.errors import BadInputError, NotPermittedError
from irkit.guard.service import units
from irkit.guard.service.units import Paths, Unit

MARK = "# irkit service: written by `irkit service install`, removed by `irkit service remove`\n"
_PLIST_MARK = "<!-- irkit service: removed by `irkit service remove` -->\n"
SYSTEMCTL = "/usr/bin/systemctl"
LOGINCTL = "/usr/bin/loginctl"
SYSUSERS = "/usr/bin/systemd-sysusers"
LAUNCHCTL = "/bin/launchctl"


class Change(NamedTuple):
    """One file, as it is and as it shall be; None: no file."""

    path: str
    before: str | None
    after: str | None

    @property
    def changed(self) -> bool:
        """Whether anything would be written."""
        return self.before != self.after

    def diff(self) -> str:
        """A unified diff, for a person."""
        return "".join(
            difflib.unified_diff(
                (self.before or "").splitlines(keepends=True),
                (self.after or "").splitlines(keepends=True),
                self.path if self.before is not None else "/dev/null",
                self.path if self.after is not None else "/dev/null",
            )
        )


class Place(NamedTuple):
    """Where a service manager looks, on this platform and for this tier."""

    system: bool
    darwin: bool
    root: str
    user_home: str
    config_home: str
    """`$XDG_CONFIG_HOME`, or what stands for it."""

    @property
    def folder(self) -> str:
        """The folder of the units."""
        if self.darwin:
            own = "/Library/LaunchDaemons" if self.system else f"{self.user_home}/Library/LaunchAgents"
            return self.at(own)
        return self.at("/etc/systemd/system" if self.system else f"{self.config_home}/systemd/user")

    def at(self, path: str) -> str:
        """A path below the root."""
        return os.path.join(self.root, path.lstrip("/")) if self.root != "/" else path


def wanted(place: Place, paths: Paths) -> dict[str, str]:
    """Path -> text of every file of the service."""
    if place.darwin:
        unit = units.launchd(paths)
        head, newline, rest = unit.text.partition("\n")
        return {os.path.join(place.folder, unit.name): head + newline + _PLIST_MARK + rest}
    files = {
        os.path.join(place.folder, unit.name): unit for unit in units.systemd(paths, system=place.system)
    }
    if place.system:
        extra = units.sysusers()
        files[place.at(f"/etc/sysusers.d/{extra.name}")] = extra
    return {path: _marked(unit) for path, unit in files.items()}


def plan(place: Place, paths: Paths, *, removing: bool = False) -> list[Change]:
    """What would be written or removed. Raises BadInputError when a file of that name is not ours."""
    found = []
    for path, text in wanted(place, paths).items():
        before = _read(path)
        if before is not None and MARK not in before and _PLIST_MARK not in before:
            raise BadInputError(
                "is there and is not irkit's", where=path, fix="move it away, then run it again"
            )
        found.append(Change(path, before, None if removing else text))
    return found


def apply(changes: list[Change]) -> None:
    """Write or remove, each in one step. Raises NotPermittedError."""
    for change in changes:
        if not change.changed:
            continue
        try:
            if change.after is None:
                os.unlink(change.path)
                continue
            os.makedirs(os.path.dirname(change.path), exist_ok=True)
            beside = f"{change.path}.{os.getpid()}"
            with open(beside, "w", encoding="utf-8") as file:
                file.write(change.after)
            os.chmod(beside, 0o644)  # a unit is no secret: its manager reads it, and so may anyone
            os.replace(beside, change.path)
        except OSError as error:
            raise NotPermittedError(
                f"cannot be written ({error.strerror})", where=change.path, fix="check its owner and mode"
            ) from error


def commands(place: Place, *, removing: bool = False) -> list[list[str]]:
    """What has to be run afterwards, in order, each an absolute argv."""
    names = ["irkit-hook.socket", "irkit-guard.socket", "irkit-kill.path", "irkit-guard.service"]
    if place.darwin:
        domain = "system" if place.system else f"gui/{os.getuid()}"
        target = f"{domain}/{units.LABEL}"
        path = os.path.join(place.folder, f"{units.LABEL}.plist")
        return [[LAUNCHCTL, "bootout", target]] if removing else [[LAUNCHCTL, "bootstrap", domain, path]]
    ours = [SYSTEMCTL] if place.system else [SYSTEMCTL, "--user"]
    if removing:
        return [[*ours, "disable", "--now", *names], [*ours, "daemon-reload"]]
    first = [[SYSUSERS, place.at("/etc/sysusers.d/irkit.conf")]] if place.system else []
    return [*first, [*ours, "daemon-reload"], [*ours, "enable", "--now", *names]]


def lingers(place: Place, user: str) -> bool:
    """Whether this user's services run on after logout (`loginctl enable-linger`)."""
    return os.path.exists(place.at(f"/var/lib/systemd/linger/{user}"))


def _marked(unit: Unit) -> str:
    return MARK + unit.text


def _read(path: str) -> str | None:
    with contextlib.suppress(FileNotFoundError), open(path, encoding="utf-8", errors="replace") as file:
        return file.read(1 << 20)
    return None
