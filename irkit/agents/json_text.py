# SPDX-License-Identifier: Apache-2.0
"""Where each value of a JSON text stands, so that a text can be changed without being written anew.

Rules: comments, a byte order mark and trailing commas are understood, because editors and agents accept them in
their settings; everything else must be JSON. It never changes a text; `hook_file` does that by position.
"""

import json
import re
from typing import Any

from msgspec import Struct

from irkit.errors import BadInputError
from irkit.limits import SETTINGS_MAX_CHARS, SETTINGS_MAX_DEPTH

_BLANK = re.compile(r"(?:[ \t\r\n\ufeff]+|//[^\r\n]*|/\*.*?\*/)*", re.DOTALL)
_STRING = re.compile(r'"[^"\\\x00-\x1f]*(?:\\.[^"\\\x00-\x1f]*)*"')
_PLAIN = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null")
_FIX = "correct the file or move it away; irkit changed nothing"


class Child(Struct, frozen=True):
    """A member of an object or an item of an array (then without a key)."""

    key: str
    start: int
    """Where the member's key, or the item, begins."""
    node: "Node"

    @property
    def end(self) -> int:
        """Just behind the value."""
        return self.node.end


class Node(Struct, frozen=True):
    """One value: its place in the text, its decoded form, and its children in order."""

    start: int
    end: int
    value: Any
    children: tuple[Child, ...] = ()

    @property
    def is_object(self) -> bool:
        """Whether it is `{…}`."""
        return isinstance(self.value, dict)

    @property
    def is_array(self) -> bool:
        """Whether it is `[…]`."""
        return isinstance(self.value, list)

    def last(self, key: str) -> Child | None:
        """The member that counts when a key stands twice: the last one."""
        return next((child for child in reversed(self.children) if child.key == key), None)


def scan(text: str) -> Node:
    """The value that the text holds. Raises BadInputError that names the line."""
    if len(text) > SETTINGS_MAX_CHARS:
        raise BadInputError(f"larger than {SETTINGS_MAX_CHARS} characters", where="line 1", fix=_FIX)
    node = _value(text, _skip(text, 0), 0)
    end = _skip(text, node.end)
    if end < len(text):
        raise bad_place(text, end, "not JSON: text behind the end of the value")
    return node


def bad_place(text: str, at: int, what: str) -> BadInputError:
    """The error for one place of a text."""
    return BadInputError(what, where=f"line {text.count(chr(10), 0, at) + 1}", fix=_FIX)


def _skip(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    return found.end() if found else at


def _value(text: str, at: int, depth: int) -> Node:
    if depth > SETTINGS_MAX_DEPTH:
        raise bad_place(text, at, f"nested deeper than {SETTINGS_MAX_DEPTH}")
    match text[at : at + 1]:
        case "{":
            return _container(text, at, depth, closing="}")
        case "[":
            return _container(text, at, depth, closing="]")
        case '"':
            string, end = _string(text, at)
            return Node(at, end, string)
    found = _PLAIN.match(text, at)
    if not found:
        raise bad_place(
            text, at, "not JSON: a value is missing" if at < len(text) else "not JSON: it ends too early"
        )
    return Node(at, found.end(), _decoded(text, at, found.group()))


def _string(text: str, at: int) -> tuple[str, int]:
    found = _STRING.match(text, at)
    if not found:
        raise bad_place(text, at, "not JSON: a string without an end, or with a line break in it")
    return str(_decoded(text, at, found.group())), found.end()


def _decoded(text: str, at: int, part: str) -> Any:
    try:
        return json.loads(part)
    except ValueError as error:
        raise bad_place(text, at, f"not JSON: {error}") from error


def _container(text: str, start: int, depth: int, *, closing: str) -> Node:
    children: list[Child] = []
    at = _skip(text, start + 1)
    while text[at : at + 1] != closing:
        begin, key = at, ""
        if closing == "}":
            key, at = _key(text, at)
        node = _value(text, at, depth + 1)
        children.append(Child(key, begin, node))
        at = _skip(text, node.end)
        if text[at : at + 1] == ",":
            at = _skip(text, at + 1)
        elif text[at : at + 1] != closing:
            raise bad_place(text, at, f'not JSON: "," or "{closing}" is missing')
    value: Any = (
        {child.key: child.node.value for child in children}
        if closing == "}"
        else [child.node.value for child in children]
    )
    return Node(start, at + 1, value, tuple(children))


def _key(text: str, at: int) -> tuple[str, int]:
    if text[at : at + 1] != '"':
        raise bad_place(text, at, "not JSON: a key in double quotes is missing")
    key, end = _string(text, at)
    colon = _skip(text, end)
    if text[colon : colon + 1] != ":":
        raise bad_place(text, colon, 'not JSON: ":" is missing')
    return key, _skip(text, colon + 1)
