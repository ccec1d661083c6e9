# SPDX-License-Identifier: Apache-2.0
"""What a session can have of its own besides walls: a control group, an audit session id. Where the machine lets it.

Rules:
- The control group is made below the one that this process is in: a folder of our own, with a name of our own; only
  the session's first process is ever moved into it. Version 2 first, else version 1's freezer.
- The audit session id is new when root sets the login uid anew: inherited by everything, changed by nobody but root.
- What cannot be had is left out: both are extra proof, not what contains.
"""

import os

from irkit.confine import landlock
from irkit.confine.tolerate import Tolerate

_MOUNTS = ("/sys/fs/cgroup/unified", "/sys/fs/cgroup")


class Marks:
    """Made before the walls, taken by the child that becomes them."""

    def __init__(self) -> None:
        self.cgroup = _make_group()

    def take(self, *, walls: bool) -> None:
        """In the child, before exec: enter the group, get a new audit id, keep signals and abstract sockets inside.

        Without walls (no mount namespace) the file rules come from `subreaper`, which restricts by itself.
        """
        if self.cgroup:
            try:
                _write(os.path.join(self.cgroup, "cgroup.procs"), b"0")
            except OSError:
                self.cgroup = ""
        if os.geteuid() == 0:
            with Tolerate(OSError):
                _write("/proc/self/loginuid", str(_person()).encode())
        if walls and landlock.abi() >= landlock.ABI_SCOPES and not _setuid():
            landlock.keep_inside()

    def remove(self) -> None:
        """Take the empty group away. Never raises."""
        if self.cgroup:
            try:
                os.rmdir(self.cgroup)
            except OSError:
                return


def _make_group() -> str:
    """A folder of our own below this process's group; empty where none can be made and entered."""
    for base in _bases():
        folder = os.path.join(base, f"irkit-{os.getpid()}-{os.times().elapsed:.2f}")
        try:
            os.mkdir(folder)
        except OSError:
            continue
        if os.access(os.path.join(folder, "cgroup.procs"), os.W_OK):
            return folder
        os.rmdir(folder)
    return ""


def _bases() -> list[str]:
    try:
        with open("/proc/self/cgroup", encoding="utf-8", errors="surrogateescape") as file:
            lines = [line.rstrip("\n").split(":", 2) for line in file]
    except OSError:
        return []
    second = [path for number, _names, path in lines if number == "0"]
    first = [path for _number, names, path in lines if "freezer" in names.split(",")]
    mount = next((one for one in _MOUNTS if os.path.exists(f"{one}/cgroup.procs")), "")
    found = [mount + path for path in second if mount] + ["/sys/fs/cgroup/freezer" + path for path in first]
    return [path for path in found if "/../" not in f"{path}/"]


def _person() -> int:
    """Whose login it is: whoever called sudo, else this user."""
    text = os.environ.get("SUDO_UID", "")
    return int(text) if text.isdigit() else os.getuid()


def _setuid() -> bool:
    """A setuid bubblewrap needs its privileges; without new ones it could do nothing."""
    from irkit.confine.bubblewrap import program

    try:
        return bool(os.stat(program()).st_mode & 0o4000)
    except OSError:
        return False


def _write(path: str, data: bytes) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(file, data)
    finally:
        os.close(file)
