# SPDX-License-Identifier: Apache-2.0
import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irkit.errors import BadInputError
from irkit.evidence.checkpoint import (
    append_checkpoint,
    checkpoints_name,
    read_checkpoints,
    sign_finished_days,
)
from irkit.evidence.keys import ensure_key
from irkit.home import Home
from irkit.stream.dayfile import Prefix
from tests.evidence.logs import DAY_ONE, RECORDS, write_log
from tests.stream.hand_clock import NOON


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(str(tmp_path / "home"))


def test_a_checkpoint_signs_the_first_bytes(home: Home) -> None:
    write_log(home, signed_at=(3, 6, 9))
    content = (Path(home.audit) / DAY_ONE).read_bytes()
    first, second = read_checkpoints(str(Path(home.audit) / checkpoints_name(DAY_ONE)))
    for one, records in ((first, 3), (second, 6)):
        assert one.prefix.sha256 == hashlib.sha256(content[: one.prefix.bytes]).hexdigest()
        assert content[: one.prefix.bytes].count(b"\n") == one.prefix.records == records
    assert second.prev == first.sha256
    assert second.short == f"6 {second.prefix.sha256[:8]}"


def test_the_same_prefix_is_signed_once(home: Home) -> None:
    write_log(home)
    key = ensure_key(home)
    prefix = Prefix(DAY_ONE, 1, 2, "0" * 64, 1)
    first = append_checkpoint(home.audit, prefix, key, NOON)
    again = append_checkpoint(home.audit, prefix, key, NOON + 60)
    assert again == first
    assert len(list(read_checkpoints(str(Path(home.audit) / checkpoints_name(DAY_ONE))))) == 1


def test_what_a_killed_signer_left_half_is_cut_off(home: Home) -> None:
    write_log(home, signed_at=(3,))
    path = Path(home.audit) / checkpoints_name(DAY_ONE)
    whole = path.read_bytes()
    path.write_bytes(whole + whole[: len(whole) // 2])
    append_checkpoint(home.audit, Prefix(DAY_ONE, 9, 9, "0" * 64, 9), ensure_key(home), NOON)
    assert path.read_bytes().startswith(whole)
    assert len(list(read_checkpoints(str(path)))) == 2


def test_a_guard_that_starts_signs_the_days_that_ended_without_it(home: Home) -> None:
    key = write_log(home, signed_at=(3,))
    made = sign_finished_days(home.audit, key, NOON + 86400)
    assert [one.prefix.log for one in made] == [DAY_ONE]
    assert made[0].prefix.seq == RECORDS // 2
    assert made[0].prefix.sha256 == hashlib.sha256((Path(home.audit) / DAY_ONE).read_bytes()).hexdigest()
    assert sign_finished_days(home.audit, key, NOON + 86400) == ()


def test_a_damaged_day_stops_nothing_and_is_told(home: Home) -> None:
    key = write_log(home, signed_at=(3, 9))
    path = Path(home.audit) / checkpoints_name(DAY_ONE)
    path.write_bytes(path.read_bytes().replace(b"bytes", b"bites"))
    (Path(home.audit) / "2026-11-22.jsonl").symlink_to("../keys/irkit")
    told: list[str] = []
    made = sign_finished_days(home.audit, key, NOON + 2 * 86400, told.append)
    assert [one.prefix.log for one in made] == ["2026-11-24.jsonl"]
    assert [line.split("/")[-1].split(":")[0] for line in told] == ["2026-11-22.jsonl", path.name]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"irkit-audit/1", b"irkit-audit/9"),
        (b"\nrecords ", b"\nrecord "),
        (b"\nbytes ", b"\nbytes x"),
        (b"\nbytes ", b"\nbytes " + b"9" * 5000),
        (b"-----END SSH", b"-----END"),
        (b"-----BEGIN SSH", b"-----BEGIN"),
    ],
)
def test_another_form_is_refused_with_its_line(home: Home, old: bytes, new: bytes) -> None:
    write_log(home, signed_at=(3,))
    path = Path(home.audit) / checkpoints_name(DAY_ONE)
    path.write_bytes(path.read_bytes().replace(old, new, 1))
    with pytest.raises(BadInputError, match=f"{path.name}:1: "):
        list(read_checkpoints(str(path)))


@given(content=st.binary(max_size=400))
def test_any_bytes_raise_one_kind_of_error(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("any") / "x.checkpoints"
    path.write_bytes(content)
    try:
        assert list(read_checkpoints(str(path))) == []
    except BadInputError:
        return
    assert b"\n" not in content
