# SPDX-License-Identifier: Apache-2.0
"""Disarming, wired: the home's evidence store, the ledger (the audit log), and a deadline. For the guard and the CLI.

Rules:
- Before a kill it takes `DISARM_MAX_S` at the most, whatever hangs: then the kill goes on, and people are told.
- Only what ledger, time and content tie to the session moves by itself; the rest is listed for a person.
- The ledger is what the log says that the session's calls write. A refused call wrote nothing.
"""

import os
import pwd
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from irkit import limits
from irkit.agents.tools import kind_of
from irkit.clock import from_iso
from irkit.errors import BadInputError, IrkitError
from irkit.evidence.store import NotKept, ObjectStore
from irkit.home import Home
from irkit.incident.commands import AnyOutcome, Disarm, Done, Failed, Refused, Unverified
from irkit.incident.session import Session
from irkit.respond.persistence.baseline import Change
from irkit.respond.persistence.disarm import Disarming, Look
from irkit.respond.persistence.places import User
from irkit.respond.persistence.ties import Deed, Ties, deed_of, ties
from irkit.stream import logfiles
from irkit.stream.event import Event
from irkit.stream.record import AuditRecord

_LEVELS_MAX = 32


class Row(Struct, frozen=True):
    """One change, and which session it is tied to how firmly."""

    change: Change
    session: str = ""
    ties: Ties = Ties()

    @property
    def moves(self) -> bool:
        """Whether it moves without being asked about."""
        return self.change.removable and self.ties.all


def this_user() -> User:
    """Whose places: the user of this process."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        name = str(os.getuid())
    return User(name, os.path.realpath(os.path.expanduser("~")))


class Disarmer:
    """Looks, and takes out. Blocking: the guard calls it in threads; one at a time."""

    def __init__(self, home: Home, now: Callable[[], float], user: User | None = None) -> None:
        self._home = home
        self._user = user or this_user()
        store = ObjectStore(home.at("evidence"))
        self.disarming = Disarming(self._user, home.at("evidence"), _keeper(store), store.get, now)
        self._one = threading.Lock()
        self._seen: set[str] = set()

    # --- the baseline ----------------------------------------------------------------
    def begin(self, folders: Iterable[str] = ()) -> list[str]:
        """Take the baseline if there is none, let projects join, and end what a crash cut off; in words."""
        with self._one:
            self.disarming.prepare(list(dict.fromkeys(_project(one) for one in folders if one)))
            return [
                f"disarm {one.id} {one.path}: {one.state} {one.reason}" for one in self.disarming.finish()
            ]

    def is_new(self, folder: str) -> bool:
        """Whether a session's folder was not heard of before."""
        if not folder or folder in self._seen or len(self._seen) > limits.SESSIONS_MAX:
            return False
        self._seen.add(folder)
        return True

    # --- looking ---------------------------------------------------------------------
    def rows(self, look: Look, session: str = "") -> list[Row]:
        """Each change with the session that it is tied to best; of one session only, when named."""
        deeds = self._deeds(look, session)
        rows = []
        for change in look.changes:
            best = Row(change)
            for name, (since, done) in deeds.items():
                found = ties(change, done, since, self._user.home)
                if sum(map(bool, found)) > sum(map(bool, best.ties)) and found.ledger:
                    best = Row(change, name, found)
            rows.append(best)
        return rows

    def _deeds(self, look: Look, session: str) -> dict[str, tuple[float, list[Deed]]]:
        """Session -> when it was first heard of, and its writing calls that may concern these changes."""
        telling = _telling(look.changes)
        found: dict[str, tuple[float, list[Deed]]] = {}
        if not telling or not os.path.isdir(self._home.audit):
            return found
        wanted = logfiles.Wanted(session=session)
        for count, record in enumerate(logfiles.records(self._home.audit, wanted)):
            if count > limits.LEDGER_RECORDS_MAX * 10:
                break
            if record.phase != "pre" or record.decision == "deny":
                continue
            event = _event(record)
            if event is None:
                continue
            deeds = found.setdefault(f"{record.agent}:{record.session}", (event.ts, []))[1]
            text = msgspec.json.encode(record.args).decode("utf-8", "replace")
            if len(deeds) < limits.LEDGER_RECORDS_MAX and any(word in text for word in telling):
                deed = deed_of(event)
                if deed is not None:
                    deeds.append(deed)
        return found

    # --- acting ----------------------------------------------------------------------
    def take_out(
        self, rows: Sequence[Row], look: Look, *, incident: str = "", within_s: float = 60.0
    ) -> list[dict[str, Any]]:
        """Take these out; one row for each file, as plain values."""
        done = []
        for session in dict.fromkeys(row.session for row in rows):
            mine = [row.change for row in rows if row.session == session]
            for path, outcome, moved in self.disarming.take_out(
                look, mine, incident=incident, session=session, within_s=within_s
            ):
                done.append(
                    {
                        "path": path,
                        "outcome": type(outcome).__name__,
                        "reason": outcome.reason,
                        "id": moved.id if moved else "",
                    }
                )
        return done

    def run(self, chosen: Sequence[str], session: str = "") -> dict[str, Any]:
        """By hand: what is tied, or the entries that a person named. Raises BadInputError on unknown ones."""
        with self._one:
            look = self.disarming.look()
            rows = self.rows(look, session)
            unknown = set(chosen) - {row.change.id for row in rows}
            if unknown:
                raise BadInputError(
                    f"no such entry: {min(unknown)[:40]}",
                    fix="`irkit disarm list` shows those there are",
                )
            wanted = [row for row in rows if (row.change.id in chosen if chosen else row.moves)]
            return {"moved": self.take_out(wanted, look), "asked": len(rows) - len(wanted)}

    def undo(self, ident: str) -> AnyOutcome:
        """Put one file back. Who calls this has seen proof of a human."""
        with self._one:
            return self.disarming.undo(ident)

    def accept(self, ids: Sequence[str], by: str) -> dict[str, Any]:
        """What was shown is the baseline from now on. Who calls this has seen proof of a human."""
        with self._one:
            done = self.disarming.accept(self.disarming.look(), ids, by)
            return {"accepted": len(ids), "files": len(done.files), "by": by}

    def before_kill(self, command: Disarm, session: Session | None) -> AnyOutcome:
        """The handler: within its time, or the kill goes on without it."""
        if session is None:
            return Refused(f"no session {command.session}")
        ended: list[AnyOutcome] = []

        def work() -> None:
            try:
                with self._one:
                    ended.append(self._before_kill(command, session))
            except (IrkitError, OSError) as error:
                ended.append(Failed(str(error)))

        thread = threading.Thread(target=work, daemon=True, name="disarm")
        thread.start()
        thread.join(limits.DISARM_MAX_S)
        if not ended:
            return Unverified(
                f"not ended within {limits.DISARM_MAX_S:.0f} s, and not waited for: `irkit disarm list` shows what is left"
            )
        return ended[0]

    def _before_kill(self, command: Disarm, session: Session) -> AnyOutcome:
        look = self.disarming.look()
        rows = self.rows(look, str(session.id))
        wanted = [row for row in rows if row.moves and row.session == session.id]
        done = self.take_out(
            wanted, look, incident=str(command.incident), within_s=limits.PERSISTENCE_READ_MAX_S
        )
        self._write_down(command, rows, done, look)
        asked = sum(1 for row in rows if row not in wanted and row.change.touched >= session.since)
        moved = [one for one in done if one["outcome"] == "Done"]
        words = f"{len(moved)} of {len(done)} files disarmed" if done else "nothing was tied to the session"
        words += f" ({', '.join(one['id'] for one in moved[:8])})" if moved else ""
        words += f"; {asked} more changed since it began: `irkit disarm list`" if asked else ""
        if failed := [one for one in done if one["outcome"] != "Done"]:
            return Failed(f"{words}; {failed[0]['path']}: {failed[0]['reason']}"[:1000])
        unread = {one.path for one in look.skipped} - set(look.baseline.unread)
        if unread:
            return Unverified(
                f"{words}; {len(unread)} places could not be read, the first {min(unread)}"[:1000]
            )
        return Done(words)

    def _write_down(
        self, command: Disarm, rows: Sequence[Row], done: list[dict[str, Any]], look: Look
    ) -> None:
        """Beside the incident, for people."""
        folder = self._home.at("incidents", command.incident or "by-hand")
        os.makedirs(folder, mode=0o700, exist_ok=True)
        number = sum(name.startswith("disarm-") for name in os.listdir(folder)) + 1
        said = {
            "schema": "irkit.disarm/v1",
            "session": command.session,
            "moved": done,
            "changes": [row_of(row) for row in rows],
            "skipped": [{"path": one.path, "why": one.why} for one in look.skipped],
        }
        with open(os.path.join(folder, f"disarm-{number}.json"), "wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(said)))


def row_of(row: Row) -> dict[str, Any]:
    """Plain values, for JSON."""
    change = row.change
    return {
        "entry": change.id,
        "path": change.path,
        "place": change.place,
        "why": change.why,
        "kind": change.kind,
        "where": change.where,
        "text": change.text[:2000],
        "session": row.session,
        "ties": row.ties._asdict(),
        "removable": change.removable,
        "moves_by_itself": row.moves,
    }


def _keeper(store: ObjectStore) -> Callable[[bytes], str]:
    def keep(content: bytes) -> str:
        kept = store.put(content)
        if isinstance(kept, NotKept):
            raise OSError(28, kept.reason)
        return kept.sha256

    return keep


def _telling(changes: Iterable[Change]) -> frozenset[str]:
    """Words, one of which a call holds that planted one of these (as JSON writes them)."""
    words = set()
    for change in changes:
        words.add("crontab" if change.place == "crontab" else os.path.basename(change.path))
        longest = max(change.text.splitlines(), key=len, default="").strip()
        if len(longest) >= 6:
            words.add(msgspec.json.encode(longest[:200]).decode()[1:-1])
    return frozenset(words)


def _event(record: AuditRecord) -> Event | None:
    try:
        ts = from_iso(record.ts)
    except ValueError:
        return None
    return Event(
        ts=ts,
        agent=record.agent,
        session=record.session,
        event=record.event,
        phase="pre",
        tool=record.tool,
        kind=kind_of(record.tool),
        cwd=record.cwd,
        args=record.args,
    )


def _project(folder: str) -> str:
    """The repository that a folder lies in, else the folder."""
    for one in _upwards(folder):
        if os.path.lexists(os.path.join(one, ".git")):
            return one
    return folder


def _upwards(folder: str) -> Iterator[str]:
    for _ in range(_LEVELS_MAX):
        yield folder
        above = os.path.dirname(folder)
        if above == folder:
            return
        folder = above
