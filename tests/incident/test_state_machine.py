# SPDX-License-Identifier: Apache-2.0
"""Any inputs in any order: what must hold through all of them."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from msgspec import json

from irkit.detect.detection import Response
from irkit.incident.commands import (
    AnyCommand,
    AnyOutcome,
    Done,
    Failed,
    Freeze,
    IncidentId,
    Kill,
    Latch,
    Notify,
    Refused,
    Resume,
    SessionId,
    Unlatch,
    Unverified,
)
from irkit.incident.ids import next_id
from irkit.incident.incident import Incident, IncidentState
from irkit.incident.inputs import (
    Acted,
    Answered,
    AnyInput,
    CloseAsked,
    Detected,
    FreezeAsked,
    KillAsked,
    Noted,
    OpenAsked,
    Recovered,
    Spoiled,
    Subject,
    Ticked,
)
from irkit.incident.orders import LAST_ROUND
from irkit.incident.state import AskedInVainError, advance
from tests.incident.cases import (
    KILLS_UNASKED,
    KILLS_WHEN_SILENT,
    OTHER,
    SESSION,
    STAYS,
    T0,
    detection,
    subject,
)

OUTCOMES = st.sampled_from([Done(), Refused("no"), Unverified("perhaps"), Failed("no")])
SESSIONS = st.sampled_from([(SESSION,), (OTHER,), (SESSION, OTHER)])


class IncidentMachine(RuleBasedStateMachine):
    """One guard, one incident at a time, a world that answers late, twice, or never."""

    playbook = STAYS

    def __init__(self) -> None:
        super().__init__()
        self.at = T0
        self.incident: Incident | None = None
        self.others: dict[IncidentId, Incident] = {}
        self.queue: list[AnyCommand] = []
        self.told: set[tuple[IncidentId, int]] = set()
        self.kill_reason: set[IncidentId] = set()
        self.resumed: set[tuple[IncidentId, SessionId | None]] = set()

    # --- what may happen ---------------------------------------------------------------

    def subject(self, sessions: tuple[SessionId, ...]) -> Subject:
        opens = next_id([*self.others, *([self.incident.id] if self.incident else [])], 2026)
        return subject(*sessions, opens=opens)

    @rule(
        response=st.sampled_from(list(Response)), sessions=SESSIONS, name=st.sampled_from(["burst", "exfil"])
    )
    def detect(self, response: Response, sessions: tuple[SessionId, ...], name: str) -> None:
        about = self.subject(sessions)
        contains = response is Response.CONTAIN and self.playbook.kills_unasked
        stopped_before = self.incident
        self.give(
            Detected(at=self.at, detection=detection(name, response, self.at), subject=about), kill=contains
        )
        if response.rank >= Response.FREEZE.rank:
            assert self.incident is not None
            assert self.incident.state is IncidentState.FROZEN, "no reason to freeze is ever dropped"
            if stopped_before and not stopped_before.active:
                assert self.incident.id == about.opens

    @rule(sessions=SESSIONS)
    def freeze_by_hand(self, sessions: tuple[SessionId, ...]) -> None:
        self.give(FreezeAsked(at=self.at, subject=self.subject(sessions), by="ada"))

    @rule(sessions=SESSIONS)
    def kill_by_hand(self, sessions: tuple[SessionId, ...]) -> None:
        self.give(KillAsked(at=self.at, subject=self.subject(sessions), by="ada"), kill=True)

    @rule(sessions=SESSIONS)
    def open_by_hand(self, sessions: tuple[SessionId, ...]) -> None:
        self.give(OpenAsked(at=self.at, subject=self.subject(sessions), by="ada", reason="odd"))

    @rule(choice=st.sampled_from(["resume", "kill", "stay"]))
    def answer(self, choice: str) -> None:
        given = json.decode(
            json.encode({"type": "Answered", "at": self.at, "answer": choice, "by": "ada"}), type=Answered
        )
        self.give(given, kill=choice == "kill")

    @rule(outcome=OUTCOMES)
    def world_acts(self, outcome: AnyOutcome) -> None:
        if self.queue:
            command = self.queue.pop(0)
            if isinstance(command, Resume) and isinstance(outcome, Done | Unverified):
                self.resumed.add((command.incident, command.session))
            self.give(Acted(at=self.at, command=command, outcome=outcome))

    @rule(sessions=SESSIONS, outcome=OUTCOMES)
    def world_says_nonsense(self, sessions: tuple[SessionId, ...], outcome: AnyOutcome) -> None:
        name = self.incident.id if self.incident else IncidentId("INC-2026-001")
        for session in sessions:
            if Unlatch(incident=name, session=session) not in self.queue:
                self.give(Acted(at=self.at, command=Unlatch(incident=name, session=session), outcome=outcome))

    @rule(seconds=st.sampled_from([1.0, 299.0, 300.0, 4000.0]))
    def time_passes(self, seconds: float) -> None:
        self.at += seconds
        silent = self.playbook.on_unanswered == "kill" and bool(
            self.incident and len(self.incident.told) > LAST_ROUND
        )
        self.give(Ticked(at=self.at), kill=silent)

    @rule()
    def guard_restarts(self) -> None:
        self.queue.clear()
        self.give(Recovered(at=self.at))

    @rule()
    def spoil(self) -> None:
        self.give(Spoiled(at=self.at, why="a call was pending too long"))

    @rule()
    def note(self) -> None:
        self.give(Noted(at=self.at, text="seen", by="ada"))

    @rule()
    def close(self) -> None:
        self.give(CloseAsked(at=self.at, by="ada", reason="over"))

    # --- what must hold ----------------------------------------------------------------

    def give(self, given: AnyInput, *, kill: bool = False) -> None:
        before = self.incident
        try:
            after, commands = advance(before, given, self.playbook)
        except AskedInVainError:
            assert isinstance(given, Answered | Noted | CloseAsked | OpenAsked), "only people are refused"
            return
        if kill and after is not None:
            self.kill_reason.add(after.id)
        if before is not None and after is not None and after.id != before.id:
            assert not before.active
            self.others[before.id] = before
        if (
            before is not None
            and before.state is IncidentState.CLOSED
            and after is not None
            and after.id == before.id
        ):
            assert after.state is IncidentState.CLOSED
            assert commands == ()
        self.incident = after
        self.check(before, commands)
        self.queue += commands

    def check(self, before: Incident | None, commands: tuple[AnyCommand, ...]) -> None:
        latched: set[SessionId | None] = set()
        for command in commands:
            assert self.incident is not None
            assert command.incident == self.incident.id
            match command:
                case Latch(session=session):
                    latched.add(session)
                case Freeze(session=session):
                    assert session in latched, "Latch precedes Freeze"
                case Kill():
                    assert command.incident in self.kill_reason, (
                        "Kill needs an answer or the playbook's order"
                    )
                case Unlatch(session=session):
                    assert (command.incident, session) in self.resumed, "Unlatch follows a Resume that ended"
                case Resume():
                    assert not self.incident.kill_only
                    assert before is not None
                    assert before.state is IncidentState.FROZEN
                case Notify(round=number):
                    assert (command.incident, number) not in self.told, "a round is told once"
                    self.told.add((command.incident, number))
                case _:
                    pass

    @invariant()
    def survives_a_restart_of_the_guard(self) -> None:
        if self.incident is not None:
            assert json.decode(json.encode(self.incident), type=Incident) == self.incident

    @invariant()
    def says_what_it_waits_for(self) -> None:
        if self.incident is None:
            return
        if self.incident.deadline is not None:
            assert self.incident.state is IncidentState.FROZEN
        if not self.incident.active:
            assert not self.incident.waits
            assert not self.incident.pending(Kill)
        if self.incident.state is IncidentState.CLOSED:
            assert not self.incident.pending(), "closed with something under way"
        assert len(self.incident.told) <= LAST_ROUND + 1


class SilenceKills(IncidentMachine):
    playbook = KILLS_WHEN_SILENT


class ContainKills(IncidentMachine):
    playbook = KILLS_UNASKED


_BUDGET = settings(max_examples=50, stateful_step_count=40, deadline=None)
TestStays = IncidentMachine.TestCase
TestSilenceKills = SilenceKills.TestCase
TestContainKills = ContainKills.TestCase
for _case in (TestStays, TestSilenceKills, TestContainKills):
    _case.settings = _BUDGET
