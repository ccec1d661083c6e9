# SPDX-License-Identifier: Apache-2.0
"""Walks a JSON value and redacts its strings, with what a text cannot tell: the key above a value, the option before an argument.

Rules: a value's own key decides first (`{"password": …}`, `{"name": "API_KEY", "value": …}`); a list of strings is read as one line,
so that `["curl", "-u", "me:…"]` and a key block split into lines are seen; what is nested too deep to be read is replaced unread.
"""

from typing import Any, Protocol

import msgspec

from irkit.limits import REDACT_MAX_DEPTH
from irkit.stream.finding import Finding
from irkit.stream.secret_context import Found
from irkit.stream.secret_names import Role, role_of
from irkit.stream.secret_values import is_secret, scheme_length

UNREAD = "[redacted:unread:000000000000]"
_json = msgspec.json.Encoder()
_NAME_KEYS = ("name", "Name", "key", "Key")
_VALUE_KEYS = frozenset({"value", "Value"})
_ASKED_CHARS = 88
"""Longer keys are no names."""


class FindsInText(Protocol):
    """What the walk needs of a redactor."""

    def may_hold(self, text: str, raw: bytes) -> bool:
        """Whether a secret can be in this text; `raw` is the same in UTF-8."""
        ...

    def findings(self, text: str, told: Found | None = None) -> tuple[Finding, ...]:
        """Every secret in it; `told` is one that its key tells."""
        ...


class TreeWalk:
    """One walk over one value; collects the kinds that it meets."""

    def __init__(self, redactor: FindsInText) -> None:
        self._redactor = redactor
        self._kinds: set[str] = set()

    def redacted(self, value: Any) -> tuple[Any, tuple[str, ...]]:
        """The value without secrets, and their kinds, sorted. The same object when there are none."""
        try:
            raw = _json.encode(value)
            if not self._redactor.may_hold(raw.decode(), raw):
                return value, ()
        except (
            TypeError,
            ValueError,
            RecursionError,
        ):  # not plain JSON, lone surrogates, nested very deep: walk it
            pass
        clean = self._value(value, "", REDACT_MAX_DEPTH)
        return (clean, tuple(sorted(self._kinds))) if self._kinds else (value, ())

    def _value(self, value: Any, name: str, depth: int) -> Any:
        if isinstance(value, str):
            return self._text(value, name)
        if isinstance(value, dict):
            return self._dict(value, depth - 1) if depth else self._unread()
        if isinstance(value, list | tuple):
            return self._list(list(value), name, depth - 1) if depth else self._unread()
        if (
            isinstance(value, int)
            and not isinstance(value, bool)
            and role_of(name[:_ASKED_CHARS]) == "password"
        ):
            return self._text(str(value), name)
        return value

    def _unread(self) -> str:
        self._kinds.add("unread")
        return UNREAD

    def _dict(self, value: dict[Any, Any], depth: int) -> dict[Any, Any]:
        named = next((value[key] for key in _NAME_KEYS if isinstance(value.get(key), str)), "")
        out: dict[Any, Any] = {}
        for key, item in value.items():
            name = key if isinstance(key, str) else ""
            shown = self._text(key, "") if isinstance(key, str) else key
            out[shown] = self._value(item, named if key in _VALUE_KEYS and named else name, depth)
        return out

    def _list(self, items: list[Any], name: str, depth: int) -> list[Any]:
        if len(items) < 2 or not all(isinstance(item, str) for item in items):
            return [self._value(item, name, depth) for item in items]
        items = [self._text(item, name) if self._is_told(item, name) else item for item in items]
        line = " ".join(items)
        found = self._find(line, None)
        if not found:
            return items
        out: list[str] = []
        at = 0
        for item in items:
            out.append(_covered(item, at, found))
            at += len(item) + 1
        return out

    def _text(self, text: str, name: str) -> str:
        told = self._told(text, name)
        if told is None and not self._redactor.may_hold(text, text.encode("utf-8", "surrogatepass")):
            return text
        return _covered(text, 0, self._find(text, told))

    def _find(self, text: str, told: Found | None) -> tuple[Finding, ...]:
        found = self._redactor.findings(text, told)
        self._kinds.update(one.kind for one in found)
        return found

    def _is_told(self, text: str, name: str) -> bool:
        return self._told(text, name) is not None

    def _told(self, text: str, name: str) -> Found | None:
        """The secret that the key above this text says it is."""
        role: Role | None = role_of(name) if name and len(name) <= _ASKED_CHARS else None
        if role is None:
            return None
        skip = scheme_length(text[:24])
        if not is_secret("authorization" if skip else role, text[skip:], quoted=True, name=name):
            return None
        return Found(skip, len(text), "basic-login" if role == "auth" else role)


def _covered(text: str, offset: int, found: tuple[Finding, ...]) -> str:
    """The text, which stands at `offset` of what was searched, with a mark for each part that a finding covers."""
    parts: list[str] = []
    at = 0
    for one in found:
        start, end = max(0, one.start - offset), min(len(text), one.end - offset)
        if start < end:
            parts += (text[at:start], one.mark)
            at = end
    return "".join((*parts, text[at:]))
