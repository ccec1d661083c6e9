# SPDX-License-Identifier: Apache-2.0
"""Signed checkpoints: "the first B bytes of this day's file have this hash", in a form that stock tools check.

Beside each `YYYY-MM-DD.jsonl` lies `YYYY-MM-DD.checkpoints`: blocks of eight lines of text, each followed by an
armored SSH signature (namespace `irkit-audit`) over exactly those lines. So the check is `head -c B | sha256sum` and
`ssh-keygen -Y verify`; docs/audit-log.md shows it.

Rules: only appended to; each block names the hash of the one before it in its file, so that none can be taken out of
the middle unseen. What a checkpoint cannot show is that later ones were cut off: for that one has to leave the machine.
"""

import errno
import hashlib
import os
from collections.abc import Callable, Iterator
from typing import NamedTuple

from irkit import limits
from irkit.clock import iso
from irkit.errors import BadInputError
from irkit.evidence import sshsig
from irkit.evidence.keys import SigningKey
from irkit.stream import logfiles
from irkit.stream.dayfile import Prefix
from irkit.stream.record import NO_HASH

NAMESPACE = "irkit-audit"
HEAD = "irkit-audit/1"
_KEYS = ("log", "records", "bytes", "sha256", "seq", "time", "prev-checkpoint")
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


class Checkpoint(NamedTuple):
    """What one block says. Whether its signature is good, `irkit.evidence.verify` asks."""

    prefix: Prefix
    time: str
    prev: str
    """SHA-256 of the block before it in the same file; zeros in the first."""
    text: bytes
    """The signed lines."""
    armored: str
    line: int = 1
    """Where the block begins in its file."""

    @property
    def sha256(self) -> str:
        """Over the whole block, as the next one names it."""
        return hashlib.sha256(self.text + self.armored.encode()).hexdigest()

    @property
    def short(self) -> str:
        """Short enough to be read out or written down: records, and the hash's first eight digits."""
        return f"{self.prefix.records} {self.prefix.sha256[:8]}"


def checkpoints_name(log: str) -> str:
    """The file beside a day's file.

    >>> checkpoints_name("2026-11-23.jsonl")
    '2026-11-23.checkpoints'
    """
    return log.removesuffix(".jsonl") + ".checkpoints"


def append_checkpoint(folder: str, prefix: Prefix, key: SigningKey, now: float) -> Checkpoint:
    """Sign a prefix, unless the last checkpoint has signed the same. Take the prefix, then sync the log, then sign.

    Raises OSError, and BadInputError when somebody damaged the checkpoints that are there.
    """
    path = os.path.join(folder, checkpoints_name(prefix.log))
    descriptor = os.open(path, _FLAGS, 0o600)
    try:
        last = _cut_to_whole_blocks(descriptor, path)
        if last is not None and last.prefix == prefix:
            return last
        prev = NO_HASH if last is None else last.sha256
        text = _text(prefix, iso(now), prev)
        made = Checkpoint(prefix, iso(now), prev, text, key.sign(text, NAMESPACE))
        size = os.fstat(descriptor).st_size
        block = made.text + made.armored.encode()
        if os.write(descriptor, block) != len(block):
            os.ftruncate(descriptor, size)
            raise OSError(errno.ENOSPC, "no space left for a whole checkpoint", path)
        os.fsync(descriptor)
        return made
    finally:
        os.close(descriptor)


def sign_finished_days(
    folder: str, key: SigningKey, now: float, told: Callable[[str], object] | None = None
) -> tuple[Checkpoint, ...]:
    """Sign every day before today that is not signed to its end: a guard that starts catches up.

    A day whose files somebody damaged stops nothing: `told` gets one line, and `verify` names it.
    """
    made = []
    for name in logfiles.day_files(folder):
        if name[:10] >= iso(now)[:10]:
            continue
        try:
            if _signed_bytes(folder, name) < os.path.getsize(os.path.join(folder, name)):
                made.append(append_checkpoint(folder, _prefix_of(folder, name), key, now))
        except BadInputError as error:
            if told is not None:
                told(error.diagnostics())
    return tuple(made)


