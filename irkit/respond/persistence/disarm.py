# SPDX-License-Identifier: Apache-2.0
"""Compare, tie, take out, undo, accept: disarming for one user, over one folder of irkit's own.

Rules: it reads and compares first; only then is anything touched, one file after the other, until the deadline. Who
calls it decides what may move: by itself only what `Ties.all` says; the rest when a person named the entry.
"""

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from irkit.errors import BadInputError
from irkit.incident.commands import AnyOutcome, Refused
from irkit.respond.persistence import baseline as base
from irkit.respond.persistence.baseline import Baseline, Change
from irkit.respond.persistence.places import User
from irkit.respond.persistence.quarantine import Fetch, Keep, Moved, Quarantine
from irkit.respond.persistence.reading import Read, Skipped, mounts, read_all


class Look(Struct, frozen=True):
    """What one look found."""

    baseline: Baseline
    found: Mapping[str, Read]
    changes: tuple[Change, ...]
    skipped: tuple[Skipped, ...]


class Disarming:
    """For one user. `folder` holds the baseline and the records."""

    def __init__(self, user: User, folder: str, keep: Keep, fetch: Fetch, now: Callable[[], float]) -> None:
        self._user = user
        self._folder = folder
        self._keep = keep
        self._fetch = fetch
        self._now = now

    @property
    def _path(self) -> str:
        return os.path.join(self._folder, "persistence.json")

    def prepare(self, projects: Iterable[str] = ()) -> Baseline:
        """Take the baseline if there is none, and let unseen projects join it; changes nothing else of it."""
        found = base.load(self._path)
        wanted = [one for one in projects if self._is_project(one)]
        if found is None:
            files, skipped = read_all(self._user, tuple(wanted))
            found = base.take(files, skipped, wanted, self._now())
            base.save(self._path, found)
        elif new := [one for one in wanted if one not in found.projects]:
            files, skipped = read_all(self._user, tuple(new))
            mine = {
                path: base.known(one)
                for path, one in files.items()
                if path not in found.files and path.startswith(tuple(one + "/" for one in new))
            }
            unread = (one.path for one in skipped if one.path.startswith(tuple(f"{p}/" for p in new)))
            found = replace(
                found,
                files={**found.files, **mine},
                projects={**found.projects, **dict.fromkeys(new, self._now())},
                unread=tuple(dict.fromkeys((*found.unread, *unread))),
            )
            base.save(self._path, found)
        return found

    def look(self) -> Look:
        """What differs from the baseline now. Raises BadInputError when there is none."""
        before = base.load(self._path)
        if before is None:
            raise BadInputError(
                "no persistence baseline was taken yet", fix="run `irkit init`, or start `irkit guard`"
            )
        found, skipped = read_all(self._user, tuple(before.projects))
        return Look(before, found, tuple(base.compare(before, found, skipped)), tuple(skipped))

    def take_out(
        self,
        look: Look,
        wanted: Sequence[Change],
        *,
        incident: str = "",
        session: str = "",
        within_s: float = 60.0,
    ) -> list[tuple[str, AnyOutcome, Moved | None]]:
        """Take these entries out, file by file: (path, how it ended, the record)."""
        ends_at = time.monotonic() + within_s
        quarantine = self._quarantine(tuple(look.baseline.projects))
        done: list[tuple[str, AnyOutcome, Moved | None]] = []
        for path in dict.fromkeys(change.path for change in wanted):
            if time.monotonic() > ends_at:
                done.append((path, Refused("no time was left before the kill: `irkit disarm run`"), None))
                continue
            mine = [change for change in wanted if change.path == path]
            moved, outcome = quarantine.take_out(
                look.found[path], mine, at=self._now(), incident=incident, session=session
            )
            done.append((path, outcome, moved))
        return done

    def undo(self, ident: str) -> AnyOutcome:
        """Put one file back. Who calls this has seen proof of a human."""
        return self._quarantine(self._projects()).undo(ident)

    def finish(self) -> list[Moved]:
        """End what a crash interrupted."""
        return self._quarantine(self._projects()).finish()

    def records(self) -> list[Moved]:
        """What was disarmed, oldest first."""
        return self._quarantine(()).records()

    def accept(self, look: Look, ids: Sequence[str], by: str) -> Baseline:
        """What was shown is what is known from now on. Who calls this has seen proof of a human.

        `ids` are the changes that the person saw: when others came meanwhile, nothing is accepted.
        """
        now = self.look()
        if {one.id for one in now.changes} != set(ids):
            raise BadInputError(
                "something changed since it was shown", fix="look again: `irkit disarm accept`"
            )
        accepted = replace(
            base.take(now.found, now.skipped, (), look.baseline.taken),
            projects=look.baseline.projects,
            accepted=self._now(),
            accepted_by=by,
        )
        base.save(self._path, accepted)
        return accepted

    def _projects(self) -> tuple[str, ...]:
        found = base.load(self._path)
        return tuple(found.projects) if found else ()

    def _quarantine(self, projects: tuple[str, ...]) -> Quarantine:
        anchors = tuple(dict.fromkeys((self._user.home, *projects, self._user.root or "/")))
        folder = os.path.join(self._folder, "disarmed")
        return Quarantine(folder, self._keep, self._fetch, anchors, mounts(self._user.home))

    def _is_project(self, path: str) -> bool:
        """A folder of its own: neither the home nor one above it, whose own places are looked at anyway."""
        return (
            os.path.isabs(path)
            and path != "/"
            and not (self._user.home + "/").startswith(path.rstrip("/") + "/")
        )
