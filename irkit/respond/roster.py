# SPDX-License-Identifier: Apache-2.0
"""The roster: a flat copy of the session table, so that a kill finds its targets with the guard dead.

One line a session, tab-separated, after a head line: session id, agent, native id, state, tier, since (epoch
seconds), cwd, agent processes and known descendants, both as `pid:start,pid:start`, and what holds only this
session's processes: a PID namespace (inode), a control group (folder), an audit session id. Free text is
percent-encoded. Rosters of version 1, which end after the descendants, are read as well.

Kill path: standard library only.

Rules:
- The guard writes it whole, beside the old one, and renames it: a reader sees the old or the new roster.
- Not synced: after a power cut every process in it is gone too.
- A line that cannot be read is reported and skipped; the others still count.
"""

from __future__ import annotations

import os

from irkit import limits

HEAD = "irkit-sessions/2"
_HEADS = (HEAD, "irkit-sessions/1")
_FIELDS = (12, 9)
Key = tuple[int, int]


class Entry:
    """One session: whose processes a kill of it must reach."""

    __slots__ = (
        "agent",
        "audit",
        "cgroup",
        "cwd",
        "known",
        "native",
        "pidns",
        "roots",
        "session",
        "since",
        "state",
        "tier",
    )

    def __init__(
        self,
        session: str,
        agent: str,
        native: str,
        *,
        state: str = "running",
        tier: str = "attached",
        since: float = 0.0,
        cwd: str = "",
        roots: tuple[Key, ...] = (),
        known: tuple[Key, ...] = (),
        pidns: int = 0,
        cgroup: str = "",
        audit: int = 0,
    ) -> None:
        self.session = session
        self.agent = agent
        self.native = native
        self.state = state
        self.tier = tier
        self.since = since
        """Seconds since the epoch at which the session was first seen."""
        self.cwd = cwd
        self.roots = roots
        """Agent processes as (pid, start)."""
        self.known = known
        """Descendants seen so far, as (pid, start): they stay known when their parent ends."""
        self.pidns = pidns
        """Inode of a PID namespace all of whose processes are this session's, 0 for none."""
        self.cgroup = cgroup
        """Absolute path of a control group's folder that holds only this session, "" for none."""
        self.audit = audit
        """Audit session id that only this session has, 0 for none."""

    def line(self) -> str:
        """This entry as one line, newline included."""
        texts = [_quoted(t) for t in (self.session, self.agent, self.native, self.state, self.tier)]
        tail = [f"{self.since:.6f}", _quoted(self.cwd), _keys(self.roots), _keys(self.known)]
        own = [str(self.pidns), _quoted(self.cgroup), str(self.audit)]
        return "\t".join(texts + tail + own) + "\n"


def write_roster(path: str, entries: list[Entry]) -> None:
    """Replace the roster. Raises OSError; the old one is whole then."""
    beside = f"{path}.{os.getpid()}.new"
    file = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        left = (HEAD + "\n" + "".join(entry.line() for entry in entries)).encode()
        while left:
            left = left[os.write(file, left) :]
        os.rename(beside, path)
    except OSError:
        os.unlink(beside)
        raise
    finally:
        os.close(file)


def read_roster(path: str) -> tuple[list[Entry], list[str]]:
    """The entries, and one sentence for each thing that could not be read. Never raises."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return [], []
    except OSError as error:
        return [], [f"{path}: {error.strerror}"]
    try:
        text = _read_all(file)
    except OSError as error:
        return [], [f"{path}: {error.strerror}"]
    finally:
        os.close(file)
    return parse_roster(text, path)


def parse_roster(text: bytes, path: str = "roster") -> tuple[list[Entry], list[str]]:
    """As `read_roster`, of bytes at hand."""
    entries: list[Entry] = []
    problems: list[str] = []
    lines = text.decode("utf-8", "replace").split("\n")
    if lines[0] not in _HEADS:
        problems.append(f"{path}:1: not a roster of this version, read as far as it goes")
    elif lines[-1] != "":
        problems.append(f"{path}:{len(lines)}: torn last line")
    for number, line in enumerate(lines, 1):
        if not line or line in _HEADS:
            continue
        entry = _entry(line)
        if entry:
            entries.append(entry)
        else:
            problems.append(f"{path}:{number}: not a session, skipped")
    return entries, problems[: limits.LEFTOVERS_LISTED_MAX]


def _entry(line: str) -> Entry | None:
    field = line.split("\t")
    if len(field) not in _FIELDS:
        return None
    pidns, cgroup, audit = field[9:] or ("0", "", "0")
    try:
        session, agent, native, state, tier = (_unquoted(text) for text in field[:5])
        roots, known = _parse_keys(field[7]), _parse_keys(field[8])
        entry = Entry(
            session,
            agent,
            native,
            state=state,
            tier=tier,
            since=float(field[5]),
            cwd=_unquoted(field[6]),
            roots=roots,
            known=known,
            pidns=_number(pidns),
            cgroup=_folder(cgroup),
            audit=_number(audit),
        )
    except ValueError:
        return None
    return entry if session and agent and entry.since == entry.since else None


def _read_all(file: int) -> bytes:
    parts = []
    left = limits.ROSTER_MAX_BYTES
    while left > 0 and (part := os.read(file, min(left, limits.MIB))):
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def _keys(keys: tuple[Key, ...]) -> str:
    return ",".join(f"{pid}:{start}" for pid, start in keys)


def _parse_keys(text: str) -> tuple[Key, ...]:
    """Raises ValueError. Pid 0 and below name groups to kill(2), pid 1 is nobody's agent: neither is a key."""
    keys = []
    for item in text.split(",") if text else ():
        pid, start = item.split(":")
        if not (pid.isascii() and pid.isdigit() and start.isascii() and start.isdigit() and int(pid) > 1):
            raise ValueError(item)
        keys.append((int(pid), int(start)))
    return tuple(keys)


def _number(text: str) -> int:
    """Raises ValueError."""
    if not (text.isascii() and text.isdigit() and len(text) <= 20):
        raise ValueError(text)
    return int(text)


def _folder(text: str) -> str:
    """An absolute path, or none. Raises ValueError: a relative one would name another folder to each reader."""
    path = _unquoted(text)
    if path and (path[0] != "/" or "\0" in path or ".." in path.split("/")):
        raise ValueError(path)
    return path


def _quoted(text: str) -> str:
    return "".join(
        chr(byte) if 0x20 < byte < 0x7F and byte != 0x25 else f"%{byte:02X}"
        for byte in text.encode("utf-8", "surrogateescape")
    )


def _unquoted(text: str) -> str:
    """Raises ValueError."""
    head, *coded = text.encode().split(b"%")
    found = [head]
    for part in coded:
        found += [bytes([int(part[:2], 16)]), part[2:]]
    return b"".join(found).decode("utf-8", "surrogateescape")
