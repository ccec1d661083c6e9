# SPDX-License-Identifier: Apache-2.0
"""The rules of the state machine, one by one. Their mixture is in `test_state_machine.py`."""

from collections.abc import Iterable

import pytest
from msgspec.structs import replace

from irkit import exit_codes, limits
from irkit.detect.detection import Response
from irkit.incident.commands import (
    AnyCommand,
    AnyOutcome,
    Checkpoint,
    Disarm,
    Done,
    Failed,
    Freeze,
    IncidentId,
    Keep,
    Kill,
    Latch,
    Notify,
    Refused,
    Resume,
    Unlatch,
    Unverified,
)
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
    Ticked,
)
from irkit.incident.playbook import Deed, Playbook, PlaybookStep
from irkit.incident.state import AskedInVainError, Step, advance
from tests.incident.cases import (
    ID,
    KILLS_UNASKED,
    KILLS_WHEN_SILENT,
    OTHER,
    SESSION,
    STAYS,
    T0,
    detected,
    detection,
    subject,
)

LATCH = Latch(incident=ID, session=SESSION)
FREEZE = Freeze(incident=ID, session=SESSION)
KEEP = Keep(incident=ID, session=SESSION)
SIGN = Checkpoint(incident=ID)
KILL = Kill(incident=ID, session=SESSION)
DISARM = Disarm(incident=ID, session=SESSION)
RESUME = Resume(incident=ID, session=SESSION)
UNLATCH = Unlatch(incident=ID, session=SESSION)
WAIT = limits.ANSWER_WAIT_S
NEXT = IncidentId("INC-2026-015")


def notify(number: int) -> Notify:
    return Notify(incident=ID, session=SESSION, round=number)


def feed(inputs: Iterable[AnyInput], playbook: Playbook = STAYS, start: Incident | None = None) -> Step:
    """All inputs in order; the commands are those of the last one."""
    step = Step(start)
    for given in inputs:
        step = advance(step.incident, given, playbook)
    return step


def the(step: Step) -> Incident:
    assert step.incident is not None
    return step.incident


def acted(*ends: tuple[AnyCommand, AnyOutcome]) -> list[AnyInput]:
    return [Acted(at=T0 + 1, command=command, outcome=outcome) for command, outcome in ends]


FROZEN: list[AnyInput] = [
    detected(),
    *acted((LATCH, Done()), (FREEZE, Done()), (KEEP, Done()), (SIGN, Done()), (notify(0), Done())),
]
RESUMED: list[AnyInput] = [
    *FROZEN,
    Answered(at=T0 + 9, answer="resume", by="ada"),
    *acted((RESUME, Done()), (UNLATCH, Done())),
]
KILLED: list[AnyInput] = [
    *FROZEN,
    Answered(at=T0 + 9, answer="kill", by="ada"),
    *acted((KILL, Done()), (SIGN, Done())),
]
CLOSED: list[AnyInput] = [*RESUMED, CloseAsked(at=T0 + 99, by="ada", reason="a test loop of mine")]


# --- opening ---------------------------------------------------------------------------


def test_a_rules_freeze_is_latch_freeze_keep_sign_notify_in_that_order() -> None:
    step = feed([detected()])
    assert step.commands == (LATCH, FREEZE, KEEP, SIGN, notify(0))
    incident = the(step)
    assert (incident.id, incident.state, incident.level, incident.playbook) == (
        ID,
        "frozen",
        "high",
        "burst 1",
    )
    assert incident.deadline == T0 + WAIT
    assert incident.waits


@pytest.mark.parametrize("response", [Response.OBSERVE, Response.ASK, Response.DENY])
def test_what_is_less_than_a_freeze_opens_nothing(response: Response) -> None:
    assert feed([detected(response)]) == Step(None)


def test_a_denial_joins_an_incident_that_is_active_and_not_one_that_is_settled() -> None:
    joined = the(feed([*FROZEN, detected(Response.DENY, rule="destroy.home")]))
    assert [finding.first.rule for finding in joined.findings] == ["burst", "destroy.home"]
    settled = the(feed(RESUMED))
    assert advance(settled, detected(Response.DENY), STAYS) == Step(settled)


def test_a_freeze_of_several_sessions_latches_each_before_it_stops_it_and_tells_once() -> None:
    step = feed([FreezeAsked(at=T0, subject=subject(SESSION, OTHER), by="ada")])
    latches = (LATCH, FREEZE, Latch(incident=ID, session=OTHER), Freeze(incident=ID, session=OTHER))
    assert step.commands == (*latches, KEEP, Keep(incident=ID, session=OTHER), SIGN, notify(0))


