# SPDX-License-Identifier: Apache-2.0
import os
import shutil
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irkit import limits
from irkit.stream import spool
from irkit.stream.spool import SpoolItem, SpoolReject, read_spool, remove

T0 = 1_763_985_000_000_000_000
NONCE = "00ff00ff00ff00ff"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "gate" / "spool"
    place.mkdir(parents=True, mode=0o700)
    return place


def _call(
    folder: Path, number: int = 0, body: bytes = b"{}", *, nonce: str = NONCE, head: bytes | None = None
) -> Path:
    file = folder / f"{T0 + number:020d}-77-{nonce}"
    head = (
        head
        if head is not None
        else b"irkit-spool/1 codex PreToolUse %s 77 %d\n" % (nonce.encode(), len(body))
    )
    file.write_bytes(head + body)
    return file


def _all(folder: Path) -> list[SpoolItem | SpoolReject]:
    return list(read_spool(str(folder)))


def _reasons(folder: Path) -> list[str]:
    found = _all(folder)
    assert all(isinstance(one, SpoolReject) for one in found), found
    return [one.reason for one in found if isinstance(one, SpoolReject)]


def test_a_call_is_read_as_it_was_written(folder: Path) -> None:
    file = _call(folder, 5, b'{"a": "\n"}')
    (found,) = _all(folder)
    status = file.stat()
    assert found == SpoolItem(
        file.name,
        (T0 + 5) / 1e9,
        "codex",
        "PreToolUse",
        NONCE,
        77,
        b'{"a": "\n"}',
        (status.st_dev, status.st_ino),
    )


def test_what_the_real_hook_spools_is_read(folder: Path) -> None:
    source = Path(spool.__file__).parent
    for name in ("hook.py", "hook_slow.py"):
        shutil.copy(source / name, folder.parent / name)
    payload = b'{"session_id":"s-1","tool_name":"Bash","permission_mode":"default"}'
    subprocess.run(
        [sys.executable, "-I", "-S", str(folder.parent / "hook.py"), "claude-code", "PreToolUse"],
        input=payload, capture_output=True, timeout=20, check=False,
    )  # fmt: skip
    (found,) = _all(folder)
    assert isinstance(found, SpoolItem), found
    assert (found.agent, found.event, found.data) == ("claude-code", "PreToolUse", payload)


def test_calls_come_in_order_of_time(folder: Path) -> None:
    for number in (3, 1, 2, 10**12):
        _call(folder, number)
    assert [one.name[:20] for one in _all(folder)] == [str(T0 + n).zfill(20) for n in (1, 2, 3, 10**12)]


def test_what_is_still_written_waits_and_is_told_when_its_hook_died(folder: Path) -> None:
    file = _call(folder)
    file.rename(folder / f".t-{file.name}")
    assert _all(folder) == []
    written = (folder / f".t-{file.name}").stat().st_mtime
    assert list(read_spool(str(folder), written + 1)) == []
    (left,) = read_spool(str(folder), written + limits.SPOOL_STALE_S + 1)
    assert isinstance(left, SpoolReject)
    assert "died" in left.reason


