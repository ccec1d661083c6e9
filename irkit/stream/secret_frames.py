# SPDX-License-Identifier: Apache-2.0
"""Secrets inside a frame of several parts: a login in a URL, a webhook's address, `.netrc`, `.pgpass`, options of known
programs, headers, and blocks (PEM and the like).

Rules: each frame has literal triggers and one bounded expression; where a block was cut off, what is left of it is masked.
"""

import base64
import binascii
import re
from collections.abc import Callable, Iterator

from irkit.stream.placeholder import is_default_login, is_placeholder
from irkit.stream.secret_context import Found
from irkit.stream.secret_values import is_secret

_BLOCK_MAX = 65_536
_WS = r"(?:\s|\\{1,4}[nrt]){1,16}+"
_WORD = r"(?:[^\s\"'\\]|\\(?![nrt\"'])){1,512}+"

_USERINFO = re.compile(r"://([^\s/?#:@\"'<>`\\]{0,256}+):([^\s/?#\"'<>`\\]{1,1024})@(?=[\w.\[$%{-])")
_USER_ONLY = re.compile(r"://([A-Za-z0-9_%.~-]{20,512}+)@(?=[\w.\[-])")
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
_SIGNED = re.compile(
    r"(?:[?&;\"'\s]|amp;|^)(?:sig|signature|x-(?:amz|goog|oss)-signature|hdnts|hmac)=([A-Za-z0-9%+/=_~-]{20,2048}+)",
    re.IGNORECASE,
)
_NETRC = re.compile(
    rf"(?:machine{_WS}{_WORD}|default){_WS}(?:(?:login|account|user){_WS}{_WORD}{_WS}){{0,2}}(?:password|passwd){_WS}[\"']?({_WORD})",
    re.IGNORECASE,
)
_LOGIN_LINE = re.compile(rf"login{_WS}{_WORD}{_WS}password{_WS}({_WORD})", re.IGNORECASE)
_PGPASS = re.compile(
    r"(?:(?<=\\n)|(?<![\w./-]))([\w*.-]{1,255}+|/[\w./-]{1,100}+):([0-9]{4,5}|\*):([A-Za-z_*][\w-]{0,62}+):([A-Za-z_*][\w.@-]{0,62}+)"
    r":((?:[^\s:\\\"'`]|\\[:\\]){4,256}+)"
)
_OPTIONS = (
    # user:password of curl, wget and their kin
    (
        "curl",
        r"(?:\s|[\"'])(?:-u|--user|--proxy-user|-U)(?:[ =]|[\"'],\s{0,4})?\\{0,3}[\"']?([^\s:\"'$]{1,128}+):([^\s\"'\\]{4,256}+)",
    ),
    ("mysql", r"(?:\s|[\"'])(?-i:-p)\\{0,3}[\"']?()([^\s\"'\\]{4,256}+)"),
    ("mariadb", r"(?:\s|[\"'])(?-i:-p)\\{0,3}[\"']?()([^\s\"'\\]{4,256}+)"),
    ("sshpass", r"sshpass[\"']?[ ,]{1,4}\\{0,3}[\"']?-p[\"', ]{0,6}()([^\s\"'\\]{4,256}+)"),
    ("login", r"\blogin\b[^\n|;&]{0,200}?\s-p[ =]\\{0,3}[\"']?()([^\s\"'\\]{6,256}+)"),
    ("redis-cli", r"redis-cli[^\n|;&]{0,200}?\s-a[ =]\\{0,3}[\"']?()([^\s\"'\\]{4,256}+)"),
    ("openssl", r"\bpass:()([^\s\"'\\]{4,256}+)"),
    (
        "identified",
        r"identified\s{1,4}(?:with\s{1,4}\w{1,40}\s{1,4})?by\s{1,4}(?:password\s{1,4})?\\{0,3}[\"']()([^\"'\\\n]{4,256}+)",
    ),
    ("password", r"\bpassword\s{1,4}\\{0,3}'()([^'\\\n]{4,256}+)"),
    ("securestring", r"securestring\s{1,4}(?:-string\s{1,4})?[\"']()([^\"'\n]{4,256}+)"),
    ("requirepass", r"(?:requirepass|masterauth)\s{1,4}[\"']?()([^\s\"'\\]{6,256}+)"),
    (
        "chpasswd",
        r"echo\s{1,4}[\"']?([\w.-]{1,32}):([^\s\"'|]{4,128}+)[\"']?\s{0,4}\|\s{0,4}(?:sudo\s)?chpasswd",
    ),
    ("mnemonic", r"mnemonic[\"']?\s{0,4}[:=]\s{0,4}[\"']?()((?:[a-z]{3,8} ){11,23}[a-z]{3,8})"),
    ("seed phrase", r"seed phrase[\"']?\s{0,4}[:=]\s{0,4}[\"']?()((?:[a-z]{3,8} ){11,23}[a-z]{3,8})"),
    ("pw ", r"(?:rootpw|bindpw)\s{1,8}()([^\s\"'\\]{4,256}+)"),
    (
        "htpasswd",
        r"htpasswd\s{1,4}-\w{0,6}b\w{0,6}\s{1,4}\S{1,200}\s{1,4}\S{1,64}\s{1,4}\\{0,3}[\"']?()([^\s\"'\\]{4,256}+)",
    ),
    ("net use", r"/user:\S{1,100}\s{1,4}()([^\s\"'/]{6,256}+)"),
)
_BEARER = re.compile(
    r"\b(?:bearer|ssws)(?:[ \t]|%20){1,4}\\{0,3}[\"']?([A-Za-z0-9._~+/=-]{16,4096}+)", re.IGNORECASE
)
_BASIC = re.compile(r"\bBasic[ \t]{1,4}([A-Za-z0-9+/]{8,2048}+={0,2})")
_COOKIE = re.compile(
    r"(?:^|[^\w])(?:set-)?cookies?[\"'\\]{0,4}\s{0,4}(?::|=|[\"'],|\s)\s{0,4}([^\n]{1,4096}+)", re.IGNORECASE
)
_COOKIE_PART = re.compile(r"([A-Za-z0-9_.$-]{1,64}+)=([A-Za-z0-9%+/=_.:~|!*-]{8,4096}+)")
_COOKIE_NAMES = re.compile(
    r"sess|sid\b|token|auth|jwt|login|remember|csrf|identity|^d$|^id$|key", re.IGNORECASE
)
_COOKIE_ATTRIBUTES = frozenset({"path", "domain", "expires", "max-age", "samesite", "priority"})

