# SPDX-License-Identifier: Apache-2.0
"""The latch file, as hooks read it."""

import os
from multiprocessing import get_context
from pathlib import Path

import pytest

from irkit.home import Home
from irkit.respond import latch


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(str(tmp_path / "home"))
    made.make()
    return made


@pytest.mark.parametrize(
    ("text", "covered"),
    [
        ("*\n", True),
        ("", True),
        (None, True),
        ("\x00\x80garbage", True),
        ("claude-code s-1\n", True),
        ("claude-code s-2\n", False),
        ("codex s-1\n", False),
        ("claude-code s-2\nclaude-code s-1", True),
        ("claude-code s-2\n*\n", True),
        ("claude-code s-1x\n", False),
        ("garbage\nclaude-code s-2\n", False),
    ],
)
def test_in_doubt_it_covers(text: str | None, covered: bool) -> None:
    assert latch.covers(text, "claude-code", "s-1") is covered


def test_a_call_that_cannot_be_attributed_is_covered_by_any_latch() -> None:
    assert latch.covers("claude-code s-2\n", "claude-code", "")


def test_latching_all_is_a_rename_of_what_is_ready(home: Home) -> None:
    inode = os.stat(home.latch_ready).st_ino
    assert not latch.latched(home, "codex", "x")
    latch.latch_all(home)
    assert os.stat(home.latch).st_ino == inode
    assert latch.latched(home, "codex", "x")
    latch.latch_all(home)
    assert latch.latched(home, "codex", "x")


def test_a_session_is_latched_and_freed_alone(home: Home) -> None:
    assert latch.latch_session(home, "codex", "a")
    assert latch.latch_session(home, "codex", "b")
    assert latch.latched(home, "codex", "a")
    assert not latch.latched(home, "codex", "c")
    assert latch.unlatch(home, "codex", "a")
    assert not latch.latched(home, "codex", "a")
    assert latch.latched(home, "codex", "b")
    assert latch.unlatch(home, "codex", "b")
    assert not os.path.exists(home.latch), "an empty file would latch everything"
    assert not latch.unlatch(home, "codex", "b")


def test_freeing_one_session_does_not_lift_a_latch_for_all(home: Home) -> None:
    latch.latch_all(home)
    assert not latch.unlatch(home, "codex", "a")
    assert latch.latched(home, "codex", "a")
    assert latch.unlatch(home)
    assert not latch.latched(home, "codex", "a")
    assert Path(home.latch_ready).read_text() == "*\n", "ready for the next one"


def test_the_drop_file_latches_all_and_is_taken_back(home: Home) -> None:
    Path(home.drop_file).touch()
    assert latch.latched(home, "codex", "a")
    assert latch.unlatch(home)
    assert not latch.latched(home, "codex", "a")


@pytest.mark.parametrize("session", ["a\nb", "a\rb", "", "\x1b[2J"])
def test_an_id_that_cannot_be_a_line_latches_all(home: Home, session: str) -> None:
    assert not latch.latch_session(home, "codex", session)
    assert Path(home.latch).read_text() == "*\n"


def test_a_torn_line_is_closed_before_the_next(home: Home) -> None:
    Path(home.latch).write_text("codex a\ncodex b")
    latch.latch_session(home, "codex", "c")
    assert Path(home.latch).read_text() == "codex a\ncodex b\ncodex c\n"


def test_a_link_in_its_place_is_not_followed(home: Home, tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("kept")
    os.symlink(tmp_path / "precious", home.latch)
    assert latch.latched(home, "codex", "a"), "unreadable covers"
    latch.latch_session(home, "codex", "a")
    assert (tmp_path / "precious").read_text() == "kept"
    assert Path(home.latch).read_text() == "*\n", "the rename put a real latch there"


def test_a_home_that_was_never_made_ready_is_latched_too(home: Home) -> None:
    os.unlink(home.latch_ready)
    latch.latch_all(home)
    assert latch.latched(home, "codex", "a")


def _latch_many(path: str, name: str) -> None:
    for number in range(200):
        latch.latch_session(Home(path), "codex", f"{name}-{number}")


def test_two_writers_never_tear_each_others_lines(home: Home) -> None:
    spawn = get_context("spawn")
    writers = [spawn.Process(target=_latch_many, args=(home.path, name)) for name in ("a", "b")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    lines = Path(home.latch).read_text().splitlines()
    assert sorted(lines) == sorted(f"codex {name}-{number}" for name in ("a", "b") for number in range(200))


def test_in_a_shared_gate_every_users_hooks_can_read_it(tmp_path: Path) -> None:
    shared = Home(str(tmp_path / "shared"))
    shared.make(shared=True)
    latch.latch_session(shared, "codex", "a")
    latch.latch_session(shared, "codex", "b")
    latch.unlatch(shared, "codex", "a")
    assert os.stat(shared.latch).st_mode & 0o777 == 0o644
    latch.latch_all(shared)
    assert os.stat(shared.latch).st_mode & 0o777 == 0o644
