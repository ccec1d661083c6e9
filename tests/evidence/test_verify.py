# SPDX-License-Identifier: Apache-2.0
"""Every way to damage a log is found; where a single line was touched, that line is named."""

import hashlib
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from irkit.errors import BadInputError
from irkit.evidence.breaks import Kind
from irkit.evidence.checkpoint import append_checkpoint, checkpoints_name
from irkit.evidence.keys import ensure_key, read_signers
from irkit.evidence.verify import LogVerdict, verify_log
from irkit.home import Home
from irkit.stream.dayfile import Prefix
from irkit.stream.record import NO_HASH, decode, encode
from tests.evidence.logs import DAY_ONE, DAY_TWO, RECORDS, contents, write_log
from tests.stream.hand_clock import NOON

PER_DAY = RECORDS // 2
DAYS = (DAY_ONE, DAY_TWO)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """An unsigned log, its files by name."""
    return contents(str(tmp_path_factory.mktemp("whole")))


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A log that is signed in the middle and at the end of each day."""
    return contents(str(tmp_path_factory.mktemp("signed")), (3, 6, 9, 12))


@pytest.fixture(scope="module")
def torn(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A log with a torn line that is named, signed before it."""
    return contents(str(tmp_path_factory.mktemp("torn")), (3, 6, 12), torn=True)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("place")


def _verify(place: Path, files: dict[str, bytes]) -> LogVerdict:
    """Lay the files out and verify them as an examiner with the key's public half would."""
    for old in place.iterdir():
        old.unlink()
    for name, content in files.items():
        (place / name).write_bytes(content)
    return verify_log(str(place), read_signers(str(place / "allowed_signers")))


def _lines(files: dict[str, bytes]) -> list[tuple[str, int, bytes]]:
    return [
        (name, number, line)
        for name in DAYS
        for number, line in enumerate(files[name].splitlines(keepends=True), 1)
    ]


def _with(files: dict[str, bytes], lines: list[tuple[str, bytes]]) -> dict[str, bytes]:
    return {**files, **{day: b"".join(line for name, line in lines if name == day) for day in DAYS}}


def test_a_log_that_nobody_touched_verifies(place: Path, signed: dict[str, bytes]) -> None:
    found = _verify(place, signed)
    assert found.ok, found.broken
    assert (found.files, found.lines, found.first_seq, found.last_seq) == (2, RECORDS, 1, RECORDS)
    assert (found.checkpoints, found.signed_seq, found.vouched, found.notes) == (4, RECORDS, True, ())
    assert found.head == hashlib.sha256(_lines(signed)[-1][2]).hexdigest()


def test_what_is_not_signed_is_said(place: Path, whole: dict[str, bytes]) -> None:
    found = _verify(place, whole)
    assert found.ok
    assert found.notes == (f"{RECORDS} records after the last checkpoint are held by the chain only",)


def test_a_torn_line_that_is_named_is_allowed(place: Path, torn: dict[str, bytes]) -> None:
    found = _verify(place, torn)
    assert found.ok, found.broken
    assert (found.lines, found.last_seq) == (RECORDS + 2, RECORDS + 1)
    assert any("torn" in note for note in found.notes)


@given(number=st.integers(0, RECORDS - 1), at=st.integers(0, 10_000), other=st.integers(0, 255))
@settings(deadline=None, max_examples=50)
def test_any_edited_byte_is_found_in_its_line(
    place: Path, signed: dict[str, bytes], number: int, at: int, other: int
) -> None:
    lines = _lines(signed)
    name, line_number, line = lines[number]
    at %= len(line)
    if line[at] == other:
        return
    edited = line[:at] + bytes([other]) + line[at + 1 :]
    changed = [(day, edited if n == number else content) for n, (day, _, content) in enumerate(lines)]
    found = _verify(place, _with(signed, changed)).broken
    assert found is not None
    assert found.file == name
    assert found.line <= line_number <= found.last_line
    if number % 3 != 2:  # the last line before a checkpoint shares its lines with those before it
        assert found.last_line == found.line
    allowed = {Kind.EDITED, Kind.SEQ, Kind.REWRITTEN, Kind.NOT_A_RECORD, Kind.TRUNCATED}
    assert found.kind in allowed, found