def test_opened_by_hand_stops_nothing_and_a_detection_then_freezes_it() -> None:
    opened = feed([OpenAsked(at=T0, subject=subject(), by="ada", reason="the vendor called")])
    assert (the(opened).state, the(opened).cause, opened.commands) == ("open", "the vendor called", ())
    assert advance(opened.incident, detected(opens=NEXT), STAYS).commands == (
        LATCH,
        FREEZE,
        KEEP,
        SIGN,
        notify(0),
    )


def test_a_second_opening_of_an_active_incident_says_so() -> None:
    with pytest.raises(AskedInVainError, match="INC-2026-014 is open for this session"):
        feed([*FROZEN, OpenAsked(at=T0, subject=subject(), by="ada", reason="odd")])


def test_an_exercise_that_hits_a_real_session_is_real() -> None:
    exercise = Detected(at=T0, detection=detection(), subject=subject(exercise=True))
    incident = the(feed([exercise]))
    assert incident.exercise
    assert not the(advance(incident, detected(), STAYS)).exercise


# --- a second detection ------------------------------------------------------------------


def test_a_second_detection_joins_and_does_not_freeze_again() -> None:
    step = feed([*FROZEN, detected(at=T0 + 5, opens=NEXT)])
    assert step.commands == ()
    assert the(step).id == ID
    assert [(f.first.ts, f.last.ts, f.count) for f in the(step).findings] == [(T0, T0 + 5, 2)]


@pytest.mark.parametrize(
    "outcome", [Unverified("2 escaped"), Failed("no permission"), Refused("it is the caller")]
)
def test_it_freezes_again_where_a_process_escaped(outcome: AnyOutcome) -> None:
    step = feed([detected(), *acted((FREEZE, outcome)), detected(at=T0 + 5)])
    assert step.commands == (LATCH, FREEZE, KEEP, SIGN)
    act = the(step).act(Freeze, SESSION)
    assert act is not None
    assert (act.times, act.outcome) == (2, None)


def test_it_overtakes_a_resume_that_is_under_way() -> None:
    step = feed([*FROZEN, Answered(at=T0 + 9, answer="resume", by="ada"), detected(at=T0 + 10)])
    assert step.commands == (LATCH, FREEZE, KEEP, SIGN)
    late = advance(step.incident, Acted(at=T0 + 11, command=RESUME, outcome=Done()), STAYS)
    assert late.commands == (LATCH, FREEZE, KEEP, SIGN), "it may have continued what the freeze stopped"
    assert the(late).waits


@pytest.mark.parametrize("settled", [RESUMED, KILLED, CLOSED])
def test_on_a_settled_incident_a_new_one_opens(settled: list[AnyInput]) -> None:
    step = feed([*settled, detected(opens=NEXT)])
    assert the(step).id == NEXT
    assert the(step).state is IncidentState.FROZEN
    assert step.commands[:2] == (
        Latch(incident=NEXT, session=SESSION),
        Freeze(incident=NEXT, session=SESSION),
    )


def test_rules_kept_apart_are_bounded_and_the_rest_is_counted() -> None:
    many = [detected(rule=f"r{number}") for number in range(limits.INCIDENT_RULES_MAX + 3)]
    incident = the(feed(many))
    assert (len(incident.findings), incident.more_findings) == (limits.INCIDENT_RULES_MAX, 3)


def test_the_level_is_the_highest_found() -> None:
    worse = Detected(at=T0, detection=detection("exfil", level="critical"), subject=subject())
    assert the(feed([*FROZEN, worse, detected()])).level == "critical"


# --- waiting -----------------------------------------------------------------------------


def test_unanswered_it_tells_again_then_the_deputy_then_stays_frozen() -> None:
    early = feed([*FROZEN, Ticked(at=T0 + WAIT - 0.001)])
    assert early.commands == ()
    first = advance(early.incident, Ticked(at=T0 + WAIT), STAYS)
    assert first.commands == (notify(1),)
    second = advance(first.incident, Ticked(at=T0 + 2 * WAIT), STAYS)
    assert second.commands == (notify(2),)
    assert the(second).deputy == "on-call"
    for _ in range(3):
        second = advance(second.incident, Ticked(at=T0 + 99 * WAIT), STAYS)
        assert second.commands == ()
    assert the(second).waits


