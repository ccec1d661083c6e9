# SPDX-License-Identifier: Apache-2.0
"""A call in a few words: the argument that tells most, on one line."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from irkit.stream.words import MAX_CHARS, describe

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"description": "run", "command": "npm test"}, "T npm test"),
        ({"cmd": ["git", "push", 1]}, "T git push 1"),
        ({"file_path": "/a b", "content": "x"}, "T /a b"),
        ({"command": "", "path": "/p"}, "T /p"),
        ({"other": 1, "note": "words"}, "T words"),
        ({"other": 1}, "T"),
        ({}, "T"),
        ({"command": "one\ntwo\t three"}, "T one two three"),
    ],
)
def test_the_telling_argument(args: dict[str, Any], words: str) -> None:
    assert describe("T", args) == words


def test_a_long_one_is_cut_with_a_mark() -> None:
    assert describe("T", {"command": "x" * 500}) == "T " + "x" * (MAX_CHARS - 3) + "…"


@given(
    st.text(),
    st.dictionaries(st.text() | st.sampled_from(["command", "cmd", "path"]), JSON),
    st.integers(1, 200),
)
@settings(max_examples=50)
def test_any_call_is_one_line_within_the_limit(tool: str, args: dict[str, Any], limit: int) -> None:
    told = describe(tool, args, limit)
    assert len(told) <= limit
    assert not set(told) & {"\n", "\r", "\t"}
