# SPDX-License-Identifier: Apache-2.0
"""Reading a file that somebody else writes, from where it was read to: by inode and offset, never by waiting.

Rules:
- Only whole lines are handed on; a partial one waits for its newline. A longer one than `LINE_MAX_BYTES` is skipped
  and said so.
- Renamed away and made anew: the old file is read to its end first, then the new one from its start.
- Shorter than it was read, or its first bytes are others (made anew under the same inode): read from its start.
- Not there, or gone: nothing, until it is there.
It never blocks, follows no link at the path itself, and reads at most `READ_MAX_BYTES` in one turn.
"""

import hashlib
import os
import stat
from typing import NamedTuple

from msgspec import Struct

from irkit import limits

READ_MAX_BYTES = 8 * limits.MIB
_HEAD_BYTES = 256


class TailState(Struct, frozen=True):
    """Where a file was read to. Survives a restart."""

    dev: int
    ino: int
    offset: int
    """After the last whole line that was handed on."""
    head: str
    """SHA-256 over the first bytes, at most 256 of those that were read."""
    skipping: bool = False
    """Inside a line that is too long."""


class TailRead(NamedTuple):
    """What one turn brought."""

    lines: tuple[bytes, ...]
    """Without their newlines."""
    notices: tuple[str, ...]


class Tail:
    """One watched file."""

    def __init__(self, path: str, state: TailState | None = None) -> None:
        self.path = path
        self.state = state
        self._file = -1

    def read(self) -> TailRead:
        """Everything that was completed since the last time."""
        lines: list[bytes] = []
        notices: list[str] = []
        current = self._open_path()
        if self._file >= 0 and (current is None or _ident(os.fstat(current)) != _ident(os.fstat(self._file))):
            self._take(self._file, lines, notices)
            notices.append("rotated" if current is not None else "gone")
            os.close(self._file)
            self._file, self.state = -1, None
        if current is not None:
            if self._file >= 0:
                os.close(current)
            else:
                self._file = current
            self._reset_if_other(notices)
            self._take(self._file, lines, notices)
        return TailRead(tuple(lines), tuple(notices))

    def close(self) -> None:
        """Let go of the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _open_path(self) -> int | None:
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return None
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            return None
        return descriptor

    def _reset_if_other(self, notices: list[str]) -> None:
        """Start anew where this is not the file, or no longer the content, that was read before."""
        status = os.fstat(self._file)
        state = self.state
        if state is None or (state.dev, state.ino) != _ident(status):
            self.state = TailState(status.st_dev, status.st_ino, 0, _digest(b""))
            return
        if status.st_size < state.offset:
            notices.append("truncated")
        elif _digest(os.pread(self._file, min(_HEAD_BYTES, state.offset), 0)) != state.head:
            notices.append("re-created")
        else:
            return
        self.state = TailState(status.st_dev, status.st_ino, 0, _digest(b""))

    def _take(self, file: int, lines: list[bytes], notices: list[str]) -> None:
        state = self.state
        if state is None:
            return
        offset, skipping, taken = state.offset, state.skipping, 0
        while taken < READ_MAX_BYTES:
            data = os.pread(file, limits.LINE_MAX_BYTES + 1, offset)
            taken += len(data)
            end = data.rfind(b"\n") + 1
            if end:
                found = data[:end].split(b"\n")[:-1]
                lines += found[1:] if skipping else found
                offset, skipping = offset + end, False
            elif len(data) > limits.LINE_MAX_BYTES:
                if not skipping:
                    notices.append(f"a line of over {limits.LINE_MAX_BYTES} bytes was skipped")
                offset, skipping = offset + len(data), True
            else:
                break
        head = _digest(os.pread(file, min(_HEAD_BYTES, offset), 0))
        self.state = TailState(state.dev, state.ino, offset, head, skipping)


def _ident(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _digest(head: bytes) -> str:
    return hashlib.sha256(head).hexdigest()