def test_a_guard_that_was_down_for_days_catches_up_one_round_at_a_time() -> None:
    late = feed([*FROZEN, Recovered(at=T0 + 1e6), Ticked(at=T0 + 1e6), Ticked(at=T0 + 1e6 + 1)])
    assert late.commands == ()
    assert [told.round for told in the(late).told] == [0, 1]


def test_unanswered_it_kills_where_the_playbook_says_so_after_all_were_told() -> None:
    waits = [Ticked(at=T0 + number * WAIT) for number in (1, 2, 3)]
    step = feed([*FROZEN, *waits], KILLS_WHEN_SILENT)
    assert step.commands == (KILL, SIGN)
    assert feed([*FROZEN, *waits[:2]], KILLS_WHEN_SILENT).commands == (notify(2),)


def test_a_freeze_by_hand_tells_once_and_is_never_killed_by_silence() -> None:
    by_hand = FreezeAsked(at=T0, subject=subject(), by="ada")
    ticks = [Ticked(at=T0 + number * WAIT) for number in range(1, 9)]
    step = feed([by_hand, *ticks], KILLS_WHEN_SILENT)
    assert (step.commands, len(the(step).told)) == ((), 1)
    failed = [Answered(at=T0, answer="resume", by="ada"), *acted((RESUME, Failed("no permission")))]
    incident = the(feed([by_hand, *failed, *ticks], KILLS_WHEN_SILENT))
    assert (len(incident.told), incident.act(Kill, SESSION)) == (3, None)


def test_stay_ends_the_telling_and_leaves_the_question_open_for_later() -> None:
    stay = Answered(at=T0 + 9, answer="stay", by="ada", reason="waiting for the vendor")
    step = feed([*FROZEN, stay, Ticked(at=T0 + 9 * WAIT)])
    assert (step.commands, the(step).state) == ((), "frozen")
    assert advance(step.incident, Answered(at=T0, answer="resume", by="ada"), STAYS).commands == (RESUME,)


# --- answers -----------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", [Done(), Unverified("type fg there")])
def test_unlatch_follows_the_resume(outcome: AnyOutcome) -> None:
    asked = feed([*FROZEN, Answered(at=T0 + 9, answer="resume", by="ada")])
    assert asked.commands == (RESUME,)
    resumed = advance(asked.incident, Acted(at=T0 + 10, command=RESUME, outcome=outcome), STAYS)
    assert resumed.commands == (UNLATCH,)
    assert the(resumed).state is IncidentState.RESUMED


@pytest.mark.parametrize("outcome", [Failed("gone"), Refused("kill-only")])
def test_a_failed_resume_stays_latched_and_asks_again(outcome: AnyOutcome) -> None:
    step = feed([*FROZEN, Answered(at=T0 + 9, answer="resume", by="ada"), *acted((RESUME, outcome))])
    assert step.commands == ()
    assert the(step).waits
    freezes_again = advance(step.incident, detected(at=T0 + 20), STAYS)
    assert FREEZE in freezes_again.commands, (
        "what a failed resume left running is stopped by the next detection"
    )


def test_of_two_sessions_each_is_unlatched_after_its_own_resume() -> None:
    both = FreezeAsked(at=T0, subject=subject(SESSION, OTHER), by="ada")
    first = feed([both, Answered(at=T0 + 9, answer="resume", by="ada"), *acted((RESUME, Done()))])
    assert (first.commands, the(first).state) == ((UNLATCH,), "frozen")
    other = Acted(at=T0 + 11, command=Resume(incident=ID, session=OTHER), outcome=Done())
    second = advance(first.incident, other, STAYS)
    assert (second.commands, the(second).state) == ((Unlatch(incident=ID, session=OTHER),), "resumed")


def test_a_kill_only_session_is_not_resumed_and_the_reason_is_given() -> None:
    spoiled = feed([*FROZEN, Spoiled(at=T0 + 5, why="a call was pending for longer than Codex waits")])
    with pytest.raises(AskedInVainError, match="pending for longer than Codex waits") as refused:
        advance(spoiled.incident, Answered(at=T0 + 9, answer="resume", by="ada"), STAYS)
    assert refused.value.exit_code == exit_codes.NOT_PERMITTED
    assert advance(spoiled.incident, Answered(at=T0 + 9, answer="kill", by="ada"), STAYS).commands == (
        DISARM,
        KILL,
        SIGN,
    )


