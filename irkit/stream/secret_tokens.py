# SPDX-License-Identifier: Apache-2.0
"""Finds the secrets of `secret_patterns`, each row only where its literal stands in a run of letters long enough."""

import re
from collections.abc import Iterator

from irkit.stream.placeholder import is_placeholder
from irkit.stream.secret_context import Found
from irkit.stream.secret_patterns import HEAD_MAX, SHAPES, TOKENS, Shape, Token

_RUNS = re.compile(r"[A-Za-z0-9_.~/+=:$,@%-]{20,}+")
_ESCAPE_BEFORE = re.compile(
    r"(?:\\[nrtbf0]|\\x[0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|%[0-9A-Fa-f]{2}|\x1b\[[0-9;]{0,8}m)\Z"
)


def self_identifying(text: str) -> Iterator[Found]:
    """Every token that its own form gives away."""
    runs = " ".join(_RUNS.findall(text))
    for token in TOKENS:
        if token.prefix in runs:
            yield from _tokens(text, token)
    for shape in SHAPES:
        if shape.mark in runs:
            yield from _shapes(text, shape)


def _shapes(text: str, shape: Shape) -> Iterator[Found]:
    for tail in shape.tail.finditer(text):
        at = tail.start()
        least = max(0, at - HEAD_MAX)
        head = shape.head.search(text[least:at])
        if head is not None and not is_placeholder(text[least + head.start() : tail.end()]):
            yield Found(least + head.start(), tail.end(), shape.kind)


def _tokens(text: str, token: Token) -> Iterator[Found]:
    prefix, size = token.prefix, len(token.prefix)
    at = text.find(prefix)
    while at >= 0:
        after = at + size
        if _begins(text, at):
            body = token.body.match(text, after)
            if body is not None:
                after = body.end()
                if not is_placeholder(body.group()):
                    yield Found(at, after, token.kind)
        at = text.find(prefix, after)


def _begins(text: str, at: int) -> bool:
    """Whether a word can begin here: at a boundary, or after an escape whose last letter only looks like part of it."""
    if at == 0 or not text[at - 1].isalnum():
        return True
    return _ESCAPE_BEFORE.search(text, max(0, at - 12), at) is not None
