# SPDX-License-Identifier: Apache-2.0
"""Secrets whose value is known: wherever it stands, whatever is around it, in each form that programs give it.

Rules: one pass over the text, whatever the number of values. Every form is known by the four bytes at four neighbouring places
inside it; whichever way a text falls apart into aligned groups of four bytes, one of these is a group of its own where the form
stands. So the groups of a text are looked up in one table of C speed, and only a hit is compared in full.
Short values, and words that everyone writes, are not taken: masking them would make a log unreadable.
"""

import base64
import hmac
import json
from array import array
from collections.abc import Iterable, Iterator
from urllib.parse import quote

from irkit.limits import EXACT_VALUE_MAX_CHARS, EXACT_VALUE_MIN_CHARS, EXACT_VALUES_MAX
from irkit.stream.placeholder import is_placeholder
from irkit.stream.secret_context import Found

_COMMON = frozenset(
    "password passw0rd password1 changeme postgres postgresql localhost administrator development production testtest default "
    "undefined username anonymous required disabled enabled internal external readonly readwrite standard personal business "
    "true false none null master primary secondary secret secrets token tokens example bearer basic oauth2".split()
)


class ExactValues:
    """Known secret values, ready to be looked for."""

    def __init__(self, values: Iterable[tuple[str, str]], key: bytes) -> None:
        self._forms: dict[bytes, tuple[str, str]] = {}
        """Form in UTF-8 -> kind and fingerprint."""
        for count, (kind, value) in enumerate(values):
            if count >= EXACT_VALUES_MAX:
                break
            if is_worth_masking(value):
                mark = (kind, hmac.digest(key, value.encode("utf-8", "surrogatepass"), "sha256").hex())
                for form in forms_of(value):
                    self._forms.setdefault(form, mark)
        self._groups: dict[int, list[bytes]] = {}
        for form in self._forms:
            middle = max(0, len(form) // 2 - 3)
            for group in {form[middle + i : middle + i + 4] for i in range(4)}:
                self._groups.setdefault(_number(group), []).append(form)
        self._known = frozenset(self._groups)

    def may_be_in(self, raw: bytes) -> bool:
        """Whether one of the values can stand in this text (UTF-8). May say yes wrongly, never no."""
        return bool(self._known) and not self._known.isdisjoint(_grouped(raw))

    def find(self, text: str, raw: bytes) -> Iterator[tuple[Found, str]]:
        """Every place of every form, with the fingerprint of its value. `raw` is the text in UTF-8."""
        hits = self._known.intersection(_grouped(raw))
        for form in {form for hit in hits for form in self._groups[hit]}:
            kind, fingerprint = self._forms[form]
            needle = form.decode("utf-8", "surrogatepass")
            at = text.find(needle)
            while at >= 0:
                yield Found(at, at + len(needle), kind), fingerprint
                at = text.find(needle, at + len(needle))


def is_worth_masking(value: str) -> bool:
    """Whether a value is long and unusual enough to be looked for everywhere."""
    if not EXACT_VALUE_MIN_CHARS <= len(value) <= EXACT_VALUE_MAX_CHARS:
        return False
    if value.lower() in _COMMON or len(set(value)) < 4 or is_placeholder(value):
        return False
    return not (value.isdigit() and len(value) < 10)


def forms_of(value: str) -> set[bytes]:
    """The value as it is, as JSON writes it, as URLs do, and in base64 at each of the three places it can start at."""
    raw = value.encode("utf-8", "surrogatepass")
    forms = {raw, quote(raw, safe="").encode(), quote(raw).encode()}
    for ascii_only in (True, False):
        forms.add(json.dumps(value, ensure_ascii=ascii_only)[1:-1].encode("utf-8", "surrogatepass"))
    for shift in range(3):
        coded = base64.b64encode(bytes(shift) + raw)
        first = (shift * 8 + 5) // 6  # characters that also hold bits of what stands before
        last = (shift + len(raw)) * 8 // 6
        forms.add(coded[first:last])
        forms.add(coded[first:last].replace(b"+", b"-").replace(b"/", b"_"))
    return {form for form in forms if len(form) >= 7}


def _grouped(raw: bytes) -> "array[int]":
    return array("I", raw[: len(raw) // 4 * 4])


def _number(group: bytes) -> int:
    return array("I", group)[0]
