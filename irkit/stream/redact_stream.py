# SPDX-License-Identifier: Apache-2.0
"""Redacts a text of any length that comes in pieces, holding only a bounded part of it.

Rules:
- A window is looked at with what was written before it as its surroundings; its end is held back until what follows is
  known. So a secret that straddles two pieces, or two windows, is found whole.
- A window ends behind a line where it can, and never inside what was found, unless that is longer than the window: then
  its beginning goes on to stand for all of it.
- The result depends on the text alone, not on the pieces in which it came.
It must never wait for more than a window, and never write a character before it was looked at.
"""

from collections.abc import Iterator
from typing import NamedTuple, Protocol

import msgspec

from irkit import limits
from irkit.stream.finding import Finding
from irkit.stream.redact import marked

_LINE_SOUGHT = 8
"""A line's end is looked for in the last 1/8 of a window."""


class FindsInText(Protocol):
    """What the stream needs of a redactor."""

    def findings(self, text: str) -> tuple[Finding, ...]:
        """Every secret of the text, in order."""
        ...


class Window(NamedTuple):
    """How much is looked at at once, in code points."""

    size: int = limits.REDACT_STREAM_CHARS
    hold: int = limits.REDACT_HOLD_CHARS
    """The end that waits for what follows."""
    before: int = limits.REDACT_BEFORE_CHARS
    """What was written already, and still tells what follows."""


class Written(NamedTuple):
    """A part of the text that is done."""

    text: str
    """With marks in place of secrets."""
    findings: tuple[Finding, ...]
    """Places count over the whole input."""


class RedactStream:
    """One text, from its first piece to `finish`."""

    def __init__(self, redactor: FindsInText, start: int = 0, window: Window | None = None) -> None:
        self._redactor = redactor
        self._window = window or Window()
        self._before = ""
        self._pieces: list[str] = []
        self._held = 0
        self.position = start
        """Where the first character that was not written yet stands in the whole input."""

    def feed(self, piece: str) -> Iterator[Written]:
        """Take a piece; yields what is done with it."""
        self._pieces.append(piece)
        self._held += len(piece)
        if self._held < self._window.size:
            return
        text = "".join(self._pieces)
        while len(text) >= self._window.size:
            done, written = self._write(text[: self._window.size], last=False)
            text = text[done:]
            yield written
        self._pieces, self._held = [text], len(text)

    def finish(self) -> Iterator[Written]:
        """The rest."""
        text = "".join(self._pieces)
        self._pieces, self._held = [], 0
        if text:
            yield self._write(text, last=True)[1]

    def _write(self, text: str, *, last: bool) -> tuple[int, Written]:
        """Look at one window; how much of it is done, and what that became."""
        offset = len(self._before)
        found = [
            (max(0, one.start - offset), one.end - offset, one)
            for one in self._redactor.findings(self._before + text)
            if one.end > offset
        ]
        cut = len(text) if last else self._cut(text, [(start, end) for start, end, _ in found])
        here = [
            msgspec.structs.replace(one, start=start, end=min(end, cut))
            for start, end, one in found
            if start < cut
        ]
        placed = tuple(
            msgspec.structs.replace(one, start=one.start + self.position, end=one.end + self.position)
            for one in here
        )
        self._before = self._surroundings(
            self._before + text[:cut], [one.start for _, end, one in found if end > cut]
        )
        self.position += cut
        return cut, Written(marked(text[:cut], here), placed)

    def _surroundings(self, written: str, open_at: list[int]) -> str:
        """What tells the next window what it is in: the last that was written, or the beginning of a secret without end yet."""
        size = self._window.before
        if open_at and open_at[0] < len(written):
            return written[open_at[0] : open_at[0] + size]
        return written[-size:]

    def _cut(self, text: str, found: list[tuple[int, int]]) -> int:
        """Where a window may end: before what is held, behind a line, outside what was found."""
        most = len(text) - self._window.hold
        cut = text.rfind("\n", most - most // _LINE_SOUGHT, most) + 1 or most
        for start, end in found:
            if start < cut < end:
                return start or min(end, most)
        return cut
