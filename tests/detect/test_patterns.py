# SPDX-License-Identifier: Apache-2.0
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irkit import limits
from irkit.detect.patterns import PatternError, regex, wildcard


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("ab+c", "xabbbc", True),
        ("^a.*z$", "a to z", True),
        ("[*+]x", "+x", True),
        ("(?:a|b)c", "bc", True),
        ("a{2,3}b", "aab", True),
        (r"\*\+", "*+", True),
        ("a?b", "b", True),
        ("a{2}b", "ab", False),
    ],
)
def test_regex(pattern: str, text: str, found: bool) -> None:
    assert regex(pattern)(text) is found


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+",
        "(a|b)*",
        "(ab){2}",
        r"(a)\1",
        "(?=a)",
        "(?<!a)b",
        "(?P<x>a)",
        "a*b*c*",
        "a{1,999}",
        "(",
        "a" * 201,
        "[a",
    ],
)
def test_what_could_take_long_is_refused(pattern: str) -> None:
    with pytest.raises(PatternError):
        regex(pattern)


def test_only_the_beginning_of_a_text_is_looked_at() -> None:
    assert not regex("end")("x" * limits.RULE_TEXT_MAX_CHARS + "end")


@pytest.mark.parametrize("pattern", [".*.*x", "a+a+b", "[a-z]*[a-z]*0"])
def test_the_worst_patterns_stay_fast(pattern: str) -> None:
    test = regex(pattern)
    began = time.process_time()
    test("a" * 10_000_000)
    assert time.process_time() - began < 1.0


@given(st.text(max_size=40))
def test_a_pattern_is_refused_or_works(pattern: str) -> None:
    try:
        test = regex(pattern)
    except PatternError:
        return
    test("abc" * 100)


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("a", "A", True),
        ("a", "ab", False),
        ("a*", "abc", True),
        ("*c", "abc", True),
        ("a*c*e", "abcde", True),
        ("a*c*e", "abde", False),
        ("ab*ba", "aba", False),
        (r"a\*", "a*", True),
        (r"a\*", "ab", False),
        ("*", "", True),
    ],
)
def test_wildcard(pattern: str, text: str, found: bool) -> None:
    assert wildcard(pattern)(text) is found
