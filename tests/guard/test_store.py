# SPDX-License-Identifier: Apache-2.0
"""What the guard remembers, in a real file."""

import sqlite3
from pathlib import Path

import pytest

from irkit.errors import IrkitError
from irkit.guard.store import SCHEMA_VERSION, Store
from irkit.incident.session import ProcessId, Session, State, session_id


def test_everything_comes_back_after_a_restart(tmp_path: Path) -> None:
    path = str(tmp_path / "irkit.db")
    one = Session(
        id=session_id("codex", "s"),
        agent="codex",
        native="s",
        state=State.FROZEN,
        processes=(ProcessId(5, 6),),
        last_ts=2.0,
    )
    store = Store(path)
    store.set("policy", "abc")
    store.save_sessions([one])
    store.save_tail("/var/log/x.jsonl", {"offset": 7})
    store.close()
    again = Store(path)
    assert again.get("policy") == "abc"
    assert again.get("nothing") is None
    assert again.sessions() == (one,)
    assert again.tails() == {"/var/log/x.jsonl": {"offset": 7}}


def test_a_row_that_no_longer_reads_is_left_out(tmp_path: Path) -> None:
    path = str(tmp_path / "irkit.db")
    Store(path).close()
    with sqlite3.connect(path) as other:
        other.execute("INSERT INTO session VALUES ('x', 1, '{\"nonsense\": true}')")
    other.close()
    assert Store(path).sessions() == ()


def test_a_broken_or_newer_database_is_one_clear_line(tmp_path: Path) -> None:
    broken = tmp_path / "broken.db"
    broken.write_bytes(b"this is not a database, not at all, not even nearly" * 40)
    with pytest.raises(IrkitError, match=r"broken\.db: the guard's database cannot be used"):
        Store(str(broken))
    newer = str(tmp_path / "newer.db")
    Store(newer).close()
    with sqlite3.connect(newer) as other:
        other.execute(f"PRAGMA user_version={SCHEMA_VERSION + 1}")
    other.close()
    with pytest.raises(IrkitError, match="newer than this irkit"):
        Store(newer)
