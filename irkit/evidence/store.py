# SPDX-License-Identifier: Apache-2.0
"""Content-addressed objects: bytes are kept under their SHA-256, once, and never changed.

Layout: `objects/ab/cdef…` (64 hex digits in all), 0600, folders 0700. The name is made of the digest only, so that no
foreign name ever becomes a path here. `disarm` keeps what it takes out in it; snapshots can: a tree is a list of
(path, mode, digest) whose contents are objects, and a file that did not change costs no second object.

Rules:
- An object is written under a temporary name, synced, and then linked to its final one: a crash leaves no half
  object, two writers of the same bytes end with one. The folder's entry is synced too, so what `put` returned is
  there after a power cut.
- A file is read in pieces, up to a bound, from an open descriptor of a regular file. It is looked at again after the
  last piece: `changed` says so when it changed under the reader.
- What cannot be kept (full disk, too large) is `NotKept` with the reason. It raises nothing for that.
- `get` compares the digest again: a damaged object is an error, never content.
"""

import contextlib
import hashlib
import os
import re
import secrets
import stat
from collections.abc import Iterable, Iterator

from msgspec import Struct

from irkit import limits
from irkit.errors import BadInputError

_DIGEST = re.compile(r"[0-9a-f]{64}\Z")
_PIECE = 1 << 16
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Kept(Struct, frozen=True):
    """An object that is in the store, on the disk."""

    sha256: str
    size: int
    changed: bool = False
    """Whether the file changed while it was read: then the object is what was read, and no state that ever was."""


class NotKept(Struct, frozen=True):
    """Nothing was kept, and why."""

    reason: str


class ObjectStore:
    """The objects below one folder. Any number of writers."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def put(self, content: bytes) -> Kept | NotKept:
        """Keep these bytes."""
        return self._put([content], limits.OBJECT_MAX_BYTES)

    def put_file(self, descriptor: int, most: int = limits.OBJECT_MAX_BYTES) -> Kept | NotKept:
        """Keep the content of an open regular file, read from its start. The descriptor stays open."""
        try:
            before = os.fstat(descriptor)
            if not stat.S_ISREG(before.st_mode):
                return NotKept("not a regular file")
            if before.st_size > most:
                return NotKept(f"{before.st_size} bytes, more than {most}")
            kept = self._put(_pieces(descriptor), most)
            after = os.fstat(descriptor)
        except OSError as error:
            return NotKept(f"cannot be read: {error.strerror}")
        if isinstance(kept, NotKept):
            return kept
        same = _identity(before) == _identity(after) and kept.size == after.st_size
        return kept if same else Kept(kept.sha256, kept.size, changed=True)

    def get(self, sha256: str) -> bytes:
        """An object's bytes. Raises BadInputError when there is no such object, or it is damaged."""
        path = self.path_of(sha256)
        try:
            descriptor = os.open(path, _READ)
        except OSError as error:
            raise BadInputError(f"cannot be read ({error.strerror})", where=path) from error
        try:
            content = b"".join(_pieces(descriptor, limits.OBJECT_MAX_BYTES))
        finally:
            os.close(descriptor)
        if hashlib.sha256(content).hexdigest() != sha256:
            raise BadInputError(
                "the object is damaged: its content has another hash",
                where=path,
                fix="restore it from a copy",
            )
        return content

    def holds(self, sha256: str) -> bool:
        """Whether the object is there and whole."""
        try:
            self.get(sha256)
        except BadInputError:
            return False
        return True

    def path_of(self, sha256: str) -> str:
        """Where an object lies. Raises BadInputError on what is no digest."""
        if not _DIGEST.match(sha256):
            raise BadInputError(f"{sha256[:80]!r} is no SHA-256", fix="64 digits of 0-9 and a-f")
        return os.path.join(self._folder, "objects", sha256[:2], sha256[2:])

    def _put(self, pieces: Iterable[bytes], most: int) -> Kept | NotKept:
        incoming = os.path.join(self._folder, "incoming")
        temporary = os.path.join(incoming, f"{os.getpid()}-{secrets.token_hex(8)}")
        try:
            os.makedirs(incoming, mode=0o700, exist_ok=True)
            digest, size = _written(temporary, pieces, most)
            if size > most:
                return NotKept(f"more than {most} bytes")
            self._name(temporary, digest)
        except OSError as error:
            return NotKept(error.strerror or str(error))
        finally:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
        return Kept(digest, size)

    def _name(self, temporary: str, digest: str) -> None:
        """Give a whole object its name; one of that name that is whole stays, a damaged one is replaced."""
        path = self.path_of(digest)
        folder = os.path.dirname(path)
        os.makedirs(folder, mode=0o700, exist_ok=True)
        try:
            os.link(temporary, path)
        except FileExistsError:
            if not self.holds(digest):
                os.replace(temporary, path)
        for one in (folder, os.path.dirname(folder)):
            _sync_folder(one)


def _written(path: str, pieces: Iterable[bytes], most: int) -> tuple[str, int]:
    sha, size = hashlib.sha256(), 0
    descriptor = os.open(path, _NEW, 0o600)
    try:
        for piece in pieces:
            size += len(piece)
            if size > most:
                return "", size
            sha.update(piece)
            left = memoryview(piece)
            while left:
                left = left[os.write(descriptor, left) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return sha.hexdigest(), size


def _pieces(descriptor: int, most: int = limits.OBJECT_MAX_BYTES) -> Iterator[bytes]:
    at = 0
    while at <= most and (piece := os.pread(descriptor, _PIECE, at)):
        at += len(piece)
        yield piece


def _identity(found: os.stat_result) -> tuple[int, int, int, int, int]:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _sync_folder(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
