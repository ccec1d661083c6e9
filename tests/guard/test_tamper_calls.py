# SPDX-License-Identifier: Apache-2.0
"""Whose act a tampering is."""

from irkit.guard.tamper_calls import GRACE_S, NAMED_S, Calls
from irkit.incident.session import session_id
from irkit.stream.event import Event, Phase

ONE, TWO = session_id("a", "one"), session_id("a", "two")


def event(ts: float, phase: Phase, call_id: str = "", command: str = "", name: str = "") -> Event:
    args = {"command": command} if command else {}
    return Event(ts=ts, agent="a", session="s", event=name or "x", phase=phase, call_id=call_id, args=args)


def test_a_call_that_runs_at_the_moment_is_a_suspect_and_one_that_ended_is_none() -> None:
    calls = Calls()
    calls.heard(ONE, event(100, "pre", "c1"), "allow")
    calls.heard(TWO, event(100, "pre", "c2"), "allow")
    calls.heard(TWO, event(110, "post", "c2"), "")
    assert calls.culprits(150) == (ONE,)
    assert calls.culprits(105) == (ONE, TWO)
    assert calls.culprits(110 + GRACE_S) == (ONE, TWO), "a moment after its end it still is one"
    assert calls.culprits(90) == (), "nobody worked then"


def test_who_named_the_thing_is_the_only_suspect_and_only_for_a_minute() -> None:
    calls = Calls()
    calls.heard(ONE, event(100, "pre", "c1"), "allow")
    calls.heard(TWO, event(100, "pre", "c2", "sleep 9; rm gate/hook.py"), "allow")
    calls.heard(TWO, event(101, "post", "c2"), "")
    assert calls.culprits(109, ("hook.py",)) == (TWO,)
    assert calls.culprits(109, ("irkit.toml",)) == (ONE,)
    assert calls.culprits(101 + NAMED_S, ("hook.py",)) == (ONE,)


def test_a_refused_call_did_not_run() -> None:
    calls = Calls()
    calls.heard(ONE, event(100, "pre", "c1", "rm gate/hook.py"), "deny")
    assert calls.culprits(101, ("hook.py",)) == ()


def test_the_end_of_a_turn_ends_what_was_interrupted_and_agents_without_ids_end_the_oldest() -> None:
    calls = Calls()
    calls.heard(ONE, event(100, "pre"), "allow")
    calls.heard(ONE, event(101, "pre"), "allow")
    calls.heard(ONE, event(102, "post"), "")
    assert calls.culprits(200) == (ONE,), "one of the two still runs"
    calls.heard(ONE, event(103, "", name="turn_end"), "")
    assert calls.culprits(200) == ()
