# SPDX-License-Identifier: Apache-2.0
"""Takes added entries out of a start file, and puts the file back exactly.

Order, so that a guard killed anywhere loses nothing: the whole file is kept as an object and synced; the record that
says what will be done is synced; the file is replaced in one step; the record says done. `finish` goes on after a
crash: what was not done is done, what was done is said, what somebody changed meanwhile is reported with its object.

Rules:
- A file that a baseline knows is never removed, only shortened. A file that came in whole goes whole; a unit's place
  is taken by a link to /dev/null (masked), so that nothing starts it by that name. No unit is asked to stop: its
  ExecStop would run.
- The file must be, to the byte and the inode, what was compared. Links are never followed.
- Undo gives back content, mode, owner and times (the change time cannot be set), and refuses when the file is no
  longer what disarm left, with the difference.
"""

import contextlib
import difflib
import os
import secrets
import stat
from collections.abc import Callable, Iterator, Sequence
from typing import Literal

import msgspec
from msgspec import Struct

from irkit.errors import BadInputError
from irkit.incident.commands import AnyOutcome, Done, Failed, Refused
from irkit.respond.persistence import entries
from irkit.respond.persistence.baseline import Change, sha256, write_whole
from irkit.respond.persistence.places import Form, Place, is_unit
from irkit.respond.persistence.reading import Mounts, Read, open_folder, read_one

MASK = "/dev/null"
_DIFF_LINES = 60
Keep = Callable[[bytes], str]
"""Keeps an object on the disk; its digest. Raises OSError when it cannot."""
Fetch = Callable[[str], bytes]


class Moved(Struct, frozen=True, kw_only=True):
    """One file that was disarmed: what undo needs, and what people are told."""

    schema: str = "irkit.disarmed/v1"
    id: str
    at: float
    path: str
    place: str
    state: Literal["intended", "done", "undone", "failed"] = "intended"
    reason: str = ""
    incident: str = ""
    session: str = ""
    entries: tuple[str, ...] = ()
    """Ids of the changes that were taken out."""
    taken: tuple[str, ...] = ()
    """Where they stood, for people."""
    before: str
    """Digest of the whole file as it was: an object."""
    after: str
    """Digest of what is left; empty when nothing is; `link` for a masked unit."""
    was_link: bool = False
    mode: int
    uid: int
    gid: int
    atime_ns: int
    mtime_ns: int


