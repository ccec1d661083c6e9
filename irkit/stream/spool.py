# SPDX-License-Identifier: Apache-2.0
"""What hooks left behind while no guard answered: one file a call, read in the order in which they were written.

The folder is writable by the agents' processes, so everything in it is foreign: only regular files of this user with
one link are read, never a link, never a FIFO, never without a bound (threat T20). What is refused is a value with a
reason. What is read is unauthenticated; whoever judges it knows. Nothing is deleted here but what `remove` is given.
"""

import contextlib
import heapq
import os
import re
import stat
from collections.abc import Iterator
from typing import NamedTuple

from irkit import limits

UNFINISHED = ".t-"
"""How the name of a file begins that a hook still writes."""
_NAME = re.compile(r"(\d{20})-(\d{1,10})-([0-9a-f]{1,64})", re.ASCII)
_HEAD = re.compile(rb"irkit-spool/1 (\S{1,100}) (\S{1,100}) ([0-9a-f]{1,64}) (\d{1,10}) (\d{1,10})")
_HEAD_MAX = limits.HOOK_HEADER_MAX_BYTES
_FILE_MAX = limits.PAYLOAD_MAX_BYTES + _HEAD_MAX


class SpoolItem(NamedTuple):
    """One spooled call."""

    name: str
    ts: float
    """When the hook wrote it, by its own clock: seconds since the epoch."""
    agent: str
    event: str
    nonce: str
    pid: int
    data: bytes
    ident: tuple[int, int]
    """(device, inode) of the file that was read."""


class SpoolReject(NamedTuple):
    """A file that was not read, and why."""

    name: str
    """Empty when it is about the folder."""
    reason: str
    ident: tuple[int, int] = (0, 0)
    """(device, inode), where there is something to remove."""


def read_spool(
    folder: str,
    now: float | None = None,
    *,
    most_files: int = limits.SPOOL_MAX_FILES,
    most_bytes: int = limits.SPOOL_MAX_BYTES,
) -> Iterator[SpoolItem | SpoolReject]:
    """Everything in the spool, oldest first, one file in memory at a time.

    What is over a bound waits for the next time, and is said. With `now` (seconds since the epoch) also what a hook
    that died left unfinished.
    """
    try:
        place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        yield SpoolReject("", f"the spool cannot be listed ({error.strerror})")
        return
    try:
        names, count = _oldest(place, most_files)
        anyones = bool(
            os.fstat(place).st_mode & stat.S_ISVTX
        )  # a shared gate's: every user's hooks add to it
        read = 0
        for number, name in enumerate(names):
            if name.startswith(UNFINISHED):
                left = _left_behind(place, name, now)
                if left is not None:
                    yield left
                continue
            item = _read(place, name, anyones)
            yield item
            read += len(item.data) if isinstance(item, SpoolItem) else 0
            if read > most_bytes:
                yield SpoolReject("", f"{count - number - 1} files wait: {read} bytes were read at once")
                return
        if count > len(names):
            yield SpoolReject("", f"{count - len(names)} more files than are read at once")
    finally:
        os.close(place)


def remove(folder: str, item: SpoolItem | SpoolReject) -> bool:
    """Delete a file that was dealt with, if it is still the one that was seen; never follows a link."""
    try:
        place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        status = os.stat(item.name, dir_fd=place, follow_symlinks=False)
        if _ident(status) != item.ident or stat.S_ISDIR(status.st_mode):
            return False
        os.unlink(item.name, dir_fd=place)
        return True
    except (OSError, ValueError):
        return False
    finally:
        os.close(place)


def _oldest(place: int, most: int) -> tuple[list[str], int]:
    """The first names in order of time, and how many there are. Names begin with the time, of fixed width."""
    count = 0

    def names() -> Iterator[str]:
        nonlocal count
        with os.scandir(place) as entries:
            for entry in entries:
                count += 1
                yield entry.name

    found = heapq.nsmallest(most, names())
    return found, count


def _left_behind(place: int, name: str, now: float | None) -> SpoolReject | None:
    if now is None:
        return None
    with contextlib.suppress(OSError):
        status = os.stat(name, dir_fd=place, follow_symlinks=False)
        if now - status.st_mtime > limits.SPOOL_STALE_S:
            return SpoolReject(name, "a hook died while it wrote this", _ident(status))
    return None


def _read(place: int, name: str, anyones: bool) -> SpoolItem | SpoolReject:
    try:
        status = os.stat(name, dir_fd=place, follow_symlinks=False)
        ident = _ident(status)
        named = _NAME.fullmatch(name)
        problem = "not a name that a hook gives" if named is None else _problem(status, anyones)
        if named is None or problem:
            return SpoolReject(name, problem, ident)
        file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=place)
        try:
            opened = os.fstat(file)
            if _ident(opened) != ident or _problem(opened, anyones):
                return SpoolReject(name, "was replaced while it was read", ident)
            data = _all(file)
        finally:
            os.close(file)
    except FileNotFoundError:
        return SpoolReject(name, "vanished between listing and reading")
    except OSError as error:
        return SpoolReject(name, f"cannot be read ({error.strerror})")
    return _parsed(name, named, data, ident)


def _parsed(name: str, named: re.Match[str], data: bytes, ident: tuple[int, int]) -> SpoolItem | SpoolReject:
    """Header and payload of a file; name and header have to agree."""
    head, newline, body = data.partition(b"\n")
    said = _HEAD.fullmatch(head) if newline and len(head) <= _HEAD_MAX else None
    if said is None:
        return SpoolReject(name, "not a spooled call", ident)
    agent, event, nonce = (said[group].decode("ascii", "replace") for group in (1, 2, 3))
    if (int(named[2]), named[3]) != (int(said[4]), nonce):
        return SpoolReject(name, "its name and its first line disagree", ident)
    if int(said[5]) != len(body):
        return SpoolReject(name, f"holds {len(body)} of {int(said[5])} bytes", ident)
    return SpoolItem(name, int(named[1]) / 1e9, agent, event, nonce, int(named[2]), body, ident)


def _problem(status: os.stat_result, anyones: bool) -> str:
    if not stat.S_ISREG(status.st_mode):
        return "not a regular file"
    if status.st_uid != os.getuid() and not anyones:
        return f"belongs to uid {status.st_uid}"
    if status.st_nlink != 1:
        return f"has {status.st_nlink} links"
    if status.st_size > _FILE_MAX:
        return f"is {status.st_size} bytes large"
    return ""


def _all(file: int) -> bytes:
    """The file's bytes, one more than a spooled call can have at the most."""
    parts, left = [], _FILE_MAX + 1
    while left > 0 and (part := os.read(file, min(left, limits.MIB))):
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def _ident(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino
