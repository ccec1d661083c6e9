# SPDX-License-Identifier: Apache-2.0
"""The executor: takes a command, writes down that it will act, acts, and writes down how it ended.

Not on the kill path. It invents no policy: whoever wires it gives one handler for each kind of command.

Rules:
- Intent before act, outcome after. A kill's intent is on the disk before it is carried out, within 200 ms.
- An outcome is a value. A handler that raises becomes `Failed`, here and nowhere else.
- After a crash each intent without an outcome is looked at again (`resume`). What can be repeated is repeated; a
  kill, and a message to people, only after its `recheck` looked at the world; without one it is `Unverified`.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec

from irkit.incident.commands import (
    AnyCommand,
    AnyOutcome,
    Command,
    Done,
    Failed,
    Kill,
    Latch,
    Notify,
    Refused,
    Unlatch,
    Unverified,
)
from irkit.respond.journal import Journal, new_id, records, unfinished

T = TypeVar("T")
REASON_MAX_CHARS = 500
"""Of what an exception says, as much as a reason holds."""

Handler = Callable[[Any], AnyOutcome]
"""Carries out one kind of command; its parameter is that kind."""
Recheck = Callable[[Any], AnyOutcome | None]
"""Looks whether a command was carried out before a crash: how it ended, or None to carry it out now."""

IRREVERSIBLE = (Kill,)
ONCE = (Kill, Notify)
"""Never repeated without a recheck: a kill cannot be undone, and nobody is told twice."""

_OUTCOMES: dict[type[AnyOutcome], str] = {
    Done: "done",
    Refused: "refused",
    Unverified: "unverified",
    Failed: "failed",
}
_KINDS = {word: kind for kind, word in _OUTCOMES.items()}


class Executor:
    """Carries out commands. `dry_run`: nothing is done or written, every command is Refused."""

    def __init__(
        self,
        handlers: Mapping[type[Command], Handler],
        journal: Journal,
        *,
        recheck: Mapping[type[Command], Recheck] | None = None,
        dry_run: bool = False,
    ) -> None:
        self._handlers = handlers
        self._journal = journal
        self._recheck = recheck or {}
        self._dry_run = dry_run

    def run(self, command: AnyCommand) -> AnyOutcome:
        """Journal the intent, act, journal the outcome."""
        if self._dry_run:
            return Refused("dry run")
        handler = self._handlers.get(type(command))
        if handler is None:
            return Refused(f"nothing here carries out {type(command).__name__}")
        ident = new_id()
        self._journal.intent(
            ident,
            type(command).__name__.lower(),
            target_of(command),
            irreversible=isinstance(command, IRREVERSIBLE),
            command=msgspec.json.encode(command).decode(),
        )
        return self._ended(ident, _carried_out(handler, command))

    def resume(self) -> list[tuple[AnyCommand, AnyOutcome]]:
        """Finish what a crash interrupted, oldest first. Raises OSError when the journal cannot be read.

        Intents that are not commands (an emergency kill's own) stay in the journal and are not touched.
        """
        finished = []
        for record in unfinished(self._journal.path):
            command = _command_in(record)
            if command is not None:
                outcome = self._finished(command)
                finished.append((command, self._ended(str(record.get("id")), outcome, resumed=True)))
        return finished

    def ended_before(self) -> list[tuple[AnyCommand, float, AnyOutcome]]:
        """Commands that the journal saw to their end, with when they began; a crash may have kept it from others.

        Raises OSError when the journal cannot be read.
        """
        begun: dict[str, tuple[AnyCommand, float]] = {}
        found = []
        for record in records(self._journal.path):
            ident, ts = str(record.get("id")), record.get("ts")
            if record.get("record") == "intent":
                command = _command_in(record)
                if command is not None and isinstance(ts, float):
                    begun[ident] = command, ts
            elif ident in begun and (kind := _KINDS.get(str(record.get("result")))):
                found.append((*begun.pop(ident), kind(str(record.get("reason") or ""))))
        return found

    def _finished(self, command: AnyCommand) -> AnyOutcome:
        recheck = self._recheck.get(type(command))
        if recheck is not None:
            found = _carried_out(recheck, command)
            if found is not None:
                return found
        elif isinstance(command, ONCE):
            return Unverified("interrupted, and not repeated: nobody can tell whether it was done")
        handler = self._handlers.get(type(command))
        if handler is None:
            return Refused(f"nothing here carries out {type(command).__name__}")
        return _carried_out(handler, command)

    def _ended(self, ident: str, outcome: AnyOutcome, **more: object) -> AnyOutcome:
        self._journal.outcome(ident, _OUTCOMES[type(outcome)], outcome.reason, **more)
        return outcome


def target_of(command: AnyCommand) -> str:
    """Whom a command is for, in the journal's words."""
    session = getattr(command, "session", None)
    return session or ("*" if isinstance(command, Latch | Unlatch) else "")


def _carried_out(handler: Callable[[Any], T], command: AnyCommand) -> T | Failed:
    """The seam: whatever a handler raises is a failure to act, and the next command still runs."""
    try:
        return handler(command)
    except Exception as error:  # noqa: BLE001 - the seam
        return Failed(f"{type(error).__name__}: {error}"[:REASON_MAX_CHARS])


def _command_in(record: dict[str, object]) -> AnyCommand | None:
    text = record.get("command")
    if not isinstance(text, str):
        return None
    try:
        command: AnyCommand = msgspec.json.decode(text, type=AnyCommand)
    except (msgspec.DecodeError, msgspec.ValidationError):
        return None
    return command
