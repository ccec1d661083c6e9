# SPDX-License-Identifier: Apache-2.0
"""Reads start files as what they are: foreign. Links are not followed, nothing that could hang is touched.

Rules (threat T14):
- The mounts are read first. What lies on FUSE, NFS, 9p, autofs or the like is reported and not even looked at, unless
  the user's whole home lies on that very mount, and then never for FUSE or autofs.
- Below the home, the project or the root each part of a path is opened without following links; a link is an entry
  of its own, known by its target's text.
- Only regular files, bounded; a FIFO or a device is reported, never opened for reading.
- What cannot be read is a `Skipped` with the reason: it is shown, and never taken for absent.
"""

import contextlib
import os
import re
import stat
from collections.abc import Iterator
from typing import NamedTuple

from irkit import limits
from irkit.respond.persistence.places import Form, Place, User, hook_folders, paths_of

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_HANGING = ("fuse", "nfs", "9p", "autofs", "cifs", "smb", "ceph", "glusterfs", "afs")
_NEVER = ("fuse", "autofs")
_OCTAL = re.compile(r"\\([0-7]{3})")


class Read(NamedTuple):
    """One file as it was."""

    path: str
    place: Place
    content: bytes
    """For a link: its target's text."""
    mode: int
    mtime_ns: int
    ctime_ns: int
    inode: tuple[int, int]
    link: bool = False

    @property
    def touched(self) -> float:
        """When it was last changed, by the time that nobody but root can set back."""
        return max(self.mtime_ns, self.ctime_ns) / 1e9


class Skipped(NamedTuple):
    """What was not read, and why."""

    path: str
    why: str


class Mounts:
    """The mount points that may hang."""

    def __init__(self, text: str, home: str) -> None:
        self._points: list[tuple[str, str]] = []
        for line in text.splitlines():
            fields = line.split(" ")
            with contextlib.suppress(ValueError, IndexError):
                kind = fields[fields.index("-") + 1]
                self._points.append((_OCTAL.sub(lambda m: chr(int(m[1], 8)), fields[4]), kind))
        self._own = self._of(home)

    def why_not(self, path: str) -> str:
        """Why a path must not be touched; empty when it may."""
        point, kind = self._of(path)
        if not kind.startswith(_HANGING):
            return ""
        if (point, kind) == self._own and not kind.startswith(_NEVER):
            return ""
        return f"on {kind}, mounted at {point}: not touched, it could hang"

    def _of(self, path: str) -> tuple[str, str]:
        best = ("", "")
        for point, kind in self._points:  # a later mount on the same point lies on top
            below = path == point or path.startswith(point.rstrip("/") + "/")
            if below and len(point) >= len(best[0]):
                best = (point, kind)
        return best


def mounts(home: str) -> Mounts:
    """As the kernel has them now."""
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
            return Mounts(file.read(limits.ROSTER_MAX_BYTES), home)
    except OSError:
        return Mounts("", home)


def read_all(user: User, projects: tuple[str, ...] = ()) -> tuple[dict[str, Read], list[Skipped]]:
    """Every file at every place, by path, and what was not read."""
    where = mounts(user.home)
    found: dict[str, Read] = {}
    skipped: list[Skipped] = []
    wanted = paths_of(user, projects)
    anchors = tuple(dict.fromkeys((user.home, *projects, user.root or "/")))
    queue = list(wanted.items())
    for pattern, place in queue:
        for path in _matching(pattern, anchors, where, skipped):
            if path in found:
                continue
            if len(found) >= limits.PERSISTENCE_FILES_MAX:
                skipped.append(Skipped(path, f"more than {limits.PERSISTENCE_FILES_MAX} files"))
                return found, skipped
            got = read_one(path, place, anchors, where)
            if isinstance(got, Read):
                found[path] = got
                queue += _hooks_named_in(got, user)
            elif got is not None:
                skipped.append(got)
    return found, skipped


def read_one(path: str, place: Place, anchors: tuple[str, ...], where: Mounts) -> Read | Skipped | None:
    """One file; None when it is not there."""
    if why := where.why_not(path):
        return Skipped(path, why)
    try:
        folder = open_folder(os.path.dirname(path), anchors)
    except FileNotFoundError:
        return None
    except OSError as error:
        return Skipped(path, _words(error))
    try:
        return _read_in(folder, path, place)
    except FileNotFoundError:
        return None
    except OSError as error:
        return Skipped(path, _words(error))
    finally:
        os.close(folder)


