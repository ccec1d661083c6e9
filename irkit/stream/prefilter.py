# SPDX-License-Identifier: Apache-2.0
"""The cheap first question: can a secret be in here at all? Most of what agents do is answered with no.

Rules: a wrong yes costs microseconds, a wrong no leaks; so every pattern has its door here, and a test walks the
whole corpus through it. Works on bytes in UTF-8, of a plain text or of JSON alike: JSON's escapes only ever
lengthen a run of letters.
"""

import re

_RUN = 20
"""No secret that is known by its shape alone has a shorter unbroken run of letters, digits, `_`, `-` and `+`."""
_CLASSES = bytes(97 if (c < 128 and chr(c).isalnum()) or chr(c) in "_-+" else 32 for c in range(256))
_LONG = b"a" * _RUN
_PGPASS = re.compile(rb":(?:[0-9]{4,5}|\*):[A-Za-z*_]")


def has_long_run(raw: bytes) -> bool:
    """Whether there is an unbroken run that could be a token."""
    return _LONG in raw.translate(_CLASSES) or b"whsec_" in raw


def names_secret(low: bytes) -> bool:
    """Whether a word stands in this lower-case text near which secrets are found, or the frame of one."""
    return (
        b"pass" in low
        or b"token" in low
        or b"key" in low
        or b"secret" in low
        or b"auth" in low
        or b"pw" in low
        or b"cred" in low
        or b"curl" in low
        or b"cookie" in low
        or b"mysql" in low
        or b"sig=" in low
        or b"psk" in low
        or b"bearer" in low
        or b"identified" in low
        or b"mariadb" in low
        or b"signature=" in low
        or b"whsec_" in low
        or b"mnemonic" in low
        or b"login" in low
        or b"redis-cli" in low
        or (b"@" in low and b"://" in low)
        or (low.count(b":") >= 4 and _PGPASS.search(low) is not None)
    )


def may_hold_secret(raw: bytes) -> bool:
    """Whether the patterns have to look at this text."""
    return has_long_run(raw) or names_secret(raw.lower())
