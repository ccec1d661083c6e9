# SPDX-License-Identifier: Apache-2.0
"""What an incident asks of the world, written into it before anybody carries it out.

Each function returns the incident that remembers having asked, and the commands. `acts` stays in the order of the
latest asking, so that "was it resumed after it was frozen" is a comparison of places.
"""

from collections.abc import Sequence
from typing import NamedTuple

from msgspec.structs import replace

from irkit.incident.commands import (
    AnyCommand,
    Checkpoint,
    Disarm,
    Done,
    Freeze,
    Keep,
    Kill,
    Latch,
    Notify,
    Resume,
    SessionId,
)
from irkit.incident.incident import Act, Incident, IncidentState, Told

LAST_ROUND = 2
"""The deputy's."""


class Orders(NamedTuple):
    """The incident as it is now, and what is wanted, in order."""

    incident: Incident
    commands: tuple[AnyCommand, ...] = ()


def ask(case: Incident, commands: Sequence[AnyCommand], at: float) -> Orders:
    """Ask for these. Asked for again, a command is the same act once more, at the end of the list."""
    acts = {act.command: act for act in case.acts}
    for command in commands:
        before = acts.pop(command, None)
        acts[command] = Act(command=command, asked=at, times=before.times + 1 if before else 1)
    return Orders(replace(case, acts=tuple(acts.values())), tuple(commands))


def freeze(case: Incident, at: float) -> Orders:
    """Latch and stop every session, then keep and sign, then tell people if they were not told yet.

    A resume that was under way is overtaken: its answer no longer holds.
    """
    name = case.id
    commands: list[AnyCommand] = []
    for session in case.sessions:
        commands += [Latch(incident=name, session=session), Freeze(incident=name, session=session)]
    commands += [Keep(incident=name, session=session) for session in case.sessions]
    commands.append(Checkpoint(incident=name))
    answer = None if case.answer and case.answer.choice == "resume" else case.answer
    case, _ = ask(replace(case, state=IncidentState.FROZEN, answer=answer), commands, at)
    told = tell(case, at) if not case.told else Orders(case)
    return Orders(told.incident, (*commands, *told.commands))


def kill(case: Incident, at: float, *, disarms: bool = True) -> Orders:
    """Disarm and kill every session, then sign what the log holds. What is not held is frozen first; people hear last."""
    before = Orders(case) if case.state is IncidentState.FROZEN and held(case) else freeze(case, at)
    kills: list[AnyCommand] = (
        [Disarm(incident=case.id, session=session) for session in case.sessions] if disarms else []
    )
    kills += [Kill(incident=case.id, session=session) for session in case.sessions]
    kills.append(Checkpoint(incident=case.id))
    case, _ = ask(replace(before.incident, deadline=None), kills, at)
    first = [command for command in before.commands if not isinstance(command, Notify)]
    last = [command for command in before.commands if isinstance(command, Notify)]
    return Orders(case, (*first, *kills, *last))


def tell(case: Incident, at: float) -> Orders:
    """The next round, once; about the first session, whose incident it is."""
    number = len(case.told)
    if number > LAST_ROUND or not case.sessions:
        return Orders(case)
    notify = Notify(incident=case.id, session=case.sessions[0], round=number)
    return ask(replace(case, told=(*case.told, Told(number, at))), [notify], at)


def held(case: Incident) -> bool:
    """Whether each session's last Freeze ended as Done, or still runs, and no Resume was asked for after it."""
    return all(_held(case, session) for session in case.sessions)


def _held(case: Incident, session: SessionId) -> bool:
    for act in reversed(case.acts):
        match act.command:
            case Freeze(session=about) if about == session:
                return isinstance(act.outcome, Done | None)
            case Resume(session=about) if about == session:
                return False
            case _:
                continue
    return False
