# SPDX-License-Identifier: Apache-2.0
"""Intents and outcomes on disk."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irkit import limits
from irkit.respond.journal import Journal, new_id, records, to_json, unfinished

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(plain)
def test_the_json_is_what_json_reads(value: Any) -> None:
    text = to_json(value)
    assert json.loads(text) == value
    assert text.isascii()
    assert "\n" not in text


def test_what_json_cannot_say_does_not_break_the_line() -> None:
    assert json.loads(to_json({"a": float("nan"), "b": float("inf"), "c": "\udcff", 4: b"x"})) == {
        "a": None,
        "b": None,
        "c": "\udcff",
        "4": "b'x'",
    }


def test_an_intent_waits_until_its_outcome_is_there(tmp_path: Path) -> None:
    path = str(tmp_path / "journal.jsonl")
    journal = Journal(path)
    first, second = new_id(), new_id()
    assert journal.intent(first, "freeze", "codex:a", pids=[[3, 4]])
    assert journal.intent(second, "kill", "codex:a", irreversible=True)
    assert [record["act"] for record in unfinished(path)] == ["freeze", "kill"]
    assert journal.outcome(first, "done")
    (left,) = unfinished(path)
    assert (left["id"], left["irreversible"], left["by"]) == (second, True, os.getpid())
    assert abs(float(str(left["ts"])) - time.time()) < 60
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert journal.trouble == ""


def test_torn_and_foreign_lines_cost_nobody_else(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journal = Journal(str(path))
    journal.intent("one", "latch")
    journal.close()
    whole = path.read_bytes()
    path.write_bytes(whole + b'[1]\n\xff\xfe\n{"id":\n' + whole[: len(whole) // 2])
    again = Journal(str(path))
    again.intent("two", "freeze")
    assert [record["id"] for record in unfinished(str(path))] == ["one", "two"]


@given(st.integers(0, 400))
def test_a_journal_cut_anywhere_keeps_its_earlier_records(at: int) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "journal.jsonl")
        journal = Journal(path)
        journal.intent("a", "latch")
        journal.intent("b", "freeze")
        journal.outcome("a", "done")
        journal.close()
        whole = Path(path).read_bytes()
        Path(path).write_bytes(whole[:at])
        complete = whole[:at].count(b"\n")
        after = Journal(path)
        after.outcome("late", "done")
        after.close()
        torn_is_whole = at < len(whole) and whole[at : at + 1] == b"\n"
        assert len(records(path)) == complete + 1 + torn_is_whole


def test_a_journal_that_cannot_be_opened_says_why_and_raises_nothing(tmp_path: Path) -> None:
    journal = Journal(str(tmp_path / "none" / "journal.jsonl"))
    assert "No such file" in journal.trouble
    assert not journal.intent("x", "kill", irreversible=True)
    assert not journal.outcome("x", "done")
    os.symlink(tmp_path / "elsewhere", tmp_path / "link")
    assert Journal(str(tmp_path / "link")).trouble
    assert not (tmp_path / "elsewhere").exists()


def test_a_full_disk_is_reported_and_raises_nothing() -> None:
    journal = Journal("/dev/full")
    assert not journal.intent("x", "kill", irreversible=True)
    assert "No space left" in journal.trouble


def test_a_disk_that_does_not_answer_holds_nothing_up(tmp_path: Path) -> None:
    fifo = str(tmp_path / "fifo")
    os.mkfifo(fifo)  # a stand-in for what cannot be synced: fsync of it fails at once
    journal = Journal(fifo)
    began = time.monotonic()
    assert not journal.intent("x", "kill", irreversible=True)
    assert time.monotonic() - began < limits.JOURNAL_FSYNC_MAX_S * 3
    assert journal.trouble


_SLOW_DISK = """
import os, sys, time
from irkit.respond import journal
synced = os.fsync
os.fsync = lambda file: time.sleep(5)
began = time.monotonic()
log = journal.Journal(sys.argv[1])
print(log.intent("x", "kill", irreversible=True), round(time.monotonic() - began, 1), log.trouble)
sys.stdout.flush()
os._exit(0)
"""


def test_a_slow_sync_is_waited_for_no_longer_than_the_bound(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _SLOW_DISK, str(tmp_path / "j")],
        capture_output=True,
        text=True,
        check=True,
        timeout=20,
    )
    assert done.stdout.startswith("False 0.2 ")
    assert "took longer" in done.stdout


_WRITER = """
import sys
from irkit.respond.journal import Journal
journal = Journal(sys.argv[1])
for number in range(300):
    journal.intent(f"{sys.argv[2]}-{number}", "freeze", "x" * 3000)
"""


def test_two_writers_never_mix_their_records(tmp_path: Path) -> None:
    path = str(tmp_path / "journal.jsonl")
    writers = [subprocess.Popen([sys.executable, "-c", _WRITER, path, name]) for name in "ab"]
    assert [writer.wait(20) for writer in writers] == [0, 0]
    assert len(records(path)) == len(Path(path).read_bytes().splitlines()) == 600


@pytest.mark.parametrize("missing", ["none"])
def test_no_journal_means_nothing_unfinished(tmp_path: Path, missing: str) -> None:
    assert unfinished(str(tmp_path / missing)) == []


def test_only_the_newest_part_is_read(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    with path.open("wb") as file:
        file.write(b'{"v":1,"id":"old","record":"intent","act":"x"}\n')
        file.truncate(limits.JOURNAL_READ_MAX_BYTES + 100)
        file.seek(0, os.SEEK_END)
        file.write(b'\n{"v":1,"id":"new","record":"intent","act":"x"}\n')
    assert [record["id"] for record in unfinished(str(path))] == ["new"]
