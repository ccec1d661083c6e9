# SPDX-License-Identifier: Apache-2.0
"""Keys of many lines: PEM and PGP blocks, PuTTY files, JSON web keys; as they are, indented, escaped by JSON, in base64, or cut off.

Rules: a block is masked from its first mark to its last one. Where one of the two is missing, because the text was cut, everything next
to the other that can belong to the key is masked. Certificates and public keys are no secrets.
"""

import base64
import binascii
import re
from bisect import bisect_left
from collections.abc import Iterator
from itertools import zip_longest

from irkit.stream.placeholder import is_placeholder
from irkit.stream.secret_context import Found

_BLOCK_MAX = 65_536

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
_BODY = re.compile(r"[A-Za-z0-9+/=]{16}")


def in_blocks(text: str, low: str) -> Iterator[Found]:
    """Every private key that is in the text, whole or in part. `low` is the text in lower case."""
    if " key" in low:
        yield from _pem(text)
        yield from _pem_tails(text)
    if "ls0tls1crudjti" in low:
        yield from _encoded_pem(text)
    if "putty-user-key" in low or "private-lines" in low:
        yield from _putty(text)
    if "kty" in low:
        yield from _jwk(text)
    if "private_key_id" in low:
        yield from _key_ids(text)


def _pem(text: str) -> Iterator[Found]:
    begins, ends = list(_PEM_BEGIN.finditer(text)), list(_PEM_END.finditer(text))
    at = 0
    for begin, following in zip_longest(begins, begins[1:]):
        if begin.start() < at:
            continue
        after = bisect_left(ends, begin.end(), key=re.Match.start)
        end = ends[after] if after < len(ends) else None
        alone = end is not None and (following is None or following.start() > end.start())
        if end is not None and alone and end.end() <= begin.end() + _BLOCK_MAX:
            stop = end.end()
        else:
            rest = _PEM_REST.match(text, begin.end())
            stop = rest.end() if rest else begin.end()
        if _BODY.search(text, begin.end(), stop) and not is_placeholder(
            text[begin.end() : stop][:200].strip("\n\\nr ")
        ):
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


def _putty_files(text: str) -> Iterator[re.Match[str]]:
    at = 0
    while (at := text.find("PuTTY-User-Key-File-", at)) >= 0:
        end = text.find("Private-MAC:", at, at + _BLOCK_MAX)
        again = text.find("PuTTY-User-Key-File-", at + 1, end)
        match = _PUTTY.match(text, at) if end >= 0 and again < 0 else None
        if end < 0 and text.find("Private-MAC:", at) < 0:
            return
        if match is not None:
            yield match
        at = match.end() if match else at + 1


def _putty(text: str) -> Iterator[Found]:
    found = [Found(m.start(), m.end(), "private-key") for m in _putty_files(text)]
    yield from found or (Found(m.start(), m.end(), "private-key") for m in _PUTTY_CUT.finditer(text))


def _jwk(text: str) -> Iterator[Found]:
    yield from (Found(m.start(1), m.end(1), "private-key") for m in _JWK.finditer(text))


def _key_ids(text: str) -> Iterator[Found]:
    yield from (Found(m.start(1), m.end(1), "private-key-id") for m in _KEY_ID.finditer(text))
