# SPDX-License-Identifier: Apache-2.0
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from irkit.errors import BadInputError
from irkit.evidence.keys import PRIVATE, PUBLIC, SIGNERS, ensure_key, read_signers
from irkit.home import Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(str(tmp_path / "home"))


def _files(home: Home) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in Path(home.keys).iterdir()}


def test_the_key_is_made_once(home: Home) -> None:
    first = ensure_key(home)
    before = _files(home)
    assert ensure_key(home).public == first.public
    assert _files(home) == before
    assert set(before) == {PRIVATE, PUBLIC, SIGNERS}


def test_the_private_key_is_private_from_its_first_moment(home: Home) -> None:
    ensure_key(home)
    assert (Path(home.keys) / PRIVATE).stat().st_mode & 0o777 == 0o600
    assert Path(home.keys).stat().st_mode & 0o777 == 0o700


def test_several_at_once_agree_on_one_key(home: Home) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(lambda _: ensure_key(home).public, range(8)))
    assert len(set(keys)) == 1
    assert not [name for name in _files(home) if name not in {PRIVATE, PUBLIC, SIGNERS}]


def test_an_older_key_stays_vouched_for(home: Home) -> None:
    first = ensure_key(home)
    (Path(home.keys) / PRIVATE).unlink()
    second = ensure_key(home)
    assert read_signers(str(Path(home.keys) / SIGNERS)) == {first.public, second.public}


@pytest.mark.parametrize("content", [b"", b"not a key", b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n"])
def test_what_is_no_key_is_one_clear_line_and_is_not_overwritten(home: Home, content: bytes) -> None:
    Path(home.keys).mkdir(parents=True)
    (Path(home.keys) / PRIVATE).write_bytes(content)
    with pytest.raises(BadInputError) as raised:
        ensure_key(home)
    assert "move it away" in raised.value.diagnostics()
    assert (Path(home.keys) / PRIVATE).read_bytes() == content


@pytest.mark.parametrize("line", ["irkit@x", "irkit@x ssh-ed25519", "irkit@x ssh-ed25519 ?"])
def test_a_line_that_names_no_key_is_named(tmp_path: Path, line: str) -> None:
    file = tmp_path / "signers"
    file.write_text(f"# ours\n\n{line}\n")
    with pytest.raises(BadInputError, match=":3: "):
        read_signers(str(file))
