# SPDX-License-Identifier: Apache-2.0
"""What people say to an incident: an answer, a note, that it is over.

Who asks for what cannot be gets the reason and the way out (`AskedInVainError`); nothing is half done.
"""

from typing import assert_never

from msgspec.structs import replace

from irkit import exit_codes, limits
from irkit.errors import IrkitError
from irkit.incident.commands import Done, Kill, Resume, Unlatch
from irkit.incident.incident import Closing, HumanAnswer, Incident, IncidentState, Note
from irkit.incident.inputs import Answered, CloseAsked, Noted
from irkit.incident.orders import Orders, ask, kill


class AskedInVainError(IrkitError):
    """A person asked an incident for what it cannot do now."""

    def __init__(self, what: str, *, fix: str, exit_code: int = exit_codes.BAD_INPUT) -> None:
        super().__init__(what, fix=fix)
        self.exit_code = exit_code


def answered(incident: Incident, given: Answered) -> Orders:
    """Carry out resume, kill or stay; refuse what the incident's state does not allow."""
    if incident.state is IncidentState.RESUMED and given.answer == "resume" and not _unlatched(incident):
        return _unlatch_again(incident, given.at)
    _check(incident, given)
    repeated = bool(incident.answer and incident.answer.choice == given.answer)
    answer = HumanAnswer(choice=given.answer, by=given.by, at=given.at, reason=checked(given.reason))
    case = with_answer(incident, answer)
    match given.answer:
        case "stay":
            return Orders(case)
        case "resume":
            if repeated and incident.pending(Resume):
                return Orders(incident)
            return ask(
                case, [Resume(incident=case.id, session=session) for session in case.sessions], given.at
            )
        case "kill":
            if incident.pending(Kill):
                return Orders(incident if repeated else case)
            return kill(case, given.at)
        case _:
            assert_never(given.answer)


def noted(incident: Incident, given: Noted) -> Incident:
    """Keep what a person wrote, in any state."""
    if len(incident.notes) >= limits.INCIDENT_NOTES_MAX:
        raise AskedInVainError(
            f"{incident.id} holds {limits.INCIDENT_NOTES_MAX} notes",
            fix="open another incident and refer to this one",
        )
    if not given.text.strip():
        raise AskedInVainError("the note is empty", fix="write what you saw or did")
    return replace(
        incident, notes=(*incident.notes, Note(text=checked(given.text), by=given.by, at=given.at))
    )


def closed(incident: Incident, given: CloseAsked) -> Incident:
    """Close it, when nothing is frozen and nothing is under way."""
    if incident.state is IncidentState.FROZEN:
        raise AskedInVainError(f"{incident.id} is still frozen", fix="answer it first: resume or kill")
    if at_work := incident.pending():
        names = ", ".join(dict.fromkeys(type(act.command).__name__.lower() for act in at_work))
        raise AskedInVainError(
            f"{incident.id} is still at work ({names})", fix="try again when that has ended"
        )
    closing = Closing(by=given.by, at=given.at, reason=checked(given.reason))
    return replace(incident, state=IncidentState.CLOSED, closing=closing, deadline=None)


def with_answer(case: Incident, answer: HumanAnswer) -> Incident:
    """The answer is in force, and the telling ends."""
    answers = (*case.answers, answer)[: limits.INCIDENT_ANSWERS_MAX]
    return replace(case, answer=answer, answers=answers, deadline=None)


def checked(text: str) -> str:
    """A person's text, if it is not too long to keep whole."""
    if len(text) > limits.INCIDENT_TEXT_MAX_CHARS:
        raise AskedInVainError(
            f"a text of {len(text)} characters is too long",
            fix=f"keep it to {limits.INCIDENT_TEXT_MAX_CHARS} and put the rest into a file beside the incident",
        )
    return text


def _check(incident: Incident, given: Answered) -> None:
    if incident.state is not IncidentState.FROZEN:
        raise AskedInVainError(
            f"{incident.id} asks nothing: it is {incident.state}",
            fix="`irkit status` shows what waits for an answer",
        )
    killing = incident.pending(Kill) or (incident.answer and incident.answer.choice == "kill")
    if given.answer != "kill" and killing:
        raise AskedInVainError(
            f"{incident.id} is being killed", fix=f"`irkit incident show {incident.id}` says how far it is"
        )
    if given.answer == "resume" and incident.kill_only:
        raise AskedInVainError(
            f"{incident.id} must not be resumed: {incident.kill_only}",
            fix="kill the session and begin a new one",
            exit_code=exit_codes.NOT_PERMITTED,
        )


def _unlatched(incident: Incident) -> bool:
    acts = [incident.act(Unlatch, session) for session in incident.sessions]
    return all(act is not None and isinstance(act.outcome, Done | None) for act in acts)


def _unlatch_again(incident: Incident, at: float) -> Orders:
    """The processes run again, but the latch was not taken back: a restart or a failure came between."""
    return ask(
        incident, [Unlatch(incident=incident.id, session=session) for session in incident.sessions], at
    )