_PEM_BEGIN = re.compile(
    r"-{4,5} ?BEGIN (?:[A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?|OpenVPN Static key V1) ?-{4,5}"
)
_PEM_END = re.compile(r"-{4,5} ?END (?:[A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?|OpenVPN Static key V1) ?-{4,5}")
_BREAK = r"(?:\s|\\{1,4}[nrt]|[>|+#*\"',])"
_PEM_REST = re.compile(
    rf"(?:{_BREAK}{{1,24}}+(?:[A-Z][A-Za-z-]{{2,20}}: [^\n\\]{{0,120}}+|[A-Za-z0-9+/=]{{16,{_BLOCK_MAX}}}+))*+"
    rf"(?:{_BREAK}{{1,24}}+=?[A-Za-z0-9+/]{{2,80}}={{0,2}}(?![\w -]))?"
)
_PEM_TAIL_BACKWARDS = re.compile(r"(?:(?:\s|[nrt]\\{1,4}){1,16}+(?:[A-Za-z0-9+/=](?!\\)){2,200}+)*+")
"""Read from the end mark to the left, because only that side is known."""
_PUTTY = re.compile(rf"PuTTY-User-Key-File-[0-9][^\0]{{0,{_BLOCK_MAX}}}?Private-MAC: ?[0-9a-f]{{16,128}}")
_PUTTY_CUT = re.compile(r"Private-Lines: ?[0-9]{1,4}(?:(?:\s|\\{1,4}[nr]){1,8}[A-Za-z0-9+/=]{16,200}){1,200}")
_B64_PEM = re.compile(
    r"LS0tLS1CRUdJTi[A-Za-z0-9+/_-]{20,65536}+(?:(?:\s|\\{1,4}[nr]){1,16}+[A-Za-z0-9+/]{30,65536}+)*+={0,2}"
)
_JWK = re.compile(r"\\{0,3}\"(?:d|p|q|dp|dq|qi|k)\\{0,3}\"\s{0,4}:\s{0,4}\\{0,3}\"([A-Za-z0-9_-]{16,2048}+)")
_KEY_ID = re.compile(r"private_key_id\\{0,3}\"\s{0,4}:\s{0,4}\\{0,3}\"([0-9a-f]{40})")


def in_frames(text: str, low: str) -> Iterator[Found]:
    """Every secret that stands in one of the known frames."""
    for trigger, find in _FRAMES:
        if trigger in low:
            yield from find(text)
    for trigger, regex in _OPTION_TABLE:
        if trigger in low:
            yield from _options(text, regex)
    for kind, trigger, regex in _WEBHOOK_TABLE:
        if trigger in low:
            yield from (
                Found(m.start(), m.end(), kind) for m in regex.finditer(text) if not is_placeholder(m.group())
            )


def _group(kind: str, regex: re.Pattern[str]) -> Callable[[str], Iterator[Found]]:
    """A finder whose group 1 is the secret."""

    def find(text: str) -> Iterator[Found]:
        for match in regex.finditer(text):
            if not is_placeholder(match.group(1)) and not match.group(1).startswith(("$", "<", "[redacted")):
                yield Found(match.start(1), match.end(1), kind)

    return find


def _urls(text: str) -> Iterator[Found]:
    for match in _USERINFO.finditer(text):
        user, password = match.groups()
        if is_default_login(user, password) or is_placeholder(password) or password[0] in "$<{%[" or password.startswith("[redacted"):
            continue
        yield Found(match.start(2), match.end(2), "url-password")
    for match in _USER_ONLY.finditer(text):
        if is_secret("token", match.group(1), quoted=True):
            yield Found(match.start(1), match.end(1), "url-userinfo")


