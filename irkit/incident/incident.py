# SPDX-License-Identifier: Apache-2.0
"""The `Incident`: what happened, what was done about it, who was told and what they answered. Pure value.

It serialises to JSON and back without loss (the guard keeps it as `incidents/ID/incident.json`), and it is bounded
in every direction: detections are folded per rule, acts per command, and the rest has a named limit.
Only `irkit.incident.state.advance` makes a new one from an old one.
"""

from enum import StrEnum
from typing import Literal

from msgspec import Struct

from irkit.detect.detection import Detection, Response
from irkit.incident.commands import (
    AnyCommand,
    AnyOutcome,
    Command,
    Done,
    Failed,
    IncidentId,
    Kill,
    Refused,
    Resume,
    SessionId,
    Unverified,
)

LEVELS = ("informational", "low", "medium", "high", "critical")
"""Sigma's levels, weakest first."""

Choice = Literal["resume", "kill", "stay"]
"""The three answers to a freeze."""


class IncidentState(StrEnum):
    """Where an incident stands: open → frozen → resumed | killed → closed."""

    OPEN = "open"
    FROZEN = "frozen"
    RESUMED = "resumed"
    KILLED = "killed"
    CLOSED = "closed"


class Finding(Struct, frozen=True):
    """All detections of one rule in one incident, folded: the first, the last, and how many."""

    first: Detection
    last: Detection
    count: int = 1


class Act(Struct, frozen=True, kw_only=True):
    """One command of this incident and how it ended last. Asked for again, it is the same act, once more."""

    command: AnyCommand
    asked: float
    """Seconds since the epoch, of the latest time."""
    times: int = 1
    outcome: AnyOutcome | None = None
    """None while it runs, or when the guard stopped before it ended."""
    ended: float | None = None


class HumanAnswer(Struct, frozen=True, kw_only=True):
    """What a person decided."""

    choice: Choice
    by: str
    at: float
    reason: str = ""


class Note(Struct, frozen=True, kw_only=True):
    """What a person wrote down."""

    text: str
    by: str
    at: float


class Told(Struct, frozen=True):
    """One round of telling: 0 at the freeze, 1 the repeat, 2 the deputy."""

    round: int
    at: float


class Closing(Struct, frozen=True, kw_only=True):
    """Who closed it, when and why."""

    by: str
    at: float
    reason: str


class Incident(Struct, frozen=True, kw_only=True):
    """One incident. Times are seconds since the epoch, UTC."""

    schema: str = "irkit.incident/v1"
    id: IncidentId
    opened: float
    sessions: tuple[SessionId, ...] = ()
    """The sessions that it acts on; the first gave the cause."""
    agent: str = ""
    cwd: str = ""
    """The project's folder."""
    level: str = "high"
    state: IncidentState = IncidentState.OPEN
    playbook: str = ""
    """Id and version of the plan that was followed, e.g. `burst 1`."""
    cause: str = ""
    """Why it was opened, in words; for a rule, the sentence of the detection that froze."""
    opened_by: str = ""
    """The person, for an incident opened by hand; empty when a rule opened it."""
    kill_only: str = ""
    """Why the session must not be resumed; empty when it may."""
    exercise: bool = False
    last_calls: tuple[str, ...] = ()
    """The last three calls in words, newest last, redacted, still hostile: sinks make them safe to show."""
    findings: tuple[Finding, ...] = ()
    more_findings: int = 0
    """Detections of rules beyond the limit of rules kept apart."""
    acts: tuple[Act, ...] = ()
    answer: HumanAnswer | None = None
    """The answer in force; None while the question is open."""
    answers: tuple[HumanAnswer, ...] = ()
    notes: tuple[Note, ...] = ()
    told: tuple[Told, ...] = ()
    deadline: float | None = None
    """When people are told again, or the playbook's order for silence is carried out; None: never."""
    deputy: str = ""
    """Who the last round goes to, as the playbook names them; empty: the same people."""
    closing: Closing | None = None

    @property
    def active(self) -> bool:
        """Whether new detections on its sessions belong to it. A settled incident takes none."""
        return self.state in {IncidentState.OPEN, IncidentState.FROZEN}

    @property
    def waits(self) -> bool:
        """Whether it waits for a person to say resume or kill."""
        return self.state is IncidentState.FROZEN and self.answer is None and not self.pending(Kill)

    @property
    def froze_by_rule(self) -> bool:
        """Whether a detection asked for the freeze (a person may have asked too)."""
        return any(finding.last.response.rank >= Response.FREEZE.rank for finding in self.findings)

    def pending(self, *kinds: type[Command]) -> tuple[Act, ...]:
        """Acts of these kinds (all, when none is named) that have not ended."""
        wanted = kinds or (Command,)
        return tuple(act for act in self.acts if act.outcome is None and isinstance(act.command, wanted))

    def act(self, kind: type[Command], session: SessionId) -> Act | None:
        """The act of that kind on that session, None when it was never asked for."""
        found = (act for act in self.acts if isinstance(act.command, kind))
        return next((act for act in found if getattr(act.command, "session", None) == session), None)

    def gone(self, kind: type[Resume | Kill]) -> bool:
        """Whether that act ended on every session in a way that leaves nothing frozen by known means."""
        ends = [act.outcome if (act := self.act(kind, session)) else None for session in self.sessions]
        return bool(ends) and all(isinstance(end, Done | Unverified) for end in ends)


def incomplete(incident: Incident) -> tuple[Act, ...]:
    """Acts that ended otherwise than `Done`: each is a row that people must see."""
    return tuple(a for a in incident.acts if isinstance(a.outcome, Refused | Unverified | Failed))