def test_kill_is_verified_before_it_is_called_killed() -> None:
    asked = feed([*FROZEN, Answered(at=T0 + 9, answer="kill", by="ada")])
    assert the(asked).state is IncidentState.FROZEN
    assert the(feed(KILLED)).state is IncidentState.KILLED


def test_a_failed_kill_tells_people_at_the_next_tick_and_asks_again() -> None:
    failed = feed(
        [*FROZEN, Answered(at=T0 + 9, answer="kill", by="ada"), *acted((KILL, Failed("pid 9 survives")))]
    )
    assert the(failed).waits
    assert advance(failed.incident, Ticked(at=T0 + 10), STAYS).commands == (notify(1),)


def test_a_repeated_answer_asks_for_nothing_twice() -> None:
    for choice in ("resume", "kill"):
        answer = Answered(at=T0 + 9, answer=choice, by="ada")
        once = feed([*FROZEN, answer])
        assert advance(once.incident, answer, STAYS) == Step(once.incident)


def test_while_it_is_killed_nothing_else_can_be_answered() -> None:
    killing = feed([*FROZEN, Answered(at=T0 + 9, answer="kill", by="ada")])
    for choice in ("resume", "stay"):
        with pytest.raises(AskedInVainError, match="is being killed"):
            advance(killing.incident, Answered(at=T0 + 10, answer=choice, by="ada"), STAYS)


def test_kill_during_a_resume_freezes_first() -> None:
    step = feed(
        [
            *FROZEN,
            Answered(at=T0 + 9, answer="resume", by="ada"),
            Answered(at=T0 + 10, answer="kill", by="ada"),
        ]
    )
    assert step.commands == (LATCH, FREEZE, KEEP, SIGN, DISARM, KILL, SIGN)


def test_kill_by_hand_freezes_keeps_kills_and_then_tells() -> None:
    step = feed([KillAsked(at=T0, subject=subject(), by="ada", reason="it pays unasked")])
    assert step.commands == (LATCH, FREEZE, KEEP, SIGN, DISARM, KILL, SIGN, notify(0))
    assert the(step).answer is not None


def test_contain_kills_only_where_the_playbook_does_not_ask() -> None:
    assert KILL not in feed([detected(Response.CONTAIN)], STAYS).commands
    assert KILL not in feed([detected(Response.FREEZE)], KILLS_UNASKED).commands
    step = feed([detected(Response.CONTAIN)], KILLS_UNASKED)
    assert step.commands == (LATCH, FREEZE, KEEP, SIGN, notify(0), KILL, SIGN)
    assert advance(step.incident, detected(Response.CONTAIN), KILLS_UNASKED).commands == ()


def test_a_kill_that_nobody_asked_for_disarms_where_the_playbook_has_that_step() -> None:
    disarms = replace(
        KILLS_UNASKED,
        steps=(*KILLS_UNASKED.steps[:-1], PlaybookStep(do=Deed.DISARM, mode="auto"), KILLS_UNASKED.steps[-1]),
    )
    assert KILLS_UNASKED.steps[-1].do is Deed.KILL
    step = feed([detected(Response.CONTAIN)], disarms)
    assert step.commands == (LATCH, FREEZE, KEEP, SIGN, notify(0), DISARM, KILL, SIGN)


@pytest.mark.parametrize(
    "end", [Done(), Failed("the disk is full"), Refused("no baseline"), Unverified("late")]
)
def test_how_a_disarm_ends_holds_nothing_up(end: AnyOutcome) -> None:
    step = feed([*FROZEN, Answered(at=T0 + 9, answer="kill", by="ada"), *acted((DISARM, end))])
    assert the(step).answer is not None
    assert (step.commands, len(the(step).pending(Kill))) == ((), 1)


def test_contain_does_not_overrule_a_person_who_said_stay() -> None:
    step = feed(
        [*FROZEN, Answered(at=T0 + 9, answer="stay", by="ada"), detected(Response.CONTAIN)], KILLS_UNASKED
    )
    assert step.commands == ()


# --- restart, closing, notes --------------------------------------------------------------


def test_after_a_restart_what_protects_is_repeated_and_people_are_not_told_again() -> None:
    step = feed([detected(), *acted((LATCH, Done())), Recovered(at=T0 + 60)])
    assert step.commands == (LATCH, FREEZE, KEEP, SIGN)
    told = next(act for act in the(step).acts if act.command == notify(0))
    assert isinstance(told.outcome, Unverified)


