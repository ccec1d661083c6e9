# SPDX-License-Identifier: Apache-2.0
"""Verify an audit log: number, chain and signed checkpoints. Needs no guard, no home and no network.

Rules:
- The first line that does not fit is named, with the kind of break; nothing after it is judged.
- Records after the last checkpoint are held by the chain only; the verdict says how many.
- A torn line is allowed when the next record is the `recovered` that names its hash and length.
- Memory is bounded whatever the files hold.
It must never say more than it knows: a log that was cut back to an earlier signed state, with its later checkpoints
cut as well, verifies. Only a checkpoint that left the machine can show that.
"""

import hashlib
import os
from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import BinaryIO

import msgspec
from msgspec import Struct

from irkit import limits
from irkit.errors import BadInputError
from irkit.evidence import sshsig
from irkit.evidence.breaks import Break, Kind, Seen, broken, classify, near
from irkit.evidence.checkpoint import NAMESPACE, Checkpoint, checkpoints_name, read_checkpoints
from irkit.stream import logfiles
from irkit.stream.record import NO_HASH, OwnEvent


class LogVerdict(Struct, frozen=True, kw_only=True):
    """What a log proves."""

    ok: bool
    broken: Break | None
    """The first break, None when everything fits."""
    files: int
    lines: int
    bytes: int
    first_seq: int
    last_seq: int
    head: str
    """SHA-256 of the last line: what to compare with a head that left the machine."""
    checkpoints: int
    signed_seq: int
    """The last record that a good checkpoint covers; 0 when none does."""
    keys: tuple[str, ...]
    """Fingerprints of the keys that signed."""
    vouched: bool
    """Whether somebody named the keys that are allowed. If not, a signature proves consistency only."""
    notes: tuple[str, ...]


class _Link(Struct, frozen=True, gc=False):
    """The part of a record that holds the log together."""

    seq: int
    prev: str
    event: str = ""


_link = msgspec.json.Decoder(_Link).decode


def verify_log(path: str, signers: frozenset[bytes] | None = None) -> LogVerdict:
    """Verify a log folder from its first record, or one day's file from where it begins.

    `signers` are the public keys that may have signed; None: any. Raises BadInputError when there is nothing to read.
    """
    if os.path.isdir(path):
        walk = _Walk(path, signers, whole=True)
        names = sorted({*logfiles.day_files(path), *_logs_of_checkpoints(path)})
    else:
        folder, name = os.path.split(os.path.abspath(path))
        walk = _Walk(folder, signers, whole=False)
        names = [name]
        logfiles.open_regular(path).close()
    for name in names:
        if (found := walk.file(name)) is not None:
            return walk.verdict(found)
    return walk.verdict(walk.end())


