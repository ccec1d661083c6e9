# SPDX-License-Identifier: Apache-2.0
"""Values that the tests of incidents and reports are made of."""

from irkit.detect.detection import Detection, Response
from irkit.incident.commands import IncidentId, SessionId
from irkit.incident.inputs import Detected, Subject
from irkit.incident.playbook import AppliesTo, Deed, Playbook, PlaybookStep

SESSION = SessionId("claude-code:8f0c")
OTHER = SessionId("claude-code:aa17")
T0 = 1_790_000_000.0
ID = IncidentId("INC-2026-014")


def playbook(*, kill: PlaybookStep | None = None) -> Playbook:
    """Freeze, keep, notify, and a kill that asks, waits five minutes a round and stays."""
    return Playbook(
        schema="irkit.playbook/v1",
        id="burst",
        title="A burst",
        version=1,
        applies_to=AppliesTo(rules=("*",)),
        steps=(
            PlaybookStep(do=Deed.FREEZE, mode="auto"),
            PlaybookStep(do=Deed.KEEP, mode="auto"),
            PlaybookStep(do=Deed.NOTIFY, mode="auto"),
            kill or PlaybookStep(do=Deed.KILL, mode="ask", deadline="5m", deputy="on-call"),
        ),
    )


STAYS = playbook()
KILLS_WHEN_SILENT = playbook(kill=PlaybookStep(do=Deed.KILL, mode="ask", deadline="5m", on_unanswered="kill"))
KILLS_UNASKED = playbook(kill=PlaybookStep(do=Deed.KILL, mode="auto"))


def detection(
    rule: str = "burst", response: Response = Response.FREEZE, ts: float = T0, level: str = "high"
) -> Detection:
    return Detection(
        rule=rule,
        title="200 calls in 10 minutes",
        level=level,
        response=response,
        agent="claude-code",
        session="8f0c",
        call_id="c200",
        ts=ts,
        index=200,
        why="200 tool calls in 41 seconds; the usual is 6 a minute",
    )


def subject(
    *sessions: SessionId, opens: IncidentId = ID, exercise: bool = False, kill_only: str = ""
) -> Subject:
    return Subject(
        opens=opens,
        sessions=sessions or (SESSION,),
        agent="claude-code",
        cwd="/home/ada/src/shop",
        last_calls=("Bash rm -rf build", "Edit src/cart.ts", "Bash npm test"),
        exercise=exercise,
        kill_only=kill_only,
    )


def detected(
    response: Response = Response.FREEZE, *, at: float = T0, rule: str = "burst", opens: IncidentId = ID
) -> Detected:
    return Detected(at=at, detection=detection(rule, response, at), subject=subject(opens=opens))