def test_a_link_is_not_followed(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "secret"
    _call(folder).rename(target)
    (folder / f"{T0:020d}-77-{NONCE}").symlink_to(target)
    assert _reasons(folder) == ["not a regular file"]


def test_a_fifo_blocks_nobody(folder: Path) -> None:
    os.mkfifo(folder / f"{T0:020d}-77-{NONCE}")
    assert _reasons(folder) == ["not a regular file"]


def test_a_folder_and_a_socket_are_refused(folder: Path) -> None:
    (folder / f"{T0:020d}-77-{NONCE}").mkdir()
    assert _reasons(folder) == ["not a regular file"]


def test_a_file_with_two_links_is_refused(folder: Path, tmp_path: Path) -> None:
    os.link(_call(folder), tmp_path / "elsewhere")
    assert _reasons(folder) == ["has 2 links"]


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file away")
def test_another_users_file_is_refused(folder: Path) -> None:
    os.chown(_call(folder), 65534, -1)
    assert _reasons(folder) == ["belongs to uid 65534"]


def test_a_file_that_is_too_large_is_not_read(folder: Path) -> None:
    os.truncate(_call(folder), 1 << 40)
    assert _reasons(folder) == [f"is {1 << 40} bytes large"]


def test_a_folder_that_is_a_link_is_not_listed(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(folder)
    assert "cannot be listed" in _reasons(tmp_path / "link")[0]
    assert "cannot be listed" in _reasons(tmp_path / "nowhere")[0]


@pytest.mark.parametrize(
    "name", ["x", "7-77-ff", f"{T0:020d}-77-FF", f"{T0:020d}--ff", f"{T0:020d}-77-ff.json", "٣" * 20]
)
def test_a_name_that_no_hook_gives_is_refused(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"irkit-spool/1 codex PreToolUse ff 77 0\n")
    assert _reasons(folder) == ["not a name that a hook gives"]


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        (b"", "not a spooled call"),
        (b"irkit-spool/2 codex PreToolUse 00ff00ff00ff00ff 77 2\n", "not a spooled call"),
        (b"irkit-spool/1 codex  00ff00ff00ff00ff 77 2\n", "not a spooled call"),
        (b"irkit-spool/1 codex PreToolUse 00ff00ff00ff00ff 77 -2\n", "not a spooled call"),
        (b"x" * 600 + b"\n", "not a spooled call"),
        (b"irkit-spool/1 codex PreToolUse 00ff00ff00ff00ff 77 9\n", "holds 2 of 9 bytes"),
        (b"irkit-spool/1 codex PreToolUse 00ff00ff00ff00ff 77 1\n", "holds 2 of 1 bytes"),
        (b"irkit-spool/1 codex PreToolUse 00ff00ff00ff00ff 78 2\n", "its name and its first line disagree"),
        (b"irkit-spool/1 codex PreToolUse 11 77 2\n", "its name and its first line disagree"),
    ],
)
def test_a_first_line_of_another_form_is_refused(folder: Path, head: bytes, reason: str) -> None:
    _call(folder, head=head)
    assert _reasons(folder) == [reason]


@given(content=st.binary(max_size=200))
def test_any_content_is_a_value(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = tmp_path_factory.mktemp("any")
    (folder / f"{T0:020d}-77-{NONCE}").write_bytes(content)
    assert len(_all(folder)) == 1


def test_a_file_that_vanishes_is_a_gap(folder: Path) -> None:
    _call(folder, 1)
    gone = _call(folder, 2)
    reading = read_spool(str(folder))
    next(reading)
    gone.unlink()
    assert list(reading) == [SpoolReject(gone.name, "vanished between listing and reading")]


def test_only_the_file_that_was_read_is_removed(folder: Path) -> None:
    file = _call(folder)
    (found,) = _all(folder)
    kept = folder / "kept"
    file.rename(kept)
    _call(folder, body=b"another")
    assert not remove(str(folder), found)
    assert file.exists()
    kept.rename(file)
    assert remove(str(folder), found)
    assert not file.exists()
    assert not remove(str(folder), found)


def test_a_refused_file_can_be_removed_and_what_it_links_to_stays(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "secret"
    target.write_text("x")
    link = folder / "link"
    link.symlink_to(target)
    (found,) = _all(folder)
    assert remove(str(folder), found)
    assert not link.is_symlink()
    assert target.read_text() == "x"
    assert not remove(str(folder), SpoolReject("../../x", ""))


def test_many_files_are_read_one_at_a_time(folder: Path) -> None:
    for number in range(3000):
        _call(folder, number, b"x" * 20_000)
    tracemalloc.start()
    ts = [one.ts for one in read_spool(str(folder)) if isinstance(one, SpoolItem)]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert ts == sorted(ts)
    assert len(ts) == 3000
    assert peak < 4 << 20


def test_more_files_than_are_read_at_once_are_counted_and_the_oldest_come_first(
    folder: Path,
) -> None:
    for number in range(8):
        _call(folder, number)
    found = list(read_spool(str(folder), most_files=5))
    assert [one.name[:20] for one in found[:5]] == [str(T0 + n).zfill(20) for n in range(5)]
    assert found[5:] == [SpoolReject("", "3 more files than are read at once")]


def test_more_bytes_than_are_read_at_once_wait(folder: Path) -> None:
    for number in range(4):
        _call(folder, number, b"x" * 60)
    found = list(read_spool(str(folder), most_bytes=100))
    assert [isinstance(one, SpoolItem) for one in found] == [True, True, False]
    assert found[-1] == SpoolReject("", "2 files wait: 120 bytes were read at once")


def test_a_shared_spool_takes_other_users_calls_and_a_private_one_does_not(folder: Path) -> None:
    if os.getuid():
        pytest.skip("needs root, to own a file as another user")
    os.chown(_call(folder), 64_105, 64_105)
    (found,) = read_spool(str(folder))
    assert isinstance(found, SpoolReject)
    assert found.reason == "belongs to uid 64105"
    folder.chmod(0o1733)
    (found,) = read_spool(str(folder))
    assert isinstance(found, SpoolItem)
