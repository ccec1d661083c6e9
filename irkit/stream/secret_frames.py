# SPDX-License-Identifier: Apache-2.0
"""Secrets inside a frame of several parts: a login in a URL, a webhook's address, `.netrc`, `.pgpass`, options of known programs, headers.

Rules: a frame is matched only where its literal stands, from there on and bounded, so that the cost is linear. What stands in a
frame's place for the secret is looked at as a value would be: a variable or a blank is none.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from irkit.stream.placeholder import is_default_login, is_placeholder
from irkit.stream.secret_context import Found
from irkit.stream.secret_values import is_secret


class Frame(NamedTuple):
    """Begins with `literal` (lower case); the last group of `regex` is the secret."""

    kind: str
    literal: str
    regex: re.Pattern[str]


_WS = r"(?:\s|\\{1,4}[nrt]){1,16}+"
_WORD = r"(?:[^\s\"'\\]|\\(?![nrt\"'])){1,512}+"
_VALUE = r"\\{0,3}[\"']?((?:[^\s\"'\\]|\\(?![nrt\"'])){4,512}+)"
_NO_WORD = r"(?<![A-Za-z0-9])"
_TO = r"[^\n|;]{0,300}?[\s\"']"
"""From a program's name to one of its options."""

_FRAMES: tuple[Frame, ...] = tuple(
    Frame(kind, literal, re.compile(regex, re.IGNORECASE))
    for kind, literal, regex in (
        (
            "password",
            "machine",
            rf"machine{_WS}{_WORD}{_WS}(?:(?:login|account|user){_WS}{_WORD}{_WS}){{0,2}}passw(?:or)?d{_WS}{_VALUE}",
        ),
        (
            "password",
            "default",
            rf"default{_WS}(?:(?:login|account|user){_WS}{_WORD}{_WS}){{0,2}}passw(?:or)?d{_WS}{_VALUE}",
        ),
        ("password", "login", rf"login{_WS}{_WORD}{_WS}passw(?:or)?d{_WS}{_VALUE}"),
        (
            "password",
            "curl",
            rf"curl{_TO}(?:-u|--user|--proxy-user|-U)(?:[ =]|[\"'],\s{{0,4}})?\\{{0,3}}[\"']?[^\s:\"'$]{{1,128}}+:{_VALUE}",
        ),
        ("password", "mysql", rf"mysql{_TO}(?-i:-p){_VALUE}"),
        ("password", "mariadb", rf"mariadb{_TO}(?-i:-p){_VALUE}"),
        ("password", "sshpass", rf"sshpass[\"']?[ ,]{{1,4}}\\{{0,3}}[\"']?-p[\"', ]{{0,6}}{_VALUE}"),
        ("password", "login", rf"login\b{_TO}-p[ =]{_VALUE}"),
        ("password", "redis-cli", rf"redis-cli{_TO}(?:-a|--pass)[ =]{_VALUE}"),
        ("password", "pass:", rf"{_NO_WORD}pass:{_VALUE}"),
        (
            "password",
            "identified",
            r"identified\s{1,4}(?:with\s{1,4}\w{1,40}\s{1,4})?by\s{1,4}(?:password\s{1,4})?\\{0,3}[\"']([^\"'\\\n]{4,256}+)",
        ),
        ("password", "password", r"password\s{1,4}\\{0,3}'([^'\\\n]{4,256}+)"),
        ("password", "securestring", r"securestring\s{1,4}(?:-string\s{1,4})?[\"']([^\"'\n]{4,256}+)"),
        ("password", "requirepass", rf"requirepass\s{{1,4}}{_VALUE}"),
        ("password", "masterauth", rf"masterauth\s{{1,4}}{_VALUE}"),
        ("password", "rootpw", rf"rootpw\s{{1,8}}{_VALUE}"),
        ("password", "bindpw", rf"bindpw\s{{1,8}}{_VALUE}"),
        (
            "password",
            "echo",
            r"echo\s{1,4}[\"']?[\w.-]{1,32}+:([^\s\"'|]{4,128}+)[\"']?\s{0,4}\|\s{0,4}(?:sudo\s)?chpasswd",
        ),
        (
            "password",
            "htpasswd",
            rf"htpasswd\s{{1,4}}-\w{{0,6}}b\w{{0,6}}\s{{1,4}}\S{{1,200}}+\s{{1,4}}\S{{1,64}}+\s{{1,4}}{_VALUE}",
        ),
        ("password", "unzip", rf"unzip{_TO}(?-i:-P)[ =]?{_VALUE}"),
        ("password", "7z", rf"7z[ar]?{_TO}(?-i:-p){_VALUE}"),
        ("password", "ldap", rf"ldap(?:search|modify|add|whoami|passwd|delete){_TO}(?-i:-w)[ =]?{_VALUE}"),
        ("password", "mongo", rf"mongo(?:sh|dump|restore|export|import)?{_TO}(?-i:-p)[ =]?{_VALUE}"),
        ("password", "smbclient", rf"smbclient{_TO}-U[ =]?[^\s%\"']{{1,64}}+%{_VALUE}"),
        ("password", "sudo -s", rf"sudo -S\s{{1,4}}<<<\s{{0,4}}{_VALUE}"),
        (
            "password",
            "echo",
            rf"echo\s{{1,4}}(?:-n\s{{1,4}})?{_VALUE}[\"']?\s{{0,4}}\|\s{{0,4}}(?:sudo\s{{1,4}}-\w{{0,4}}S|[^\n|;]{{1,160}}?--(?:password|token|with)-(?:stdin|token))",
        ),
        ("token", "--with-token", rf"--with-token\s{{0,4}}<<<\s{{0,4}}{_VALUE}"),
        ("password", "net user", rf"net user\s{{1,4}}[\w.-]{{1,64}}+\s{{1,4}}(?!/){_VALUE}"),
        ("password", "net use", rf"net use\s[^\n]{{0,200}}?/user:\S{{1,100}}+\s{{1,4}}{_VALUE}"),
        (
            "seed-phrase",
            "mnemonic",
            r"mnemonic[\"']?\s{0,4}[:=]\s{0,4}[\"']?((?:[a-z]{3,8} ){11,23}[a-z]{3,8})",
        ),
        (
            "seed-phrase",
            "seed phrase",
            r"seed phrase[\"']?\s{0,4}[:=]\s{0,4}[\"']?((?:[a-z]{3,8} ){11,23}[a-z]{3,8})",
        ),
        ("signature", "sig=", rf"{_NO_WORD}sig=([A-Za-z0-9%+/=_~-]{{20,2048}}+)"),
        ("signature", "signature=", rf"{_NO_WORD}signature=([A-Za-z0-9%+/=_~-]{{20,4096}}+)"),
        (
            "bearer-token",
            "bearer",
            rf"{_NO_WORD}bearer(?:[ \t]|%20){{1,4}}\\{{0,3}}[\"']?([A-Za-z0-9._~+/=-]{{16,4096}}+)",
        ),
        ("bearer-token", "ssws", rf"{_NO_WORD}ssws[ \t]{{1,4}}([A-Za-z0-9._~+/=-]{{16,4096}}+)"),
        ("basic-login", "basic", rf"{_NO_WORD}basic(?:[ \t]|%20){{1,4}}([A-Za-z0-9+/]{{8,2048}}+={{0,2}})"),
    )
)
_WEBHOOKS = (
    (
        "slack-webhook",
        "hooks.slack",
        r"https?:\\?/\\?/hooks\.slack(?:-gov)?\.com\\?/(?:services|workflows|triggers)(?:\\?/[A-Za-z0-9_-]{1,80}){2,6}",
    ),
    (
        "discord-webhook",
        "/webhooks",
        r"https?:\\?/\\?/(?:\w+\.)?discord(?:app)?\.com\\?/api\\?/(?:v[0-9]+\\?/)?webhooks\\?/[0-9]{15,21}\\?/[A-Za-z0-9_-]{40,100}",
    ),
    (
        "teams-webhook",
        "webhook",
        r"https?:\\?/\\?/[\w.-]{1,100}\.office(?:365)?\.com\\?/webhook(?:b2)?\\?/[\w@./\\-]{40,300}",
    ),
    (
        "google-chat-webhook",
        "chat.googleapis",
        r"https?:\\?/\\?/chat\.googleapis\.com\\?/v1\\?/spaces\\?/[\w-]{4,60}\\?/messages\?[\w=&%.~-]{20,400}",
    ),
    (
        "dingtalk-webhook",
        "oapi.dingtalk",
        r"https?:\\?/\\?/oapi\.dingtalk\.com\\?/robot\\?/send\?access_token=[0-9a-f]{64}",
    ),
    (
        "azure-logic-webhook",
        "logic.azure",
        r"https?:\\?/\\?/[\w.-]{1,100}\.logic\.azure\.com[\w:/.\\-]{1,200}\?[\w=&%.~-]{20,400}",
    ),
    (
        "zapier-webhook",
        "hooks.zapier",
        r"https?:\\?/\\?/hooks\.zapier\.com\\?/hooks\\?/catch(?:\\?/[A-Za-z0-9]{4,40}){2,3}",
    ),
    (
        "feishu-webhook",
        "/bot/",
        r"https?:\\?/\\?/open\.(?:feishu\.cn|larksuite\.com)\\?/open-apis\\?/bot\\?/v2\\?/hook\\?/[\w-]{20,60}",
    ),
    ("make-webhook", "hook.", r"https?:\\?/\\?/hook\.[a-z0-9]{2,5}\.make\.com\\?/[a-z0-9]{20,60}"),
    (
        "ifttt-webhook",
        "maker.ifttt",
        r"https?:\\?/\\?/maker\.ifttt\.com\\?/trigger\\?/[\w-]{1,80}\\?/(?:json\\?/)?with\\?/key\\?/[\w-]{16,80}",
    ),
    (
        "mattermost-webhook",
        "/hooks/",
        r"https?:\\?/\\?/[\w.-]{1,100}(?::[0-9]{1,5})?\\?/hooks\\?/[a-z0-9]{26}(?![A-Za-z0-9])",
    ),
)
_USERINFO = re.compile(r"://([^\s/?#:@\"'<>`\\]{0,256}+):([^\s/?#\"'<>`\\]{1,1024})@(?=[\w.\[$%{-])")
_USER_ONLY = re.compile(r"://([A-Za-z0-9_%.~-]{20,512}+)@(?=[\w.\[-])")
_PGPASS_HOST = re.compile(r"(?:(?<=\\n)|(?<![\w./-]))(?:[\w*.-]{1,255}|/[\w./-]{1,100})\Z")
_PGPASS = re.compile(
    r":([0-9]{4,5}|\*):(?:[A-Za-z_*][\w-]{0,62}+):(?:[A-Za-z_*][\w.@-]{0,62}+):((?:[^\s:\\\"'`]|\\[:\\]){4,256}+)(?!:)"
)
_COOKIE = re.compile(r"cookies?[\"'\\]{0,4}\s{0,4}(?::|=|[\"'],|\s)\s{0,4}([^\n]{1,4096}+)", re.IGNORECASE)
_COOKIE_PART = re.compile(r"([A-Za-z0-9_.$-]{1,64}+)=([A-Za-z0-9%+/=_.:~|!*-]{8,4096}+)")
_COOKIE_NAMES = re.compile(
    r"sess|sid\b|token|auth|jwt|login|remember|csrf|identity|^d$|^id$|key", re.IGNORECASE
)
_COOKIE_ATTRIBUTES = frozenset({"path", "domain", "expires", "max-age", "samesite", "priority"})


