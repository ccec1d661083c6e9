# SPDX-License-Identifier: Apache-2.0
"""The passphrase's file: what it holds, and who may touch it."""

import os
from pathlib import Path

import pytest

from irkit import limits
from irkit.errors import BadInputError, NotPermittedError
from irkit.guard.passphrase import check_passphrase, matches, read_record, set_passphrase

SECRET = "vier einfache Wörter"


def test_only_the_same_text_matches_and_the_text_is_not_kept(tmp_path: Path) -> None:
    path = tmp_path / "operator"
    set_passphrase(str(path), SECRET)
    assert check_passphrase(str(path), SECRET)
    assert not check_passphrase(str(path), SECRET + " ")
    assert path.stat().st_mode & 0o777 == 0o600
    assert SECRET.encode() not in path.read_bytes()
    assert os.listdir(tmp_path) == ["operator"]


def test_the_same_text_twice_gives_two_records(tmp_path: Path) -> None:
    path = str(tmp_path / "operator")
    set_passphrase(path, SECRET)
    first = read_record(path)
    set_passphrase(path, SECRET)
    assert read_record(path) != first


@pytest.mark.parametrize("size", [0, limits.PASSPHRASE_MIN_CHARS - 1, limits.PASSPHRASE_MAX_CHARS + 1])
def test_too_short_and_too_long_are_refused_and_write_nothing(tmp_path: Path, size: int) -> None:
    with pytest.raises(
        BadInputError, match=f"{limits.PASSPHRASE_MIN_CHARS} to {limits.PASSPHRASE_MAX_CHARS}"
    ):
        set_passphrase(str(tmp_path / "operator"), "x" * size)
    assert os.listdir(tmp_path) == []


def test_without_a_file_nothing_matches(tmp_path: Path) -> None:
    assert read_record(str(tmp_path / "operator")) is None
    assert not check_passphrase(str(tmp_path / "operator"), "")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o622])
def test_a_file_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "operator"
    set_passphrase(str(path), SECRET)
    path.chmod(mode)
    with pytest.raises(NotPermittedError, match="is open to others"):
        check_passphrase(str(path), SECRET)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    set_passphrase(str(tmp_path / "real"), SECRET)
    (tmp_path / "operator").symlink_to(tmp_path / "real")
    with pytest.raises(NotPermittedError, match="cannot be read"):
        check_passphrase(str(tmp_path / "operator"), SECRET)


@pytest.mark.parametrize(
    "record",
    [
        "",
        "scrypt",
        "plain 1 2 3 a b",
        "scrypt x 8 3 AA== AA==",
        "scrypt 32768 8 3 ! !",
        "scrypt 4194304 8 3 AA== AA==",
    ],
)
def test_a_broken_record_matches_nothing(record: str) -> None:
    assert not matches(record, SECRET)
