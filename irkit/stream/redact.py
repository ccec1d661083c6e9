# SPDX-License-Identifier: Apache-2.0
"""Replaces secrets by `[redacted:KIND:FINGERPRINT]` before anything is written or judged.

Rules:
- Three layers look at the same text: known values, irkit's patterns, the detector library. Overlapping findings become one.
- What is left between the findings is looked at again, until nothing is found: so redacting twice changes nothing.
- A mark that stands in a text already is kept, and nothing is read across it.
- A fingerprint is keyed (HMAC-SHA-256), so that a short secret cannot be guessed from a log; the same secret has the same
  fingerprint, whatever form it was found in.
- A text in which no secret can be costs a few microseconds. No text costs more than linear time, and none raises.

Values never leave this module; `Finding` has places and kinds only.
"""

import hmac
import re
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from irkit.limits import REDACT_ROUNDS_MAX
from irkit.stream.detector import Detector, detector_named
from irkit.stream.exact_values import ExactValues
from irkit.stream.finding import Finding
from irkit.stream.prefilter import may_hold_secret
from irkit.stream.redact_tree import TreeWalk
from irkit.stream.secret_context import Found

__all__ = ["Finding", "Redactor", "build_redactor"]

FINGERPRINT_CHARS = 12
"""Hex digits: 48 bits tell the secrets of one machine apart."""
MARK = re.compile(r"\[redacted:[a-z0-9-]{1,60}:[0-9a-f]{12}\]")


class Redactor(Protocol):
    """Takes secrets out of texts and JSON values."""

    def text(self, text: str) -> tuple[str, tuple[Finding, ...]]:
        """The text with marks in place of secrets, and what was found, in order."""
        ...

    def tree(self, value: Any) -> tuple[Any, tuple[str, ...]]:
        """The JSON value with every string and key redacted, and the kinds that were found, sorted."""
        ...


def build_redactor(
    key: bytes, *, exact: Iterable[tuple[str, str]] = (), detector: str = "auto"
) -> "LayeredRedactor":
    """A redactor with these known values (kind, value), fingerprinting under this key.

    `detector` is `auto` (the library where it is installed), `redact-secret`, or `builtin` (standard library only).
    """
    return LayeredRedactor(key, ExactValues(exact, key), detector_named(detector))


class LayeredRedactor:
    """Known values and one detector, over one text."""

    def __init__(self, key: bytes, exact: ExactValues, detector: Detector) -> None:
        self._key = key
        self._exact = exact
        self._detector = detector

    def text(self, text: str) -> tuple[str, tuple[Finding, ...]]:
        """See `Redactor.text`."""
        if not self.may_hold(text, text.encode("utf-8", "surrogatepass")):
            return text, ()
        findings = self.findings(text)
        return (marked(text, findings), findings) if findings else (text, ())

    def tree(self, value: Any) -> tuple[Any, tuple[str, ...]]:
        """See `Redactor.tree`."""
        return TreeWalk(self).redacted(value)

    def may_hold(self, text: str, raw: bytes) -> bool:
        """Whether a secret can be in this text (plain or JSON; `raw` in UTF-8). May say yes wrongly, never no."""
        return may_hold_secret(text, raw) or self._exact.may_be_in(raw)

    def findings(self, text: str, told: Found | None = None) -> tuple[Finding, ...]:
        """Every secret of the text, in order, none overlapping. `told` is a place that the caller knows to be one."""
        found: list[Finding] = []
        pieces = list(_between_marks(text))
        for _ in range(REDACT_ROUNDS_MAX):
            left: list[tuple[int, int]] = []
            for start, end in pieces:
                here = self._once(text, start, end, told)
                if here:
                    found += here
                    left += _gaps(start, end, here)
            pieces, told = left, None
            if not pieces:
                break
        return tuple(sorted(found, key=_by_place))

    def _once(self, text: str, start: int, end: int, told: Found | None) -> list[Finding]:
        """One look at one piece."""
        piece = text[start:end]
        raw = piece.encode("utf-8", "surrogatepass")
        exact = dict(self._exact.find(piece, raw)) if self._exact.may_be_in(raw) else {}
        places = list(exact)
        if told is not None and start <= told.start and told.end <= end:
            places.append(Found(told.start - start, told.end - start, told.kind))
        if may_hold_secret(piece, raw):
            places += self._detector.find(piece)
        return [
            Finding(
                one.kind,
                start + one.start,
                start + one.end,
                (exact.get(one) or self._fingerprint(piece[one.start : one.end]))[:FINGERPRINT_CHARS],
            )
            for one in merged(places)
        ]

    def _fingerprint(self, value: str) -> str:
        return hmac.digest(self._key, value.encode("utf-8", "surrogatepass"), "sha256").hex()


def merged(places: Iterable[Found]) -> list[Found]:
    """Overlapping places as one; of those, the one that was found first names the kind."""
    ranked = [(place, rank) for rank, place in enumerate(places) if place.end > place.start]
    ranked.sort(key=lambda item: (item[0].start, item[0].end))
    out: list[tuple[Found, int]] = []
    for place, rank in ranked:
        if out and place.start < out[-1][0].end:
            last, best = out[-1]
            kind = last.kind if best <= rank else place.kind
            out[-1] = (Found(last.start, max(last.end, place.end), kind), min(best, rank))
        else:
            out.append((place, rank))
    return [place for place, _ in out]


def marked(text: str, findings: Iterable[Finding]) -> str:
    """The text with each finding replaced by its mark."""
    parts: list[str] = []
    at = 0
    for one in findings:
        parts += (text[at : one.start], one.mark)
        at = one.end
    return "".join((*parts, text[at:]))


def _by_place(one: Finding) -> int:
    return one.start


def _between_marks(text: str) -> Iterator[tuple[int, int]]:
    at = 0
    if "[redacted:" in text:
        for mark in MARK.finditer(text):
            yield at, mark.start()
            at = mark.end()
    yield at, len(text)


def _gaps(start: int, end: int, found: list[Finding]) -> Iterator[tuple[int, int]]:
    at = start
    for one in found:
        if one.start > at:
            yield at, one.start
        at = one.end
    if end > at:
        yield at, end
