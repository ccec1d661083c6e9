# SPDX-License-Identifier: Apache-2.0
"""The files that are policy, as bytes with one digest: `irkit.toml`, the exceptions, the site's rules and playbooks.

Rules:
- The digest covers every name and every byte, so that no two different policies share one.
- Files, their sizes and their sum are bounded: the guard reads them on its loop, and anyone may put files there.
- Whatever is not a plain file of bounded size is *unreadable*, with the reason; it is never opened to wait (a FIFO)
  and never skipped.
- Reading never parses: whether the texts make sense is `irkit.guard.approval`'s question.
"""

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from itertools import islice

import msgspec
from msgspec import Struct

from irkit import limits
from irkit.home import Home

CONFIG_NAME = "irkit.toml"
EXCEPTIONS_NAME = "exceptions.json"
_FOLDERS = ("playbooks", "rules")
_ENDINGS = (".yml", ".yaml")
_ENTRIES_MAX = 4 * limits.POLICY_FILES_MAX
"""Names in one folder that are looked at, policy or not."""


class Policy(Struct, frozen=True):
    """What the files held at one moment: relative name -> bytes, and names that could not be read -> why."""

    files: dict[str, bytes]
    unreadable: dict[str, str] = {}

    @property
    def digest(self) -> str:
        """SHA-256 over the listing, in hexadecimal."""
        return digest_of(self.files)


def digest_of(files: Mapping[str, bytes]) -> str:
    """SHA-256 over one line a file, sorted by name: its hash, its name as JSON.

    >>> digest_of({})[:8]
    'e3b0c442'
    """
    listing = hashlib.sha256()
    for name in sorted(files):
        line = [hashlib.sha256(files[name]).hexdigest(), name]
        listing.update(msgspec.json.encode(line) + b"\n")
    return listing.hexdigest()


def read_policy(home: Home) -> Policy:
    """The policy as it lies in the home now. Never raises: what cannot be read is in `unreadable`."""
    return read_folder(home.path)


def read_folder(folder: str) -> Policy:
    """The policy of any folder that is laid out like a home."""
    files: dict[str, bytes] = {}
    unreadable: dict[str, str] = {}
    left = limits.POLICY_MAX_BYTES
    for count, name in enumerate(_names(folder, unreadable)):
        if count >= limits.POLICY_FILES_MAX:
            unreadable[name] = f"more than {limits.POLICY_FILES_MAX} policy files"
            break
        try:
            data = _read(os.path.join(folder, name), min(left, limits.POLICY_FILE_MAX_BYTES))
        except OSError as error:
            if isinstance(error, FileNotFoundError) and name in {CONFIG_NAME, EXCEPTIONS_NAME}:
                continue
            unreadable[name] = error.strerror or str(error)
        else:
            files[name] = data
            left -= len(data)
    return Policy(files, unreadable)


def _names(folder: str, unreadable: dict[str, str]) -> Iterator[str]:
    """Names of the files that may be there, sorted within each folder."""
    yield CONFIG_NAME
    yield EXCEPTIONS_NAME
    for below in _FOLDERS:
        try:
            with os.scandir(os.path.join(folder, below)) as entries:
                found = sorted(entry.name for entry in islice(entries, _ENTRIES_MAX + 1))
        except FileNotFoundError:
            continue
        except OSError as error:
            unreadable[f"{below}/"] = error.strerror or str(error)
            continue
        if len(found) > _ENTRIES_MAX:
            unreadable[f"{below}/"] = f"more than {_ENTRIES_MAX} entries"
            continue
        for name in found:
            if not name.endswith(_ENDINGS) or name.startswith("."):
                continue
            # Surrogates of undecodable bytes, and controls that would hide in a listing.
            if not name.isprintable():
                unreadable[f"{below}/{name!a}"] = "its name is no printable text"
            else:
                yield f"{below}/{name}"


def _read(path: str, most: int) -> bytes:
    file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise OSError(0, "not a plain file")
        with os.fdopen(file, "rb", closefd=False) as opened:
            data = opened.read(most + 1)
        if len(data) > most:
            whole = "" if most == limits.POLICY_FILE_MAX_BYTES else ", with the other policy files"
            raise OSError(0, f"over {most} bytes{whole}")
        return data
    finally:
        os.close(file)
