# SPDX-License-Identifier: Apache-2.0
"""Values of rules compiled to tests on a text: wildcards, and the small part of regular expressions that stays linear.

Rules: the text is what somebody hostile wrote, so no test may take more than time proportional to its length. A
pattern is refused when it could: back-references, look-around, a repeat of a group, more than two repeats. An
open repeat (`*`, `+`) is read as at most `REPEAT_MAX`, and only the first `RULE_TEXT_MAX_CHARS` are looked at.
"""

import re
from collections.abc import Callable

from irkit import limits

Test = Callable[[str], bool]
REPEAT_MAX = 32
_REPEAT = re.compile(r"\{(\d*)(,?)(\d*)\}")


class PatternError(ValueError):
    """Says what is wrong with a pattern."""


def regex(pattern: str) -> Test:
    """A test for `|re`. Raises PatternError."""
    if len(pattern) > limits.RULE_PATTERN_MAX_CHARS:
        raise PatternError(f"a pattern of more than {limits.RULE_PATTERN_MAX_CHARS} characters")
    try:
        compiled = re.compile(_bounded(pattern))
    except (re.error, OverflowError, RecursionError) as error:
        raise PatternError(f"not a regular expression ({error})") from error
    search, most = compiled.search, limits.RULE_TEXT_MAX_CHARS
    return lambda text: search(text[:most]) is not None


def _bounded(pattern: str) -> str:
    """The pattern with every open repeat closed."""
    made: list[str] = []
    repeats = 0
    at = 0
    while at < len(pattern):
        char = pattern[at]
        if char == "\\":
            if pattern[at + 1 : at + 2].isdigit():
                raise PatternError("a back-reference is not taken")
            made.append(pattern[at : at + 2])
            at += 2
            continue
        if char == "[":
            end = _class_end(pattern, at)
            made.append(pattern[at:end])
            at = end
            continue
        if char == "(" and pattern[at + 1 : at + 2] == "?" and pattern[at + 2 : at + 3] != ":":
            raise PatternError("only plain groups and (?:…) are taken")
        closed = _closed(pattern, at)
        if closed is None:
            made.append(char)
            at += 1
            continue
        text, at = closed
        if made and made[-1] == ")" and text != "?":
            raise PatternError("a repeat of a group is not taken")
        repeats += text != "?"
        if repeats > 2:
            raise PatternError("more than two repeats are not taken")
        made.append(text)
        if pattern[at : at + 1] in {"?", "+"}:
            at += 1  # lazy or possessive: the same texts match
    return "".join(made)


def _class_end(pattern: str, at: int) -> int:
    end = at + 1
    if pattern[end : end + 1] == "^":
        end += 1
    if pattern[end : end + 1] == "]":
        end += 1
    while end < len(pattern) and pattern[end] != "]":
        end += 2 if pattern[end] == "\\" else 1
    return end + 1


def _closed(pattern: str, at: int) -> tuple[str, int] | None:
    """The repeat that starts here, closed, and where it ends; None when none does."""
    char = pattern[at]
    if char == "?":
        return "?", at + 1
    if char in "*+":
        return f"{{{int(char == '+')},{REPEAT_MAX}}}", at + 1
    found = _REPEAT.match(pattern, at) if char == "{" else None
    if not found or not (found[1] or found[3]):
        return None
    low = int(found[1] or 0)
    high = int(found[3] or REPEAT_MAX) if found[2] else low
    if high > REPEAT_MAX or low > high:
        raise PatternError(f"a repeat of more than {REPEAT_MAX} is not taken")
    return f"{{{low},{high}}}", found.end()


def wildcard(value: str) -> Test:
    r"""Equality as Sigma has it: case does not matter, `*` stands for anything, `\*` for itself."""
    pieces = [piece.replace("\0", "*") for piece in value.lower().replace("\\*", "\0").split("*")]
    if len(pieces) == 1:
        wanted = pieces[0]
        return lambda text: text.lower() == wanted
    head, *middle, tail = pieces

    def matches(text: str) -> bool:
        text = text.lower()
        if len(text) < len(head) + len(tail) or not (text.startswith(head) and text.endswith(tail)):
            return False
        at, end = len(head), len(text) - len(tail)
        for piece in middle:
            found = text.find(piece, at, end)
            if found < 0:
                return False
            at = found + len(piece)
        return True

    return matches
