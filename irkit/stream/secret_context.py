# SPDX-License-Identifier: Apache-2.0
"""Secrets that only their surroundings tell: `PGPASSWORD=…`, `password: …`, a header, a flag, a `.netrc` line.

Rules: a telling word is found as a plain substring, its whole name, the sign of assignment and the value are then matched at that
place, each bounded; so the cost is linear. Text may be source code, YAML, shell, a log, or JSON that was escaped once or twice.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from irkit.stream.secret_names import Role, role_of
from irkit.stream.secret_values import is_secret, reads_as_words, scheme_length


class Found(NamedTuple):
    """Where a secret stands, in code points, and what it is."""

    start: int
    end: int
    kind: str


_TELLING = ("pass", "pw", "secret", "token", "key", "cred", "auth", "psk")
_NAME_BACK = 40
_NAME = re.compile(r"[A-Za-z0-9_.-]{0,48}+")
_NAME_CHARS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")
_ESCAPED_NAME = re.compile(r"[nrt][A-Za-z_-]")

_Q = r"(?:\\{0,3}[\"'`]|&quot;|%22)"
_GAP = r"(?:[ \t]|\\t){0,16}"
_ASSIGNED = re.compile(
    rf"""{_Q}?\]?\)?{_GAP}
    (?:
      :{_GAP}&?[A-Za-z_?\[\]|.&'?]{{1,40}}+[ \t]{{0,4}}=(?![=>~])(?=[ \t]{{0,4}}\S)   # with a type: `password: str = `
    | => | [:?+]?=(?![=>~]) | :(?![:=]) | %3[DdAa] | &\#61;
    ){_GAP}""",
    re.VERBOSE,
)
_VALUE_BESIDE = re.compile(
    rf"{_Q}(?:\s|\\n){{0,20}},?(?:\s|\\n){{0,40}}{_Q}?[vV]alue{_Q}?\s{{0,4}}[:=]\s{{0,4}}"
    rf"|(?:\s|\\n){{1,40}}value\s{{0,4}}:\s{{0,4}}"
)
_NEXT_ARGUMENT = re.compile(rf"{_Q}\s{{0,8}},\s{{0,16}}(?={_Q})|[ \t]{{1,8}}(?![-=|&;<>])")
_NEXT_VALUE = re.compile(rf"{_Q}\s{{0,4}},\s{{0,4}}(?={_Q})")
"""`define('DB_PASSWORD', '…')`: but a list of field names has the same form."""
_ELEMENT = re.compile(r"(?:\s[^<>]{0,80})?>(?:<!\[CDATA\[)?")
_SET = re.compile(r"[ \t]{1,8}(?=[^\s=])")
"""`ENV NAME value` in a Dockerfile, `setenv NAME value` in a C shell."""
_SAID = re.compile(r"[ \t](?:is|was)(?::|[ \t]now|[ \t]set[ \t]to)?[ \t]{1,4}")
_OPEN = re.compile(r"(?:[bBrRuUfF@]|\$)?(?P<quote>\\{0,3}(?:\"\"\"|'''|[\"'`])|&quot;|%22)")
_JUDGED = 128
"""An unquoted value is judged by this much, because names may stand in it that are each looked at in turn."""
_BARE = re.compile(rf"[^\s\"'`<>]{{1,{_JUDGED}}}+")
_BARE_ON = re.compile(r"[^\s\"'`<>]{1,8192}+")
_UNTIL = {quote: re.compile(rf"(?:[^{quote}\\\n]|\\.){{1,2048}}+(?={quote}|\n|$)") for quote in "\"'`"}
_REST = re.compile(r"[^\n\\\"'`]{1,2048}+")
_CUT = re.compile(
    r"[,;&](?=\s{0,8}[\"']?[A-Za-z_$-][\w .-]{0,40}[\"']?\s{0,8}[=:]|$|\s)|\\{1,4}[nrt\"']|\\$|%26|&amp;|\|"
)
_CLOSING = {")": "(", "]": "[", "}": "{"}


def in_context(text: str, low: str) -> Iterator[Found]:
    """Values under telling names. `low` is the text in lower case, of the same length."""
    for telling in _TELLING:
        at = low.find(telling)
        while at >= 0:
            start, end = _name_around(text, at)
            name = text[start:end].strip(".")
            role = role_of(name.lstrip("-"))
            if role is not None:
                found = _value_after(text, start, end, role, name)
                if found is not None:
                    yield found
                    end = found.end  # what stands inside is masked already
            at = low.find(telling, max(end, at + 1))


def _name_around(text: str, at: int) -> tuple[int, int]:
    start = at
    least = max(0, at - _NAME_BACK)
    while start > least and text[start - 1] in _NAME_CHARS:
        start -= 1
    if start and text[start - 1] == "\\" and _ESCAPED_NAME.match(text, start):  # `\nPGPASSWORD=` inside JSON
        start += 1
    if start >= 1 and text[start - 1] == "%" and start + 2 < at:  # `%26token%3D`
        start += 2
    found = _NAME.match(text, at)
    return start, found.end() if found else at


def _value_after(text: str, start: int, end: int, role: Role, name: str) -> Found | None:
    sign = _ASSIGNED.match(text, end)
    words = True
    if sign is None:
        sign = _VALUE_BESIDE.match(text, end)
    if sign is None:
        sign = (_NEXT_ARGUMENT if name.startswith("-") else _NEXT_VALUE).match(text, end)
        words = name.startswith("-")
    if sign is None and start and text[start - 1] == "<":
        sign = _ELEMENT.match(text, end)
    if sign is None and text[max(0, start - 4) : start].upper() in {"ENV ", "\nENV ", "NENV "}:
        sign = _SET.match(text, end)
    if sign is None and (sign := _SAID.match(text, end)) is not None:
        said = _value_at(text, sign.end(), role, name, words=False, setting=False)
        return None if said is None or reads_as_words(text[said.start : said.end]) else said
    if sign is None:
        return None
    return _value_at(text, sign.end(), role, name, words=words, setting=_is_setting(text, start, sign))


def _is_setting(text: str, start: int, sign: re.Match[str]) -> bool:
    """Whether `name=` begins a line, without spaces: as in settings files, rarely in code."""
    return sign.group() == "=" and (
        start == 0 or text[start - 1] == "\n" or text[max(0, start - 7) : start] == "export "
    )


def _value_at(text: str, at: int, role: Role, name: str, *, words: bool, setting: bool) -> Found | None:
    """The secret that begins at this place, quoted or bare. Without `words`, a quoted word alone is none."""
    bare: re.Match[str] | None = None
    opened = _OPEN.match(text, at)
    quoted = opened is not None
    if opened is not None:
        at = opened.end()
        end = _closing(text, at, opened.group("quote"))
        if "f" in opened.group().lower()[:1] and "{" in text[at:end]:
            return None
    elif role == "authorization":
        rest = _REST.match(text, at)
        end = rest.end() if rest else at
    else:
        bare = _BARE.match(text, at)
        end = _bare_end(text, at, bare.end()) if bare else at
    skip = scheme_length(text[at : min(end, at + 24)])
    at += skip
    if role == "authorization" and not quoted:
        bare = _BARE.match(text, at, end)
        end = _bare_end(text, at, bare.end()) if bare else at
    value = text[at:end]
    if not words and not any(char.isdigit() for char in value):
        return None
    if skip and role in {"token", "credential"}:
        role = "authorization"
    if not is_secret(
        role,
        value,
        quoted=quoted and words,
        name=name,
        setting=setting and text[end : end + 1] in {"", "\n", "\r"},
    ):
        return None
    if not quoted and (text[end : end + 1] == "(" or (role != "password" and _is_prose(text, end))):
        return None
    if bare is not None and end == bare.start() + _JUDGED:
        end = _on(text, end)
    return Found(at, end, _kind(role))


def _on(text: str, at: int) -> int:
    """Where the unquoted secret ends of which only the beginning was judged."""
    more = _BARE_ON.match(text, at)
    return _bare_end(text, at, more.end()) if more else at


def _kind(role: Role) -> str:
    return {"auth": "basic-login", "authorization": "authorization"}.get(role, role)


def _closing(text: str, at: int, quote: str) -> int:
    """Where a quoted value ends: at its quote, or with the line where the quote never comes."""
    until = _UNTIL.get(quote)
    if until is not None:
        found = until.match(text, at)
        return found.end() if found else at
    end = text.find(quote, at, at + 2048)
    if end < 0:
        bare = _BARE.match(text, at)
        return bare.end() if bare else at
    return end


def _bare_end(text: str, at: int, end: int) -> int:
    """Where an unquoted value ends: before the next setting, and without the brackets around it."""
    cut = _CUT.search(text, at, end)
    if cut is not None:
        end = cut.start()
    while end > at and text[end - 1] in ",;:)]}":
        opening = _CLOSING.get(text[end - 1])
        if opening is not None and opening in text[at : end - 1]:
            break
        end -= 1
    return end


_PROSE = re.compile(r" [a-z]{1,15} [a-z]{2,15}\b")


def _is_prose(text: str, end: int) -> bool:
    return _PROSE.match(text, end) is not None
