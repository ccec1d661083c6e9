# SPDX-License-Identifier: Apache-2.0
"""Everything that an incident can be told. The counterpart is `commands`: everything that it can ask for.

An input carries its own time, so that the state machine needs no clock and a journal of inputs can be read back.
"""

from msgspec import Struct

from irkit.detect.detection import Detection
from irkit.incident.commands import AnyCommand, AnyOutcome, IncidentId, SessionId
from irkit.incident.incident import Choice


class Subject(Struct, frozen=True, kw_only=True):
    """Whose session it is about, as the guard knows it at that moment."""

    opens: IncidentId
    """The id that an incident gets if this input opens one (`ids.next_id`)."""
    sessions: tuple[SessionId, ...]
    """The one that gave the cause first, then those on the same processes; empty for an incident without any."""
    agent: str = ""
    cwd: str = ""
    last_calls: tuple[str, ...] = ()
    kill_only: str = ""
    exercise: bool = False


class Input(Struct, frozen=True, tag=True, kw_only=True):
    """Something that happened, at a time (seconds since the epoch, UTC)."""

    at: float


class Detected(Input, frozen=True, tag=True):
    """A rule matched."""

    detection: Detection
    subject: Subject


class FreezeAsked(Input, frozen=True, tag=True):
    """A person asked for a freeze by hand."""

    subject: Subject
    by: str
    reason: str = ""


class KillAsked(Input, frozen=True, tag=True):
    """A person asked for a kill by hand."""

    subject: Subject
    by: str
    reason: str = ""


class OpenAsked(Input, frozen=True, tag=True):
    """A person opens an incident, with or without a session, and nothing is stopped."""

    subject: Subject
    by: str
    reason: str


class Acted(Input, frozen=True, tag=True):
    """A command ended."""

    command: AnyCommand
    outcome: AnyOutcome


class Answered(Input, frozen=True, tag=True):
    """A person decided. The guard has seen the proof that `resume` needs before it says this."""

    answer: Choice
    by: str
    reason: str = ""


class Spoiled(Input, frozen=True, tag=True):
    """The frozen session may no longer be resumed: a call that was pending too long would run on thaw."""

    why: str


class Noted(Input, frozen=True, tag=True):
    """A person wrote something down."""

    text: str
    by: str


class Ticked(Input, frozen=True, tag=True):
    """Time passed. Nothing but this makes a deadline act."""


class CloseAsked(Input, frozen=True, tag=True):
    """A person wants it closed."""

    by: str
    reason: str


class Recovered(Input, frozen=True, tag=True):
    """The guard started again and read this incident back. Said once per start."""


Beginning = Detected | FreezeAsked | KillAsked | OpenAsked
"""Inputs that can open an incident."""
AnyInput = Beginning | Acted | Answered | Spoiled | Noted | Ticked | CloseAsked | Recovered
