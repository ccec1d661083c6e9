# SPDX-License-Identifier: Apache-2.0
"""What hooks left behind while no guard answered: one file a call, read in the order in which they were written.

The folder is writable by the agents' processes, so everything in it is foreign: only regular files of this user with
one link are read, never a link, never a FIFO, never without a bound (threat T20). What is refused is a value with a
reason. What is read is unauthenticated; whoever judges it knows.
"""

import os
import re
import stat
from collections.abc import Iterator
from typing import NamedTuple

from irkit import limits

_NAME = re.compile(r"(\d{20})-(\d{1,10})-([0-9a-f]{1,64})", re.ASCII)
_HEAD_MAX = 512


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
    reason: str


def read_spool(folder: str) -> Iterator[SpoolItem | SpoolReject]:
    """Everything in the spool, oldest first; names that begin with a dot are not finished yet."""
    try:
        names = sorted(name for name in os.listdir(folder) if not name.startswith("."))
    except OSError as error:
        yield SpoolReject("", f"the spool cannot be listed ({error.strerror})")
        return
    for name in names[: limits.SPOOL_MAX_FILES]:
        yield _read(folder, name)
    if len(names) > limits.SPOOL_MAX_FILES:
        yield SpoolReject(
            names[limits.SPOOL_MAX_FILES],
            f"{len(names) - limits.SPOOL_MAX_FILES} more files than are read at once",
        )


def remove(folder: str, item: SpoolItem) -> None:
    """Delete a file that was ingested, if it is still the one that was read."""
    path = os.path.join(folder, item.name)
    try:
        status = os.lstat(path)
        if (status.st_dev, status.st_ino) == item.ident:
            os.unlink(path)
    except OSError:
        return


def _read(folder: str, name: str) -> SpoolItem | SpoolReject:
    named = _NAME.fullmatch(name)
    if named is None:
        return SpoolReject(name[:200], "not a name that a hook gives")
    try:
        descriptor = os.open(
            os.path.join(folder, name), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        )
    except OSError as error:
        return SpoolReject(name, f"cannot be opened ({error.strerror})")
    try:
        status = os.fstat(descriptor)
        problem = _problem(status)
        if problem:
            return SpoolReject(name, problem)
        data = _all(descriptor, limits.PAYLOAD_MAX_BYTES + _HEAD_MAX)
    except OSError as error:
        return SpoolReject(name, f"cannot be read ({error.strerror})")
    finally:
        os.close(descriptor)
    head, newline, body = data.partition(b"\n")
    part = head[:_HEAD_MAX].split(b" ")
    if (
        not newline
        or len(part) != 6
        or part[0] != b"irkit-spool/1"
        or not part[5].isdigit()
        or int(part[5]) != len(body)
    ):
        return SpoolReject(name, "not a spooled call")
    agent, event, nonce = (text.decode("ascii", "replace")[:100] for text in part[1:4])
    return SpoolItem(
        name, int(named[1]) / 1e9, agent, event, nonce, int(named[2]), body, (status.st_dev, status.st_ino)
    )


def _problem(status: os.stat_result) -> str:
    if not stat.S_ISREG(status.st_mode):
        return "not a regular file"
    if status.st_uid != os.getuid():
        return f"belongs to uid {status.st_uid}"
    if status.st_nlink != 1:
        return f"has {status.st_nlink} links"
    if status.st_size > limits.PAYLOAD_MAX_BYTES + _HEAD_MAX:
        return f"is {status.st_size} bytes large"
    return ""


def _all(descriptor: int, most: int) -> bytes:
    parts = []
    while most > 0 and (part := os.read(descriptor, min(most, limits.MIB))):
        parts.append(part)
        most -= len(part)
    return b"".join(parts)
