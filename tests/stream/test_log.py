# SPDX-License-Identifier: Apache-2.0
import hashlib
import itertools
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from irkit.errors import IrkitError
from irkit.stream.log import BALLAST, AuditLog
from irkit.stream.record import NO_HASH, AuditRecord, decode, own_record
from tests.conftest import unshare
from tests.stream.hand_clock import NOON, HandClock

DAY = 86400.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "audit"


def _note(text: str = "x", ts: float | None = None) -> AuditRecord:
    return own_record("incident_note", args={"text": text}, ts=ts)


def _written(folder: Path) -> list[bytes]:
    return [
        line
        for file in sorted(folder.glob("*.jsonl"))
        for line in file.read_bytes().splitlines(keepends=True)
    ]


def _assert_chained(folder: Path) -> list[AuditRecord]:
    """Check number and chain of every line with nothing but hashlib; torn lines have no number."""
    prev, seq, records = NO_HASH, 0, []
    for line in _written(folder):
        try:
            record = decode(line)
        except ValueError:
            record = None
        if record is not None:
            assert (record.seq, record.prev) == (seq + 1, prev)
            seq += 1
            records.append(record)
        prev = hashlib.sha256(line).hexdigest()
    return records


def test_records_are_numbered_and_chained_across_days_and_starts(folder: Path) -> None:
    clock = HandClock()
    for _ in range(3):
        log = AuditLog.open(str(folder), clock)
        for _ in range(3):
            log.append(_note())
            clock.pass_time(DAY / 4)
        log.close()
    records = _assert_chained(folder)
    assert len(records) == 9
    assert [file.name for file in sorted(folder.glob("*.jsonl"))] == [
        "2026-11-23.jsonl",
        "2026-11-24.jsonl",
        "2026-11-25.jsonl",
    ]


def test_append_returns_what_stands_in_the_file(folder: Path) -> None:
    log = AuditLog.open(str(folder), HandClock())
    returned = [log.append(_note(str(number))) for number in range(3)]
    assert [decode(line) for line in _written(folder)] == returned
    assert log.seq == 3
    assert returned[0].ts == "2026-11-23T12:00:00.000000Z"


def test_files_are_private(folder: Path) -> None:
    log = AuditLog.open(str(folder), HandClock())
    log.append(_note())
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o600}


def test_a_record_of_yesterday_or_of_2099_goes_to_the_current_day(folder: Path) -> None:
    log = AuditLog.open(str(folder), HandClock())
    for ts in (NOON, NOON - DAY, NOON + 73 * 365 * DAY):
        log.append(_note(ts=ts))
    assert len(list(folder.glob("*.jsonl"))) == 1


def test_just_after_midnight_a_record_of_before_midnight_goes_to_its_own_day(folder: Path) -> None:
    clock = HandClock(NOON + DAY / 2 - 1)
    log = AuditLog.open(str(folder), clock)
    log.append(_note())
    clock.pass_time(2)
    log.append(_note(ts=NOON + DAY / 2 - 0.5))
    assert [file.name for file in folder.glob("*.jsonl")] == ["2026-11-23.jsonl"]
    log.append(_note())
    assert len(list(folder.glob("*.jsonl"))) == 2


def test_a_clock_that_steps_back_reopens_no_older_day_and_is_recorded(folder: Path) -> None:
    clock = HandClock()
    log = AuditLog.open(str(folder), clock)
    log.append(_note())
    clock.step(-3 * DAY)
    log.append(_note())
    records = _assert_chained(folder)
    assert [record.event for record in records] == ["incident_note", "clock_step", "incident_note"]
    assert records[1].args == {"step_s": -3 * DAY}
    log.close()
    AuditLog.open(str(folder), clock).close()
    assert [file.name for file in folder.glob("*.jsonl")] == ["2026-11-23.jsonl"]
    assert _assert_chained(folder)[-1].args == {"newest_day": "2026-11-23"}


