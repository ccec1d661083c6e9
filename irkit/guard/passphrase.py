# SPDX-License-Identifier: Apache-2.0
"""The operator's passphrase, kept as a salted scrypt hash in `keys/operator`.

Rules:
- The file holds one line, `scrypt N R P SALT HASH`, and only its owner may read or write it; another mode is refused.
- It is replaced as a whole, never edited in place.
- The text itself is never written, logged or shown.

A limit to know: whoever runs as the same user can read the file and guess at leisure, hence the cost and the length.
"""

import base64
import contextlib
import hashlib
import hmac
import os
import secrets
import stat

from irkit import limits
from irkit.errors import BadInputError, NotPermittedError

_COST = (2**15, 8, 3)
"""N, r, p: one of the equal choices in OWASP's Password Storage Cheat Sheet; 32 MiB."""
_MEMORY_MAX = 64 * limits.MIB
_LINE_MAX_BYTES = 512


def set_passphrase(path: str, text: str) -> None:
    """Keep the hash of a new passphrase. Raises BadInputError when the text is too short or too long."""
    if not limits.PASSPHRASE_MIN_CHARS <= len(text) <= limits.PASSPHRASE_MAX_CHARS:
        raise BadInputError(
            f"a passphrase has {limits.PASSPHRASE_MIN_CHARS} to {limits.PASSPHRASE_MAX_CHARS} characters",
            fix="choose a few words that no file on this machine has",
        )
    salt = secrets.token_bytes(16)
    line = " ".join(("scrypt", *map(str, _COST), _text(salt), _text(_hash(text, salt, _COST))))
    fresh = f"{path}.new"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(fresh)
    file = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        os.write(file, line.encode() + b"\n")
        os.fsync(file)
    finally:
        os.close(file)
    os.replace(fresh, path)


def check_passphrase(path: str, text: str) -> bool:
    """Whether this is the passphrase; False when none is set. Raises as `read_record`."""
    record = read_record(path)
    return record is not None and matches(record, text)


def read_record(path: str) -> str | None:
    """The file's line, None when there is no file. Raises NotPermittedError when others could have written it."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise NotPermittedError(f"cannot be read ({error.strerror})", where=path) from error
    try:
        status = os.fstat(file)
        if not stat.S_ISREG(status.st_mode) or status.st_mode & 0o077 or status.st_uid != os.getuid():
            raise NotPermittedError(
                "is open to others", where=path, fix="look who changed it, then make it mode 0600 and yours"
            )
        return os.read(file, _LINE_MAX_BYTES).decode("ascii", "replace").strip()
    finally:
        os.close(file)


def matches(record: str, text: str) -> bool:
    """Whether a record is of this text. Takes about 0.2 s. A record that does not read matches nothing."""
    try:
        name, n, r, p, salt, wanted = record.split(" ")
        cost = int(n), int(r), int(p)
        if name != "scrypt" or len(text) > limits.PASSPHRASE_MAX_CHARS:
            return False
        found = _hash(text, base64.b64decode(salt), cost)
        return hmac.compare_digest(found, base64.b64decode(wanted))
    except ValueError:
        return False


def _hash(text: str, salt: bytes, cost: tuple[int, int, int]) -> bytes:
    n, r, p = cost
    return hashlib.scrypt(
        text.encode("utf-8", "surrogatepass"), salt=salt, n=n, r=r, p=p, maxmem=_MEMORY_MAX, dklen=32
    )


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
