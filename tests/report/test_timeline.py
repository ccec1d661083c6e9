# SPDX-License-Identifier: Apache-2.0
"""The timeline: one list from three sources, only what belongs, folded but never a refusal."""

from typing import Any

import pytest

from irkit import limits
from irkit.clock import iso
from irkit.incident.commands import Done, Freeze, Keep, Latch, Unverified
from irkit.incident.incident import Incident
from irkit.incident.inputs import Acted, Answered, Noted, Ticked
from irkit.incident.state import advance
from irkit.report.incident_text import width
from irkit.report.timeline import FOR_ALL, TELLING, text, timeline
from irkit.stream.record import EVENTS
from tests.hostile_strings import HOSTILE
from tests.incident.cases import ID, SESSION, STAYS, T0, detected


def incident() -> Incident:
    step = advance(None, detected(), STAYS)
    for given in (
        Acted(at=T0 + 0.004, command=Latch(incident=ID, session=SESSION), outcome=Done()),
        Acted(at=T0 + 0.006, command=Freeze(incident=ID, session=SESSION), outcome=Done("17 stopped")),
        Acted(at=T0 + 0.090, command=Keep(incident=ID, session=SESSION), outcome=Unverified("no transcript")),
        Ticked(at=T0 + 300),
        Noted(at=T0 + 310, text="looking", by="ada"),
        Answered(at=T0 + 320, answer="kill", by="ada", reason="not mine"),
    ):
        step = advance(step.incident, given, STAYS)
    assert step.incident is not None
    return step.incident


def call(number: int, decision: str = "allow", ts: float | str | None = None, **more: Any) -> dict[str, Any]:
    record = {
        "v": 1,
        "ts": iso(T0 - 100 + number) if ts is None else ts,
        "event": "before_tool",
        "agent": "claude-code",
        "session": "8f0c",
        "tool": "Bash",
        "args": {"command": f"echo {number}"},
        "decision": decision,
    }
    return {**record, **more}


def test_in_order_of_time_whatever_the_order_of_the_files() -> None:
    moments = timeline([call(99, "deny"), call(3)], incident())
    assert [moment.ts for moment in moments] == sorted(moment.ts for moment in moments)
    assert [(m.what, m.decision) for m in moments[:3]] == [
        ("Bash echo 3", "allow"),
        ("Bash echo 99", "deny"),
        ("rule burst", "freeze"),
    ]
    done = {moment.what: (moment.decision, moment.detail) for moment in moments}
    assert done["freeze in 0.006 s"] == ("done", "17 stopped")
    assert done["keep in 0.090 s"] == ("unverified", "no transcript")
    assert done["ada: kill (not mine)"] == ("", "")
    assert done["kill"] == ("under way", "")
    assert {"told the owner", "told again", "ada: looking"} <= set(done)


def test_only_what_belongs_is_listed() -> None:
    others = [
        call(1, session="aa17"),
        call(2, agent="codex"),
        call(3, event="after_tool"),
        call(4, event="freeze"),
        call(5, event="disk_full"),
    ]
    mine = [moment.what for moment in timeline(others, incident()) if moment.source == "log"]
    assert mine == ["disk full"]


def test_the_journal_tells_what_the_incident_does_not_know() -> None:
    entries: list[dict[str, Any]] = [
        {"ts": T0, "id": "1", "record": "intent", "act": "quarantine", "target": SESSION},
        {"ts": T0 + 1, "id": "1", "record": "outcome", "result": "failed", "reason": "no"},
        {"ts": T0, "id": "2", "record": "intent", "act": "freeze", "target": SESSION},
        {"ts": T0 + 1, "id": "2", "record": "outcome", "result": "done", "reason": ""},
        {"ts": T0, "id": "3", "record": "intent", "act": "quarantine", "target": "codex:1"},
        {"ts": T0 + 1, "id": "3", "record": "outcome", "result": "done", "reason": ""},
        {"ts": T0 + 1, "id": "9", "record": "outcome", "result": "done", "reason": ""},
    ]
    found = [(m.what, m.decision, m.detail) for m in timeline(entries, incident()) if m.source == "journal"]
    assert found == [("quarantine", "failed", "no")]


def test_the_text_folds_a_burst_and_keeps_what_was_refused() -> None:
    shown = text(timeline([*(call(number) for number in range(90)), call(95, "deny")], incident()))
    lines = shown.splitlines()
    assert lines[0].strip() == f"{iso(T0)[:10]} UTC"
    assert "… 84 more calls, none refused" in shown
    assert sum("Bash echo" in line for line in lines) == 7
    assert any("DENY       Bash echo 95" in line for line in lines)
    assert any("» UNVERIFIED keep in 0.090 s: no transcript" in line for line in lines)
    assert f"{iso(T0 - 100)[11:23]}Z     +0.000" in lines[1]
    assert (
        text(timeline((call(number) for number in range(90)), incident()), fold=False).count("Bash echo")
        == 90
    )
    assert text(()) == "nothing was recorded\n"


def test_a_new_day_is_said() -> None:
    shown = text(timeline([call(0, ts=iso(T0 - 86_400))], incident()))
    assert f"  {iso(T0 - 86_400)[:10]} UTC" in shown
    assert f"  {iso(T0)[:10]} UTC" in shown


@pytest.mark.parametrize("ts", [None, True, "yesterday", "", [], 1e300, "9999999-01-01", float("nan")])
def test_a_time_that_cannot_be_read_is_left_out(ts: Any) -> None:
    assert not [m for m in timeline([{**call(1), "ts": ts}], incident()) if m.source == "log"]


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_words_stay_on_their_line(hostile: str) -> None:
    plain = text(timeline([call(1)], incident())).splitlines()
    shown = text(timeline([call(1, args={"command": hostile}, tool=hostile)], incident())).splitlines()
    assert len(shown) == len(plain)
    assert all(line.isprintable() and width(line) <= 100 for line in shown)


def test_the_events_that_it_knows_are_the_logs() -> None:
    assert FOR_ALL | TELLING <= EVENTS


def test_it_is_bounded() -> None:
    flood = (call(0, ts=T0 + number) for number in range(limits.MOMENTS_MAX + 50))
    assert len(timeline(flood, incident())) == limits.MOMENTS_MAX
