# SPDX-License-Identifier: Apache-2.0
"""The audit log's one writer: assigns the number and the chain, and gets every record to disk or says that it did not.

Rules:
- One writer a folder: it holds a lock on it for as long as it is open, and never waits for one.
- `seq` is global and gapless, `prev` the SHA-256 of the previous line's exact bytes, across days.
- A record goes to the file of its own day (UTC), but never to an older one than the newest, and never to one that
  the clock has not reached.
- A torn line from a writer that was killed stays, gets its newline, and a `recovered` record names it.
- A full disk: the ballast is freed, `disk_full` is recorded, and `full` says so until there is room again. What still
  cannot be written raises `LogFullError`; the caller then answers by `when_log_fails`.
It must never wait: `sync` does, in a thread of its caller's.
"""

import errno
import fcntl
import hashlib
import os
import threading
from typing import Self

import msgspec

from irkit import exit_codes, limits
from irkit.clock import Clock, from_iso, iso
from irkit.errors import IrkitError
from irkit.stream import logfiles
from irkit.stream.dayfile import DayFile, Line, Prefix
from irkit.stream.record import NO_HASH, AuditRecord, decode, encode, own_record

BALLAST = ".ballast"
_STEP_S = 1.0
"""The wall clock may differ from the monotonic one by this much between two records."""
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_fdatasync = getattr(os, "fdatasync", os.fsync)  # macOS has no fdatasync


class LogFullError(IrkitError):
    """A record could not be written: the disk is full, or the file cannot be written to."""

    exit_code = exit_codes.PARTLY_DONE


