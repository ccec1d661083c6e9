# SPDX-License-Identifier: Apache-2.0
import os
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irkit.errors import BadInputError
from irkit.stream import logfiles
from irkit.stream.log import AuditLog
from irkit.stream.logfiles import Wanted
from irkit.stream.record import encode, own_record
from tests.stream.hand_clock import NOON, HandClock


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three days with four records each."""
    clock = HandClock()
    log = AuditLog.open(str(tmp_path), clock)
    for number in range(12):
        log.append(own_record("freeze" if number % 2 else "kill", session=f"s-{number}", agent="codex"))
        clock.pass_time(6 * 3600)
    log.close()
    return tmp_path


def test_only_days_files_are_read(folder: Path) -> None:
    for name in ("notes.jsonl", "2026-11-23.jsonl.replaced-1", "2026-11-23.txt"):
        (folder / name).write_text("x\n")
    assert len(logfiles.day_files(str(folder))) == len(list(folder.glob("2026-11-*.jsonl")))
    assert [one.seq for one in logfiles.records(str(folder))] == list(range(1, 13))


@pytest.mark.parametrize("count", [0, 1, 5, 12, 1000])
def test_the_newest_are_the_last(folder: Path, count: int) -> None:
    every = list(logfiles.records(str(folder)))
    assert list(logfiles.newest(str(folder), count)) == (every[-count:] if count else [])


@pytest.mark.parametrize("seq", [0, 3, 4, 11, 12, 99])
def test_after_gives_what_is_new(folder: Path, seq: int) -> None:
    assert [one.seq for one in logfiles.after(str(folder), seq)] == list(range(seq + 1, 13))


def test_wanted_asks_for_all_of_it_at_once(folder: Path) -> None:
    wanted = Wanted(since=NOON + 3600, until=NOON + 20 * 3600, session="codex:s-", event="freeze")
    assert [one.seq for one in logfiles.records(str(folder), wanted)] == [2, 4]
    assert [one.seq for one in logfiles.newest(str(folder), 1, wanted)] == [4]


def test_what_is_no_record_is_left_out(folder: Path) -> None:
    with (folder / "2026-11-24.jsonl").open("ab") as file:
        file.write(b"\n{}\n[1]\n\xff\xfe\n" + b"x" * (3 << 20) + b"\n")
    assert len(list(logfiles.records(str(folder)))) == 12
    assert len(logfiles.newest(str(folder), 100)) == 12


@given(texts=st.lists(st.text(max_size=300), max_size=30), count=st.integers(0, 40))
def test_backwards_is_forwards_turned_round(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], count: int
) -> None:
    folder = tmp_path_factory.mktemp("log")
    lines = [encode(own_record("kill", args={"text": text * 50})) for text in texts]
    (folder / "2026-11-23.jsonl").write_bytes(b"".join(lines))
    found = [encode(one) for one in logfiles.newest(str(folder), count)]
    assert found == (lines[-count:] if count else [])


def test_a_file_without_newlines_takes_no_memory(tmp_path: Path) -> None:
    with (tmp_path / "2026-11-23.jsonl").open("wb") as file:
        file.truncate(64 << 20)
    tracemalloc.start()
    assert list(logfiles.records(str(tmp_path))) == []
    assert logfiles.newest(str(tmp_path), 5) == ()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 << 20


@pytest.mark.parametrize("kind", ["link", "fifo", "folder"])
def test_what_is_no_regular_file_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "2026-11-23.jsonl"
    if kind == "link":
        path.symlink_to("/dev/zero")
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        path.mkdir()
    with pytest.raises(BadInputError):
        list(logfiles.records(str(tmp_path)))


def test_no_folder_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="no audit log there"):
        logfiles.day_files(str(tmp_path / "nowhere"))
