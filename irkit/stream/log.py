# SPDX-License-Identifier: Apache-2.0
"""The append-only audit log: one JSONL file a day (UTC), chained across days, one write a record.

Rules:
- Order is `seq` and `prev`, never `ts`. A clock that steps back never reopens an earlier day; a step is recorded.
- One `write` on an O_APPEND descriptor per record. A short write is cut off again before anybody saw it: the only
  permitted truncation.
- A torn fragment found at the start stays, is ended by a newline, and the `recovered` record names its hash.
- On a full disk the ballast is freed and `disk_full` recorded; when that does not help, LogFullError: the caller
  answers all the same.
One writer: the guard. It holds a lock on the folder.
"""

import errno
import fcntl
import hashlib
import os
from collections.abc import Iterator
from typing import NamedTuple

from msgspec.structs import replace

from irkit import limits
from irkit.clock import Clock, iso
from irkit.errors import IrkitError
from irkit.stream.record import FIRST_PREV, AuditRecord, decode, encode

CLOCK_STEP_S = 1.0
BALLAST = ".ballast"


class LogFullError(IrkitError):
    """A record could not be written."""


class Prefix(NamedTuple):
    """The first bytes of a day's file, as a checkpoint states them."""

    name: str
    records: int
    bytes: int
    sha256: str


class AuditLog:
    """An open log."""

    def __init__(self, folder: str, clock: Clock) -> None:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        self.folder = folder
        self._clock = clock
        self._lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            raise IrkitError(
                "another process writes this log", where=folder, fix="stop the other guard"
            ) from error
        self.seq = 0
        """Number of the newest record; 0 before the first."""
        self._prev = FIRST_PREV
        self._file = -1
        self._name = ""
        self._records = 0
        self._bytes = 0
        self._hash = hashlib.sha256()
        self._wall, self._steady = clock.now(), clock.monotonic()
        self._dirty = False
        self._open_newest()
        self._make_ballast()

    # --- writing -------------------------------------------------------------------
    def append(self, record: AuditRecord) -> AuditRecord:
        """Write one record; returns it as written. Raises LogFullError."""
        self._notice_clock()
        return self._append(record)

    def sync(self) -> None:
        """Have what was written reach the disk. May run in a thread."""
        if self._dirty and self._file >= 0:
            self._dirty = False
            os.fdatasync(self._file)

    def prefix(self) -> Prefix:
        """The newest file as it is now, in O(1)."""
        return Prefix(self._name, self._records, self._bytes, self._hash.copy().hexdigest())

    def close(self) -> None:
        """Sync and let go."""
        self.sync()
        os.close(self._file)
        os.close(self._lock)

    def _append(self, record: AuditRecord) -> AuditRecord:
        self._roll()
        chained = replace(record, seq=self.seq + 1, prev=self._prev)
        line = encode(chained)
        try:
            self._write(line)
        except OSError as error:
            if error.errno not in {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG}:
                raise LogFullError(
                    f"the audit log cannot be written ({error.strerror})", where=self.folder
                ) from error
            if not self._free_ballast():
                raise LogFullError(
                    f"the disk is full ({error.strerror})", where=self.folder, fix="free some space"
                ) from error
            self._append(AuditRecord(ts=iso(self._clock.now()), event="disk_full", args={"ballast": "freed"}))
            return self._append(record)
        self._account(line)
        return chained

    def _write(self, line: bytes) -> None:
        written = os.write(self._file, line)
        if written < len(line):
            os.ftruncate(self._file, self._bytes)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._dirty = True

    def _account(self, line: bytes) -> None:
        self.seq += 1
        self._prev = hashlib.sha256(line).hexdigest()
        self._records += 1
        self._bytes += len(line)
        self._hash.update(line)

    def _roll(self) -> None:
        """Begin the next day's file when its time has come; never go back to an earlier one."""
        name = iso(self._clock.now())[:10] + ".jsonl"
        if self._file >= 0 and name <= self._name:
            return
        if self._file >= 0:
            self.sync()
            os.close(self._file)
        self._open(max(name, self._name))

    def _open(self, name: str) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        self._file = os.open(os.path.join(self.folder, name), flags, 0o600)
        self._name, self._records, self._bytes, self._hash = name, 0, 0, hashlib.sha256()

    def _notice_clock(self) -> None:
        wall, steady = self._clock.now(), self._clock.monotonic()
        step = (wall - self._wall) - (steady - self._steady)
        self._wall, self._steady = wall, steady
        if abs(step) > CLOCK_STEP_S:
            self._append(AuditRecord(ts=iso(wall), event="clock_step", args={"seconds": round(step, 3)}))

    # --- the start -----------------------------------------------------------------
    def _open_newest(self) -> None:
        """Find where the chain ends, and close a torn tail."""
        names = log_names(self.folder)
        for name in reversed(names):
            self._open(name)
            last = self._take_up()
            if last is not None:
                self.seq = last.seq
                break
            if self._bytes:
                break
            os.close(self._file)
            self._file = -1
        if self._file < 0 and names:
            self._open(names[-1])

    def _take_up(self) -> AuditRecord | None:
        """Read the open file through once: its hash, its last whole record, its torn end."""
        last: AuditRecord | None = None
        fragment = b""
        for line in _lines(self._file):
            if not line.endswith(b"\n"):
                fragment = line
                break
            self._records += 1
            self._bytes += len(line)
            self._hash.update(line)
            self._prev = hashlib.sha256(line).hexdigest()
            last = _record_in(line) or last
        if last is not None:
            self.seq = last.seq
        if fragment:
            self._close_fragment(fragment)
            last = AuditRecord(ts="", event="recovered", seq=self.seq)
        return last

    def _close_fragment(self, fragment: bytes) -> None:
        os.write(self._file, b"\n")
        whole = fragment + b"\n"
        self._records += 1
        self._bytes += len(whole)
        self._hash.update(whole)
        args = {"fragment_sha256": hashlib.sha256(fragment).hexdigest(), "bytes": len(fragment)}
        self._append(AuditRecord(ts=iso(self._clock.now()), event="recovered", args=args))

    def _make_ballast(self) -> None:
        path = os.path.join(self.folder, BALLAST)
        if os.path.exists(path):
            return
        try:
            with open(path, "wb") as file:
                os.posix_fallocate(file.fileno(), 0, limits.BALLAST_BYTES)
        except (OSError, AttributeError):
            pass  # no room or no such call here: the log works without, and a full disk shows itself at once

    def _free_ballast(self) -> bool:
        try:
            os.unlink(os.path.join(self.folder, BALLAST))
        except OSError:
            return False
        return True


def log_names(folder: str) -> list[str]:
    """The names of the days' files, oldest first."""
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    return sorted(
        name for name in names if len(name) == 16 and name.endswith(".jsonl") and name[:4].isdigit()
    )


def read_log(folder: str) -> Iterator[AuditRecord]:
    """Every readable record, oldest first; what cannot be read is left out (`irkit log verify` judges)."""
    for name in log_names(folder):
        with open(os.path.join(folder, name), "rb") as file:
            for line in file:
                record = _record_in(line)
                if record is not None:
                    yield record


def _record_in(line: bytes) -> AuditRecord | None:
    import msgspec

    try:
        return decode(line)
    except msgspec.DecodeError:
        return None


def _lines(file: int) -> Iterator[bytes]:
    with open(os.dup(file), "rb") as stream:
        stream.seek(0)
        yield from stream
