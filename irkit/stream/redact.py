# SPDX-License-Identifier: Apache-2.0
"""Secrets out of a text, or out of any JSON value, before anything is written or judged.

Order: known values first (wherever they stand, in every form), then what the detector finds. Each secret becomes
`[redacted:KIND:FINGERPRINT]`; the fingerprint is keyed, so that the same secret is recognised and a short one cannot
be guessed. Text that was redacted is left as it is: redacting twice changes nothing.

Rules: never raises on any text; what is not a secret is never changed; a value without secrets is returned as the
very same object. Cheap questions come first: most of what agents do cannot hold a secret.
"""

import hmac
import re
from collections.abc import Iterable
from typing import Any, Protocol

from msgspec import Struct

from irkit import limits
from irkit.stream.detector import Detector, detector_named
from irkit.stream.exact_values import ExactValues
from irkit.stream.prefilter import may_hold_secret
from irkit.stream.secret_names import role_of
from irkit.stream.secret_values import is_secret

FINGERPRINT_CHARS = 12
_MARK = re.compile(r"\[redacted:[a-z0-9-]{1,60}:[0-9a-f]{12}\]")


class Finding(Struct, frozen=True):
    """A secret that was found, by its place in the original text."""

    kind: str
    start: int
    end: int
    """Code points."""
    fingerprint: str


class Redactor(Protocol):
    """Replaces secrets."""

    def text(self, text: str) -> tuple[str, tuple[Finding, ...]]:
        """The text without its secrets, and where they were."""
        ...

    def tree(self, value: Any) -> tuple[Any, tuple[str, ...]]:
        """A JSON value without its secrets, and their kinds (sorted, each once)."""
        ...


def build_redactor(key: bytes, *, exact: Iterable[tuple[str, str]] = (), detector: str = "auto") -> Redactor:
    """A redactor that knows these (kind, value) pairs. Raises BadInputError for an unknown or missing detector."""
    return LayeredRedactor(key, ExactValues(exact, key), detector_named(detector))


class LayeredRedactor:
    """Known values, then the detector."""

    def __init__(self, key: bytes, exact: ExactValues, detector: Detector) -> None:
        self._key = key
        self._exact = exact
        self._detector = detector

    def text(self, text: str) -> tuple[str, tuple[Finding, ...]]:
        """The text without its secrets, and where they were."""
        raw = text.encode("utf-8", "surrogatepass")
        known = self._exact.may_be_in(raw)
        detect = may_hold_secret(raw)
        if not (known or detect):
            return text, ()
        found = self._known(text, raw) if known else []
        if detect:
            found += [self._finding(text, one.start, one.end, one.kind) for one in self._detector.find(text)]
        return _replaced(text, _merged(text, found)) if found else (text, ())

    def tree(self, value: Any) -> tuple[Any, tuple[str, ...]]:
        """A JSON value without its secrets, and their kinds."""
        kinds: set[str] = set()
        return self._value(value, kinds, 0), tuple(sorted(kinds))

    def _value(self, value: Any, kinds: set[str], depth: int) -> Any:
        if isinstance(value, str):
            clean, found = self.text(value)
            kinds.update(one.kind for one in found)
            return clean
        if depth >= limits.REDACT_MAX_DEPTH and isinstance(value, dict | list):
            return self._value(str(value), kinds, depth)
        if isinstance(value, dict):
            items = {self._value(k, kinds, depth): self._item(k, v, kinds, depth) for k, v in value.items()}
            same = len(items) == len(value) and all(items.get(k) is v for k, v in value.items())
            return value if same else items
        if isinstance(value, list | tuple):
            parts = [self._value(part, kinds, depth + 1) for part in value]
            return value if all(a is b for a, b in zip(parts, value, strict=True)) else parts
        return value

    def _item(self, name: Any, value: Any, kinds: set[str], depth: int) -> Any:
        """A value under a name: the name may say that it is a secret."""
        if isinstance(value, str) and isinstance(name, str) and not _MARK.search(value):
            role = role_of(name[:100])
            if role is not None and is_secret(role, value, quoted=True, name=name):
                kinds.add(role)
                return f"[redacted:{role}:{self._fingerprint(value)}]"
        return self._value(value, kinds, depth + 1)

    def _known(self, text: str, raw: bytes) -> list[Finding]:
        found = self._exact.find(text, raw)
        return [Finding(one.kind, one.start, one.end, mark[:FINGERPRINT_CHARS]) for one, mark in found]

    def _finding(self, text: str, start: int, end: int, kind: str) -> Finding:
        return Finding(kind, start, end, self._fingerprint(text[start:end]))

    def _fingerprint(self, value: str) -> str:
        digest = hmac.digest(self._key, value.encode("utf-8", "surrogatepass"), "sha256")
        return digest.hex()[:FINGERPRINT_CHARS]


def _merged(text: str, found: list[Finding]) -> list[Finding]:
    """Findings in order without overlaps, none inside a mark: the one that begins first names the kind."""
    marks = [match.span() for match in _MARK.finditer(text)] if "[redacted:" in text else []
    merged: list[Finding] = []
    for one in sorted(found, key=lambda each: (each.start, -each.end)):
        if one.start >= one.end or any(start < one.end and one.start < end for start, end in marks):
            continue
        if merged and one.start < merged[-1].end:
            if one.end > merged[-1].end:
                last = merged[-1]
                merged[-1] = Finding(last.kind, last.start, one.end, last.fingerprint)
            continue
        merged.append(one)
    return merged


def _replaced(text: str, found: list[Finding]) -> tuple[str, tuple[Finding, ...]]:
    parts = []
    at = 0
    for one in found:
        parts += [text[at : one.start], f"[redacted:{one.kind}:{one.fingerprint}]"]
        at = one.end
    parts.append(text[at:])
    return "".join(parts), tuple(found)
