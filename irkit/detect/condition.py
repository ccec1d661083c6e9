# SPDX-License-Identifier: Apache-2.0
"""Sigma's condition language, compiled to closures: and, or, not, parentheses, `1 of x*`, `all of x*`, `all of them`."""

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase

from irkit import limits
from irkit.detect.facts import Facts
from irkit.detect.rule import Predicate

_TOKEN = re.compile(r"\s*(\(|\)|[\w*.?-]+)")


class ConditionError(ValueError):
    """Says what is wrong with a condition."""


def compile_condition(text: str, selections: Mapping[str, Predicate]) -> Predicate:
    """The predicate of a condition over named selections. Raises ConditionError."""
    if len(text) > limits.RULE_CONDITION_MAX_CHARS:
        raise ConditionError(f"a condition of more than {limits.RULE_CONDITION_MAX_CHARS} characters")
    parser = _Parser(_tokens(text), selections)
    made = parser.either(0)
    if parser.next is not None:
        raise ConditionError(f"`{parser.next}` was not expected there")
    return made


def _tokens(text: str) -> list[str]:
    made = []
    at = 0
    text = text.strip()
    while at < len(text):
        found = _TOKEN.match(text, at)
        if not found:
            raise ConditionError(f"{text[at]!r} has no meaning in a condition")
        made.append(found[1])
        at = found.end()
    return made


def _any(parts: tuple[Predicate, ...]) -> Predicate:
    if len(parts) == 1:
        return parts[0]
    if len(parts) == 2:
        first, second = parts
        return lambda facts: first(facts) or second(facts)
    return lambda facts: any(part(facts) for part in parts)


def _all(parts: tuple[Predicate, ...]) -> Predicate:
    if len(parts) == 1:
        return parts[0]
    if len(parts) == 2:
        first, second = parts
        return lambda facts: first(facts) and second(facts)
    return lambda facts: all(part(facts) for part in parts)


class _Parser:
    """Recursive descent; `not` binds closest, then `and`, then `or`."""

    def __init__(self, tokens: list[str], selections: Mapping[str, Predicate]) -> None:
        self._tokens = tokens
        self._at = 0
        self._selections = selections

    @property
    def next(self) -> str | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def take(self) -> str:
        word = self.next
        if word is None:
            raise ConditionError("the condition ends too early")
        self._at += 1
        return word

    def either(self, depth: int) -> Predicate:
        if depth > limits.YAML_MAX_DEPTH:
            raise ConditionError("too many parentheses")
        parts = [self._both(depth)]
        while self.next == "or":
            self.take()
            parts.append(self._both(depth))
        return _any(tuple(parts))

    def _both(self, depth: int) -> Predicate:
        parts = [self._one(depth)]
        while self.next == "and":
            self.take()
            parts.append(self._one(depth))
        return _all(tuple(parts))

    def _one(self, depth: int) -> Predicate:
        word = self.take()
        if word == "not":
            inner = self._one(depth + 1) if depth <= limits.YAML_MAX_DEPTH else self.either(depth + 1)
            return lambda facts: not inner(facts)
        if word == "(":
            made = self.either(depth + 1)
            if self.take() != ")":
                raise ConditionError("a parenthesis is not closed")
            return made
        if self.next == "of":
            self.take()
            return self._quantified(word, self.take())
        return self._named(word)

    def _named(self, word: str) -> Predicate:
        if word not in self._selections:
            raise ConditionError(f"there is no selection `{word}`")
        return self._selections[word]

    def _quantified(self, how: str, pattern: str) -> Predicate:
        names = [name for name in self._selections if pattern == "them" or fnmatchcase(name, pattern)]
        if not names:
            raise ConditionError(f"no selection is called `{pattern}`")
        parts = tuple(self._selections[name] for name in names)
        if how == "all":
            return _all(parts)
        if how in {"1", "any"}:
            return _any(parts)
        if not how.isdecimal():
            raise ConditionError(f"`{how} of` is not taken; write `1 of` or `all of`")
        least = int(how)

        def enough(facts: Facts) -> bool:
            return sum(part(facts) for part in parts) >= least

        return enough
