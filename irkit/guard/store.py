# SPDX-License-Identifier: Apache-2.0
"""What the guard remembers over a restart: SQLite, WAL, plain columns, one writer (the guard's loop).

Nothing on the way from a hook to a latch or a stop waits for it: writes are gathered and done after the act.
"""

import sqlite3
from collections.abc import Iterable
from typing import Any

import msgspec

from irkit.errors import IrkitError
from irkit.incident.session import Session

SCHEMA_VERSION = 1
_SCHEMA = """
CREATE TABLE state (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE session (id TEXT PRIMARY KEY, last_ts REAL NOT NULL, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE tail (path TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
"""
_SESSION = msgspec.json.Decoder(Session)


class Store:
    """A small key-value state, the sessions, and where each watched file was read to."""

    def __init__(self, path: str) -> None:
        try:
            self._db = sqlite3.connect(path, isolation_level=None, timeout=1.0)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            version = self._db.execute("PRAGMA user_version").fetchone()[0]
            if version == 0:
                self._db.executescript(_SCHEMA + f"PRAGMA user_version={SCHEMA_VERSION};")
        except sqlite3.DatabaseError as error:
            raise IrkitError(
                f"the guard's database cannot be used ({error})",
                where=path,
                fix="move the file away; it is made anew",
            ) from error
        if version > SCHEMA_VERSION:
            raise IrkitError(f"schema {version} is newer than this irkit", where=path, fix="update irkit")

    def get(self, name: str) -> str | None:
        """One value of the state, None when it was never set."""
        row = self._db.execute("SELECT value FROM state WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None

    def set(self, name: str, value: str) -> None:
        """Remember one value."""
        self._db.execute("INSERT OR REPLACE INTO state VALUES (?, ?)", (name, value))

    def sessions(self) -> tuple[Session, ...]:
        """All sessions, oldest first; a row that no longer reads is left out."""
        rows = self._db.execute("SELECT body FROM session ORDER BY last_ts").fetchall()
        found = []
        for (body,) in rows:
            try:
                found.append(_SESSION.decode(body))
            except msgspec.ValidationError:
                continue
        return tuple(found)

    def save_sessions(self, sessions: Iterable[Session]) -> None:
        """Write these sessions in one transaction."""
        rows = [(s.id, s.last_ts, msgspec.json.encode(s).decode()) for s in sessions]
        with self._db:
            self._db.execute("BEGIN")
            self._db.executemany("INSERT OR REPLACE INTO session VALUES (?, ?, ?)", rows)

    def tails(self) -> dict[str, Any]:
        """Path of each watched file -> where it was read to."""
        return {
            path: msgspec.json.decode(body) for path, body in self._db.execute("SELECT path, body FROM tail")
        }

    def save_tail(self, path: str, state: Any) -> None:
        """Remember how far a watched file was read."""
        self._db.execute(
            "INSERT OR REPLACE INTO tail VALUES (?, ?)", (path, msgspec.json.encode(state).decode())
        )

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()