def _options(text: str, regex: re.Pattern[str]) -> Iterator[Found]:
    for match in regex.finditer(text):
        value = match.group(2)
        if (
            not is_placeholder(value)
            and value[0] not in "$<{-"
            and value.lower() not in {"password", "pass", "secret"}
        ):
            yield Found(match.start(2), match.end(2), "password")


def _bearers(text: str) -> Iterator[Found]:
    for match in _BEARER.finditer(text):
        if is_secret("token", match.group(1), quoted=True):
            yield Found(match.start(1), match.end(1), "bearer-token")


def _basics(text: str) -> Iterator[Found]:
    for match in _BASIC.finditer(text):
        if is_secret("auth", match.group(1), quoted=False):
            yield Found(match.start(1), match.end(1), "basic-login")


def _cookies(text: str) -> Iterator[Found]:
    for header in _COOKIE.finditer(text):
        for part in _COOKIE_PART.finditer(text, header.start(1), header.end(1)):
            name, value = part.groups()
            if name.lower() in _COOKIE_ATTRIBUTES or is_placeholder(value):
                continue
            telling = _COOKIE_NAMES.search(name) is not None
            if any(char.isdigit() for char in value) and (telling or len(value) >= 20):
                yield Found(part.start(2), part.end(2), "cookie")


def _pgpass(text: str) -> Iterator[Found]:
    for match in _PGPASS.finditer(text):
        host, port, password = match.group(1), match.group(2), match.group(5)
        postgres = port in {"5432", "5433", "6432", "*"} or host in {"localhost", "*"}
        if (postgres or any(char.isdigit() for char in password)) and (
            not is_placeholder(password)
            and password[0] not in "$<{/"
            and text[match.end() : match.end() + 1] != ":"
        ):
            yield Found(match.start(5), match.end(5), "password")


def _pem(text: str) -> Iterator[Found]:
    at = 0
    while (begin := _PEM_BEGIN.search(text, at)) is not None:
        end = _PEM_END.search(text, begin.end(), begin.end() + _BLOCK_MAX)
        inner = _PEM_BEGIN.search(text, begin.end(), end.end() if end else begin.end() + _BLOCK_MAX)
        if end is not None and inner is None:
            stop = end.end()
        else:
            rest = _PEM_REST.match(text, begin.end())
            stop = rest.end() if rest else begin.end()
        if stop - begin.end() > 16 and not is_placeholder(text[begin.end() : stop][:200].strip("\n\\nr ")):
            yield Found(begin.start(), stop, "private-key")
        at = max(stop, begin.end())


def _pem_tails(text: str) -> Iterator[Found]:
    """The end of a block whose beginning is elsewhere."""
    done = 0
    for end in _PEM_END.finditer(text):
        window = text[max(done, end.start() - 16_384) : end.start()]
        tail = _PEM_TAIL_BACKWARDS.match(window[::-1])
        if "BEGIN" not in window and tail is not None and tail.end() > 40:
            yield Found(end.start() - tail.end(), end.end(), "private-key")
        done = end.end()


def _encoded_pem(text: str) -> Iterator[Found]:
    for match in _B64_PEM.finditer(text):
        head = match.group()[:120]
        try:
            plain = base64.b64decode(head[: len(head) // 4 * 4].replace("-", "+").replace("_", "/"))
        except binascii.Error:
            continue
        if b"PRIVATE KEY" in plain:
            yield Found(match.start(), match.end(), "private-key")


def _putty(text: str) -> Iterator[Found]:
    found = [Found(m.start(), m.end(), "private-key") for m in _PUTTY.finditer(text)]
    yield from found or (Found(m.start(), m.end(), "private-key") for m in _PUTTY_CUT.finditer(text))


def _jwk(text: str) -> Iterator[Found]:
    if "kty" in text:
        yield from (Found(m.start(1), m.end(1), "private-key") for m in _JWK.finditer(text))


_FRAMES: tuple[tuple[str, Callable[[str], Iterator[Found]]], ...] = (
    ("://", _urls),
    ("machine", _group("password", _NETRC)),
    ("default", _group("password", _NETRC)),
    ("login", _group("password", _LOGIN_LINE)),
    ("sig=", _group("signature", _SIGNED)),
    ("signature=", _group("signature", _SIGNED)),
    ("hmac=", _group("signature", _SIGNED)),
    (":", _pgpass),
    ("bearer", _bearers),
    ("ssws", _bearers),
    ("basic", _basics),
    ("cookie", _cookies),
    ("begin", _pem),
    ("-end ", _pem_tails),
    ("ls0tls1crudjti", _encoded_pem),
    ("putty-user-key", _putty),
    ("private-lines", _putty),
    ("kty", _jwk),
    ("private_key_id", _group("private-key-id", _KEY_ID)),
)
_OPTION_TABLE = tuple((trigger, re.compile(regex, re.IGNORECASE)) for trigger, regex in _OPTIONS)
_WEBHOOK_TABLE = tuple(
    (kind, trigger, re.compile(regex, re.IGNORECASE)) for kind, trigger, regex in _WEBHOOKS
)
