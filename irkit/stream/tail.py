# SPDX-License-Identifier: Apache-2.0
"""Reading a file that somebody else writes, from where it was read to: by inode and offset, never by waiting.

Rules:
- Only whole lines are handed on; a partial one waits for its newline. A longer one than `LINE_MAX_BYTES` is skipped
  and said so.
- Renamed away and made anew: the old file is read to its end first, then the new one from its start. A restart finds
  the old one again by its inode, in the same folder.
- Shorter than it was read, or the bytes that were read are others (made anew under the same inode, emptied and
  filled again): read from its start.
- Not there, or gone: nothing, until it is there. What is still written to a file that is gone is read too.
- A descriptor is kept only while a file grows, so that many quiet files cost none.
Two renames between two turns are one too many: the file in between is not seen.
It never blocks, follows no link at the path itself, and reads at most `TAIL_READ_MAX_BYTES` of a file in one turn.
"""

import hashlib
import os
import stat
from typing import NamedTuple

from msgspec import Struct

from irkit import limits

_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_HEAD_BYTES = 256
_BEFORE_BYTES = 64
_IDLE_TURNS = 8
"""Turns without news after which a descriptor is let go."""
_SEARCHED_MAX = 10_000
"""Entries of a folder that are looked at for a renamed file."""


class TailState(Struct, frozen=True):
    """Where a file was read to. Survives a restart."""

    dev: int
    ino: int
    offset: int
    """After the last whole line that was handed on."""
    mark: str
    """SHA-256 over the first bytes and those before the offset: whether it is still what was read."""
    skipping: bool = False
    """Inside a line that is too long."""


class TailRead(NamedTuple):
    """What one turn brought."""

    lines: tuple[bytes, ...]
    """Without their newlines."""
    notices: tuple[str, ...]
    """What was not as usual, in words."""
    more: bool = False
    """There is more to read at once: this turn took as much as one may."""


class _Turn:
    """What is gathered in one turn."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.notices: list[str] = []
        self.more = False

    def take(self, file: int, state: TailState) -> TailState:
        """Gather whole lines from the state's offset on; the new state."""
        offset, skipping, left = state.offset, state.skipping, limits.TAIL_READ_MAX_BYTES
        size = os.fstat(file).st_size
        while offset < size:
            if left <= 0:
                self.more = True
                break
            data = os.pread(file, min(limits.LINE_MAX_BYTES + 1, size - offset), offset)
            left -= len(data)
            end = data.rfind(b"\n") + 1
            if end:
                found = data[:end].split(b"\n")[:-1]
                self.lines += found[1:] if skipping else found
                offset, skipping = offset + end, False
            elif data and (skipping or len(data) > limits.LINE_MAX_BYTES):
                if not skipping:
                    self.notices.append(f"a line of over {limits.LINE_MAX_BYTES} bytes was skipped")
                offset, skipping = offset + len(data), True
            else:
                break
        if offset == state.offset:
            return state
        return TailState(state.dev, state.ino, offset, _mark(file, offset), skipping)