def test_time_that_only_passes_is_no_step(folder: Path) -> None:
    clock = HandClock()
    log = AuditLog.open(str(folder), clock)
    log.append(_note())
    clock.pass_time(3600)
    clock.step(0.9)
    log.append(_note())
    assert len(_written(folder)) == 2


@given(cut=st.integers(1, 400), newline_only=st.booleans())
@settings(max_examples=30, deadline=None)
def test_a_torn_end_stays_and_is_named(
    tmp_path_factory: pytest.TempPathFactory, cut: int, newline_only: bool
) -> None:
    folder = tmp_path_factory.mktemp("torn")
    clock = HandClock()
    log = AuditLog.open(str(folder), clock)
    log.append(_note("first"))
    log.append(_note("second"))
    log.close()
    file = folder / "2026-11-23.jsonl"
    whole = file.read_bytes()
    cut = 1 if newline_only else min(cut, len(_written(folder)[-1]) - 1)
    file.write_bytes(whole[:-cut])
    fragment = whole[:-cut].splitlines()[-1]

    again = AuditLog.open(str(folder), clock)
    again.append(_note("third"))
    assert file.read_bytes().startswith(whole[:-cut] + b"\n")
    records = _assert_chained(folder)
    assert records[-2].event == "recovered"
    assert records[-2].args == {
        "fragment_sha256": hashlib.sha256(fragment).hexdigest(),
        "fragment_bytes": len(fragment),
        "file": file.name,
    }
    assert len(records) == (4 if cut == 1 else 3)


def test_a_guard_killed_between_newline_and_recovered_names_the_fragment_later(folder: Path) -> None:
    log = AuditLog.open(str(folder), HandClock())
    log.append(_note())
    log.close()
    with (folder / "2026-11-23.jsonl").open("ab") as file:
        file.write(b'{"v":1,"ts\n')
    AuditLog.open(str(folder), HandClock()).close()
    records = _assert_chained(folder)
    assert [record.event for record in records] == ["incident_note", "recovered"]
    assert records[1].args["fragment_sha256"] == hashlib.sha256(b'{"v":1,"ts').hexdigest()


def test_prefix_is_the_hash_of_the_file(folder: Path) -> None:
    clock = HandClock()
    log = AuditLog.open(str(folder), clock)
    assert log.prefix() is None
    for _ in range(5):
        log.append(_note())
    log.close()
    log = AuditLog.open(str(folder), clock)
    log.append(_note())
    prefix = log.prefix()
    content = (folder / "2026-11-23.jsonl").read_bytes()
    assert prefix is not None
    assert prefix.sha256 == hashlib.sha256(content).hexdigest()
    assert (prefix.log, prefix.records, prefix.bytes, prefix.seq) == ("2026-11-23.jsonl", 6, len(content), 6)


def test_a_day_that_ended_waits_to_be_signed(folder: Path) -> None:
    clock = HandClock()
    log = AuditLog.open(str(folder), clock)
    log.append(_note())
    clock.pass_time(DAY)
    log.append(_note())
    (ended,) = log.take_finished()
    assert ended.sha256 == hashlib.sha256((folder / "2026-11-23.jsonl").read_bytes()).hexdigest()
    assert log.take_finished() == ()


def test_a_second_writer_is_refused_at_once(folder: Path) -> None:
    log = AuditLog.open(str(folder), HandClock())
    with pytest.raises(IrkitError, match="another process writes"):
        AuditLog.open(str(folder), HandClock())
    log.close()
    AuditLog.open(str(folder), HandClock()).close()


def test_a_link_in_place_of_the_days_file_is_not_followed(folder: Path, tmp_path: Path) -> None:
    folder.mkdir()
    (tmp_path / "victim").write_text("")
    (folder / "2026-11-23.jsonl").symlink_to(tmp_path / "victim")
    with pytest.raises(IrkitError):
        AuditLog.open(str(folder), HandClock())
    assert (tmp_path / "victim").read_text() == ""


