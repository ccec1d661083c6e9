# SPDX-License-Identifier: Apache-2.0
"""Objects: whole or not there, whoever writes, dies or lies."""

import hashlib
import os
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irkit.errors import BadInputError
from irkit.evidence.store import Kept, NotKept, ObjectStore

_CHILD = """
import sys
from irkit.evidence.store import ObjectStore
store = ObjectStore(sys.argv[1])
print("ready", flush=True)
number = 0
while True:
    store.put(bytes([number % 256]) * 200_000)
    number += 1
"""


@given(st.lists(st.binary(max_size=300), max_size=8))
def test_what_is_put_comes_back_under_its_hash(contents: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = ObjectStore(folder)
        for content in (*contents, *contents):
            kept = store.put(content)
            assert kept == Kept(hashlib.sha256(content).hexdigest(), len(content))
            assert store.get(kept.sha256) == content
        names = [name for _, _, files in os.walk(folder) for name in files]
        assert len(names) == len(set(contents))


def test_objects_are_private_and_nothing_else_is_left(tmp_path: Path) -> None:
    kept = ObjectStore(str(tmp_path)).put(b"x")
    assert isinstance(kept, Kept)
    path = ObjectStore(str(tmp_path)).path_of(kept.sha256)
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert os.stat(os.path.dirname(path)).st_mode & 0o777 == 0o700
    assert os.listdir(tmp_path / "incoming") == []


@pytest.mark.parametrize("name", ["../../x", "", "a" * 63, "A" * 64, "a" * 64 + "\n", "/etc/passwd"])
def test_a_hostile_name_is_no_path(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInputError, match="is no SHA-256"):
        ObjectStore(str(tmp_path)).get(name)


def test_a_damaged_object_is_an_error_and_is_mended_by_the_next_put(tmp_path: Path) -> None:
    store = ObjectStore(str(tmp_path))
    kept = store.put(b"as it was")
    assert isinstance(kept, Kept)
    Path(store.path_of(kept.sha256)).write_bytes(b"as it is not")
    assert not store.holds(kept.sha256)
    with pytest.raises(BadInputError, match="damaged"):
        store.get(kept.sha256)
    assert store.put(b"as it was") == kept
    assert store.get(kept.sha256) == b"as it was"


def test_a_file_is_kept_or_the_reason_given(tmp_path: Path) -> None:
    store = ObjectStore(str(tmp_path / "store"))
    path = tmp_path / "file"
    path.write_bytes(b"ab" * 100_000)
    with path.open("rb") as file:
        kept = store.put_file(file.fileno())
        assert kept == Kept(hashlib.sha256(b"ab" * 100_000).hexdigest(), 200_000)
        assert store.put_file(file.fileno(), most=199_999) == NotKept("200000 bytes, more than 199999")
    folder = os.open(tmp_path, os.O_RDONLY)
    assert store.put_file(folder) == NotKept("not a regular file")
    os.close(folder)


def test_a_file_that_changed_under_the_reader_is_told(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 300_000)

    class Touching(ObjectStore):
        """Somebody writes into the file between the last piece and the second look."""

        def _put(self, pieces: Iterable[bytes], most: int) -> Kept | NotKept:
            done = super()._put(pieces, most)
            with path.open("r+b") as other:
                other.write(b"y")
            os.utime(path, ns=(1, 1))
            return done

    with path.open("rb") as file:
        kept = Touching(str(tmp_path / "store")).put_file(file.fileno())
    assert isinstance(kept, Kept)
    assert kept.changed


def test_a_disk_that_takes_no_more_is_an_outcome(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    was = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        done = ObjectStore(str(tmp_path)).put(b"z" * 200_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, was)
    assert done == NotKept("File too large")
    assert [name for _, _, files in os.walk(tmp_path) for name in files] == []


def test_a_writer_killed_at_any_moment_leaves_no_half_object(tmp_path: Path) -> None:
    store = ObjectStore(str(tmp_path))
    for _ in range(8):
        writers = [
            subprocess.Popen([sys.executable, "-c", _CHILD, str(tmp_path)], stdout=subprocess.PIPE)
            for _ in range(2)
        ]
        for writer in writers:
            assert writer.stdout
            writer.stdout.readline()
        while not list((tmp_path / "objects").glob("*/*")):
            pass
        for writer in writers:
            writer.kill()
            writer.wait()
            writer.stdout.close()  # type: ignore[union-attr]  # it is a pipe
        found = [path.parent.name + path.name for path in (tmp_path / "objects").glob("*/*")]
        assert found
        assert all(store.holds(name) for name in found)
