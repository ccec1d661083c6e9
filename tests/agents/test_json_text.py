# SPDX-License-Identifier: Apache-2.0
"""Positions in a JSON text are right, and what is no JSON is refused with its line."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irkit.agents.json_text import Node, scan
from irkit.errors import BadInputError
from irkit.limits import SETTINGS_MAX_CHARS, SETTINGS_MAX_DEPTH

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES, st.sampled_from([None, 1, "\t"]), st.booleans())
def test_any_json_is_read_as_json_reads_it(value: Any, indent: Any, ascii_only: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    node = scan(text)
    assert node.value == value
    assert (node.start, node.end) == (0, len(text))
    _check_places(text, node)


def _check_places(text: str, node: Node) -> None:
    assert json.loads(text[node.start : node.end]) == node.value
    for child in node.children:
        if node.is_object:
            assert json.JSONDecoder().raw_decode(text, child.start)[0] == child.key
        _check_places(text, child.node)


def test_comments_and_trailing_commas_are_understood() -> None:
    text = '\ufeff// head\n{ /* a */ "a" : [1, 2, // two\n 3,], "b": {}, }\n// tail'
    assert scan(text).value == {"a": [1, 2, 3], "b": {}}


def test_the_last_of_two_equal_keys_counts() -> None:
    node = scan('{"a": 1, "a": 2}')
    last = node.last("a")
    assert last is not None
    assert last.node.value == 2
    assert node.last("b") is None


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", 1),
        ("\n\n", 3),
        ("{", 1),
        ('{\n"a"\n1}', 3),
        ('{\n"a": 1\n"b": 2}', 3),
        ("{\na: 1}", 2),
        ('{"a": 1}\nx', 2),
        ("[1,\n,2]", 2),
        ('"a\nb"', 1),
        ('"\\x"', 1),
        ("[NaN]", 1),
        ("[01]", 1),
        ("{'a': 1}", 1),
        ("/* open", 1),
        ("\n" + "[" * (SETTINGS_MAX_DEPTH + 2), 2),
        (" " * (SETTINGS_MAX_CHARS + 1), 1),
    ],
)
def test_what_is_no_json_is_refused_with_its_line(text: str, line: int) -> None:
    with pytest.raises(BadInputError) as caught:
        scan(text)
    assert caught.value.where == f"line {line}"
    assert caught.value.fix


@given(st.text(alphabet='{}[]",:/*\\ \n01atrue\u2603', max_size=60))
def test_hostile_text_ends_in_one_kind_of_error(text: str) -> None:
    with contextlib.suppress(BadInputError):
        scan(text)
