# SPDX-License-Identifier: Apache-2.0
"""A known value is found in every form, wherever it stands, and nothing else is."""

import base64
import json
import string
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irkit.limits import EXACT_VALUE_MAX_CHARS, EXACT_VALUE_MIN_CHARS, EXACT_VALUES_MAX
from irkit.stream.exact_values import ExactValues, is_worth_masking

KEY = b"k" * 32
VALUES = st.text(st.characters(codec="utf-8"), min_size=8, max_size=40).filter(is_worth_masking)


def hits(exact: ExactValues, text: str) -> list[tuple[int, int, str]]:
    raw = text.encode()
    if not exact.may_be_in(raw):
        return []
    return sorted({(found.start, found.end, found.kind) for found, _ in exact.find(text, raw)})


@given(
    value=VALUES,
    before=st.text(st.characters(codec="utf-8"), max_size=9),
    after=st.text(max_size=5, alphabet="ab\n\"'"),
)
def test_the_value_is_found_at_any_offset(value: str, before: str, after: str) -> None:
    text = before + value + after
    found = hits(ExactValues([("it", value)], KEY), text)
    assert any(text[start:end] == value for start, end, _ in found)


@given(value=VALUES, shift=st.integers(0, 7))
def test_json_and_url_forms_are_found(value: str, shift: int) -> None:
    exact = ExactValues([("it", value)], KEY)
    for form in (
        json.dumps(value)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
        quote(value),
        quote(value, safe=""),
    ):
        text = "x" * shift + form
        assert any(text[start:end] == form for start, end, _ in hits(exact, text)), form


@given(value=VALUES, before=st.binary(max_size=7), after=st.binary(max_size=7))
def test_base64_is_covered_but_for_the_letters_that_also_hold_its_neighbours(
    value: str, before: bytes, after: bytes
) -> None:
    coded = base64.b64encode(before + value.encode() + after).decode()
    start, end, _ = max(hits(ExactValues([("it", value)], KEY), coded), key=lambda hit: hit[1] - hit[0])
    assert start <= -(-len(before) * 8 // 6)
    assert end >= (len(before) + len(value.encode())) * 8 // 6


def test_every_form_has_the_fingerprint_of_the_value() -> None:
    value = "s3cr3t/" + "of mine"
    exact = ExactValues([("it", value)], KEY)
    texts = (value, quote(value, safe=""), base64.b64encode(value.encode()).decode())
    marks = {mark for text in texts for _, mark in exact.find(text, text.encode())}
    assert len(marks) == 1
    assert {mark for _, mark in ExactValues([("it", value)], b"j" * 32).find(value, value.encode())} != marks


@pytest.mark.parametrize(
    "value",
    ["short7!", "password", "localhost", "changeme", "12345678", "aaaaaaaaaaaa", "<your-token>", "x" * 40],
)
def test_short_and_common_values_are_left(value: str) -> None:
    assert not is_worth_masking(value)
    assert hits(ExactValues([("it", value)], KEY), f"a {value} b") == []


def test_the_bounds() -> None:
    unusual = (string.ascii_letters + string.digits) * (EXACT_VALUE_MAX_CHARS // 62 + 1)
    assert is_worth_masking(unusual[:EXACT_VALUE_MIN_CHARS])
    assert is_worth_masking(unusual[:EXACT_VALUE_MAX_CHARS])
    assert not is_worth_masking(unusual[: EXACT_VALUE_MAX_CHARS + 1])
    many = [("it", f"value-number-{n:05}") for n in range(EXACT_VALUES_MAX + 1)]
    exact = ExactValues(many, KEY)
    assert hits(exact, many[EXACT_VALUES_MAX - 1][1])
    assert not hits(exact, many[EXACT_VALUES_MAX][1])


def test_an_empty_set_is_never_there() -> None:
    assert not ExactValues([], KEY).may_be_in(b"anything at all")