@given(number=st.integers(0, RECORDS - 2), at=st.integers(0, 10_000), other=st.integers(0, 255))
@settings(deadline=None, max_examples=50)
def test_without_any_signature_every_edit_but_in_the_last_line_is_found_in_its_line(
    place: Path, whole: dict[str, bytes], number: int, at: int, other: int
) -> None:
    lines = _lines(whole)
    name, line_number, line = lines[number]
    at %= len(line)
    if line[at] == other:
        return
    edited = line[:at] + bytes([other]) + line[at + 1 :]
    changed = [(day, edited if n == number else content) for n, (day, _, content) in enumerate(lines)]
    found = _verify(place, _with(whole, changed)).broken
    assert found is not None
    assert (found.file, found.line) == (name, line_number), found


@given(first=st.integers(0, RECORDS - 2), count=st.integers(1, RECORDS))
@settings(deadline=None, max_examples=50)
def test_removed_lines_are_found_where_they_were(
    place: Path, whole: dict[str, bytes], first: int, count: int
) -> None:
    lines = _lines(whole)
    count = min(count, RECORDS - 1 - first)
    kept = lines[:first] + lines[first + count :]
    after = lines[first + count]
    found = _verify(place, _with(whole, [(name, line) for name, _, line in kept])).broken
    assert found is not None
    assert found.kind is Kind.REMOVED
    assert (found.file, found.seq) == (after[0], first + 1)
    assert found.why.startswith(f"{count} record")


@given(first=st.integers(0, RECORDS - 1), second=st.integers(0, RECORDS - 1))
@settings(deadline=None, max_examples=50)
def test_swapped_lines_are_found_at_the_first(
    place: Path, whole: dict[str, bytes], first: int, second: int
) -> None:
    first, second = sorted((first, second))
    if first == second:
        return
    lines = _lines(whole)
    swapped = [line for _, _, line in lines]
    swapped[first], swapped[second] = swapped[second], swapped[first]
    found = _verify(
        place, _with(whole, [(name, line) for (name, _, _), line in zip(lines, swapped, strict=True)])
    ).broken
    assert found is not None
    assert found.kind is Kind.REORDERED, found
    assert (found.file, found.line) == lines[first][:2]


@given(
    at=st.integers(0, RECORDS - 1),
    what=st.sampled_from(["a copy", "garbage", "a forged record", "a forged chain"]),
    which=st.integers(0, RECORDS - 1),
)
@settings(deadline=None, max_examples=50)
def test_an_inserted_line_is_found(
    place: Path, whole: dict[str, bytes], at: int, what: str, which: int
) -> None:
    lines = _lines(whole)
    previous = hashlib.sha256(lines[at - 1][2]).hexdigest() if at else NO_HASH
    forged = msgspec.structs.replace(decode(lines[at][2]), args={"text": "all is well"})
    extra = {
        "a copy": lines[which][2],
        "garbage": b"nothing\n",
        "a forged record": encode(msgspec.structs.replace(forged, prev="1" * 64)),
        "a forged chain": encode(msgspec.structs.replace(forged, prev=previous)),
    }[what]
    changed = [(name, line) for name, _, line in lines]
    changed.insert(at, (lines[at][0], extra))
    found = _verify(place, _with(whole, changed)).broken
    assert found is not None
    assert found.kind is Kind.INSERTED, found
    name, number, _ = lines[at]
    # an inserted copy of the line that belongs here is the second of the two
    assert (found.file, found.line - (what == "a copy" and which == at)) == (name, number)


@given(cut=st.integers(1, 2000))
@settings(deadline=None, max_examples=50)
def test_a_log_that_was_cut_behind_its_last_signature_is_truncated(
    place: Path, signed: dict[str, bytes], cut: int
) -> None:
    content = signed[DAY_TWO]
    kept = content[: max(0, len(content) - cut)]
    found = _verify(place, {**signed, DAY_TWO: kept}).broken
    assert found is not None
    assert (found.kind, found.file, found.line) == (Kind.TRUNCATED, DAY_TWO, kept.count(b"\n") + 1)


def test_an_unsigned_log_that_was_cut_in_a_line_is_torn(place: Path, whole: dict[str, bytes]) -> None:
    found = _verify(place, {**whole, DAY_TWO: whole[DAY_TWO][:-5]}).broken
    assert found is not None
    assert (found.kind, found.file, found.line, found.seq) == (Kind.TORN, DAY_TWO, PER_DAY, RECORDS)