def in_frames(text: str, low: str) -> Iterator[Found]:
    """Every secret that stands in one of the known frames. `low` is the text in lower case, of the same length."""
    for word, frames in _BY_WORD.items():
        if word in low:
            for frame in frames:
                yield from _framed(text, low, frame)
    if "http" in low:
        for kind, trigger, regex in _WEBHOOK_TABLE:
            if trigger in low:
                yield from (
                    Found(m.start(), m.end(), kind)
                    for m in regex.finditer(text)
                    if not is_placeholder(m.group())
                )
    if "://" in low:
        yield from _urls(text)
    if "cookie" in low:
        yield from _cookies(text, low)
    yield from _pgpass(text)


def _word_of(frame: Frame) -> str:
    """The word without which this frame cannot be filled."""
    return "passw" if "passw(" in frame.regex.pattern else frame.literal


def _framed(text: str, low: str, frame: Frame) -> Iterator[Found]:
    at = low.find(frame.literal)
    while at >= 0:
        match = frame.regex.match(text, at)
        if match is not None and _fills(frame.kind, match.group(1)):
            yield Found(match.start(1), match.end(1), frame.kind)
        at = low.find(frame.literal, match.end() if match else at + len(frame.literal))


def _fills(kind: str, value: str) -> bool:
    """Whether this value, in this frame, is a secret."""
    if kind == "bearer-token":
        return is_secret("token", value, quoted=True)
    if kind == "basic-login":
        return is_secret("auth", value, quoted=False)
    if is_placeholder(value) or value[0] in "$<{-:" or value.startswith("[redacted"):
        return False
    return kind != "password" or value.lower() not in {"password", "pass", "secret", "token"}


