# SPDX-License-Identifier: Apache-2.0
"""The policy's files as bytes: one digest for all, nothing skipped in silence, nothing waited for."""

import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from irkit import limits
from irkit.guard.policy_files import digest_of, read_policy
from irkit.home import Home

FILES = st.dictionaries(st.text(max_size=8), st.binary(max_size=8), max_size=4)


def home_of(folder: Path) -> Home:
    home = Home(str(folder))
    home.make()
    return home


def test_reads_what_is_policy_and_nothing_else(tmp_path: Path) -> None:
    home = home_of(tmp_path)
    for name in ("irkit.toml", "rules/a.yml", "rules/b.yaml", "playbooks/p.yml"):
        Path(home.at(name)).write_text(name)
    for name in ("rules/notes.md", "rules/.a.yml.swp", "rules/.b.yml", "drills/d.yml", "keys/operator"):
        Path(home.at(name)).write_text("x")
    assert read_policy(home).files == {
        name: name.encode() for name in ("irkit.toml", "playbooks/p.yml", "rules/a.yml", "rules/b.yaml")
    }


def test_an_empty_home_has_an_empty_policy(tmp_path: Path) -> None:
    found = read_policy(Home(str(tmp_path / "nowhere")))
    assert (found.files, found.unreadable) == ({}, {})


@given(FILES, FILES)
def test_no_two_policies_share_a_digest(one: dict[str, bytes], other: dict[str, bytes]) -> None:
    assert (digest_of(one) == digest_of(other)) == (one == other)


def test_what_is_no_plain_file_is_named_and_not_waited_for(tmp_path: Path) -> None:
    home = home_of(tmp_path)
    os.mkfifo(home.at("irkit.toml"))
    os.mkdir(home.at("rules", "folder.yml"))
    os.symlink("/nowhere/at/all", home.at("rules", "gone.yml"))
    with open(home.at("rules", "big.yml"), "wb") as big:
        big.truncate(limits.POLICY_FILE_MAX_BYTES + 1)
    with open(os.fsencode(home.at("rules")) + b"/\xff.yml", "wb"), open(home.at("rules", "a\nb.yml"), "wb"):
        pass
    found = read_policy(home)
    assert not found.files
    assert set(found.unreadable) == {
        "irkit.toml",
        "rules/folder.yml",
        "rules/gone.yml",
        "rules/big.yml",
        r"rules/'\udcff.yml'",
        r"rules/'a\nb.yml'",
    }
    assert found.unreadable["irkit.toml"] == "not a plain file"
    assert "bytes" in found.unreadable["rules/big.yml"]


def test_a_file_of_exactly_the_limit_is_read(tmp_path: Path) -> None:
    home = home_of(tmp_path)
    Path(home.config).write_bytes(b"#" * limits.POLICY_FILE_MAX_BYTES)
    assert len(read_policy(home).files["irkit.toml"]) == limits.POLICY_FILE_MAX_BYTES


def test_a_symlink_to_a_plain_file_is_that_file(tmp_path: Path) -> None:
    home = home_of(tmp_path / "home")
    (tmp_path / "dotfiles").write_text("x")
    os.symlink(tmp_path / "dotfiles", home.config)
    assert read_policy(home).files == {"irkit.toml": b"x"}


def test_too_many_files_are_named(tmp_path: Path) -> None:
    home = home_of(tmp_path)
    for number in range(limits.POLICY_FILES_MAX):
        os.mknod(home.at("rules", f"{number:04}.yml"))
    found = read_policy(home)
    assert len(found.files) + 2 == limits.POLICY_FILES_MAX  # two names are always looked for
    assert list(found.unreadable.values()) == [f"more than {limits.POLICY_FILES_MAX} policy files"]


def test_all_files_together_are_bounded(tmp_path: Path) -> None:
    home = home_of(tmp_path)
    fit = limits.POLICY_MAX_BYTES // limits.POLICY_FILE_MAX_BYTES
    for number in range(fit + 2):
        with open(home.at("rules", f"{number:02}.yml"), "wb") as file:
            file.truncate(limits.POLICY_FILE_MAX_BYTES)
    found = read_policy(home)
    assert len(found.files) == fit
    assert set(found.unreadable.values()) == {"over 0 bytes, with the other policy files"}


def test_a_folder_of_too_many_names_is_one_problem(tmp_path: Path) -> None:
    home = home_of(tmp_path)
    for number in range(4 * limits.POLICY_FILES_MAX + 1):
        os.mknod(home.at("rules", f"{number}.txt"))
    assert read_policy(home).unreadable == {"rules/": f"more than {4 * limits.POLICY_FILES_MAX} entries"}