class Quarantine:
    """The records below one folder, and the acts."""

    def __init__(
        self, folder: str, keep: Keep, fetch: Fetch, anchors: tuple[str, ...], mounts: Mounts
    ) -> None:
        self._folder = folder
        self._keep = keep
        self._fetch = fetch
        self._anchors = anchors
        self._mounts = mounts

    def take_out(
        self, one: Read, changes: Sequence[Change], *, at: float, incident: str = "", session: str = ""
    ) -> tuple[Moved | None, AnyOutcome]:
        """Take these entries out of one file."""
        if not changes or not all(change.removable for change in changes):
            return None, Refused("taking it out would not give back what was known: edit it by hand")
        whole = changes[0].kind in {"new-file", "link"}
        rest = b"" if whole else entries.without(one.content, [change.entry for change in changes])
        masks = whole and one.place.id == "user-unit" and is_unit(one.path)
        try:
            with self._in_folder(one.path) as (folder, name):
                seen = os.stat(name, dir_fd=folder, follow_symlinks=False)
            record = Moved(
                id=f"D-{secrets.token_hex(4)}",
                at=at,
                path=one.path,
                place=one.place.id,
                incident=incident,
                session=session,
                entries=tuple(change.id for change in changes),
                taken=tuple(change.where or "the whole file" for change in changes),
                before=self._keep(one.content),
                after="link" if masks else "" if whole else sha256(rest),
                was_link=one.link,
                mode=stat.S_IMODE(seen.st_mode),
                uid=seen.st_uid,
                gid=seen.st_gid,
                atime_ns=seen.st_atime_ns,
                mtime_ns=seen.st_mtime_ns,
            )
            self._write(record)
        except OSError as error:
            return None, Failed(f"not taken out, because it could not be kept: {error.strerror}")
        return self._carry_out(record, one, rest)

    def finish(self) -> list[Moved]:
        """After a crash: end what was begun, or say why it cannot be."""
        ended = []
        for record in self.records():
            if record.state == "intended":
                ended.append(self._finished(record))
        return ended

    def undo(self, ident: str) -> AnyOutcome:
        """Put the file back as it was."""
        record = next((one for one in self.records() if one.id == ident), None)
        if record is None:
            return Refused(f"nothing was disarmed under {ident[:40]!r}")
        if record.state == "undone":
            return Refused("it was undone before")
        if not self._is_left(record):
            return Refused(f"{record.path} changed since; it is left as it is\n{self._difference(record)}")
        try:
            content = self._fetch(record.before)
            with self._in_folder(record.path) as (folder, name):
                if record.was_link:
                    self._put_link(folder, name, os.fsdecode(content))
                else:
                    self._put(folder, name, content, record)
                    os.utime(
                        name, ns=(record.atime_ns, record.mtime_ns), dir_fd=folder, follow_symlinks=False
                    )
                os.fsync(folder)
            self._write(msgspec.structs.replace(record, state="undone"))
        except OSError as error:
            return Failed(f"{record.path}: {error.strerror}")
        return Done(f"{record.path} is as it was, {len(content)} bytes")

    def records(self) -> list[Moved]:
        """Everything that was disarmed, oldest first. A record that cannot be read raises BadInputError."""
        found = []
        try:
            names = sorted(name for name in os.listdir(self._folder) if name.startswith("D-"))
        except FileNotFoundError:
            return []
        for name in names:
            path = os.path.join(self._folder, name)
            try:
                with open(path, "rb") as file:
                    found.append(msgspec.json.decode(file.read(), type=Moved))
            except (OSError, msgspec.DecodeError, msgspec.ValidationError) as error:
                raise BadInputError(f"cannot be read ({error})", where=path, fix="move it away") from error
        return sorted(found, key=lambda one: (one.at, one.id))

    # --- pieces ----------------------------------------------------------------------
    def _carry_out(self, record: Moved, one: Read, rest: bytes) -> tuple[Moved, AnyOutcome]:
        try:
            with self._in_folder(record.path) as (folder, name):
                if not _same(os.stat(name, dir_fd=folder, follow_symlinks=False), one):
                    return self._failed(record, f"{record.path} changed while it was being disarmed")
                if record.after == "link":
                    self._put_link(folder, name, MASK)
                elif record.after:
                    self._put(folder, name, rest, record)
                else:
                    os.unlink(name, dir_fd=folder)
                os.fsync(folder)
        except OSError as error:
            return self._failed(record, f"{record.path}: {error.strerror}")
        done = msgspec.structs.replace(record, state="done")
        with contextlib.suppress(OSError):  # it is done; `finish` will say so
            self._write(done)
        return done, Done(f"{record.id}: {record.path} ({', '.join(record.taken)[:200]})")

    def _finished(self, record: Moved) -> Moved:
        if self._is_left(record):
            done = msgspec.structs.replace(record, state="done")
            self._write(done)
            return done
        one = self._look(record)
        if one is None or sha256(one.content) != record.before:
            return self._failed(
                record, f"interrupted, and {record.path} is neither what it was nor what is left"
            )[0]
        if record.after not in {"", "link"}:
            # What is left cannot be made from digests: the next run compares anew and takes it out.
            return self._failed(record, f"interrupted before {record.path} was touched; run it again")[0]
        return self._carry_out(record, one, b"")[0]

    def _failed(self, record: Moved, why: str) -> tuple[Moved, AnyOutcome]:
        failed = msgspec.structs.replace(record, state="failed", reason=why)
        with contextlib.suppress(OSError):
            self._write(failed)
        return failed, Failed(f"{why}; the whole file is object {record.before[:16]}")

    def _is_left(self, record: Moved) -> bool:
        """Whether the file is what disarm leaves behind."""
        one = self._look(record)
        if not record.after:
            return one is None
        if one is None:
            return False
        if record.after == "link":
            return one.link and one.content == MASK.encode()
        return not one.link and sha256(one.content) == record.after

    def _look(self, record: Moved) -> Read | None:
        place = Place(record.place, record.path, Form.FILE, "")
        found = read_one(record.path, place, self._anchors, self._mounts)
        return found if isinstance(found, Read) else None

    def _difference(self, record: Moved) -> str:
        """What is there now beside what was there: text, bounded, hostile."""
        one = self._look(record)
        now = one.content.decode("utf-8", "replace") if one else ""
        then = self._fetch(record.before).decode("utf-8", "replace")
        lines = difflib.unified_diff(
            then[:100_000].splitlines(), now[:100_000].splitlines(), "kept", "now", n=1
        )
        return "\n".join(line for _, line in zip(range(_DIFF_LINES), lines, strict=False))

    @contextlib.contextmanager
    def _in_folder(self, path: str) -> Iterator[tuple[int, str]]:
        folder = open_folder(os.path.dirname(path), self._anchors)
        try:
            yield folder, os.path.basename(path)
        finally:
            os.close(folder)

    def _put(self, folder: int, name: str, content: bytes, record: Moved) -> None:
        """Replace the file in one step by one with this content and the old one's mode and owner."""
        temporary = f".irkit-{secrets.token_hex(8)}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            with open(os.open(temporary, flags, 0o600, dir_fd=folder), "wb") as file:
                file.write(content)
                file.flush()
                if (record.uid, record.gid) != (os.geteuid(), os.getegid()):
                    os.fchown(file.fileno(), record.uid, record.gid)
                os.fchmod(file.fileno(), record.mode)
                os.fsync(file.fileno())
            os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(temporary, dir_fd=folder)
            raise

    def _put_link(self, folder: int, name: str, target: str) -> None:
        temporary = f".irkit-{secrets.token_hex(8)}"
        os.symlink(target, temporary, dir_fd=folder)
        os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)

    def _write(self, record: Moved) -> None:
        write_whole(
            os.path.join(self._folder, f"{record.id}.json"), msgspec.json.format(msgspec.json.encode(record))
        )


def _same(seen: os.stat_result, one: Read) -> bool:
    return (seen.st_dev, seen.st_ino) == one.inode and (seen.st_mtime_ns, seen.st_ctime_ns) == (
        one.mtime_ns,
        one.ctime_ns,
    )
