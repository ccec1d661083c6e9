# SPDX-License-Identifier: Apache-2.0
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from irkit.detect.acts import HANDLERS
from irkit.detect.memory import Memory
from irkit.detect.shell import parse, plain
from irkit.detect.walk import Walk


def words(text: str) -> list[list[str]]:
    return [[plain(word.text) for word in one.words] for one in parse(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a b  c", [["a", "b", "c"]]),
        ("a 'b c' \"d e\"", [["a", "b c", "d e"]]),
        ("a\\ b", [["a b"]]),
        ("a'b'\"c\"d", [["abcd"]]),
        ("a; b & c && d || e | f\ng", [["a"], ["b"], ["c"], ["d"], ["e"], ["f"], ["g"]]),
        ("a # b; c\nd", [["a"], ["d"]]),
        ("a#b", [["a#b"]]),
        ("a $'\\x62\\n'", [["a", "b\n"]]),
        ("a \\\n b", [["a", "b"]]),
        ("(a b); { c; }", [["a", "b"], ["{", "c"], ["}"]]),
        ("cat <<EOF\nx; y\nEOF\nz", [["cat"], ["z"]]),
        ("cat <<-'E'\n\tx\n\tE\nz", [["cat"], ["z"]]),
        ("a <<< 'b c'", [["a"]]),
        ("a 2>&1 >b </c", [["a"]]),
        ("a '", [["a", ""]]),
        ("", []),
    ],
)
def test_words(text: str, expected: list[list[str]]) -> None:
    assert words(text) == expected


def test_inner_commands_are_handed_out() -> None:
    (one,) = parse("a $(b 'c)' $(d)) `e` <(f)")
    assert [word.inner for word in one.words] == [(), ("b 'c)' $(d)",), ("e",), ("f",)]


def test_an_apostrophe_in_a_here_document_hides_nothing_after_it() -> None:
    text = "git commit -m \"$(cat <<'EOF'\ndon't\nEOF\n)\" && rm -rf ~"
    assert words(text)[-1] == ["rm", "-rf", "~"]


NASTY = st.text(alphabet="rm -rf~/$(){}`'\"\\|&;<>\n\tEOF#=aé*?[]!", max_size=300)


@given(NASTY)
@settings(max_examples=300)
def test_never_raises(text: str) -> None:
    parse(text)
    Walk(Memory(), "~/work", HANDLERS).run(text)


PIECES = (
    "$(",
    '"$(',
    "'",
    '"',
    "`",
    "\\",
    "(",
    "<",
    "<<A ",
    "<<A\n",
    "${",
    "$((",
    "a ",
    "a\n",
    "#",
    "|",
    "<(",
    "\"$(' ",
    "a`b\\",
    "X=$X$X;",
    "eval ",
    "sh -c '",
)


@pytest.mark.parametrize("piece", PIECES)
def test_time_grows_with_the_length_only(piece: str) -> None:
    """60,000 characters in well under a second, whatever is never closed."""
    text = piece * (60_000 // len(piece))
    began = time.process_time()
    parse(text)
    Walk(Memory(), "~/work", HANDLERS).run(text + " rm -rf ~")
    assert time.process_time() - began < 2.0