class Tail:
    """One watched file."""

    def __init__(self, path: str, state: TailState | None = None) -> None:
        self.path = path
        self.state = state
        self._file = -1
        self._idle = 0
        self._gone = False
        self._old: tuple[int, TailState] | None = None
        """A file that was renamed away; its writer may not have noticed yet."""
        self._old_idle = 0

    def read(self) -> TailRead:
        """What was completed since the last time."""
        turn = _Turn()
        self._read_old(turn)
        current = -1 if turn.more else _open(self.path)
        if current >= 0:
            self._gone = False
            if self.state is not None and _ident(current) != (self.state.dev, self.state.ino):
                self._set_aside(turn)
            self._go_on_with(current, turn)
        elif not turn.more and self.state is not None:
            self._read_gone(turn, self.state)
        return TailRead(tuple(turn.lines), tuple(turn.notices), turn.more)

    def close(self) -> None:
        """Let go of the file; the state stays."""
        self._drop_old()
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    # --- the file that has the name ----------------------------------------------------
    def _go_on_with(self, current: int, turn: _Turn) -> None:
        """Read the file that has the name, unless the old one has still more."""
        if turn.more:
            os.close(current)
            return
        first = self.state is None
        state = self._checked(current, turn)
        self.state = turn.take(current, state)
        self._idle = 0 if self.state.offset != state.offset else self._idle + 1
        if self._file >= 0:
            os.close(self._file)
        unmarked = (
            self.state.offset == 0 and os.fstat(current).st_size > 0
        )  # renamed, only this would know it again
        keep = unmarked or (not first and self._idle < _IDLE_TURNS and (self._file >= 0 or self._idle == 0))
        self._file = current if keep else -1
        if not keep:
            os.close(current)

    def _checked(self, file: int, turn: _Turn) -> TailState:
        """Where to go on: from the start when this is not what was read before."""
        status = os.fstat(file)
        state = self.state
        if state is not None and state.offset <= status.st_size and _mark(file, state.offset) == state.mark:
            return state
        if state is not None:
            turn.notices.append("truncated" if status.st_size < state.offset else "re-created")
        return TailState(status.st_dev, status.st_ino, 0, _mark(file, 0))

    def _read_gone(self, turn: _Turn, state: TailState) -> None:
        """Nothing has the name now: read on what had it, for a while."""
        if not self._gone:
            turn.notices.append("gone")
            self._gone = True
            self._file = self._file if self._file >= 0 else _renamed(self.path, state)
        if self._file < 0:
            self.state = None
            return
        self.state = turn.take(self._file, state)
        self._idle = 0 if self.state.offset != state.offset else self._idle + 1
        if self._idle >= _IDLE_TURNS:
            if os.fstat(self._file).st_nlink == 0:
                self.state = None  # its inode is given out again: whatever has it then is another file
            os.close(self._file)
            self._file = -1

    # --- the file that had it ------------------------------------------------------------
    def _set_aside(self, turn: _Turn) -> None:
        """Another file has the name: read the old one to its end."""
        turn.notices.append("rotated")
        self._drop_old()
        state, self.state = self.state, None
        file = self._file if self._file >= 0 or state is None else _renamed(self.path, state)
        self._file = -1
        if state is None:
            return
        if file < 0:
            turn.notices.append("the old file is not to be found: its last lines may be missing")
            return
        self._old, self._old_idle = (file, state), 0
        self._read_old(turn)

    def _read_old(self, turn: _Turn) -> None:
        if self._old is None:
            return
        file, state = self._old
        new = turn.take(file, state)
        self._old, self._old_idle = (file, new), 0 if new.offset != state.offset else self._old_idle + 1
        if self._old_idle >= _IDLE_TURNS:
            if (left := os.fstat(file).st_size - new.offset) > 0:
                turn.notices.append(f"the old file ends in {left} bytes without a newline")
            self._drop_old()

    def _drop_old(self) -> None:
        if self._old is not None:
            os.close(self._old[0])
            self._old = None


def _open(path: str) -> int:
    """A descriptor of a regular file, -1 when there is none."""
    try:
        file = os.open(path, _FLAGS)
    except OSError:
        return -1
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        return -1
    return file


def _renamed(path: str, state: TailState) -> int:
    """The file that was read before, under another name in the same folder; -1 when it is not there."""
    try:
        with os.scandir(os.path.dirname(path) or ".") as entries:
            for number, entry in enumerate(entries):
                if number >= _SEARCHED_MAX:
                    break
                if entry.inode() == state.ino and (file := _open(entry.path)) >= 0:
                    same = _ident(file) == (state.dev, state.ino)
                    if same and state.offset and _mark(file, state.offset) == state.mark:
                        return file
                    os.close(file)
    except OSError:
        return -1
    return -1


def _ident(file: int) -> tuple[int, int]:
    status = os.fstat(file)
    return status.st_dev, status.st_ino


def _mark(file: int, offset: int) -> str:
    head = os.pread(file, min(_HEAD_BYTES, offset), 0)
    before = min(_BEFORE_BYTES, offset)
    return hashlib.sha256(head + os.pread(file, before, offset - before)).hexdigest()
