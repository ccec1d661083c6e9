# SPDX-License-Identifier: Apache-2.0
"""The cheap first question: can a secret be in here at all? Most of what agents do is answered with no.

Rules: a wrong yes costs microseconds, a wrong no leaks; so every pattern has its door here, and a test walks the
whole corpus through it. Takes a plain text or JSON alike: JSON's escapes only ever lengthen a run of letters.
Letters are looked for in str, which is five times as fast as in bytes; runs in bytes, which can be translated.
"""

import re

_RUN = 20
"""No secret that is known by its shape alone has a shorter unbroken run of letters, digits, `_`, `-` and `+`."""
_CLASSES = bytes(97 if (c < 128 and chr(c).isalnum()) or chr(c) in "_-+" else 32 for c in range(256))
_LONG = b"a" * _RUN
_PGPASS = re.compile(r":(?:[0-9]{4,5}|\*):[A-Za-z*_]")


def has_long_run(raw: bytes) -> bool:
    """Whether there is an unbroken run that could be a token."""
    return _LONG in raw.translate(_CLASSES) or b"whsec_" in raw


def names_secret(low: str) -> bool:
    """Whether a word stands in this lower-case text near which secrets are found, or the frame of one."""
    return (
        "pass" in low
        or "token" in low
        or "key" in low
        or "secret" in low
        or "auth" in low
        or "pw" in low
        or "cred" in low
        or "curl" in low
        or "cookie" in low
        or "login" in low
        or "mysql" in low
        or "sig=" in low
        or "psk" in low
        or "bearer" in low
        or "identified" in low
        or "mariadb" in low
        or "redis-cli" in low
        or "signature=" in low
        or "mnemonic" in low
        or "sudo -s" in low
        or "mongo" in low
        or "ldap" in low
        or "smbclient" in low
        or "unzip" in low
        or "7z" in low
        or ("@" in low and "://" in low)
        or (low.count(":") >= 4 and _PGPASS.search(low) is not None)
    )


def may_hold_secret(text: str, raw: bytes) -> bool:
    """Whether the patterns have to look at this text; `raw` is the same in UTF-8."""
    return has_long_run(raw) or names_secret(text.lower())
