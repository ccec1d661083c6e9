# SPDX-License-Identifier: Apache-2.0
"""The latch: while it covers a session, no tool call of that session passes a hook.

`gate/latch` holds lines `*` or `AGENT SESSION_ID`. Latching everything renames the ready file that `init` made,
which needs neither disk space nor a new inode.

Kill path: standard library only. Nothing is synced: a latch must be there at once, and after a power cut there
is nothing left to refuse.

Rules:
- In doubt it covers: an empty, unreadable or unparsable latch covers every session.
- Taking back a latch (`unlatch`) is the caller's to permit: it needs the proof of a human.
- A line is added with one append, so that two writers never tear each other's.
"""

from __future__ import annotations

import errno
import os

from irkit import limits
from irkit.home import Home

ALL = "*"


def latch_all(home: Home) -> None:
    """Latch every session. Raises OSError when neither renaming, nor writing, nor an empty file is possible."""
    try:
        os.rename(home.latch_ready, home.latch)
    except OSError:
        try:
            _append(home, ALL)  # latched before, or a home that was never made ready
        except OSError:
            flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            os.close(os.open(home.drop_file, flags, 0o600))  # takes no block of a full disk


def latch_session(home: Home, agent: str, session: str) -> bool:
    """Latch one session by its agent's own id; False when everything had to be latched instead. Raises OSError.

    That is so for an id that cannot stand on a line of its own, and on a full disk: wider, never narrower.
    """
    if session and _one_word(agent) and session.isprintable():
        try:
            _append(home, f"{agent} {session}")
        except OSError:
            latch_all(home)
            return False
        return True
    latch_all(home)
    return False


def unlatch(home: Home, agent: str = "", session: str = "") -> bool:
    """Take back the latch of one session, or every latch when none is named, and make the next one ready.

    Returns whether anything changed. One session cannot be freed from a latch for all: that is for the caller to
    say. Raises OSError.
    """
    changed = False
    if not session:
        for path in (home.latch, home.drop_file):
            changed |= _removed(path)
    else:
        text = _read(home.latch)
        line = f"{agent} {session}"
        if text and line in text.split("\n"):
            _replace(home, home.latch, [kept for kept in text.split("\n") if kept and kept != line])
            changed = True
    make_ready(home)
    return changed


def make_ready(home: Home) -> None:
    """Put the file in place that the next latch for all renames. Raises OSError."""
    if not os.path.exists(home.latch_ready):
        _replace(home, home.latch_ready, [ALL])


def latched(home: Home, agent: str, session: str) -> bool:
    """Whether the latch or the drop file covers this session now."""
    if os.path.lexists(home.drop_file):
        return True
    if not os.path.lexists(home.latch):
        return False
    return covers(_read(home.latch), agent, session)


def covers(text: str | None, agent: str, session: str) -> bool:
    """Whether a latch of this text covers the session; `text` None: it cannot be read."""
    if text is None or not session:
        return True
    lines = [line for line in text.split("\n") if line == ALL or len(line.split(" ", 1)) == 2]
    return not lines or ALL in lines or f"{agent} {session}" in lines


def _append(home: Home, line: str) -> None:
    """One whole line of the latch by one write; a torn line before it is closed first."""
    path = home.latch
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    file = os.open(path, flags, 0o600)
    try:
        _readable(home, file)
        size = os.fstat(file).st_size
        torn = size > 0 and os.pread(file, 1, size - 1) != b"\n"
        whole = (b"\n" if torn else b"") + line.encode("utf-8", "surrogateescape") + b"\n"
        if os.write(file, whole) < len(whole):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
    finally:
        os.close(file)


def _read(path: str) -> str | None:
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return os.read(file, limits.LATCH_MAX_BYTES).decode("utf-8", "replace")
    except OSError:
        return None
    finally:
        os.close(file)


def _replace(home: Home, path: str, lines: list[str]) -> None:
    """Write the file anew beside the old one; with no line left the file goes."""
    if not lines:
        _removed(path)
        return
    beside = f"{path}.{os.getpid()}.new"
    file = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        _readable(home, file)
        os.write(file, "".join(line + "\n" for line in lines).encode("utf-8", "surrogateescape"))
    finally:
        os.close(file)
    os.rename(beside, path)


def _readable(home: Home, file: int) -> None:
    """In a shared gate other users' hooks read it; one that they cannot read would latch all of theirs."""
    mode = home.gate_mode
    if mode != 0o600 and os.fstat(file).st_uid == os.geteuid():
        os.fchmod(file, mode)


def _removed(path: str) -> bool:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return False
    return True


def _one_word(text: str) -> bool:
    return bool(text) and text.isprintable() and " " not in text