class AuditLog:
    """The open audit log. `append` belongs to one thread (the guard's loop), `sync` to any other."""

    def __init__(self, folder: str, clock: Clock) -> None:
        self.folder = folder
        self.seq = 0
        """Of the last record; 0 in an empty log."""
        self.full = False
        """The disk is full and the ballast is spent: only what must be recorded should come."""
        self.finished: list[Prefix] = []
        """Days that ended since somebody last took them away, to be signed."""
        self._clock = clock
        self._prev = NO_HASH
        self._day: DayFile | None = None
        self._day_ends = 0.0
        self._unnamed: Line | None = None
        """A torn line that has its newline, but no `recovered` record yet."""
        self._retired: list[int] = []
        self._lock = threading.Lock()
        self._wall, self._mono = clock.now(), clock.monotonic()
        self._dir = _locked(folder)

    @classmethod
    def open(cls, folder: str, clock: Clock) -> Self:
        """Open the log, mend a torn end, and go on with its chain.

        Raises IrkitError when the folder cannot be used, or another process writes to it.
        """
        log = cls(folder, clock)
        try:
            log._load()
        except OSError as error:
            os.close(log._dir)
            raise IrkitError(f"the audit log cannot be read ({error.strerror})", where=folder) from error
        log.full = not log._make_ballast()
        return log

    def append(self, record: AuditRecord) -> AuditRecord:
        """Write one record; returns it with its number, time and `prev`. Raises LogFullError."""
        now, mono = self._clock.now(), self._clock.monotonic()
        step = (now - self._wall) - (mono - self._mono)
        self._wall, self._mono = now, mono
        with self._lock:
            try:
                if abs(step) > _STEP_S:
                    self._write(own_record("clock_step", args={"step_s": round(step, 3)}), now)
                return self._write(record, now)
            except OSError as error:
                return self._write_from_ballast(record, now, error)

    def prefix(self) -> Prefix | None:
        """All of the current day's file, to be signed; None in an empty log. Costs nothing."""
        with self._lock:
            return self._day.prefix(self.seq) if self._day else None

    def take_finished(self) -> tuple[Prefix, ...]:
        """The days that ended since the last time."""
        with self._lock:
            taken, self.finished = tuple(self.finished), []
        return taken

    def sync(self) -> str:
        """Get everything to disk (may take long: run it in a thread, at most a second after a record).

        Returns what somebody else did to the file, in words, or nothing. A file that was deleted or replaced is
        written again from what is still open.
        """
        with self._lock:
            retired, self._retired = self._retired, []
            problem = self._look()
            if self._day is not None:
                retired.append(os.dup(self._day.descriptor))
        for descriptor in retired:
            try:
                _fdatasync(descriptor)
            finally:
                os.close(descriptor)
        with self._lock:
            if self.full and self._roomy():
                self.full = not self._make_ballast()
        return problem

    def disturbed(self) -> bool:
        """Whether somebody else did something to the current file, by a few stats."""
        with self._lock:
            return self._day is not None and bool(self._day.problem())

    def close(self) -> None:
        """Sync, and let go of files and lock."""
        try:
            self.sync()
        finally:
            if self._day is not None:
                os.close(self._day.descriptor)
                self._day = None
            os.close(self._dir)

    # --- writing -------------------------------------------------------------------
    def _write(self, record: AuditRecord, now: float) -> AuditRecord:
        ts = record.ts or iso(now)
        if self._day is None or now >= self._day_ends:
            self._turn(ts, now)
        day = self._day
        if day is None:
            raise OSError(errno.ENOENT, "no file of today")
        if day.torn is not None or self._unnamed is not None:
            self._recover(day, now)
        return self._put(day, msgspec.structs.replace(record, ts=ts))

    def _put(self, day: DayFile, record: AuditRecord) -> AuditRecord:
        chained = msgspec.structs.replace(record, seq=self.seq + 1, prev=self._prev)
        line = encode(chained)
        try:
            day.write(line)
        except OSError:
            if os.fstat(day.descriptor).st_size != day.bytes:
                day.scan()  # a torn line that could not be cut back: the next record mends it
            raise
        self.seq += 1
        self._prev = hashlib.sha256(line).hexdigest()
        return chained

    def _recover(self, day: DayFile, now: float) -> None:
        """Give a torn line its newline and a record that names it."""
        if (torn := day.mend()) is not None:
            if self._is_next(torn):
                self.seq += 1  # only the newline was missing
            self._prev, self._unnamed = torn.line_sha256, torn
        if (torn := self._unnamed) is not None:
            args = {"fragment_sha256": torn.sha256, "fragment_bytes": torn.bytes, "file": day.name}
            self._put(day, own_record("recovered", args=args, ts=now))
            self._unnamed = None

    def _is_next(self, line: Line) -> bool:
        try:
            record = decode(line.text)
        except msgspec.DecodeError:
            return False
        return (record.seq, record.prev) == (self.seq + 1, self._prev)

    def _write_from_ballast(self, record: AuditRecord, now: float, error: OSError) -> AuditRecord:
        try:
            if error.errno not in _FULL:
                raise error
            if self._free_ballast():
                self._write(own_record("disk_full", args={"why": error.strerror or str(error)}), now)
            return self._write(record, now)
        except OSError as again:
            raise LogFullError(
                f"the audit log cannot be written ({again.strerror})", where=self.folder, fix="make room"
            ) from again

    # --- days ----------------------------------------------------------------------
    def _turn(self, ts: str, now: float) -> None:
        """Begin the record's day, when the clock has reached it and it is newer than the current one."""
        today = iso(now)[:10]
        name = f"{min(ts[:10], today)}.jsonl"
        if self._day is not None and name <= self._day.name:
            return
        new = DayFile(self._dir, name)
        if self._day is not None:
            self.finished.append(self._day.prefix(self.seq))
            self._retired.append(self._day.descriptor)
        self._day = new
        self._day_ends = _end_of(name)

    def _load(self) -> None:
        """Find the end of the chain; a torn end is mended now, or with the first record when the disk is full."""
        for name in reversed(logfiles.day_files(self.folder)):
            day = DayFile(self._dir, name)
            if self._day is None:
                self._day = day
                self._day_ends = _end_of(name)
            else:
                os.close(day.descriptor)
            if day.last is not None:
                self._go_on_after(day.last)
                break
        if self._day is None:
            return
        now = self._clock.now()
        try:
            self._recover(self._day, now)
            if self._day.name[:10] > iso(now)[:10]:
                self._write(own_record("clock_step", args={"newest_day": self._day.name[:10]}), now)
        except OSError as error:
            if error.errno not in _FULL:
                raise

    def _go_on_after(self, last: Line) -> None:
        """Number and hash of the last line; a line that is no record is one that was torn, mended and not named."""
        self._prev = last.line_sha256
        try:
            self.seq = decode(last.text).seq
        except msgspec.DecodeError:
            self._unnamed = last
            found = logfiles.newest(self.folder, 1)
            self.seq = found[0].seq if found else 0

    def _look(self) -> str:
        day = self._day
        if day is None or not (problem := day.problem()):
            return ""
        if "deleted" in problem or "replaced" in problem:
            day.restore()
        day.scan()
        return f"{day.name} {problem}"

    # --- the ballast ---------------------------------------------------------------
    def _make_ballast(self) -> bool:
        """Set room aside; False when there is none."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            descriptor = os.open(BALLAST, flags, 0o600, dir_fd=self._dir)
        except OSError:
            return False
        try:
            missing = limits.BALLAST_BYTES - os.fstat(descriptor).st_blocks * 512
            if missing > 0 and hasattr(os, "posix_fallocate"):
                os.posix_fallocate(descriptor, 0, limits.BALLAST_BYTES)
            elif missing > 0:
                for _ in range(limits.BALLAST_BYTES // limits.MIB):
                    os.write(descriptor, bytes(limits.MIB))
        except OSError:
            self._free_ballast()
            return False
        finally:
            os.close(descriptor)
        return True

    def _free_ballast(self) -> bool:
        """Give the room back; False when it was given back before."""
        first, self.full = not self.full, True
        try:
            os.unlink(BALLAST, dir_fd=self._dir)
        except OSError:
            return first
        return True

    def _roomy(self) -> bool:
        room = os.fstatvfs(self._dir)
        return room.f_bavail * room.f_frsize > 2 * limits.BALLAST_BYTES


def _end_of(name: str) -> float:
    """When the day of this file ends."""
    return from_iso(f"{name[:10]}T00:00:00Z") + 86400


def _locked(folder: str) -> int:
    """A descriptor of the folder that holds the writer's lock."""
    os.makedirs(folder, mode=0o700, exist_ok=True)
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise IrkitError(f"the audit log cannot be opened ({error.strerror})", where=folder) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise IrkitError(
            "another process writes this audit log",
            where=folder,
            fix="`irkit status` says whether a guard runs",
        ) from error
    return descriptor