@pytest.mark.parametrize("name", DAYS)
def test_a_days_file_that_is_missing_is_named(place: Path, signed: dict[str, bytes], name: str) -> None:
    found = _verify(place, {key: value for key, value in signed.items() if key != name}).broken
    assert found is not None
    assert (found.kind, found.file) == (Kind.REMOVED, name)


def test_a_first_day_that_is_missing_with_its_checkpoints_is_noticed(
    place: Path, signed: dict[str, bytes]
) -> None:
    gone = {DAY_ONE, checkpoints_name(DAY_ONE)}
    found = _verify(place, {key: value for key, value in signed.items() if key not in gone}).broken
    assert found is not None
    assert (found.kind, found.file, found.seq) == (Kind.REMOVED, DAY_TWO, 1)


def test_a_chain_that_was_forged_anew_contradicts_the_signature(
    place: Path, signed: dict[str, bytes]
) -> None:
    prev, forged = NO_HASH, []
    for number, (name, _, line) in enumerate(_lines(signed)):
        record = msgspec.structs.replace(decode(line), prev=prev)
        if number == 4:
            record = msgspec.structs.replace(record, args={"text": "call 0", "path": "/src/5.py"})
        forged.append((name, encode(record)))
        prev = hashlib.sha256(forged[-1][1]).hexdigest()
    found = _verify(place, _with(signed, forged)).broken
    assert found is not None
    assert (found.kind, found.file, found.line, found.last_line) == (Kind.REWRITTEN, DAY_ONE, 4, 6)


def test_a_line_changed_inside_a_long_day_is_named_though_a_signature_covers_it_later(tmp_path: Path) -> None:
    home = Home(str(tmp_path))
    write_log(home, signed_at=(6,))
    file = Path(home.audit) / DAY_ONE
    file.write_bytes(file.read_bytes().replace(b"/src/6.py", b"/src/7.py"))
    found = verify_log(home.audit).broken
    assert found is not None
    assert (found.kind, found.line, found.last_line) == (Kind.EDITED, 6, 6)


# --- checkpoints -----------------------------------------------------------------------


def test_another_key_is_named(place: Path, signed: dict[str, bytes], tmp_path: Path) -> None:
    stranger = ensure_key(Home(str(tmp_path)))
    found = _verify(place, {**signed, "allowed_signers": stranger.signers_line.encode()}).broken
    assert found is not None
    assert (found.kind, found.file, found.line) == (Kind.OTHER_KEY, checkpoints_name(DAY_ONE), 1)


def test_nobody_named_a_key(place: Path, signed: dict[str, bytes]) -> None:
    _verify(place, signed)
    found = verify_log(str(place))
    assert found.ok
    assert not found.vouched
    assert any("compare the fingerprint" in note for note in found.notes)
    assert found.keys[0].startswith("SHA256:")


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        (b"records 3\n", b"records 4\n", Kind.BAD_SIGNATURE),
        (b"\nlog 2026-11-23.jsonl", b"\nlog 2026-11-22.jsonl", Kind.BAD_SIGNATURE),
        (b"irkit-audit/1", b"irkit-audit/7", Kind.CHECKPOINT),
    ],
)
def test_an_edited_checkpoint_is_named(
    place: Path, signed: dict[str, bytes], old: bytes, new: bytes, kind: Kind
) -> None:
    name = checkpoints_name(DAY_ONE)
    found = _verify(place, {**signed, name: signed[name].replace(old, new, 1)}).broken
    assert found is not None
    assert (found.kind, found.file, found.line) == (kind, name, 1)


def test_a_checkpoint_that_was_taken_out_before_another_is_noticed(
    place: Path, signed: dict[str, bytes]
) -> None:
    name = checkpoints_name(DAY_ONE)
    second = signed[name].index(b"irkit-audit/1", 10)
    found = _verify(place, {**signed, name: signed[name][second:]}).broken
    assert found is not None
    assert (found.kind, found.file) == (Kind.CHECKPOINT, name)


