# SPDX-License-Identifier: Apache-2.0
"""`irkit incident show` and the rows of the list: complete, and what is not done stands out."""

import pytest
from msgspec.structs import replace

from irkit.incident.commands import Done, Freeze, Keep, Latch, Unverified
from irkit.incident.incident import Closing, Incident
from irkit.incident.inputs import Acted, Answered, AnyInput, Noted, Spoiled, Ticked
from irkit.incident.state import advance
from irkit.report.incident_page import LIST_HEAD, list_row, page
from tests.hostile_strings import HOSTILE
from tests.incident.cases import ID, SESSION, STAYS, T0, detected


def incident() -> Incident:
    inputs: list[AnyInput] = [
        detected(),
        Acted(at=T0 + 0.1, command=Latch(incident=ID, session=SESSION), outcome=Done()),
        Acted(at=T0 + 0.2, command=Freeze(incident=ID, session=SESSION), outcome=Done("17 stopped")),
        Acted(at=T0 + 0.3, command=Keep(incident=ID, session=SESSION), outcome=Unverified("no transcript")),
        detected(at=T0 + 5),
        Ticked(at=T0 + 300),
        Noted(at=T0 + 310, text="looking", by="ada"),
        Spoiled(at=T0 + 311, why="a call was pending too long"),
    ]
    made: Incident | None = None
    for given in inputs:
        made = advance(made, given, STAYS).incident
    assert made is not None
    return made


def test_the_page_is_complete() -> None:
    shown = page(incident())
    for words in (
        "INC-2026-014  FROZEN  high\n  The session is stopped (17 stopped). No tool call of it passes.",
        "opened   2026-09-21 14:13:20Z, playbook burst 1",
        "rules    burst  high  freeze  2 times, last 2026-09-21 14:13:25Z",
        "acts     latch          done          0.100 s",
        "         keep           UNVERIFIED    0.300 s  no transcript",
        "         notify 0       under way since",
        "told     2026-09-21 14:13:20Z  the owner\n           2026-09-21 14:18:20Z  again",
        "notes    2026-09-21 14:18:30Z  ada  looking",
        "resume   cannot be resumed: a call was pending too long",
        "It waits for a person to kill it",
    ):
        assert words in shown


def test_answers_and_closing_are_shown() -> None:
    answered = advance(
        incident(), Answered(at=T0, answer="kill", by="ada", reason="not mine"), STAYS
    ).incident
    assert answered is not None
    shown = page(replace(answered, closing=Closing(by="ada", at=T0, reason="a stray loop")))
    assert "answers  2026-09-21 14:13:20Z  ada  kill: not mine" in shown
    assert "closed   2026-09-21 14:13:20Z  ada  a stray loop" in shown


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_text_stays_on_its_line(hostile: str) -> None:
    plain = incident()
    finding = plain.findings[0]
    stranger = replace(
        plain,
        cwd=hostile,
        agent=hostile,
        level=hostile,
        last_calls=(hostile,) * 3,
        kill_only=hostile or "x",
        deputy=hostile,
        sessions=(type(SESSION)(hostile),),
        notes=(replace(plain.notes[0], text=hostile, by=hostile),),
        findings=(replace(finding, first=replace(finding.first, rule=hostile, level=hostile)),),
    )
    lines = page(stranger).splitlines()
    assert len(lines) <= len(page(plain).splitlines()) + 3, "long reasons are wrapped"
    assert all(line.isprintable() for line in lines[1:])
    row = list_row(replace(stranger, cause=hostile))
    assert len(row) == len(LIST_HEAD)
    assert all(cell.isprintable() for cell in row)
