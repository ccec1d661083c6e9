# SPDX-License-Identifier: Apache-2.0
"""The home's signing key, in OpenSSH's own files, so that stock tools can check what it signed.

`keys/irkit` is the private key (0600), `keys/irkit.pub` the public one, `keys/allowed_signers` what `ssh-keygen -Y
verify` wants. Rules: made once, at first use; an existing key is never overwritten; lines of older keys stay in
`allowed_signers`, so that what they signed can still be checked.
Who can read the private key can sign: for what that means see docs/audit-log.md.
"""

import base64
import binascii
import contextlib
import os
import re
import secrets
import socket

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from irkit.errors import BadInputError, NotPermittedError
from irkit.evidence import sshsig
from irkit.home import Home

NAMESPACES = ("irkit-audit", "irkit-evidence")
PRIVATE, PUBLIC, SIGNERS = "irkit", "irkit.pub", "allowed_signers"
_FILE_MAX_BYTES = 64 * 1024


class SigningKey:
    """The private key, and what others need to know of it."""

    def __init__(self, private: Ed25519PrivateKey, identity: str) -> None:
        self._private = private
        self.identity = identity
        """`irkit@HOST`, the name in `allowed_signers`."""
        self.public = sshsig.public_blob(private.public_key())

    @property
    def fingerprint(self) -> str:
        """`SHA256:…`: what a person compares, on paper or in a repository of the team."""
        return sshsig.fingerprint(self.public)

    @property
    def signers_line(self) -> str:
        """The key's line for `allowed_signers`."""
        spaces = ",".join(NAMESPACES)
        return f'{self.identity} namespaces="{spaces}" ssh-ed25519 {base64.b64encode(self.public).decode()}\n'

    def sign(self, message: bytes, namespace: str) -> str:
        """An armored signature that `ssh-keygen -Y verify` accepts."""
        return sshsig.sign(self._private, message, namespace)


def ensure_key(home: Home) -> SigningKey:
    """The home's key, made at first use. Raises BadInputError when the file is no such key."""
    os.makedirs(home.keys, mode=0o700, exist_ok=True)
    path = os.path.join(home.keys, PRIVATE)
    try:
        text = _read(path)
    except FileNotFoundError:
        _make(path)
        text = _read(path)
    try:
        private = serialization.load_ssh_private_key(text, password=None)
    except (ValueError, TypeError) as error:
        raise _no_key(path) from error
    if not isinstance(private, Ed25519PrivateKey):
        raise _no_key(path)
    key = SigningKey(private, f"irkit@{_host()}")
    _publish(home, key)
    return key


def read_signers(path: str) -> frozenset[bytes]:
    """The Ed25519 keys that an `allowed_signers` file vouches for. Raises BadInputError."""
    try:
        text = _read(path).decode("utf-8", "replace")
    except OSError as error:
        raise BadInputError(f"cannot be read ({error.strerror})", where=path) from error
    found = set()
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        words = line.split()
        try:
            found.add(base64.b64decode(words[words.index("ssh-ed25519") + 1], validate=True))
        except (ValueError, IndexError, binascii.Error) as error:
            raise BadInputError(
                "no `ssh-ed25519 KEY` in this line", where=f"{path}:{number}", fix="see `man ssh-keygen`"
            ) from error
    return frozenset(found)


def _make(path: str) -> None:
    """Write a new private key whole, or leave the one that somebody else just wrote."""
    private = Ed25519PrivateKey.generate()
    text = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    draft = f"{path}.{secrets.token_hex(8)}"
    _write_new(draft, text, 0o600)
    with contextlib.suppress(FileExistsError):
        os.link(draft, path)
    os.unlink(draft)


def _publish(home: Home, key: SigningKey) -> None:
    """The public files; other keys' lines stay."""
    signers = os.path.join(home.keys, SIGNERS)
    known = _read(signers).decode("utf-8", "replace") if os.path.exists(signers) else ""
    if key.signers_line.split(" ", 1)[1] not in known:
        descriptor = os.open(
            signers, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644
        )
        os.write(descriptor, key.signers_line.encode())
        os.close(descriptor)
    public = os.path.join(home.keys, PUBLIC)
    line = f"ssh-ed25519 {base64.b64encode(key.public).decode()} {key.identity}\n".encode()
    if not os.path.exists(public) or _read(public).split()[:2] != line.split()[:2]:
        draft = f"{public}.{secrets.token_hex(8)}"
        _write_new(draft, line, 0o644)
        os.replace(draft, public)


def _write_new(path: str, text: bytes, mode: int) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    except OSError as error:
        raise NotPermittedError(f"the key cannot be written ({error.strerror})", where=path) from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)


def _read(path: str) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        return file.read(_FILE_MAX_BYTES)


def _no_key(path: str) -> BadInputError:
    return BadInputError(
        "is not an Ed25519 private key in OpenSSH's format without a passphrase",
        where=path,
        fix="move it away; a new one is made, and the old one's line in allowed_signers stays",
    )


def _host() -> str:
    """This machine's name, as far as `allowed_signers` can hold it."""
    return re.sub(r"[^A-Za-z0-9.-]", "-", socket.gethostname())[:64] or "localhost"
