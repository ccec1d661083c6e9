# SPDX-License-Identifier: Apache-2.0
"""What people are told: complete, within its frame, honest, and with nothing to paste that lowers protection (T25)."""

import itertools
import re

import msgspec
import pytest
from msgspec.structs import replace

from irkit.incident.commands import AnyOutcome, Done, Failed, Freeze, Kill, Latch, Refused, Unverified
from irkit.incident.incident import Incident, IncidentState
from irkit.incident.inputs import Acted, Answered, KillAsked, OpenAsked, Spoiled
from irkit.incident.state import advance
from irkit.report.incident_text import (
    COLUMNS,
    LINES_MAX,
    block,
    fit,
    log_line,
    notice,
    payload,
    what_holds,
    width,
)
from tests.hostile_strings import HOSTILE
from tests.incident.cases import ID, SESSION, STAYS, T0, detected, subject

LOWERS = re.compile(r"irkit\s+(?!status\b)[a-z]|--yes|\bsudo\b|curl .*\|\s*sh")
"""Any command of irkit but `irkit status`; the words resume and kill alone are no command."""


def frozen(freeze: AnyOutcome | None = None, latch: AnyOutcome | None = None) -> Incident:
    step = advance(None, detected(), STAYS)
    for command, outcome in (
        (Latch(incident=ID, session=SESSION), latch),
        (Freeze(incident=ID, session=SESSION), freeze),
    ):
        if outcome is not None:
            step = advance(step.incident, Acted(at=T0 + 1, command=command, outcome=outcome), STAYS)
    assert step.incident is not None
    return step.incident


HELD = frozen(Done("17 stopped, two scans agree"), Done())


def test_the_block_says_everything_that_is_needed() -> None:
    assert block(HELD).splitlines() == [
        "== irkit  FROZEN  INC-2026-014 " + "=" * 69,
        "  The session is stopped (17 stopped, two scans agree). No tool call of it passes.",
        "",
        "  project  /home/ada/src/shop",
        "  session  claude-code:8f0c, since 2026-09-21 14:13:20Z",
        "  why      200 tool calls in 41 seconds; the usual is 6 a minute (rule burst, high)",
        "  last     Bash rm -rf build",
        "           Edit src/cart.ts",
        "           Bash npm test",
        "  It waits for a person: resume or kill. Leave its window open.",
        "  In a terminal of your own, `irkit status` shows how.",
        "=" * 100,
    ]


@pytest.mark.parametrize("number", [0, 1, 2])
def test_nothing_to_paste_that_lowers_protection(number: int) -> None:
    short = notice(HELD, number)
    for words in (
        block(HELD, number),
        f"{short.title} {short.body}",
        log_line(HELD, number),
        str(payload(HELD, number)),
    ):
        assert ID in words
        assert not LOWERS.search(words.replace(f"irkit: FROZEN shop ({ID}", ID)), words


def test_later_rounds_say_which_they_are() -> None:
    assert "second call: nobody has answered" in block(HELD, 1)
    assert "you are the deputy" in block(HELD, 2)
    assert "second call" in notice(HELD, 1).title


def test_an_exercise_says_so_in_every_form() -> None:
    exercise = replace(HELD, exercise=True)
    first, *_, last = block(exercise).splitlines()
    assert "EXERCISE" in first
    assert "EXERCISE" in last
    assert "EXERCISE" in notice(exercise).title
    assert log_line(exercise).startswith("EXERCISE")
    assert payload(exercise)["exercise"] is True


HOLDS = [
    (frozen(), "is being stopped. The guard refuses its tool calls."),
    (frozen(Done("9 stopped"), Done()), "is stopped (9 stopped). No tool call of it passes."),
    (frozen(Done(), Unverified("disk full")), "is stopped. The guard refuses its tool calls."),
    (
        frozen(Failed("2 not permitted"), Done()),
        "NOT ALL of the session is stopped: 2 not permitted. No tool call",
    ),
    (frozen(Unverified("no two scans agree"), Done()), "NOT ALL of the session is stopped"),
    (frozen(Refused("no live process"), Done()), "NOT ALL of the session is stopped"),
]


@pytest.mark.parametrize(("incident", "words"), HOLDS, ids=[words for _, words in HOLDS])
def test_it_claims_only_what_is_known(incident: Incident, words: str) -> None:
    assert words in what_holds(incident)
    assert words.split(".", maxsplit=1)[0] in block(incident)


def test_of_several_sessions_the_worst_end_is_told() -> None:
    other = replace(HELD, sessions=(SESSION, type(SESSION)("codex:1")))
    assert "is being stopped" in what_holds(other), "the other's freeze has not ended"


def test_kill_only_does_not_offer_a_resume() -> None:
    step = advance(HELD, Spoiled(at=T0, why="a call was pending too long"), STAYS)
    assert step.incident is not None
    assert "cannot be resumed" in block(step.incident)
    assert "resume or kill" not in block(step.incident)
    assert payload(step.incident)["waits_for"] == ["kill"]


def test_what_does_not_wait_does_not_say_that_it_does() -> None:
    by_hand = advance(None, KillAsked(at=T0, subject=subject(), by="ada"), STAYS).incident
    opened = advance(None, OpenAsked(at=T0, subject=subject(), by="ada", reason="odd"), STAYS).incident
    answered = advance(HELD, Answered(at=T0, answer="stay", by="ada"), STAYS).incident
    for incident in (by_hand, opened, answered):
        assert incident is not None
        assert "waits for" not in block(incident, 1) + notice(incident, 1).body + log_line(incident)
        assert payload(incident)["waits_for"] == []
    killed = advance(HELD, Answered(at=T0, answer="kill", by="ada"), STAYS).incident
    end = Done("17 dead, each verified; all known dead")
    killed = advance(
        killed, Acted(at=T0, command=Kill(incident=ID, session=SESSION), outcome=end), STAYS
    ).incident
    assert killed is not None
    assert "was killed: 17 dead, each verified; all known dead." in block(killed)


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("ascii_only", [False, True])
def test_hostile_text_stays_in_its_frame(hostile: str, ascii_only: bool) -> None:
    calls = (hostile, hostile, hostile)
    incident = replace(
        HELD, cause=hostile, cwd=hostile, agent=hostile, last_calls=calls, deputy=hostile, opened_by=hostile
    )
    incident = advance(incident, detected(), STAYS).incident or incident
    for made, number in itertools.product((incident, replace(incident, findings=())), (0, 2)):
        shown = block(made, number, ascii_only=ascii_only)
        lines = shown.splitlines()
        assert len(lines) <= LINES_MAX
        assert all(width(line) <= COLUMNS and line.isprintable() for line in lines)
        assert not ascii_only or shown.isascii()
        assert "`irkit status` shows how." in lines[-2]
        short = notice(made, number)
        assert len(short.title) <= 160
        assert len(short.body) <= 400
        assert short.body.isprintable()
        assert not set(short.title + short.body) & set("<>&")
        assert log_line(made, number).isprintable()
        assert all(
            c not in msgspec.json.encode(payload(made, number)).decode() for c in "\x1b\u202e\u200b\x9b"
        )


def test_every_state_has_its_sentence() -> None:
    sentences = {what_holds(replace(HELD, state=state)) for state in IncidentState}
    assert len(sentences) == len(IncidentState)


def test_fit_counts_columns() -> None:
    assert fit("日本語", 6) == "日本語"
    assert fit("日本語", 5) == "日本…"
    assert fit("abcdef", 5) == "abcd~"
    assert fit("e\u0301" * 5, 5) == "e\u0301" * 5
