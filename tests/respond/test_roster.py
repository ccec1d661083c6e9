# SPDX-License-Identifier: Apache-2.0
"""The flat copy of the session table."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irkit import limits
from irkit.respond.roster import HEAD, Entry, parse_roster, read_roster, write_roster

keys = st.lists(st.tuples(st.integers(2, 2**31), st.integers(0, 2**60)), max_size=4).map(tuple)
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
folders = st.one_of(
    st.just(""), text.filter(lambda t: "\0" not in t and ".." not in t.split("/")).map("/{}".format)
)
numbers = st.integers(0, 2**64 - 1)


def values(entry: Entry) -> list[object]:
    return [getattr(entry, name) for name in Entry.__slots__]


@given(
    st.lists(
        st.builds(
            Entry,
            text.filter(bool),
            text.filter(bool),
            text,
            cwd=text,
            roots=keys,
            known=keys,
            pidns=numbers,
            cgroup=folders,
            audit=numbers,
        )
    )
)
def test_what_was_written_is_read(entries: list[Entry]) -> None:
    whole = (HEAD + "\n" + "".join(entry.line() for entry in entries)).encode()
    read, problems = parse_roster(whole)
    assert not problems
    assert [values(entry) for entry in read] == [values(entry) for entry in entries]


def test_a_roster_of_version_1_is_read() -> None:
    old = b"irkit-sessions/1\ncodex:a\tcodex\ta\trunning\tattached\t5\t/w\t7:8\t9:10\n"
    read, problems = parse_roster(old)
    assert not problems
    assert [values(entry) for entry in read] == [
        values(Entry("codex:a", "codex", "a", since=5.0, cwd="/w", roots=((7, 8),), known=((9, 10),)))
    ]


@pytest.mark.parametrize(
    "own", ["-1\t\t0", "x\t\t0", "1\trelative\t0", "1\t/a/../b\t0", "1\t/a%00\t0", "1\t\t", "1\t\t٥", "9"]
)
def test_a_namespace_or_group_that_cannot_be_read_names_no_session(own: str) -> None:
    start = Entry("codex:a", "codex", "a", roots=((7, 8),)).line().rsplit("\t", 3)[0]
    read, problems = parse_roster(f"{HEAD}\n{start}\t{own}\n".encode())
    assert not read
    assert len(problems) == 1


@given(st.binary(max_size=400))
def test_no_bytes_raise(garbage: bytes) -> None:
    parse_roster(garbage)
    parse_roster(HEAD.encode() + b"\n" + garbage)


@pytest.mark.parametrize("roots", ["0:5", "1:5", "-4:5", "5", "x:5", "5:x", "5:5:5", "٥:5"])
def test_a_line_that_could_name_a_wrong_process_is_skipped_and_the_rest_counts(roots: str) -> None:
    good = Entry("codex:a", "codex", "a", roots=((7, 8),)).line()
    bad = f"codex:b\tcodex\tb\trunning\tattached\t0\t\t{roots}\t\n"
    read, problems = parse_roster(f"{HEAD}\n{bad}{good}".encode(), "sessions.tsv")
    assert [entry.session for entry in read] == ["codex:a"]
    assert problems == ["sessions.tsv:2: not a session, skipped"]


def test_a_torn_or_foreign_roster_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    path = tmp_path / "sessions.tsv"
    line = Entry("codex:a", "codex", "a", roots=((7, 8),)).line()
    path.write_text(f"{HEAD}\n{line}codex:b\tcod")
    read, problems = read_roster(str(path))
    assert [entry.roots for entry in read] == [((7, 8),)]
    assert len(problems) == 2
    path.write_text(line)
    read, problems = read_roster(str(path))
    assert len(read) == len(problems) == 1


def test_an_absent_roster_is_empty_and_a_trap_is_a_problem(tmp_path: Path) -> None:
    assert read_roster(str(tmp_path / "none")) == ([], [])
    os.mkfifo(tmp_path / "fifo")
    assert read_roster(str(tmp_path / "fifo"))[0] == []
    (tmp_path / "link").symlink_to(tmp_path / "fifo")
    assert read_roster(str(tmp_path / "link"))[1]
    assert read_roster(str(tmp_path))[1]


def test_no_more_than_the_bound_is_read(tmp_path: Path) -> None:
    path = tmp_path / "sessions.tsv"
    line = Entry("codex:a", "codex", "a", cwd="x" * 4000).line()
    path.write_text(HEAD + "\n" + line * (limits.ROSTER_MAX_BYTES // len(line) + 50))
    read, problems = read_roster(str(path))
    assert 0 < len(read) * len(line) <= limits.ROSTER_MAX_BYTES
    assert problems


def test_replacing_leaves_one_file_private_to_the_user(tmp_path: Path) -> None:
    path = tmp_path / "sessions.tsv"
    write_roster(str(path), [Entry("codex:a", "codex", "a")])
    write_roster(str(path), [Entry("codex:b", "codex", "b")])
    assert os.listdir(tmp_path) == ["sessions.tsv"]
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.session for entry in read_roster(str(path))[0]] == ["codex:b"]


def test_a_roster_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "sessions.tsv"
    write_roster(str(path), [Entry("codex:a", "codex", "a")])
    path.unlink()
    path.mkdir()
    (path / "in the way").touch()
    with pytest.raises(OSError, match="directory"):
        write_roster(str(path), [])
    assert os.listdir(tmp_path) == ["sessions.tsv"]