def _signed_bytes(folder: str, name: str) -> int:
    beside = os.path.join(folder, checkpoints_name(name))
    if not os.path.lexists(beside):
        return 0
    return max((one.prefix.bytes for one in read_checkpoints(beside)), default=0)


def read_checkpoints(path: str) -> Iterator[Checkpoint]:
    """The blocks of one file, in order. Raises BadInputError at the first that has another form."""
    with logfiles.open_regular(path) as file:
        content = file.read(limits.CHECKPOINTS_READ_MAX_BYTES).decode("utf-8", "replace")
    yield from _blocks(content, path)


def _blocks(content: str, path: str) -> Iterator[Checkpoint]:
    lines = content.split("\n")
    at = 0
    while at < len(lines) - 1:
        try:
            end = lines.index(sshsig.END, at)
        except ValueError:
            end = at
        where = f"{path}:{at + 1}"
        if end <= at + len(_KEYS) + 1 or lines[at] != HEAD or lines[at + len(_KEYS) + 1] != sshsig.BEGIN:
            raise BadInputError("is not a whole checkpoint", where=where)
        signed = lines[at : at + len(_KEYS) + 1]
        armored = "\n".join([*lines[at + len(_KEYS) + 1 : end + 1], ""])
        yield _parsed(signed, armored, where, at + 1)
        at = end + 1


def _parsed(signed: list[str], armored: str, where: str, line: int) -> Checkpoint:
    pairs = [text.split(" ", 1) for text in signed[1:]]
    if [pair[0] for pair in pairs] != list(_KEYS) or any(len(pair) != 2 for pair in pairs):
        raise BadInputError("does not have a checkpoint's lines", where=where)
    said = {key: value for key, value in pairs}  # noqa: C416 - a list of pairs is no tuple for dict()
    if not all(
        said[key].isascii() and said[key].isdigit() and len(said[key]) < 19
        for key in ("records", "bytes", "seq")
    ):
        raise BadInputError("has no numbers where they belong", where=where)
    prefix = Prefix(said["log"], int(said["records"]), int(said["bytes"]), said["sha256"], int(said["seq"]))
    text = "\n".join([*signed, ""]).encode()
    return Checkpoint(prefix, said["time"], said["prev-checkpoint"], text, armored, line)


def _text(prefix: Prefix, time: str, prev: str) -> bytes:
    values = (prefix.log, prefix.records, prefix.bytes, prefix.sha256, prefix.seq, time, prev)
    lines = [HEAD, *(f"{key} {value}" for key, value in zip(_KEYS, values, strict=True)), ""]
    return "\n".join(lines).encode()


def _cut_to_whole_blocks(descriptor: int, path: str) -> Checkpoint | None:
    """The last block. What a killed signer left behind it is cut off: it was signed by nobody."""
    content = os.pread(descriptor, limits.CHECKPOINTS_READ_MAX_BYTES, 0)
    whole = content.rfind(sshsig.END.encode() + b"\n")
    size = whole + len(sshsig.END) + 1 if whole >= 0 else 0
    if size < len(content):
        os.ftruncate(descriptor, size)
    found = tuple(_blocks(content[:size].decode("utf-8", "replace"), path))
    return found[-1] if found else None


def _prefix_of(folder: str, name: str) -> Prefix:
    """All of a file that nobody writes any more."""
    sha, size, count, seq = hashlib.sha256(), 0, 0, 0
    with logfiles.open_regular(os.path.join(folder, name)) as file:
        for line in logfiles.lines(file):
            sha.update(line)
            size += len(line)
            count += line.endswith(b"\n")
            record = logfiles.record_of(line)
            seq = record.seq if record else seq
    return Prefix(name, count, size, sha.hexdigest(), seq)
