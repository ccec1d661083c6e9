# SPDX-License-Identifier: Apache-2.0
"""Who finds secrets in a text: irkit's own patterns, or those and the library `redact-secret`.

Rules: a detector returns places in code points and kinds, never values; it never raises on any text; the library is one of two
opinions, replaceable by one setting, and what it takes a placeholder for a secret for is dropped here.
"""

import string
from collections.abc import Iterator
from typing import Any, Protocol

from irkit.errors import BadInputError
from irkit.limits import DETECTOR_WINDOW_CHARS
from irkit.stream.placeholder import is_default_login, is_placeholder
from irkit.stream.prefilter import has_long_run
from irkit.stream.secret_blocks import in_blocks
from irkit.stream.secret_context import Found, in_context
from irkit.stream.secret_frames import in_frames
from irkit.stream.secret_tokens import self_identifying

_LEFT_OUT = frozenset({"contextual_secret"})
"""Its guess by the name before a value: irkit's own is made for the texts that agents write."""
DETECTORS = ("auto", "redact-secret", "builtin")

_ASCII_LOWER = {ord(char): char.lower() for char in string.ascii_uppercase}


class Detector(Protocol):
    """Finds secrets in one text."""

    def find(self, text: str) -> Iterator[Found]:
        """Every secret; places may overlap."""
        ...


class Patterns:
    """irkit's own patterns; the standard library only."""

    def find(self, text: str) -> Iterator[Found]:
        """Tokens by their shape, then values by their name and their frame."""
        if has_long_run(text.encode("utf-8", "replace")):
            yield from self_identifying(text)
        low = lower(text)
        yield from in_context(text, low)
        yield from in_frames(text, low)
        yield from in_blocks(text, low)


class RedactSecret:
    """The library's detectors behind the same port."""

    def __init__(self) -> None:
        import redact_secret

        self._scan: Any = redact_secret.scan
        self._error: type[Exception] = redact_secret.SecretScanError

    def find(self, text: str) -> Iterator[Found]:
        """What the library finds, without its placeholders. A window that it cannot take is left to the patterns."""
        if not text.isascii():
            text = text.encode(
                "utf-8", "replace"
            ).decode()  # lone surrogates become one `?` each: places stay
        for at, window in _windows(text):
            try:
                found = self._scan(window)
            except self._error:
                continue
            for one in found:
                if one.type not in _LEFT_OUT and not _is_none(window, one.start, one.end):
                    yield Found(at + one.start, at + one.end, one.type.replace("_", "-"))


class Both:
    """Own patterns first: where two findings overlap, the first one names the kind."""

    def __init__(self, *detectors: Detector) -> None:
        self._detectors = detectors

    def find(self, text: str) -> Iterator[Found]:
        """What any of them finds."""
        for detector in self._detectors:
            yield from detector.find(text)


def detector_named(name: str) -> Detector:
    """The detector of this setting; `auto` takes the library where it is installed.

    Raises `BadInputError` for another name, or for the library where it is missing.
    """
    if name not in DETECTORS:
        raise BadInputError(
            f"no detector {name!r}", where="detector", fix=f"use one of {', '.join(DETECTORS)}"
        )
    if name == "builtin":
        return Patterns()
    try:
        return Both(Patterns(), RedactSecret())
    except ImportError as error:
        if name == "auto":
            return Patterns()
        raise BadInputError(
            "the library redact-secret is not installed", where="detector", fix='use "builtin", or install it'
        ) from error


def _is_none(text: str, start: int, end: int) -> bool:
    """Whether what the library took for a secret is a placeholder, or the second half of a tutorial's login."""
    value = text[start:end]
    before = text[max(0, start - len(value) - 1) : start].removesuffix(":")
    return is_placeholder(value) or is_default_login(before, value)


def lower(text: str) -> str:
    """The text in lower case, with the same length (a few letters outside ASCII grow)."""
    low = text.lower()
    if len(low) == len(text):
        return low
    return text.translate(_ASCII_LOWER)


def _windows(text: str) -> Iterator[tuple[int, str]]:
    """Pieces that the library takes within its limits, cut between words."""
    at = 0
    while len(text) - at > DETECTOR_WINDOW_CHARS:
        cut = max(text.rfind(mark, at, at + DETECTOR_WINDOW_CHARS) for mark in "\n ")
        cut = cut + 1 if cut > at else at + DETECTOR_WINDOW_CHARS
        yield at, text[at:cut]
        at = cut
    yield at, text[at:]