def test_a_checkpoint_of_another_day_is_noticed(place: Path, signed: dict[str, bytes]) -> None:
    one, two = map(checkpoints_name, DAYS)
    found = _verify(place, {**signed, two: signed[one]}).broken
    assert found is not None
    assert (found.kind, found.file) == (Kind.CHECKPOINT, two)


def test_a_signature_over_other_bytes_of_the_same_length_is_noticed(tmp_path: Path) -> None:
    home = Home(str(tmp_path))
    write_log(home)
    size = len((Path(home.audit) / DAY_TWO).read_bytes())
    append_checkpoint(home.audit, Prefix(DAY_TWO, PER_DAY, size, "1" * 64, RECORDS), ensure_key(home), NOON)
    found = verify_log(home.audit).broken
    assert found is not None
    assert (found.kind, found.line, found.last_line) == (Kind.REWRITTEN, 1, PER_DAY)


# --- one file, and no log ----------------------------------------------------------------


def test_one_days_file_verifies_from_where_it_begins(place: Path, signed: dict[str, bytes]) -> None:
    _verify(place, signed)
    found = verify_log(str(place / DAY_TWO))
    assert found.ok, found.broken
    assert (found.first_seq, found.last_seq) == (PER_DAY + 1, RECORDS)
    assert any("what came before was not given" in note for note in found.notes)


def test_one_days_file_without_its_first_line_contradicts_its_signature(
    place: Path, signed: dict[str, bytes]
) -> None:
    shorter = signed[DAY_TWO].split(b"\n", 1)[1]
    _verify(place, {**signed, DAY_TWO: shorter})
    found = verify_log(str(place / DAY_TWO)).broken
    assert found is not None
    assert found.kind in {Kind.REMOVED, Kind.REWRITTEN}


def test_nothing_to_read_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(BadInputError):
        verify_log(str(tmp_path / "nowhere"))
    (tmp_path / "link.jsonl").symlink_to("/dev/zero")
    with pytest.raises(BadInputError):
        verify_log(str(tmp_path / "link.jsonl"))


def test_an_empty_folder_proves_nothing_and_is_ok(tmp_path: Path) -> None:
    assert verify_log(str(tmp_path)).lines == 0


@given(content=st.binary(max_size=300))
def test_any_bytes_end_in_a_verdict(place: Path, content: bytes) -> None:
    for old in place.iterdir():
        old.unlink()
    (place / DAY_ONE).write_bytes(content)
    (place / checkpoints_name(DAY_ONE)).write_bytes(content[::-1])
    found = verify_log(str(place))
    assert found.ok == (found.broken is None)
    assert found.ok == (content == b"")


def test_lines_without_end_take_no_memory_and_are_no_records(place: Path, whole: dict[str, bytes]) -> None:
    found = _verify(place, {**whole, DAY_TWO: b"x" * (5 << 20) + b"\n" + whole[DAY_TWO]}).broken
    assert found is not None
    assert (found.kind, found.file, found.line) == (Kind.NOT_A_RECORD, DAY_TWO, 1)


# --- torn lines --------------------------------------------------------------------------


@given(at=st.integers(0, 10_000), other=st.integers(0, 255))
@settings(deadline=None, max_examples=50)
def test_an_edit_in_a_torn_line_or_in_the_record_that_names_it_is_found(
    place: Path, torn: dict[str, bytes], at: int, other: int
) -> None:
    lines = torn[DAY_TWO].splitlines(keepends=True)
    before, tail = b"".join(lines[:-2]), b"".join(lines[-2:])
    at %= len(tail) - len(b'"prev":""}\n') - 400
    if tail[at] == other:
        return
    edited = tail[:at] + bytes([other]) + tail[at + 1 :]
    found = _verify(place, {**torn, DAY_TWO: before + edited}).broken
    changed_args = b"fragment" in tail[at - 60 : at + 60] or at <= len(lines[-2])
    assert found is not None or not changed_args


def test_a_torn_line_that_nothing_names_is_no_record(place: Path, torn: dict[str, bytes]) -> None:
    lines = torn[DAY_TWO].splitlines(keepends=True)
    found = _verify(place, {**torn, DAY_TWO: b"".join(lines[:-1])}).broken
    assert found is not None
    assert (found.kind, found.line) == (Kind.NOT_A_RECORD, PER_DAY + 1)
