# SPDX-License-Identifier: Apache-2.0
"""Everything that the middle may ask for, as data; and how it can end.

The counterpart is `irkit.respond.executor`, which has one handler for each command. Commands are comparable,
printable, loggable and replayable; a dry run prints them. A command names a session by `SessionId`; which
processes that is, the handler asks the kernel.
"""

from typing import NewType

from msgspec import Struct

SessionId = NewType("SessionId", str)
"""`AGENT:native_id`, or `AGENT:pid:start` for a session without hooks."""
IncidentId = NewType("IncidentId", str)
"""`INC-2026-014`."""


class Command(Struct, frozen=True, tag=True, kw_only=True):
    """One act that is wanted, for one incident (empty: by hand, outside any)."""

    incident: IncidentId = IncidentId("")


class Latch(Command, frozen=True, tag=True):
    """From now on no tool call of the session passes a hook. `session` None: all."""

    session: SessionId | None = None


class Unlatch(Command, frozen=True, tag=True):
    """Take the latch back (needs proof of a human)."""

    session: SessionId | None = None


class Freeze(Command, frozen=True, tag=True):
    """Stop every process of the session, to a fixpoint."""

    session: SessionId


class Resume(Command, frozen=True, tag=True):
    """Continue what irkit stopped, and only that."""

    session: SessionId


class Kill(Command, frozen=True, tag=True):
    """Freeze, kill, and verify each death."""

    session: SessionId


class Keep(Command, frozen=True, tag=True):
    """Write down volatile facts of the session's processes, and sign a checkpoint of what was kept."""

    session: SessionId


class Disarm(Command, frozen=True, tag=True):
    """Take out start entries that the session planted: those that ledger, time and content tie to it."""

    session: SessionId


class Notify(Command, frozen=True, tag=True):
    """Tell people. `round` 0 is the first time, 1 the repeat, 2 the deputy."""

    session: SessionId
    round: int = 0


class Checkpoint(Command, frozen=True, tag=True):
    """Sign the audit log's prefix."""


AnyCommand = Latch | Unlatch | Freeze | Resume | Kill | Keep | Disarm | Notify | Checkpoint


class Outcome(Struct, frozen=True, tag=True):
    """How an act ended. Only `Done` is success; the others carry the reason in words."""

    reason: str = ""


class Done(Outcome, frozen=True, tag=True):
    """It happened, and was verified."""


class Refused(Outcome, frozen=True, tag=True):
    """Not tried, for a stated reason."""


class Unverified(Outcome, frozen=True, tag=True):
    """Tried; whether it worked could not be established."""


class Failed(Outcome, frozen=True, tag=True):
    """Tried, and it did not work."""


AnyOutcome = Done | Refused | Unverified | Failed