def open_folder(path: str, anchors: tuple[str, ...]) -> int:
    """A descriptor of the folder; below the nearest anchor no link is followed. Raises OSError."""
    base = max((one for one in anchors if path == one or path.startswith(one.rstrip("/") + "/")), key=len)
    current = os.open(base, _FOLDER & ~os.O_NOFOLLOW)
    for part in path[len(base) :].split("/"):
        if part:
            try:
                inner = os.open(part, _FOLDER, dir_fd=current)
            finally:
                os.close(current)
            current = inner
    return current


def _read_in(folder: int, path: str, place: Place) -> Read | Skipped | None:
    name = os.path.basename(path)
    seen = os.stat(name, dir_fd=folder, follow_symlinks=False)
    if stat.S_ISLNK(seen.st_mode):
        return _made(path, place, os.fsencode(os.readlink(name, dir_fd=folder)), seen, link=True)
    if stat.S_ISDIR(seen.st_mode):
        return None
    if not stat.S_ISREG(seen.st_mode):
        return Skipped(path, "neither a file nor a link: not opened")
    if seen.st_size > limits.PERSISTENCE_FILE_MAX_BYTES:
        if place.form is Form.FILE:  # a large program: known by what it is, not by its content
            return _made(path, place, f"large:{seen.st_size}:{seen.st_mtime_ns}:{seen.st_ino}".encode(), seen)
        return Skipped(path, f"{seen.st_size} bytes: too large to be compared")
    descriptor = os.open(name, _FILE, dir_fd=folder)
    try:
        now = os.fstat(descriptor)
        if not stat.S_ISREG(now.st_mode):
            return Skipped(path, "it changed while it was looked at")
        content = b""
        while len(content) <= limits.PERSISTENCE_FILE_MAX_BYTES and (
            piece := os.read(descriptor, limits.PERSISTENCE_FILE_MAX_BYTES + 1 - len(content))
        ):
            content += piece
        return _made(path, place, content, os.fstat(descriptor))
    finally:
        os.close(descriptor)


def _made(path: str, place: Place, content: bytes, seen: os.stat_result, *, link: bool = False) -> Read:
    return Read(
        path,
        place,
        content,
        seen.st_mode,
        seen.st_mtime_ns,
        seen.st_ctime_ns,
        (seen.st_dev, seen.st_ino),
        link,
    )


def _matching(pattern: str, anchors: tuple[str, ...], where: Mounts, skipped: list[Skipped]) -> Iterator[str]:
    if "*" not in pattern:
        yield pattern
        return
    folder = pattern[: pattern.index("*")].rstrip("/")
    for name in _names(folder, anchors, where, skipped):
        rest = pattern[pattern.index("*") + 1 :]
        if not rest:
            yield f"{folder}/{name}"
        elif name.endswith((".d", ".wants", ".requires", ".upholds")):
            for inner in _names(f"{folder}/{name}", anchors, where, skipped):
                yield f"{folder}/{name}/{inner}"


def _names(folder: str, anchors: tuple[str, ...], where: Mounts, skipped: list[Skipped]) -> list[str]:
    if why := where.why_not(folder):
        skipped.append(Skipped(folder, why))
        return []
    try:
        descriptor = open_folder(folder, anchors)
    except FileNotFoundError:
        return []
    except OSError as error:
        skipped.append(Skipped(folder, _words(error)))
        return []
    try:
        return sorted(os.listdir(descriptor))[: limits.PERSISTENCE_FILES_MAX]
    except OSError as error:
        skipped.append(Skipped(folder, _words(error)))
        return []
    finally:
        os.close(descriptor)


def _hooks_named_in(got: Read, user: User) -> list[tuple[str, Place]]:
    """`core.hooksPath`: the folder that git takes hooks from instead, where it lies at a place that we may read."""
    if got.place.id != "git-config" or got.link:
        return []
    base = os.path.dirname(os.path.dirname(got.path)) if got.path.endswith("/.git/config") else user.home
    place = Place("git-hook", "", Form.FILE, "git takes its hooks from here (core.hooksPath)")
    return [
        (f"{folder}/*", place)
        for folder in hook_folders(got.content.decode("utf-8", "replace"), base, user.home)
        if folder.startswith((user.home + "/", base + "/"))
    ]


def _words(error: OSError) -> str:
    return (
        "a link on the way, or no folder: not followed"
        if error.errno in {20, 40}
        else error.strerror or str(error)
    )
