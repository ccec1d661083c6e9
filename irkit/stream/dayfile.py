# SPDX-License-Identifier: Apache-2.0
"""One day's file of the audit log: appended to by one write a line, its prefix hash always at hand.

Rules:
- One `write` a line on O_APPEND; a short one is cut back to the length before it: the only truncation there is.
- The running SHA-256 covers every byte of the file, so that a checkpoint costs nothing.
It knows nothing of records, clocks or chains.
"""

import errno
import hashlib
import os
import stat
from typing import NamedTuple

_FLAGS = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_BLOCK = 1 << 20


class Prefix(NamedTuple):
    """The first bytes of one day's file: what a checkpoint signs."""

    log: str
    """The file's name."""
    records: int
    """Lines, as `wc -l` counts them; a torn line that was given its newline is one."""
    bytes: int
    sha256: str
    seq: int
    """Of the last record."""


class Line(NamedTuple):
    """A line, whole or torn, by what is needed of it."""

    text: bytes
    """Without newline; of a very long one only the beginning."""
    bytes: int
    sha256: str
    """Over the line without newline."""
    line_sha256: str
    """Over the line with its newline (a torn one: with the newline that it is going to get)."""


class DayFile:
    """An open day's file. Raises OSError as the system does."""

    def __init__(self, folder: int, name: str) -> None:
        self.name = name
        self.records = 0
        self.bytes = 0
        self.last: Line | None = None
        """The last complete line when the file was scanned."""
        self.torn: Line | None = None
        """What follows it without a newline."""
        self._folder = folder
        self._sha = hashlib.sha256()
        self.descriptor = os.open(name, _FLAGS, 0o600, dir_fd=folder)
        try:
            _refuse_special(self.descriptor)
            self.scan()
        except OSError:
            os.close(self.descriptor)
            raise

    def scan(self) -> None:
        """Read the whole file: count, hash, last line, and whether its end is torn."""
        sha, size, count, start, end = hashlib.sha256(), 0, 0, 0, 0
        while block := os.pread(self.descriptor, _BLOCK, size):
            sha.update(block)
            if (newline := block.rfind(b"\n")) >= 0:
                before = block.rfind(b"\n", 0, newline)
                start = size + before + 1 if before >= 0 else end
                end = size + newline + 1
                count += block.count(b"\n")
            size += len(block)
        self._sha, self.bytes, self.records = sha, size, count
        self.last = self._line(start, end - 1) if end else None
        self.torn = self._line(end, size) if size > end else None

    def _line(self, start: int, end: int) -> Line:
        sha, position = hashlib.sha256(), start
        while position < end and (block := os.pread(self.descriptor, min(_BLOCK, end - position), position)):
            sha.update(block)
            position += len(block)
        line = sha.copy()
        line.update(b"\n")
        text = os.pread(self.descriptor, min(_BLOCK, end - start), start)
        return Line(text, end - start, sha.hexdigest(), line.hexdigest())

    def write(self, line: bytes) -> None:
        """Append one line, whole or not at all."""
        written = os.write(self.descriptor, line)
        if written != len(line):
            os.ftruncate(self.descriptor, self.bytes)
            raise OSError(errno.ENOSPC, "no space left for a whole record")
        self._sha.update(line)
        self.bytes += written
        self.records += 1

    def mend(self) -> Line | None:
        """Give a torn line its newline; it stays where it is, as evidence."""
        torn = self.torn
        if torn is not None:
            self.write(b"\n")
            self.torn = None
        return torn

    def prefix(self, seq: int) -> Prefix:
        """All that was written so far."""
        return Prefix(self.name, self.records, self.bytes, self._sha.hexdigest(), seq)

    def problem(self) -> str:
        """What somebody else did to the file, in words; empty when nothing."""
        held = os.fstat(self.descriptor)
        try:
            named = os.stat(self.name, dir_fd=self._folder, follow_symlinks=False)
        except FileNotFoundError:
            return "was deleted or renamed"
        if (named.st_dev, named.st_ino) != (held.st_dev, held.st_ino):
            return "was replaced"
        if held.st_size < self.bytes:
            return f"was truncated from {self.bytes} to {held.st_size} bytes"
        if held.st_size > self.bytes:
            return f"has {held.st_size - self.bytes} bytes that the guard did not write"
        return ""

    def restore(self) -> None:
        """Write this file's content under its own name again; what took the name is set aside, not removed.

        Wanted after `problem` said that the file is gone or replaced: the open descriptor still has it all.
        """
        self._set_aside()
        new = os.open(self.name, _FLAGS | os.O_EXCL, 0o600, dir_fd=self._folder)
        position = 0
        while block := os.pread(self.descriptor, min(_BLOCK, self.bytes - position), position):
            position += os.write(new, block)
        os.close(self.descriptor)
        self.descriptor = new

    def _set_aside(self) -> None:
        taken = set(os.listdir(self._folder))
        if self.name in taken:
            aside = next(
                name for n in range(1, len(taken) + 2) if (name := f"{self.name}.replaced-{n}") not in taken
            )
            os.rename(self.name, aside, src_dir_fd=self._folder, dst_dir_fd=self._folder)


def _refuse_special(descriptor: int) -> None:
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        raise OSError(errno.EINVAL, "is not a regular file")
