# SPDX-License-Identifier: Apache-2.0
import os
import shutil
import tempfile
from pathlib import Path

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from irkit import limits
from irkit.stream.tail import Tail, TailState


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.jsonl"


def _tail(path: Path) -> Tail:
    return Tail(str(path))


def _again(tail: Tail) -> Tail:
    """The same tail after a restart: only its serialised state is left."""
    tail.close()
    state = msgspec.json.decode(msgspec.json.encode(tail.state), type=TailState | None)
    return Tail(tail.path, state)


def _append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def _drain(tail: Tail) -> tuple[list[bytes], list[str]]:
    lines: list[bytes] = []
    notices: list[str] = []
    while True:
        found = tail.read()
        lines += found.lines
        notices += found.notices
        if not found.more:
            return lines, notices


def _open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_lines_come_once_and_only_whole(path: Path) -> None:
    tail = _tail(path)
    assert tail.read() == ((), (), False)
    _append(path, b"one\ntwo\nthr")
    assert tail.read().lines == (b"one", b"two")
    assert tail.read().lines == ()
    _append(path, b"ee\n\nfour\n")
    assert tail.read() == ((b"three", b"", b"four"), (), False)


def test_a_restart_goes_on_where_it_was(path: Path) -> None:
    tail = _tail(path)
    _append(path, b"one\ntw")
    tail.read()
    tail = _again(tail)
    _append(path, b"o\n")
    assert tail.read() == ((b"two",), (), False)


def test_a_rotated_file_is_read_to_its_end_before_the_new_one(path: Path) -> None:
    tail = _tail(path)
    _append(path, b"1\n")
    tail.read()
    _append(path, b"2\n")
    path.rename(path.with_suffix(".1"))
    _append(path, b"3\n")
    assert tail.read() == ((b"2", b"3"), ("rotated",), False)


def test_what_a_writer_adds_to_the_old_file_after_the_rotation_is_read_too(path: Path) -> None:
    tail = _tail(path)
    _append(path, b"1\n")
    tail.read()
    old = path.open("ab", buffering=0)
    path.rename(path.with_suffix(".1"))
    _append(path, b"new\n")
    tail.read()
    old.write(b"late\n")
    assert tail.read().lines == (b"late",)


def test_what_is_written_to_a_file_that_was_renamed_and_not_made_anew_is_read(path: Path) -> None:
    tail = _tail(path)
    _append(path, b"1\n")
    tail.read()
    old = path.open("ab", buffering=0)
    path.rename(path.with_suffix(".1"))
    old.write(b"2\n")
    assert tail.read() == ((b"2",), ("gone",), False)
    old.write(b"3\n")
    assert tail.read() == ((b"3",), (), False)
    _append(path, b"4\n")
    assert tail.read() == ((b"4",), ("rotated",), False)


def test_a_rotation_during_a_restart_loses_nothing(path: Path) -> None:
    tail = _tail(path)
    _append(path, b"1\n")
    tail.read()
    _append(path, b"2\n")
    path.rename(path.with_suffix(".1"))
    _append(path, b"3\n")
    assert _again(tail).read() == ((b"2", b"3"), ("rotated",), False)


def test_a_file_that_was_removed_during_a_restart_is_said_to_be_lost(path: Path) -> None:
    tail = _tail(path)
    _append(path, b"1\n")
    tail.read()
    tail.close()
    kept = path.open("rb")  # so that its inode is not given out again
    path.unlink()
    _append(path, b"2\n")
    found = _again(tail).read()
    kept.close()
    assert found.lines == (b"2",)
    assert any("may be missing" in notice for notice in found.notices)


def test_the_end_of_a_growing_file_that_is_deleted_is_still_read(path: Path) -> None:
    tail = _tail(path)
    for number in (b"1\n", b"2\n"):
        _append(path, number)
        tail.read()
    _append(path, b"3\n")
    path.unlink()
    assert tail.read() == ((b"3",), ("gone",), False)


def test_a_truncated_file_is_read_from_its_start(path: Path) -> None:
    tail = _tail(path)
    _append(path, b"1\n2\n3\n")
    tail.read()
    path.write_bytes(b"4\n")
    assert tail.read() == ((b"4",), ("truncated",), False)


@pytest.mark.parametrize("restarted", [False, True])
def test_a_file_emptied_and_filled_again_beyond_the_offset_is_recognised(path: Path, restarted: bool) -> None:
    tail = _tail(path)
    head = b"the same head " * 30 + b"\n"
    _append(path, head + b"1\n")
    tail.read()
    tail = _again(tail) if restarted else tail
    path.write_bytes(head + b"2\n3\n")
    assert tail.read() == ((head[:-1], b"2", b"3"), ("re-created",), False)


def test_a_line_of_exactly_the_limit_is_a_line(path: Path) -> None:
    tail = _tail(path)
    _append(path, b"x" * (limits.LINE_MAX_BYTES - 1) + b"\n" + b"y" * limits.LINE_MAX_BYTES + b"\nz\n")
    lines, notices = _drain(tail)
    assert [len(line) for line in lines] == [limits.LINE_MAX_BYTES - 1, limits.LINE_MAX_BYTES, 1]
    assert notices == []


