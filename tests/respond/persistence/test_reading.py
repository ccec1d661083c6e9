# SPDX-License-Identifier: Apache-2.0
"""Places are read as foreign: no link followed, nothing opened that hangs, what is not read is said."""

import os
from pathlib import Path

import pytest

from irkit import limits
from irkit.respond.persistence.places import PLACES, User, hook_folders, paths_of
from irkit.respond.persistence.reading import Mounts, read_all

MOUNTS = """\
21 1 8:1 / / rw - ext4 /dev/sda1 rw
30 21 0:40 / /home/ann/mnt\\040x rw - fuse.sshfs evil rw
31 21 0:41 / /home/ann/.config rw - autofs systemd-1 rw
32 21 0:42 / /mnt rw - nfs4 host:/x rw
33 32 0:43 / /mnt/plain rw - tmpfs tmpfs rw
"""


@pytest.fixture
def user(tmp_path: Path) -> User:
    (tmp_path / "home").mkdir()
    (tmp_path / "root").mkdir()
    return User("ann", str(tmp_path / "home"), str(tmp_path / "root"))


def put(path: Path, text: str = "x\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_every_place_says_why_and_is_found(user: User, tmp_path: Path) -> None:
    assert all(place.why and place.id for place in PLACES)
    project = str(tmp_path / "work")
    wanted = {}
    for pattern, place in paths_of(user, (project,)).items():
        assert pattern.startswith((user.home, user.root, project)), pattern
        one = pattern.replace("/*/*", "/x.service.d/a.conf").replace("*", "a-file")
        wanted[str(put(Path(one)))] = place.id
    found, skipped = read_all(user, (project,))
    assert {path: one.place.id for path, one in found.items()} == wanted
    assert skipped == []


def test_links_are_known_by_their_text_and_never_followed(user: User, tmp_path: Path) -> None:
    secret = put(tmp_path / "elsewhere" / "secret", "do not read")
    Path(user.home, ".bashrc").symlink_to(secret)
    Path(user.home, ".config").symlink_to(tmp_path / "elsewhere")
    put(tmp_path / "elsewhere" / "autostart" / "evil.desktop")
    found, skipped = read_all(user)
    assert [(one.link, one.content) for one in found.values()] == [(True, os.fsencode(secret))]
    assert {one.why for one in skipped if ".config" in one.path} == {
        "a link on the way, or no folder: not followed"
    }


def test_a_pipe_and_a_huge_file_are_said_and_not_read(user: User) -> None:
    os.mkfifo(Path(user.home, ".bashrc"))
    with Path(user.home, ".zshrc").open("wb") as file:
        file.truncate(limits.PERSISTENCE_FILE_MAX_BYTES + 1)
    found, skipped = read_all(user)
    assert found == {}
    assert {os.path.basename(one.path): one.why for one in skipped} == {
        ".bashrc": "neither a file nor a link: not opened",
        ".zshrc": "1048577 bytes: too large to be compared",
    }


def test_what_could_hang_is_not_touched() -> None:
    where = Mounts(MOUNTS, "/home/ann")
    assert where.why_not("/home/ann/.bashrc") == ""
    assert "fuse.sshfs" in where.why_not("/home/ann/mnt x/a")
    assert "autofs" in where.why_not("/home/ann/.config/autostart/x")
    assert where.why_not("/home/ann/.configured") == ""
    assert "nfs4" in where.why_not("/mnt/a")
    assert where.why_not("/mnt/plain/a") == ""
    assert Mounts(MOUNTS, "/mnt/ann").why_not("/mnt/ann/.bashrc") == ""
    assert "fuse" in Mounts(MOUNTS, "/home/ann/mnt x").why_not("/home/ann/mnt x/.bashrc")


def test_core_hooks_path_is_read_as_text(user: User) -> None:
    put(Path(user.home, ".gitconfig"), "[core]\n\thooksPath = ~/my hooks\n\tfsmonitor = touch /tmp/ran\n")
    put(Path(user.home, "my hooks", "pre-commit"))
    found, _ = read_all(user)
    assert {os.path.relpath(path, user.home): one.place.id for path, one in found.items()} == {
        ".gitconfig": "git-config",
        "my hooks/pre-commit": "git-hook",
    }
    assert hook_folders("[core]\nhookspath=../x", "/work/shop", "/home/ann") == ["/work/x"]


def test_the_number_of_files_is_bounded_and_said(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PERSISTENCE_FILES_MAX", 3)
    for number in range(5):
        put(Path(user.home, ".local", "bin", f"tool-{number}"))
    put(Path(user.home, ".bashrc"))
    found, skipped = read_all(user)
    assert len(found) == 3
    assert skipped[0].why == "more than 3 files"
