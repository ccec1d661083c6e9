# SPDX-License-Identifier: Apache-2.0
"""Signatures that `ssh-keygen -Y verify` accepts (OpenSSH PROTOCOL.sshsig), made and checked without a subprocess.

Rules: Ed25519 only; what is hashed is exactly the message's bytes (SHA-512); the namespace is part of what is signed,
so that a signature for one purpose is none for another.
"""

import base64
import binascii
import hashlib
import struct
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from irkit.errors import BadInputError

BEGIN = "-----BEGIN SSH SIGNATURE-----"
END = "-----END SSH SIGNATURE-----"
_MAGIC = b"SSHSIG"
_VERSION = 1
_TYPE = b"ssh-ed25519"
_HASHES = {b"sha512": hashlib.sha512, b"sha256": hashlib.sha256}
_LINE_CHARS = 70
_ARMOR_MAX_CHARS = 4096


class SignatureError(BadInputError):
    """A signature is malformed, or does not fit what was signed."""


class Signature(NamedTuple):
    """A signature that fits the message. Whose key it is, the caller asks."""

    public: bytes
    """The public key in SSH's wire form."""

    @property
    def fingerprint(self) -> str:
        """`SHA256:…`, as `ssh-keygen -l` prints it."""
        return fingerprint(self.public)


def public_blob(key: Ed25519PublicKey) -> bytes:
    """A public key in SSH's wire form."""
    raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return _string(_TYPE) + _string(raw)


def fingerprint(public: bytes) -> str:
    """`SHA256:…`, as `ssh-keygen -l` prints it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(public).digest()).decode().rstrip("=")


def sign(key: Ed25519PrivateKey, message: bytes, namespace: str) -> str:
    """An armored signature, its last line ended."""
    signed = _signed_bytes(namespace.encode(), b"sha512", message)
    signature = _string(_TYPE) + _string(key.sign(signed))
    fields = (public_blob(key.public_key()), namespace.encode(), b"", b"sha512", signature)
    blob = _MAGIC + struct.pack(">I", _VERSION) + b"".join(map(_string, fields))
    text = base64.b64encode(blob).decode()
    body = [text[at : at + _LINE_CHARS] for at in range(0, len(text), _LINE_CHARS)]
    return "\n".join([BEGIN, *body, END, ""])


def verify(armored: str, message: bytes, namespace: str) -> Signature:
    """Check a signature against its own key. Raises SignatureError."""
    public, space, _reserved, algorithm, signature = _fields(armored)
    if space != namespace.encode():
        raise SignatureError(
            f"the signature is for {space.decode(errors='replace')[:64]!r}, not {namespace!r}"
        )
    if algorithm not in _HASHES:
        raise SignatureError("the signature's hash is neither sha512 nor sha256")
    kind, raw = _strings(public, 2)
    signature_kind, value = _strings(signature, 2)
    if kind != _TYPE or signature_kind != _TYPE:
        raise SignatureError("the signature is not by an Ed25519 key")
    try:
        Ed25519PublicKey.from_public_bytes(raw).verify(value, _signed_bytes(space, algorithm, message))
    except (InvalidSignature, ValueError) as error:
        raise SignatureError("the signature does not fit what was signed") from error
    return Signature(public)


def _signed_bytes(namespace: bytes, algorithm: bytes, message: bytes) -> bytes:
    digest = _HASHES[algorithm](message).digest()
    return _MAGIC + b"".join(map(_string, (namespace, b"", algorithm, digest)))


def _fields(armored: str) -> list[bytes]:
    lines = armored.strip().split("\n")
    if len(armored) > _ARMOR_MAX_CHARS or len(lines) < 3 or lines[0] != BEGIN or lines[-1] != END:
        raise SignatureError("is not an armored SSH signature")
    try:
        body = "".join(lines[1:-1])
        blob = base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError) as error:
        raise SignatureError("the signature's armor is not base64") from error
    if (
        base64.b64encode(blob).decode() != body
    ):  # spare bits of the last letter: another text for the same bytes
        raise SignatureError("the signature's armor is not canonical base64")
    head = _MAGIC + struct.pack(">I", _VERSION)
    if not blob.startswith(head):
        raise SignatureError("is not an SSH signature of version 1")
    return _strings(blob[len(head) :], 5)


def _string(value: bytes) -> bytes:
    """SSH's `string`: its length in four bytes, then the bytes."""
    return struct.pack(">I", len(value)) + value


def _strings(blob: bytes, count: int) -> list[bytes]:
    """Exactly `count` strings, and nothing after them."""
    found, at = [], 0
    for _ in range(count):
        size = int.from_bytes(blob[at : at + 4], "big")
        value = blob[at + 4 : at + 4 + size]
        if len(blob) < at + 4 or len(value) != size:
            raise SignatureError("the signature is cut short")
        found.append(value)
        at += 4 + size
    if at != len(blob):
        raise SignatureError("the signature has bytes too many")
    return found