class _Walk:
    """One pass over the files. Holds what the next line has to fit to."""

    def __init__(self, folder: str, signers: frozenset[bytes] | None, *, whole: bool) -> None:
        self._folder = folder
        self._signers = signers
        self._known_start = whole
        self._seq = 0
        self._prev = NO_HASH
        self._first_seq = 0
        self._files = self._lines = self._bytes = 0
        self._before: deque[Seen] = deque(maxlen=limits.VERIFY_LOOKAHEAD)
        self._torn: tuple[Seen, bytes] | None = None
        """A line that is no record, until the next one names it."""
        self._unsigned: Break | None = None
        """A checkpoint did not fit; the next line may say more exactly why."""
        self._signed_seq = self._checkpoints = 0
        self._keys: dict[str, None] = {}
        self._notes: list[str] = []

    def file(self, name: str) -> Break | None:
        """Walk one day's file."""
        path = os.path.join(self._folder, name)
        signed, bad = self._signed_prefixes(name)
        if not os.path.lexists(path):
            why = "the day's file is missing, its checkpoints are there"
            return Break(kind=Kind.REMOVED, file=name, line=1, last_line=1, seq=self._seq + 1, why=why)
        self._files += 1
        with logfiles.open_regular(path) as file:
            found = self._walk_lines(file, name, signed)
        return found or (bad if self._unsigned is None else None)

    def end(self) -> Break | None:
        """After the last file: nothing may be left open."""
        if self._unsigned is not None:
            return self._unsigned
        if self._torn is not None:
            at = self._torn[0]
            return broken(Kind.NOT_A_RECORD, at, self._seq + 1, "it is no record, and nothing follows it")
        return None

    def verdict(self, found: Break | None) -> LogVerdict:
        """What was seen, and what is broken."""
        if found is None and self._seq > self._signed_seq:
            count = self._seq - max(self._signed_seq, self._first_seq - 1)
            self._notes.append(f"{count} records after the last checkpoint are held by the chain only")
        if self._keys and self._signers is None:
            self._notes.append("nobody named the keys that are allowed: compare the fingerprint")
        return LogVerdict(
            ok=found is None,
            broken=found,
            files=self._files,
            lines=self._lines,
            bytes=self._bytes,
            first_seq=self._first_seq,
            last_seq=self._seq,
            head=self._prev,
            checkpoints=self._checkpoints,
            signed_seq=self._signed_seq,
            keys=tuple(self._keys),
            vouched=self._signers is not None,
            notes=tuple(self._notes),
        )

    # --- lines ---------------------------------------------------------------------
    def _walk_lines(self, file: BinaryIO, name: str, signed: list[Checkpoint]) -> Break | None:
        offset = number = good = 0
        sha = hashlib.sha256()
        for line in logfiles.lines(file):
            number += 1
            if line[-1:] != b"\n":
                line += file.readline(limits.LINE_MAX_BYTES)  # noqa: PLW2901 - its writer may just have ended it
                if line[-1:] != b"\n":
                    return self._unsigned or self._without_end(file, name, number, line, signed)
            seen = _seen(name, number, line)
            if (found := self._fits(seen, line)) is not None:
                return found
            if self._unsigned is not None:
                return self._unsigned
            offset += len(line)
            self._bytes += len(line)
            self._lines += 1
            if signed:
                sha.update(line)
                while signed and offset >= signed[0].prefix.bytes:
                    one = signed.pop(0)
                    self._unsigned = self._differs(one, seen, offset, sha.hexdigest(), good)
                    if self._unsigned is not None:
                        break
                    good, self._signed_seq = number, self._seq
                    self._checkpoints += 1
        return self._too_short(signed[0], name, number, offset) if signed and not self._unsigned else None

    def _fits(self, seen: Seen, line: bytes) -> Break | None:
        """Take one line, or say what is wrong with it."""
        if self._torn is not None and (found := self._names_torn(seen, line)) is not None:
            return found
        if seen.seq is None:
            self._torn = (seen, line)
        else:
            if not self._known_start:
                self._known_start = True
                self._seq, self._prev = seen.seq - 1, seen.prev
                if seen.seq != 1:
                    self._notes.append(f"begins at seq {seen.seq}: what came before was not given")
            if seen.seq != self._seq + 1 or seen.prev != self._prev:
                return classify(tuple(self._before), self._ahead(seen), self._seq + 1, self._prev)
            self._seq += 1
            self._first_seq = self._first_seq or seen.seq
        self._before.append(seen)
        self._prev = seen.sha256
        return None

    def _names_torn(self, seen: Seen, line: bytes) -> Break | None:
        """A line that is no record came before: this one must be the `recovered` that names it."""
        torn, content = self._torn or (seen, b"")
        self._torn = None
        if seen.event == OwnEvent.RECOVERED and (seen.seq, seen.prev) == (self._seq + 1, torn.sha256):
            record, fragment = logfiles.record_of(line), content[:-1]
            args = record.args if record else {}
            said = (args.get("fragment_sha256"), args.get("fragment_bytes"))
            if said == (hashlib.sha256(fragment).hexdigest(), len(fragment)):
                self._notes.append(
                    f"{torn.file}:{torn.line} was torn when its writer was killed; it is named"
                )
                return None
        if seen.seq is not None and (
            seen.prev == torn.sha256 or (seen.event == OwnEvent.RECOVERED and near(seen.prev, torn.sha256))
        ):
            return broken(Kind.EDITED, seen, self._seq + 1, "it should name the torn line before it")
        before = tuple(self._before)[:-1]
        prev = before[-1].sha256 if before else NO_HASH
        return classify(before, self._ahead(torn), self._seq + 1, prev)

    def _without_end(
        self, file: BinaryIO, name: str, number: int, line: bytes, signed: list[Checkpoint]
    ) -> Break:
        """A line without newline: too long to be a record, cut back behind what was signed, or torn."""
        seen = _seen(name, number, line)
        if file.read(1):
            return broken(Kind.NOT_A_RECORD, seen, self._seq + 1, "it is longer than any record")
        if signed:
            return self._too_short(signed[0], name, number - 1, os.fstat(file.fileno()).st_size)
        return broken(Kind.TORN, seen, self._seq + 1, "it has no end; a guard that starts again names it")

    def _ahead(self, start: Seen) -> tuple[Seen, ...]:
        """The lines from this one on, over the following files too."""
        return tuple(islice(self._lines_from(start), limits.VERIFY_LOOKAHEAD))

    def _lines_from(self, start: Seen) -> Iterator[Seen]:
        names = [name for name in logfiles.day_files(self._folder) if name > start.file]
        for name in (start.file, *names):
            with logfiles.open_regular(os.path.join(self._folder, name)) as file:
                for number, line in enumerate(logfiles.lines(file), 1):
                    if name != start.file or number >= start.line:
                        yield _seen(name, number, line)

    # --- checkpoints ---------------------------------------------------------------
    def _signed_prefixes(self, name: str) -> tuple[list[Checkpoint], Break | None]:
        """The good checkpoints of a file, shortest first, and the first bad one."""
        path = os.path.join(self._folder, checkpoints_name(name))
        good: list[Checkpoint] = []
        prev = NO_HASH
        if not os.path.lexists(path):
            return good, None
        try:
            for one in read_checkpoints(path):
                if (found := self._bad(one, name, prev)) is not None:
                    return good, found
                prev = one.sha256
                good.append(one)
        except BadInputError as error:
            line = int(error.where.rpartition(":")[2]) if error.where.rpartition(":")[2].isdigit() else 1
            return good, _of_checkpoint(Kind.CHECKPOINT, name, line, 0, error.what)
        return sorted(good, key=lambda one: one.prefix.bytes), None

    def _bad(self, one: Checkpoint, name: str, prev: str) -> Break | None:
        seq = one.prefix.seq
        try:
            signature = sshsig.verify(one.armored, one.text, NAMESPACE)
        except sshsig.SignatureError as error:
            return _of_checkpoint(Kind.BAD_SIGNATURE, name, one.line, seq, error.what)
        self._keys.setdefault(signature.fingerprint)
        if self._signers is not None and signature.public not in self._signers:
            return _of_checkpoint(Kind.OTHER_KEY, name, one.line, seq, f"signed by {signature.fingerprint}")
        if one.prefix.log != name:
            return _of_checkpoint(Kind.CHECKPOINT, name, one.line, seq, "it is of another file")
        if one.prev != prev:
            return _of_checkpoint(
                Kind.CHECKPOINT, name, one.line, seq, "one before it was changed or removed"
            )
        return None

    def _differs(self, one: Checkpoint, seen: Seen, offset: int, sha256: str, good: int) -> Break | None:
        """Whether what was signed is not what was read so far."""
        prefix = one.prefix
        if (prefix.bytes, prefix.sha256, prefix.records) == (offset, sha256, seen.line):
            return None
        why = f"the checkpoint at seq {prefix.seq} signed other bytes"
        kind = Kind.EDITED if good + 1 == seen.line else Kind.REWRITTEN
        return Break(
            kind=kind, file=seen.file, line=good + 1, last_line=seen.line, seq=seen.seq or prefix.seq, why=why
        )

    def _too_short(self, one: Checkpoint, name: str, number: int, offset: int) -> Break:
        prefix = one.prefix
        if self._seq == prefix.seq:
            why = f"{prefix.records} lines were signed, {number} are there, though the last one is"
            return Break(kind=Kind.REMOVED, file=name, line=1, last_line=number, seq=self._first_seq, why=why)
        why = f"{prefix.bytes} bytes were signed (to seq {prefix.seq}), {offset} are there"
        line = number + 1
        return Break(kind=Kind.TRUNCATED, file=name, line=line, last_line=line, seq=self._seq + 1, why=why)


def _seen(name: str, number: int, line: bytes) -> Seen:
    sha256 = hashlib.sha256(line).hexdigest()
    try:
        link = _link(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Seen(name, number, sha256, None, "")
    return Seen(name, number, sha256, link.seq, link.prev, link.event)


def _of_checkpoint(kind: Kind, name: str, line: int, seq: int, why: str) -> Break:
    return Break(kind=kind, file=checkpoints_name(name), line=line, last_line=line, seq=seq, why=why)


def _logs_of_checkpoints(folder: str) -> Iterator[str]:
    for name in os.listdir(folder):
        log = name.removesuffix(".checkpoints") + ".jsonl"
        if name.endswith(".checkpoints") and logfiles.DAY_FILE.match(log):
            yield log
