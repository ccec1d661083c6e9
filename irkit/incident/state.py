# SPDX-License-Identifier: Apache-2.0
"""The incident's state machine: an input goes in, a new incident and the commands that are wanted come out.

Rules:
- **What opens.** A detection of response `freeze` or `contain`, or a person. `observe` opens nothing; `ask` and
  `deny` are added to an incident that is active, and open none.
- **A freeze** is Latch, Freeze, Keep, Checkpoint, Notify, in that order and in one answer. Commands are carried out
  in the order given, so nothing delays the freeze; whoever carries out Notify does it beside the rest.
- **A detection on a frozen session** joins the incident. It freezes again only where the last Freeze did not end as
  Done, or a Resume came after it: then the resume's answer no longer holds, and the question is open again.
- **A detection on a settled incident** (resumed, killed, closed) opens a new one under the id that the input brings,
  and leaves the old one as it is. No reason to freeze is ever dropped.
- **Waiting.** After a rule's freeze, people are told again when the playbook's wait is over (round 1), then the deputy
  (round 2), then the playbook's `on_unanswered` holds: stay, or kill. A freeze by hand tells once and waits for as
  long as it takes: who froze it knows. `stay` is an answer, and ends the telling.
- **Kill** is asked for by a person's answer, by a person by hand, by `on_unanswered: kill`, or by a `contain`
  detection under a playbook whose kill step is `auto`, when no person has answered. By nothing else, and by rule once.
- **Disarm** stands before the kill that a person asked for, and before another where the playbook has that step. How
  it ends holds nothing up: the kill follows.
- **Resume** is never asked for when the session is kill-only. Unlatch follows a Resume that ended as Done or
  Unverified (a job that needs `fg` must not find itself refused), never before, never after another end.
- **A Resume that ends after a freeze overtook it** is followed by another freeze: it may have continued what that stopped.
- **A kill or resume that failed** opens the question again.
- **Each round is told once**, a restart of the guard included: a Notify that a restart cut off counts as told.
- **After a restart** unfinished acts that protect are asked for again (Latch, Freeze, Keep, Disarm, Kill, Checkpoint: each
  finds its work done where it was). Resume and Unlatch lower protection: they end as Unverified, and people ask again.
- **Closed** accepts notes and nothing else. A frozen incident cannot be closed.

Impossible inputs: what a *person* asks and cannot have raises `AskedInVainError`, with the reason and the way out. What
a *machine* says that does not fit (the end of an act that was not asked for, a tick without a deadline) returns the
same incident and no command.

It must never read a clock, wait, or do anything itself.
"""

from typing import NamedTuple, assert_never

from msgspec.structs import replace