def _urls(text: str) -> Iterator[Found]:
    for match in _USERINFO.finditer(text):
        user, password = match.groups()
        if is_default_login(user, password) or is_placeholder(password) or password[0] in "$<{%[":
            continue
        yield Found(match.start(2), match.end(2), "url-password")
    for match in _USER_ONLY.finditer(text):
        if is_secret("token", match.group(1), quoted=True):
            yield Found(match.start(1), match.end(1), "url-userinfo")


def _cookies(text: str, low: str) -> Iterator[Found]:
    at = low.find("cookie")
    while at >= 0:
        header = _COOKIE.match(text, at)
        if header is None:
            at = low.find("cookie", at + 6)
            continue
        for part in _COOKIE_PART.finditer(text, header.start(1), header.end(1)):
            name, value = part.groups()
            if name.lower() in _COOKIE_ATTRIBUTES or is_placeholder(value):
                continue
            telling = _COOKIE_NAMES.search(name) is not None
            if any(char.isdigit() for char in value) and (telling or len(value) >= 20):
                yield Found(part.start(2), part.end(2), "cookie")
        at = low.find("cookie", header.end())


def _pgpass(text: str) -> Iterator[Found]:
    for match in _PGPASS.finditer(text):
        host = _PGPASS_HOST.search(text[max(0, match.start() - 256) : match.start()])
        if host is None:
            continue
        port, password = match.groups()
        postgres = port in {"5432", "5433", "6432", "*"} or host.group() in {"localhost", "*"}
        written = password[0] not in "$<{/" and not is_placeholder(password)
        if written and (postgres or any(char.isdigit() for char in password)):
            yield Found(match.start(2), match.end(2), "password")


_BY_WORD = {
    word: tuple(frame for frame in _FRAMES if _word_of(frame) == word)
    for word in dict.fromkeys(map(_word_of, _FRAMES))
}

_WEBHOOK_TABLE = tuple(
    (kind, trigger, re.compile(regex, re.IGNORECASE)) for kind, trigger, regex in _WEBHOOKS
)