@pytest.mark.parametrize("how", ["deleted", "renamed", "replaced"])
def test_a_file_that_was_taken_away_is_written_again(folder: Path, how: str) -> None:
    log = AuditLog.open(str(folder), HandClock())
    for number in range(3):
        log.append(_note(str(number)))
    file = folder / "2026-11-23.jsonl"
    content = file.read_bytes()
    if how == "deleted":
        file.unlink()
    else:
        file.rename(folder / "elsewhere")
    if how == "replaced":
        file.write_text("nothing to see here\n")
    assert "2026-11-23.jsonl was" in log.sync()
    assert file.read_bytes() == content
    if how == "replaced":
        assert (folder / "2026-11-23.jsonl.replaced-1").read_text() == "nothing to see here\n"
    assert log.sync() == ""
    log.append(_note("after"))
    assert len(_assert_chained(folder)) == 4


def test_bytes_of_a_stranger_are_noticed_and_left_in_place(folder: Path) -> None:
    log = AuditLog.open(str(folder), HandClock())
    log.append(_note())
    file = folder / "2026-11-23.jsonl"
    with file.open("ab") as stranger:
        stranger.write(b"forged")
    assert "6 bytes that the guard did not write" in log.sync()
    log.append(_note())
    assert b"forged\n" in file.read_bytes()
    prefix = log.prefix()
    assert prefix is not None
    assert prefix.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()


def test_a_truncated_file_is_noticed(folder: Path) -> None:
    log = AuditLog.open(str(folder), HandClock())
    log.append(_note())
    os.truncate(folder / "2026-11-23.jsonl", 0)
    assert "was truncated" in log.sync()


def test_room_is_set_aside(folder: Path) -> None:
    AuditLog.open(str(folder), HandClock()).close()
    assert (folder / BALLAST).stat().st_blocks * 512 >= 8 << 20


FILL_A_DISK = """
    import os, sys
    from irkit.clock import SystemClock
    from irkit.stream.log import BALLAST, AuditLog, LogFullError
    from irkit.stream.record import own_record

    disk = sys.argv[1]
    log = AuditLog.open(disk + "/audit", SystemClock())
    note = own_record("incident_note", args={"text": "x" * 3000})
    for _ in range(5):
        log.append(note)
    filler = os.open(disk + "/filler", os.O_WRONLY | os.O_CREAT)
    try:
        while True:
            os.write(filler, bytes(1 << 12))
    except OSError:
        pass
    assert not log.full
    before = log.seq
    while not log.full:
        log.append(note)
    assert not os.path.exists(disk + "/audit/" + BALLAST)
    for _ in range(100):
        log.append(note)
    try:
        while True:
            log.append(note)
    except LogFullError as error:
        assert "make room" in error.diagnostics()
    last = log.seq
    os.close(filler)
    os.unlink(disk + "/filler")
    log.append(note)
    assert log.seq == last + 1
    assert log.sync() == ""
    assert not log.full
    assert os.path.exists(disk + "/audit/" + BALLAST)
    log.close()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs a small tmpfs")
def test_on_a_full_disk_the_ballast_is_freed_and_every_line_stays_whole(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    copy = tmp_path / "copy"
    script = tmp_path / "fill.py"
    script.write_text(textwrap.dedent(FILL_A_DISK))
    mount = 'mount -t tmpfs -o size=40m none "$1" && "$2" "$3" "$1" && cp -r "$1/audit" "$4"'
    command = [
        *unshare(),
        "--mount",
        "sh",
        "-c",
        mount,
        "sh",
        str(disk),
        sys.executable,
        str(script),
        str(copy),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if "mount:" in done.stderr:
        pytest.skip(f"no tmpfs can be mounted here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    records = _assert_chained(copy)
    assert [record.event for record in records].count("disk_full") == 1
    assert all(decode(line) for line in _written(copy))


def test_many_writes_of_all_sizes_are_read_back(folder: Path) -> None:
    clock = HandClock()
    log = AuditLog.open(str(folder), clock)
    for size in itertools.chain(range(0, 3000, 97), [70_000]):
        log.append(_note("x" * size))
    assert len(_assert_chained(folder)) == len(range(0, 3000, 97)) + 1
