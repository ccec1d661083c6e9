# SPDX-License-Identifier: Apache-2.0
"""Sigma's selections, compiled to closures: a mapping means all of its fields, a list means any of its items."""

from typing import Any

from irkit.detect.facts import Facts, Getter, Value, getter, known_fields
from irkit.detect.patterns import PatternError, Test, regex, wildcard
from irkit.detect.rule import Predicate

MODIFIERS = ("contains", "startswith", "endswith", "re", "all", "exists")


class SelectionError(ValueError):
    """Says what is wrong with a selection."""


def compile_selection(selection: Any, fields: set[str]) -> Predicate:
    """The predicate of one selection; adds the fields that it looks at to `fields`. Raises SelectionError."""
    if isinstance(selection, list) and selection:
        parts = tuple(compile_selection(item, fields) for item in selection)
        return lambda facts: any(part(facts) for part in parts)
    if not isinstance(selection, dict) or not selection:
        raise SelectionError("a selection must be a mapping of fields, or a list of such mappings")
    tests = tuple(_field(key, value, fields) for key, value in selection.items())
    if len(tests) == 1:
        return tests[0]
    return lambda facts: all(test(facts) for test in tests)


def _field(key: str, value: Any, fields: set[str]) -> Predicate:
    name, *modifiers = key.split("|")
    get = getter(name)
    if get is None:
        raise SelectionError(f"there is no field `{name}`; fields: {', '.join(known_fields())}")
    for modifier in modifiers:
        if modifier not in MODIFIERS:
            raise SelectionError(f"the modifier `{modifier}` is not taken; modifiers: {', '.join(MODIFIERS)}")
    fields.add(name)
    if "exists" in modifiers:
        wanted = value is True
        return lambda facts: bool(get(facts)) is wanted
    if value is None:
        return lambda facts: not get(facts)
    values = value if isinstance(value, list) else [value]
    if not values or not all(isinstance(item, (str, int, bool)) for item in values):
        raise SelectionError(f"`{key}` needs a text, a number, or a list of them")
    if not modifiers and (plain := _plain(values)) is not None:
        return _among(get, plain)
    tests = tuple(_test(item, modifiers) for item in values)
    if "all" in modifiers:
        return lambda facts: (found := get(facts)) != () and all(any(t(str(v)) for v in found) for t in tests)
    return lambda facts: any(test(str(found)) for found in get(facts) for test in tests)


def _plain(values: list[Any]) -> frozenset[Value] | None:
    """The values as a set, when each is one word of a closed list that equality by hash decides."""
    if all(
        not isinstance(item, str) or (item == item.lower() and "*" not in item and "\\" not in item)
        for item in values
    ):
        return frozenset(values)
    return None


def _among(get: Getter, wanted: frozenset[Value]) -> Predicate:
    def test(facts: Facts) -> bool:
        for found in get(facts):
            if found in wanted or (isinstance(found, str) and found.lower() in wanted):
                return True
        return False

    return test


def _test(value: Value, modifiers: list[str]) -> Test:
    text = str(value)
    if "re" in modifiers:
        try:
            return regex(text)
        except PatternError as error:
            raise SelectionError(str(error)) from error
    lower = text.lower()
    if "contains" in modifiers:
        return lambda found: lower in found.lower()
    if "startswith" in modifiers:
        return lambda found: found.lower().startswith(lower)
    if "endswith" in modifiers:
        return lambda found: found.lower().endswith(lower)
    return wildcard(text)