@pytest.mark.parametrize("restarted", [False, True])
def test_a_line_that_is_too_long_is_skipped_once_and_said(path: Path, restarted: bool) -> None:
    tail = _tail(path)
    _append(path, b"before\n" + b"x" * (3 * limits.LINE_MAX_BYTES))
    lines, notices = _drain(tail)
    assert lines == [b"before"]
    assert notices == [f"a line of over {limits.LINE_MAX_BYTES} bytes was skipped"]
    tail = _again(tail) if restarted else tail
    _append(path, b"still the same line\nafter\n")
    assert _drain(tail) == ([b"after"], [])


def test_one_turn_takes_a_bounded_part_and_says_that_there_is_more(path: Path) -> None:
    tail = _tail(path)
    line = b"x" * 999 + b"\n"
    count = 3 * limits.TAIL_READ_MAX_BYTES // len(line)
    _append(path, line * count)
    first = tail.read()
    assert first.more
    assert sum(map(len, first.lines)) <= limits.TAIL_READ_MAX_BYTES + limits.LINE_MAX_BYTES
    assert len(first.lines) + len(_drain(tail)[0]) == count


def test_a_long_rest_of_a_rotated_file_comes_before_the_new_file(path: Path) -> None:
    tail = _tail(path)
    _append(path, b"first\n")
    tail.read()
    count = 2 * limits.TAIL_READ_MAX_BYTES // 1000
    _append(path, (b"o" * 999 + b"\n") * count)
    path.rename(path.with_suffix(".1"))
    _append(path, b"new\n")
    lines, _ = _drain(tail)
    assert len(lines) == count + 1
    assert lines[-1] == b"new"


@pytest.mark.parametrize("kind", ["link", "fifo", "folder"])
def test_what_is_no_regular_file_is_never_opened_for_long(path: Path, kind: str, tmp_path: Path) -> None:
    if kind == "link":
        (tmp_path / "secret").write_text("secret\n")
        path.symlink_to(tmp_path / "secret")
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        path.mkdir()
    assert _tail(path).read() == ((), (), False)


def test_many_quiet_files_cost_no_descriptors(tmp_path: Path) -> None:
    before = _open_files()
    tails = []
    for number in range(300):
        file = tmp_path / f"{number}.jsonl"
        file.write_bytes(b"old\n")
        tails.append(_tail(file))
        assert tails[-1].read().lines == (b"old",)
    assert _open_files() == before
    _append(tmp_path / "7.jsonl", b"new\n")
    assert [tail.read().lines for tail in tails].count((b"new",)) == 1
    assert _open_files() == before + 1
    for _ in range(10):
        tails[7].read()
    assert _open_files() == before


def test_a_first_line_that_is_ended_while_the_file_is_renamed_is_read(tmp_path: Path) -> None:
    path = tmp_path / "log"
    tail = Tail(str(path))
    _append(path, b"half")
    assert tail.read().lines == ()
    _append(path, b" and whole\n")
    path.rename(tmp_path / "log.1")
    assert tail.read().lines == (b"half and whole",)


class TailAgainstTruth(RuleBasedStateMachine):
    """A writer does all that writers do; every whole line it wrote is read exactly once, in order."""

    folder: Path

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="irkit-tail-"))
        self.path = self.folder / "log"
        self.tail = Tail(str(self.path))
        self.expected: list[bytes] = []
        self.read: list[bytes] = []
        self.partial = b""
        self.renamed = 0
        self.seen = False

    def _read(self) -> None:
        """One turn; what has the name now is known from then on, and may be renamed."""
        self.read += self.tail.read().lines
        self.seen = self.path.exists() and self.path.stat().st_size > 0

    @rule(data=st.binary(max_size=200) | st.sampled_from([b"\n", b"a\n", b"a\nb", b"same\n"]))
    def write(self, data: bytes) -> None:
        _append(self.path, data)
        *whole, self.partial = (self.partial + data).split(b"\n")
        self.expected += whole

    @rule()
    def look(self) -> None:
        self._read()

    @precondition(lambda self: self.path.exists())
    @rule(anew=st.booleans())
    def rotate(self, anew: bool) -> None:
        if not self.seen:  # a file that comes and goes between two turns is not seen, by no tail
            self._read()
        self.renamed += 1
        self.path.rename(self.folder / f"log.{self.renamed}")
        self.seen = False
        self.partial = b""
        if anew:
            self.path.touch()

    @rule()
    def empty(self) -> None:
        self._read()
        if self.path.exists():
            os.truncate(self.path, 0)
            self._read()
            self.partial = b""

    @rule()
    def delete(self) -> None:
        self._read()
        if self.path.exists():
            self.path.unlink()
            self._read()
            self.partial = b""

    @rule()
    def restart(self) -> None:
        self._read()
        self.tail = _again(self.tail)
        if self.tail.state is None or not self.tail.state.offset:
            self.seen = False  # a first line that is not whole yet has nothing to be known again by

    @invariant()
    def nothing_comes_that_was_not_written(self) -> None:
        assert self.read == self.expected[: len(self.read)]

    def teardown(self) -> None:
        if hasattr(self, "tail"):
            for _ in range(3):
                self._read()
            self.tail.close()
            shutil.rmtree(self.folder)
            assert self.read == self.expected


TestTailAgainstTruth = TailAgainstTruth.TestCase
TestTailAgainstTruth.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
