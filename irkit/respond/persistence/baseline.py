# SPDX-License-Identifier: Apache-2.0
"""The user's persistence baseline, and what differs from it now.

Rules (threat T13):
- One baseline per user. It is taken once, marked as taken and not reviewed, and after that it advances only when a
  person accepts what differs: no session, no guard's start and no update moves it.
- A project that was never seen joins it when its first session begins, marked in the same way.
- It holds digests only. What could not be read when it was taken is unknown, not absent: nothing there counts as
  added until a person has accepted it.
"""

import hashlib
import os
import secrets
from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Struct

from irkit.errors import BadInputError
from irkit.respond.persistence import entries
from irkit.respond.persistence.entries import Entry
from irkit.respond.persistence.places import Form
from irkit.respond.persistence.reading import Read, Skipped

SHOWN_MAX = 4_000


class Known(Struct, frozen=True):
    """One file as the baseline remembers it."""

    sha256: str
    form: str
    inside: tuple[str, ...] = ()
    link: bool = False


class Baseline(Struct, frozen=True, kw_only=True):
    """All of it. Times are seconds since the epoch."""

    schema: str = "irkit.persistence/v1"
    taken: float
    accepted: float = 0.0
    """0: taken, and reviewed by nobody."""
    accepted_by: str = ""
    files: Mapping[str, Known]
    projects: Mapping[str, float]
    """Folder -> when it joined."""
    unread: tuple[str, ...] = ()


class Change(Struct, frozen=True, kw_only=True):
    """One thing that differs."""

    id: str
    path: str
    place: str
    why: str
    """Why the place matters."""
    kind: str
    """`added`, `changed`, `new-file`, `link`, `gone`."""
    where: str = ""
    text: str = ""
    """What came in, bounded; hostile."""
    touched: float = 0.0
    removable: bool = False
    """Whether taking it out gives back what was known: only then it can be disarmed."""
    start: int = 0
    end: int = 0

    @property
    def entry(self) -> Entry:
        """Its bytes in the file."""
        return Entry(self.kind, self.where, self.start, self.end)


def take(
    found: Mapping[str, Read], skipped: Sequence[Skipped], projects: Sequence[str], now: float
) -> Baseline:
    """A first baseline: everything as it is."""
    return Baseline(
        taken=now,
        files={path: known(one) for path, one in found.items()},
        projects=dict.fromkeys(projects, now),
        unread=tuple(one.path for one in skipped),
    )


def known(one: Read) -> Known:
    """What is remembered of a file."""
    inside = () if one.link else entries.digests(one.content, one.place.form)
    return Known(sha256(one.content), one.place.form.value, inside, one.link)


def compare(baseline: Baseline, found: Mapping[str, Read], skipped: Sequence[Skipped]) -> list[Change]:
    """What differs, by path."""
    unseen = {one.path for one in skipped}
    changes: list[Change] = []
    for path, one in sorted(found.items()):
        before = baseline.files.get(path)
        if before is None:
            changes += _new(one, unknown=_unknown(path, baseline.unread))
        elif before.sha256 != sha256(one.content) or before.link != one.link:
            changes += _changed(one, before)
    for path in sorted(set(baseline.files) - set(found)):
        if not _unknown(path, tuple(unseen)):
            changes.append(
                Change(id=_id(path, "gone", b""), path=path, place="", why="it was there", kind="gone")
            )
    return changes


def load(path: str) -> Baseline | None:
    """The baseline; None when none was taken. Raises BadInputError when it cannot be read: nothing replaces it."""
    try:
        with open(path, "rb") as file:
            return msgspec.json.decode(file.read(), type=Baseline)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError, msgspec.ValidationError) as error:
        raise BadInputError(
            f"the persistence baseline cannot be read ({error})",
            where=path,
            fix="move it away and review what `irkit disarm accept` then shows",
        ) from error


def save(path: str, baseline: Baseline) -> None:
    """Write it, whole or not at all. Raises OSError."""
    write_whole(path, msgspec.json.encode(baseline))


def write_whole(path: str, content: bytes) -> None:
    """Write a file of irkit's own, synced, whole or not at all. Raises OSError."""
    folder = os.path.dirname(path)
    os.makedirs(folder, mode=0o700, exist_ok=True)
    temporary = os.path.join(folder, f".{os.getpid()}-{secrets.token_hex(6)}")
    try:
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError:
        if os.path.lexists(temporary):
            os.unlink(temporary)
        raise


def sha256(content: bytes) -> str:
    """In hex."""
    return hashlib.sha256(content).hexdigest()


def _new(one: Read, *, unknown: bool) -> list[Change]:
    """A file that the baseline does not have: all of it came in, unless nobody could look then."""
    kind = "link" if one.link else "new-file"
    whole = _change(one, kind, "", one.content, (0, len(one.content)))
    return [msgspec.structs.replace(whole, removable=not unknown)]


def _changed(one: Read, before: Known) -> list[Change]:
    if one.link or before.link:
        return [_change(one, "changed", "a link" if one.link else "was a link", one.content, (0, 0))]
    fresh = entries.fresh(one.content, Form(before.form), before.inside)
    if fresh is None:
        return [_change(one, "changed", "the file", one.content, (0, 0))]
    if not fresh:
        return [_change(one, "changed", "something was taken out or moved", b"", (0, 0))]
    return [
        msgspec.structs.replace(
            _change(
                one, entry.kind, entry.where, one.content[entry.start : entry.end], (entry.start, entry.end)
            ),
            removable=entry.kind == "added",
        )
        for entry in fresh
    ]


def _change(one: Read, kind: str, where: str, text: bytes, span: tuple[int, int]) -> Change:
    return Change(
        id=_id(one.path, kind, text),
        path=one.path,
        place=one.place.id,
        why=one.place.why,
        kind=kind,
        where=where,
        text=text[:SHOWN_MAX].decode("utf-8", "replace"),
        touched=one.touched,
        start=span[0],
        end=span[1],
    )


def _unknown(path: str, unread: Sequence[str]) -> bool:
    return any(path == one or path.startswith(one + "/") for one in unread)


def _id(path: str, kind: str, text: bytes) -> str:
    return hashlib.sha256(b"\0".join((os.fsencode(path), kind.encode(), text))).hexdigest()[:10]
