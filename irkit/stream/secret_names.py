# SPDX-License-Identifier: Apache-2.0
"""What a name says about its value: `DB_PASSWORD` holds a password, `max_tokens` does not hold a token.

Rules: a name is judged by its words, not by letters inside them (`monkey`, `compass`); what follows the telling
word may only qualify it (`_prod`, `_2`), never turn it into something else (`_file`, `_type`, `_count`).
"""

import re
from functools import lru_cache
from typing import Literal

Role = Literal["password", "token", "secret", "api-key", "credential", "authorization", "auth", "signature"]
"""What the value is. A password may be any text, `auth` is user and password in base64, the rest look random."""

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_QUALIFIERS = frozenset(
    "prod production dev development test testing staging stage live sandbox new old current primary secondary base value "
    "plain plaintext raw b64 base64 encoded text str string admin user root main default one two a b v".split()
)
_PASSWORD_ENDS = (
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "passwort",
    "pwd",
    "psk",
    "requirepass",
    "masterauth",
)
_PASS = frozenset(
    "pass pw dbpass userpass smtppass mailpass ftppass mysqlpass pgpass rootpw bindpw dbpw userpw adminpw adminpass rootpass "
    "keypass storepass sshpass".split()
)
_KEY_WORDS = frozenset(
    "api access secret private signing sign encryption encrypt auth authentication master account shared storage service deploy "
    "app application license licence integration write admin consumer subscription hmac crypt cipher session webhook aes "
    "client server routing ingest function functions host system search instrumentation jwt token management preshared master "
    "rails aead data fastly mailgun sendgrid".split()
)
_KEY_ENDS = (
    "apikey secretkey accesskey privatekey accountkey masterkey authkey sharedkey sharedaccesskey signingkey encryptionkey "
    "licensekey appkey presharedkey storagekey deploykey"
).split()
_COUNTED = frozenset(
    "next page continuation pagination pad eos bos unk mask sep cls special max min num per stop cancellation cancel resume "
    "first last new each total prompt completion input output cached lexer parser keyword unexpected".split()
)
"""A token after one of these is a piece of text or a place in a list."""
_NOT_PASSWORDS = frozenset("olpwd oldpwd cwd".split())


@lru_cache(maxsize=4096)
def role_of(name: str) -> Role | None:
    """What the value under this name is; None when it is nothing secret. Names are at most a few dozen characters.

    >>> role_of("PGPASSWORD"), role_of("aws_secret_access_key"), role_of("max_tokens"), role_of("passwordFile")
    ('password', 'secret', None, None)
    """
    words = [word.lower() for word in _WORDS.findall(name)]
    while len(words) > 1 and (words[-1] in _QUALIFIERS or words[-1].isdigit()):
        words.pop()
    if not words:
        return None
    last, before = words[-1], words[-2] if len(words) > 1 else ""
    if last in _PASS or (last.endswith(_PASSWORD_ENDS) and last not in _NOT_PASSWORDS):
        return "password"
    if (
        last == "password"
        or before + last in {"passphrase", "password", "passwd"}
        or before + last == "passwd"
    ):
        return "password"
    if last.endswith("token") and not (before in _COUNTED and last == "token"):
        return "token"
    if last == "key" or last.endswith(tuple(_KEY_ENDS)):
        if before == "public":
            return None
        if "secret" in words:
            return "secret"
        return "api-key" if last != "key" or before in _KEY_WORDS else None
    if last.endswith("secret"):
        return "secret"
    if last in {"credential", "credentials", "cred", "creds", "jwt", "bearer"}:
        return "credential"
    if last == "authorization":
        return "authorization"
    if last == "auth":
        return "auth"
    if last in {"sig", "signature"}:
        return "signature"
    return None