from irkit import limits
from irkit.detect.detection import Detection, Response
from irkit.incident.answers import AskedInVainError, answered, checked, closed, noted, with_answer
from irkit.incident.commands import (
    AnyCommand,
    Checkpoint,
    Disarm,
    Done,
    Freeze,
    Keep,
    Kill,
    Latch,
    Resume,
    SessionId,
    Unlatch,
    Unverified,
)
from irkit.incident.incident import LEVELS, Finding, HumanAnswer, Incident, IncidentState
from irkit.incident.inputs import (
    Acted,
    Answered,
    AnyInput,
    Beginning,
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
from irkit.incident.orders import LAST_ROUND, Orders, ask, freeze, held, kill, tell
from irkit.incident.playbook import Playbook

__all__ = ["AskedInVainError", "Step", "advance"]

_PROTECTING = (Latch, Freeze, Keep, Disarm, Kill, Checkpoint)
"""Asked for again after a restart, in this order."""
_CUT_OFF = Unverified("the guard stopped before this ended")


class Step(NamedTuple):
    """The incident as it is now (None: there is none), and what is wanted of the world, in order."""

    incident: Incident | None
    commands: tuple[AnyCommand, ...] = ()


def advance(incident: Incident | None, given: AnyInput, playbook: Playbook) -> Step:
    """Take one input. The result may be a *new* incident (another id) when the given one is settled.

    Raises AskedInVainError on what a person cannot have.
    """
    if isinstance(given, Beginning):
        return Step(*_begin(incident, given, playbook))
    if incident is None or (incident.state is IncidentState.CLOSED and not isinstance(given, Noted)):
        _check_nobody_asks(incident, given)
        return Step(incident)
    match given:
        case Acted():
            return Step(*_acted(incident, given, playbook))
        case Answered():
            return Step(*answered(incident, given))
        case Ticked():
            return Step(*_ticked(incident, given.at, playbook))
        case Spoiled():
            return Step(replace(incident, kill_only=incident.kill_only or _cut(given.why)))
        case Noted():
            return Step(noted(incident, given))
        case CloseAsked():
            return Step(closed(incident, given))
        case Recovered():
            return Step(*_recovered(incident, given.at, playbook))
        case _:
            assert_never(given)


def _check_nobody_asks(incident: Incident | None, given: AnyInput) -> None:
    """There is nothing that could take this input: a person must hear of it."""
    if not isinstance(given, Answered | Noted | CloseAsked):
        return
    if incident is None:
        raise AskedInVainError("there is no such incident", fix="`irkit incident list` shows those there are")
    raise AskedInVainError(f"{incident.id} is closed", fix="add to it with `irkit incident note`")


# --- how it begins ---------------------------------------------------------------------


def _begin(incident: Incident | None, given: Beginning, playbook: Playbook) -> Orders | Step:
    active = incident if incident and incident.active else None
    if isinstance(given, Detected) and given.detection.response.rank < Response.FREEZE.rank:
        return Step(_found(active, given.detection) if active else incident)
    if active and isinstance(given, OpenAsked):
        raise AskedInVainError(
            f"{active.id} is open for this session", fix="add to it with `irkit incident note`"
        )
    case = _about(active or _opened(given, playbook), given.subject)
    match given:
        case Detected():
            return _detected(case, given, playbook)
        case FreezeAsked():
            return freeze(case, given.at)
        case KillAsked():
            answer = HumanAnswer(choice="kill", by=given.by, at=given.at, reason=checked(given.reason))
            case = with_answer(case, answer)
            return Orders(case) if case.pending(Kill) and held(case) else kill(case, given.at)
        case OpenAsked():
            return Step(case)
        case _:
            assert_never(given)


def _opened(given: Beginning, playbook: Playbook) -> Incident:
    """A new incident, before anything is done about it."""
    subject = given.subject
    case = Incident(
        id=subject.opens,
        opened=given.at,
        agent=subject.agent,
        cwd=subject.cwd,
        exercise=subject.exercise,
        deputy=playbook.deputy,
    )
    if isinstance(given, Detected):
        found = given.detection
        return replace(case, level=found.level, cause=_cut(found.why), playbook=playbook.name)
    return replace(case, cause=checked(given.reason) or "asked for by hand", opened_by=given.by)


def _about(case: Incident, subject: Subject) -> Incident:
    """Take over what is known of the session now. An exercise stays one only while all of it is one."""
    return replace(
        case,
        sessions=tuple(dict.fromkeys((*case.sessions, *subject.sessions))),
        last_calls=subject.last_calls[-3:] or case.last_calls,
        kill_only=case.kill_only or _cut(subject.kill_only),
        exercise=case.exercise and subject.exercise,
    )


def _detected(case: Incident, given: Detected, playbook: Playbook) -> Orders:
    case = _found(case, given.detection)
    orders = Orders(case) if case.state is IncidentState.FROZEN and held(case) else freeze(case, given.at)
    case = orders.incident
    if case.waits and case.deadline is None and len(case.told) <= LAST_ROUND:
        case = replace(case, deadline=given.at + playbook.wait_s)
    contains = given.detection.response is Response.CONTAIN and playbook.kills_unasked
    if contains and case.answer is None and not _kill_was_asked(case):
        kills = kill(case, given.at, disarms=playbook.disarms)
        return Orders(kills.incident, (*orders.commands, *kills.commands))
    return Orders(case, orders.commands)


# --- what the world says ---------------------------------------------------------------


def _acted(incident: Incident, given: Acted, playbook: Playbook) -> Orders:
    running = next(
        (act for act in incident.acts if act.command == given.command and act.outcome is None), None
    )
    if running is None:
        return Orders(incident)
    ended = replace(running, outcome=given.outcome, ended=given.at)
    case = replace(incident, acts=tuple(ended if act is running else act for act in incident.acts))
    if case.state is not IncidentState.FROZEN:
        return Orders(case)
    went = isinstance(given.outcome, Done | Unverified)
    choice = case.answer.choice if case.answer else ""
    match given.command:
        case Resume(session=session) if choice == "resume":
            return (
                _resumed(case, session, given.at)
                if went
                else Orders(_ask_again(case, given.at + playbook.wait_s))
            )
        case Resume() if went and choice != "kill":
            return freeze(case, given.at)
        case Kill() if not went:
            return Orders(_ask_again(case, given.at))
        case Kill() if case.gone(Kill):
            return Orders(replace(case, state=IncidentState.KILLED, deadline=None))
        case _:
            return Orders(case)


def _resumed(case: Incident, session: SessionId, at: float) -> Orders:
    orders = ask(case, [Unlatch(incident=case.id, session=session)], at)
    if not case.gone(Resume):
        return orders
    return Orders(replace(orders.incident, state=IncidentState.RESUMED, deadline=None), orders.commands)


def _ask_again(case: Incident, deadline: float) -> Incident:
    """The answer was not carried out: it no longer holds, and people hear of it at `deadline`."""
    return replace(case, answer=None, deadline=deadline)


def _ticked(incident: Incident, at: float, playbook: Playbook) -> Orders:
    if incident.deadline is None or at < incident.deadline or not incident.waits:
        return Orders(incident)
    if len(incident.told) <= LAST_ROUND:
        case, notify = tell(incident, at)
        goes_on = len(case.told) <= LAST_ROUND or playbook.on_unanswered == "kill"
        return Orders(replace(case, deadline=at + playbook.wait_s if goes_on else None), notify)
    case = replace(incident, deadline=None)
    if playbook.on_unanswered == "kill" and case.froze_by_rule and not _kill_was_asked(case):
        return kill(case, at, disarms=playbook.disarms)
    return Orders(case)


def _recovered(incident: Incident, at: float, playbook: Playbook) -> Orders:
    repeated = _PROTECTING if incident.state is IncidentState.FROZEN else (Keep, Disarm, Checkpoint)
    again = [act.command for act in incident.pending(*repeated)]
    acts = tuple(
        act
        if act.outcome is not None or isinstance(act.command, repeated)
        else replace(act, outcome=_CUT_OFF, ended=at)
        for act in incident.acts
    )
    case = replace(incident, acts=acts)
    if case.state is IncidentState.FROZEN and case.answer and case.answer.choice == "resume":
        case = _ask_again(case, at + playbook.wait_s)
    latches = [Latch(incident=case.id, session=one.session) for one in again if isinstance(one, Freeze)]
    commands = sorted(dict.fromkeys((*latches, *again)), key=lambda command: _PROTECTING.index(type(command)))
    return ask(case, commands, at)


# --- pieces ----------------------------------------------------------------------------


def _found(case: Incident, found: Detection) -> Incident:
    """Fold a detection into what its rule found before."""
    level = max(case.level, found.level, key=lambda name: LEVELS.index(name) if name in LEVELS else -1)
    case = replace(case, level=level)
    for finding in case.findings:
        if finding.first.rule == found.rule:
            folded = replace(finding, last=found, count=finding.count + 1)
            return replace(case, findings=tuple(folded if old is finding else old for old in case.findings))
    if len(case.findings) >= limits.INCIDENT_RULES_MAX:
        return replace(case, more_findings=case.more_findings + 1)
    return replace(case, findings=(*case.findings, Finding(found, found)))


def _kill_was_asked(case: Incident) -> bool:
    return any(isinstance(act.command, Kill) for act in case.acts)


def _cut(text: str) -> str:
    return text[: limits.INCIDENT_TEXT_MAX_CHARS]
