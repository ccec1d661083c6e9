# SPDX-License-Identifier: Apache-2.0
"""What a name says about its value: `DB_PASSWORD` holds a password, `max_tokens` does not hold a token.

Rules: a name is judged by its words, not by letters inside them (`monkey`, `compass`); what follows the telling
word may only qualify it (`_prod`, `_2`), never turn it into something else (`_file`, `_type`, `_count`).
"""

import re
from functools import lru_cache
from typing import Literal

Role = Literal["password", "token", "secret", "api-key", "credential", "authorization", "auth"]
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
    "rails aead fernet data fastly mailgun sendgrid".split()
)
_KEY_ENDS = tuple(
    "apikey secretkey accesskey privatekey accountkey masterkey authkey sharedkey sharedaccesskey signingkey encryptionkey "
    "licensekey appkey presharedkey storagekey deploykey".split()
)
_COUNTED = frozenset(
    "next page continuation pagination pad eos bos unk mask sep cls special max min num per stop cancellation cancel resume "
    "first last new each total prompt completion input output cached lexer parser keyword unexpected".split()
)
"""A token after one of these is a piece of text or a place in a list."""
_ROLES: dict[str, Role] = {
    **dict.fromkeys(("credential", "credentials", "cred", "creds", "jwt", "bearer"), "credential"),
    "authorization": "authorization",
    "auth": "auth",
}


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
    return _role(words[-1], words[-2] if len(words) > 1 else "", words)


def _role(last: str, before: str, words: list[str]) -> Role | None:
    """By the last word, and the one before it."""
    if last in _PASS or last.endswith(_PASSWORD_ENDS) or before + last in {"passphrase", "passwd"}:
        return None if last == "oldpwd" else "password"
    if last.endswith("token"):
        return None if before in _COUNTED and last == "token" else "token"
    if last == "key" or last.endswith(_KEY_ENDS):
        return _key_role(last, before, words)
    if last.endswith("secret"):
        return "secret"
    return _ROLES.get(last)


def _key_role(last: str, before: str, words: list[str]) -> Role | None:
    if before == "public":
        return None
    if "secret" in words:
        return "secret"
    return "api-key" if last != "key" or before in _KEY_WORDS else None