def test_after_a_restart_a_resume_is_not_repeated_and_the_question_is_open_again() -> None:
    step = feed([*FROZEN, Answered(at=T0 + 9, answer="resume", by="ada"), Recovered(at=T0 + 60)])
    assert step.commands == ()
    assert the(step).waits
    assert the(step).deadline == T0 + 60 + WAIT


def test_an_unlatch_that_a_restart_cut_off_is_asked_for_by_resuming_again() -> None:
    resumed = feed([*FROZEN, Answered(at=T0 + 9, answer="resume", by="ada"), *acted((RESUME, Done()))])
    cut_off = advance(resumed.incident, Recovered(at=T0 + 60), STAYS)
    assert cut_off.commands == ()
    again = Answered(at=T0 + 70, answer="resume", by="ada")
    assert advance(cut_off.incident, again, STAYS).commands == (UNLATCH,)


def test_after_a_restart_a_kill_that_did_not_end_is_repeated() -> None:
    step = feed([*FROZEN, Answered(at=T0 + 9, answer="kill", by="ada"), Recovered(at=T0 + 60)])
    assert step.commands == (DISARM, KILL, SIGN)


def test_closing_needs_an_end_first() -> None:
    with pytest.raises(AskedInVainError, match="still frozen"):
        feed([*FROZEN, CloseAsked(at=T0, by="ada", reason="")])
    with pytest.raises(AskedInVainError, match=r"still at work \(unlatch\)"):
        feed([*RESUMED[:-1], CloseAsked(at=T0, by="ada", reason="")])
    assert the(feed(CLOSED)).state is IncidentState.CLOSED


def test_closed_accepts_notes_only() -> None:
    incident = the(feed(CLOSED))
    noted = advance(incident, Noted(at=T0, text="the loop was test 41", by="ada"), STAYS)
    assert [note.text for note in the(noted).notes] == ["the loop was test 41"]
    assert the(noted).state is IncidentState.CLOSED
    for machine in (Ticked(at=T0), Recovered(at=T0), Spoiled(at=T0, why="x"), *acted((KILL, Done()))):
        assert advance(incident, machine, STAYS) == Step(incident)
    for person in (Answered(at=T0, answer="kill", by="a"), CloseAsked(at=T0, by="a", reason="")):
        with pytest.raises(AskedInVainError, match="is closed"):
            advance(incident, person, STAYS)


def test_notes_are_bounded_and_not_empty() -> None:
    full = the(feed(FROZEN))
    for _ in range(limits.INCIDENT_NOTES_MAX):
        full = the(advance(full, Noted(at=T0, text="n", by="a"), STAYS))
    with pytest.raises(AskedInVainError, match="1000 notes"):
        advance(full, Noted(at=T0, text="n", by="a"), STAYS)
    for text, why in (("x" * (limits.INCIDENT_TEXT_MAX_CHARS + 1), "too long"), (" \n", "empty")):
        with pytest.raises(AskedInVainError, match=why):
            advance(the(feed(FROZEN)), Noted(at=T0, text=text, by="a"), STAYS)


def test_what_does_not_fit_changes_nothing() -> None:
    incident = the(feed(FROZEN))
    stray = Kill(incident=ID, session=OTHER)
    assert advance(incident, Acted(at=T0, command=stray, outcome=Done()), STAYS) == Step(incident)
    for nothing in (Ticked(at=T0), Recovered(at=T0), Spoiled(at=T0, why="x"), *acted((KILL, Done()))):
        assert advance(None, nothing, STAYS) == Step(None)
    with pytest.raises(AskedInVainError, match="no such incident"):
        advance(None, Answered(at=T0, answer="kill", by="a"), STAYS)


def test_answers_are_refused_where_nothing_is_asked() -> None:
    for settled in (RESUMED, KILLED):
        with pytest.raises(AskedInVainError, match="asks nothing"):
            feed([*settled, Answered(at=T0, answer="kill", by="a")])


def test_a_rules_sentence_is_cut_and_a_persons_is_refused() -> None:
    long = replace(detection(), why="x" * 9999)
    incident = the(feed([Detected(at=T0, detection=long, subject=subject())]))
    assert len(incident.cause) == limits.INCIDENT_TEXT_MAX_CHARS
