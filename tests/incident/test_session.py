# SPDX-License-Identifier: Apache-2.0
"""The session table: a forged id steers nothing but its own process, and a latch follows the process."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from irkit import limits
from irkit.incident.session import ProcessId, Session, SessionTable, State, session_id
from irkit.stream.event import Event, Source

P1, P2, P3 = ProcessId(100, 1), ProcessId(200, 2), ProcessId(300, 3)


def event(session: str = "s", *, source: Source = "hook", phase: str = "pre", ts: float = 1.0) -> Event:
    return Event(ts=ts, agent="codex", session=session, event="before_tool", phase=phase, source=source)  # type: ignore[arg-type]


def everyone_lives(_: ProcessId) -> bool:
    return True


def nobody_lives(_: ProcessId) -> bool:
    return False


def seen(table: SessionTable, session: str, process: ProcessId | None) -> Session:
    claim = table.claim(event(session), process, everyone_lives)
    return table.note_call(claim.session, event(session), "Bash ls")


def test_a_first_call_binds_the_id_to_its_process() -> None:
    table = SessionTable()
    made = seen(table, "s", P1)
    assert made.id == "codex:s"
    assert made.processes == (P1,)
    assert table.of_process(P1) == (made,)


def test_an_id_that_another_live_process_holds_steers_only_the_claimer() -> None:
    table = SessionTable()
    seen(table, "s", P1)
    claim = table.claim(event("s"), P2, everyone_lives)
    assert claim.mismatch
    assert claim.session.id == "codex:200:2"
    assert claim.session.processes == (P2,)
    assert table.get("codex:s").processes == (P1,)  # type: ignore[union-attr]


def test_a_session_resumed_in_a_new_process_is_the_same_session() -> None:
    table = SessionTable()
    seen(table, "s", P1)
    claim = table.claim(event("s"), P2, nobody_lives)
    assert not claim.mismatch
    assert claim.session.processes == (P2,)


def test_a_known_descendant_may_speak_for_its_session() -> None:
    table = SessionTable()
    table.put(replace(seen(table, "s", P1), known=(P2,)))
    claim = table.claim(event("s"), P2, everyone_lives)
    assert not claim.mismatch
    assert claim.session.processes == (P1, P2)


def test_an_unattributed_hook_call_is_not_counted_for_a_session_that_lives() -> None:
    table = SessionTable()
    seen(table, "s", P1)
    claim = table.claim(event("s"), None, everyone_lives)
    assert claim.mismatch
    assert claim.session.id == "codex:unattributed"
    assert claim.session.processes == ()
    tail = table.claim(event("s", source="tail"), None, everyone_lives)
    assert tail.session.id == "codex:s"


def test_a_latch_follows_the_process_to_its_next_id() -> None:
    table = SessionTable()
    table.put(replace(seen(table, "s", P1), latched=True))
    renamed = seen(table, "after-clear", P1)
    assert table.latched(renamed)
    assert not table.latched(seen(table, "other", P3))


def test_sessions_on_one_process_are_named_to_each_other() -> None:
    table = SessionTable()
    first, second = seen(table, "a", P1), seen(table, "b", P1)
    assert table.sharing(first) == (second,)


def test_a_session_ends_with_its_last_process_and_begins_anew() -> None:
    table = SessionTable()
    seen(table, "s", P1)
    (ended,) = table.process_ended(P1)
    assert ended.state is State.ENDED
    again = seen(table, "s", P2)
    assert (again.state, again.calls) == (State.RUNNING, 2)


def test_only_before_calls_count_and_the_last_three_are_kept() -> None:
    table = SessionTable()
    claim = table.claim(event(), P1, everyone_lives)
    now = claim.session
    for number in range(5):
        now = table.note_call(now, event(), f"call {number}")
        now = table.note_call(now, event(phase="post"), "not a call")
    assert now.calls == 5
    assert now.last_calls == ("call 2", "call 3", "call 4")


def test_people_may_shorten_an_id_while_it_is_clear() -> None:
    table = SessionTable()
    seen(table, "5572b661-1054", P1)
    assert table.get("5572b661").id == "codex:5572b661-1054"  # type: ignore[union-attr]
    seen(table, "5572b661-9999", P2)
    assert table.get("5572b661") is None
    assert table.get("557") is None


def test_the_oldest_ended_sessions_leave_first() -> None:
    table = SessionTable()
    alive = seen(table, "alive", P1)
    for number in range(limits.SESSIONS_MAX + 5):
        table.put(
            Session(id=session_id("codex", f"e{number}"), agent="codex", native=f"e{number}", last_ts=number)
        )
    assert len(table) == limits.SESSIONS_MAX
    assert table.get(alive.id) is not None
    assert table.get("codex:e0") is None


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from([P1, P2, P3, None])), max_size=40))
def test_no_order_of_claims_binds_a_process_to_a_session_held_by_another(
    calls: list[tuple[str, ProcessId | None]],
) -> None:
    table = SessionTable()
    first_holder: dict[str, ProcessId] = {}
    for name, process in calls:
        if process and name not in first_holder and table.get(f"codex:{name}") is None:
            first_holder[name] = process
        seen(table, name, process)
    for name, holder in first_holder.items():
        session = table.get(f"codex:{name}")
        assert session is not None
        assert session.processes == (holder,)


def test_brokers_that_a_call_uses_are_remembered_bounded() -> None:
    table = SessionTable()
    session = table.put(Session(id=session_id("claude-code", "s"), agent="claude-code", native="s"))
    for number in range(limits.DEBTS_MAX + 3):
        used = Event(
            ts=float(number), agent="claude-code", session="s", event="before_tool", phase="pre", tool="Bash",
            kind="shell", args={"command": f"tmux new -d job{number}; ls"},
        )  # fmt: skip
        session = table.owes(session, used)
    assert len(session.debts) == limits.DEBTS_MAX
    newest = session.debts[-1]
    assert (newest.broker, newest.words) == ("tmux", f"tmux new -d job{limits.DEBTS_MAX + 2}")
    assert table.get("claude-code:s") == session
