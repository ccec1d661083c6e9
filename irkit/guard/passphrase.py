# SPDX-License-Identifier: Apache-2.0
"""The operator passphrase, kept as a scrypt hash in `keys/operator` (0600): `scrypt:N:R:P:SALT:HASH`, hexadecimal.

The text itself is never kept, logged or shown. Whoever can write the file can replace it: under the same user this
protects against an agent that follows its rules and one that is led by a text, not against malware.
"""

import hashlib
import hmac
import os
import re
import secrets
import unicodedata

from irkit import limits
from irkit.errors import BadInputError, IrkitError

COST, BLOCK, LANES = 1 << 15, 8, 1
"""32 MiB and about 0.1 s for each try (RFC 7914: N, r, p)."""
_SALT_BYTES = 16
_HASH_BYTES = 32
_LINE = re.compile(r"scrypt:(16384|32768|65536|131072):(8):([1-4]):([0-9a-f]{32}):([0-9a-f]{64})\n?")
_FILE_MAX_BYTES = 512
_MEMORY_MAX = 128 * limits.MIB
FIX = "take it away and run `irkit policy set-passphrase`"


def hash_of(passphrase: str) -> str:
    """The line to keep. Raises BadInputError on a passphrase that is too short or too long."""
    if not limits.PASSPHRASE_MIN_CHARS <= len(passphrase) <= limits.PASSPHRASE_MAX_CHARS:
        raise BadInputError(
            f"a passphrase has {limits.PASSPHRASE_MIN_CHARS} to {limits.PASSPHRASE_MAX_CHARS} characters",
            fix="four unrelated words do well",
        )
    salt = secrets.token_bytes(_SALT_BYTES)
    return (
        f"scrypt:{COST}:{BLOCK}:{LANES}:{salt.hex()}:{_derived(passphrase, salt, COST, BLOCK, LANES).hex()}\n"
    )


def matches(passphrase: str, line: str) -> bool:
    """Whether it is the passphrase of this line. Raises IrkitError on a line that is none of ours."""
    cost, block, lanes, salt, expected = _parsed(line)
    if len(passphrase) > limits.PASSPHRASE_MAX_CHARS:
        return False
    return hmac.compare_digest(_derived(passphrase, salt, cost, block, lanes), expected)


def read(path: str) -> str:
    """The line in that file, empty when there is no file. Raises IrkitError when it cannot be read."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise IrkitError(f"cannot be read ({error.strerror})", where=path, fix=FIX) from error
    try:
        line = os.read(file, _FILE_MAX_BYTES).decode("ascii", "replace")
    except OSError as error:
        raise IrkitError(f"cannot be read ({error.strerror})", where=path, fix=FIX) from error
    finally:
        os.close(file)
    _parsed(line)
    return line


def write(path: str, line: str) -> None:
    """Replace the file in one step. Raises OSError."""
    made = f"{path}.{os.getpid()}.new"
    file = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(file, "w", encoding="ascii") as opened:
        opened.write(line)
        opened.flush()
        os.fsync(opened.fileno())
    os.replace(made, path)


def _derived(passphrase: str, salt: bytes, cost: int, block: int, lanes: int) -> bytes:
    """Typed on another keyboard the same letters may come composed differently: NFKC makes them one."""
    text = unicodedata.normalize("NFKC", passphrase).encode("utf-8", "surrogatepass")
    return hashlib.scrypt(text, salt=salt, n=cost, r=block, p=lanes, maxmem=_MEMORY_MAX, dklen=_HASH_BYTES)


def _parsed(line: str) -> tuple[int, int, int, bytes, bytes]:
    """The parts of a line, within bounds: an edited one must not make a try take minutes."""
    found = _LINE.fullmatch(line)
    if found is None:
        raise IrkitError("is no operator passphrase of irkit", where="keys/operator", fix=FIX)
    cost, block, lanes = (int(part) for part in found.groups()[:3])
    return cost, block, lanes, bytes.fromhex(found[4]), bytes.fromhex(found[5])
