# SPDX-License-Identifier: Apache-2.0
"""The audit log's files as a reader meets them: which there are, their lines, their records. Needs no guard.

Rules: only regular files with a day's name are read, and links are not followed; memory is bounded whatever a file
holds. Nothing here writes, and nothing here judges: `irkit.evidence.verify` does.
"""

import os
import re
import stat
from collections.abc import Iterator
from itertools import islice, takewhile
from typing import BinaryIO, NamedTuple

import msgspec

from irkit import limits
from irkit.clock import from_iso
from irkit.errors import BadInputError
from irkit.stream.record import AuditRecord, decode

DAY_FILE = re.compile(r"\d{4}-\d{2}-\d{2}\.jsonl\Z")
_BLOCK = 1 << 16


class Wanted(NamedTuple):
    """Which records somebody asked for; empty fields ask nothing."""

    since: float | None = None
    """Seconds since the epoch, inclusive, compared with the record's own `ts`."""
    until: float | None = None
    session: str = ""
    """`AGENT:native_id`, or a session id, or the beginning of one."""
    event: str = ""

    def covers(self, record: AuditRecord) -> bool:
        """Whether this record is one of them."""
        if self.event and record.event != self.event:
            return False
        if self.session and not (
            record.session.startswith(self.session)
            or f"{record.agent}:{record.session}".startswith(self.session)
        ):
            return False
        if self.since is None and self.until is None:
            return True
        try:
            ts = from_iso(record.ts)
        except ValueError:
            return False
        return (self.since is None or ts >= self.since) and (self.until is None or ts <= self.until)


EVERYTHING = Wanted()


def day_files(folder: str) -> list[str]:
    """Names of the days' files, oldest first. Raises BadInputError when there is no such folder."""
    try:
        return sorted(name for name in os.listdir(folder) if DAY_FILE.match(name))
    except OSError as error:
        raise BadInputError(
            f"no audit log there ({error.strerror})", where=folder, fix="the guard makes it: `irkit guard`"
        ) from error


def open_regular(path: str) -> BinaryIO:
    """Open a file for reading: not through a link, and nothing that could block. Raises BadInputError."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise BadInputError(f"cannot be read ({error.strerror})", where=path) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise BadInputError("is not a regular file", where=path)
    return os.fdopen(descriptor, "rb")


def lines(file: BinaryIO) -> Iterator[bytes]:
    """Every line with its newline; one without end, or over `LINE_MAX_BYTES`, comes in pieces without newline."""
    while line := file.readline(limits.LINE_MAX_BYTES):
        yield line


def records(folder: str, wanted: Wanted = EVERYTHING) -> Iterator[AuditRecord]:
    """The records that somebody asked for, oldest first; what is no record is left out."""
    for name in day_files(folder):
        with open_regular(os.path.join(folder, name)) as file:
            for line in lines(file):
                record = record_of(line)
                if record is not None and wanted.covers(record):
                    yield record


def newest(folder: str, count: int, wanted: Wanted = EVERYTHING) -> tuple[AuditRecord, ...]:
    """The last `count` records that somebody asked for, oldest first."""
    found = islice(
        (one for one in _newest_first(folder) if wanted.covers(one)), min(count, limits.LOG_SHOWN_MAX)
    )
    return tuple(found)[::-1]


def after(folder: str, seq: int) -> tuple[AuditRecord, ...]:
    """The records after this number, oldest first; of very many the newest ones. Reads no more than it has to."""
    fresh = takewhile(lambda one: one.seq > seq, _newest_first(folder))
    return tuple(islice(fresh, limits.LOG_SHOWN_MAX))[::-1]


def _newest_first(folder: str) -> Iterator[AuditRecord]:
    for name in reversed(day_files(folder)):
        with open_regular(os.path.join(folder, name)) as file:
            for line in _backwards(file):
                if (record := record_of(line)) is not None:
                    yield record


def record_of(line: bytes) -> AuditRecord | None:
    """The line's record, None when it is none."""
    try:
        return decode(line)
    except msgspec.DecodeError:
        return None


def _backwards(file: BinaryIO) -> Iterator[bytes]:
    """Lines from the last to the first, without newline; what is over `LINE_MAX_BYTES` comes cut."""
    position = file.seek(0, os.SEEK_END)
    rest = b""
    while position > 0:
        size = min(_BLOCK, position)
        position -= size
        file.seek(position)
        first, *complete = (file.read(size) + rest).split(b"\n")
        yield from (line for line in reversed(complete) if line)
        rest = first[: limits.LINE_MAX_BYTES]
    if rest:
        yield rest
