# SPDX-License-Identifier: Apache-2.0
"""Correlations through the engine, against a recount by hand over all that was ever seen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irkit.detect.engine import Engine
from irkit.detect.rule import RuleSet
from tests.detect.makes import correlation, event, feed, names

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["one", "two", "three", "other"]),
        st.integers(0, 5),
        st.integers(0, 4),
        st.integers(0, 4),
    ),
    max_size=50,
)
"""(tool, seconds since the event before, seconds late, value)"""
Entry = tuple[float, int, int]
TIMESPAN = 10
ORDER = {"one": 0, "two": 1, "three": 2}


def said(ruleset: RuleSet, steps: list[tuple[str, int, int, int]]) -> list[bool]:
    engine, now, made = Engine(ruleset), 100, []
    for tool, step, late, value in steps:
        now += step
        one = event(tool, float(now - late), args={"n": value}, args_sha256=str(value), source="replay")
        made.append("counted" in names(engine.feed(one)))
    return made


def recount(steps: list[tuple[str, int, int, int]], fires: object) -> list[bool]:
    kept: list[Entry] = []
    now, made = 100, []
    for tool, step, late, value in steps:
        now += step
        hit = False
        if tool in ORDER:
            kept = sorted([*kept, (float(now - late), ORDER[tool], value)], key=lambda entry: entry[:2])
            hit = fires(kept)  # type: ignore[operator]  # a function
            if hit:
                kept = []
        made.append(hit)
    return made


def spans(kept: list[Entry]) -> list[list[Entry]]:
    return [[one for one in kept if first <= one[0] <= first + TIMESPAN] for first, _, _ in kept]


@given(STEPS)
def test_value_count(steps: list[tuple[str, int, int, int]]) -> None:
    ruleset = correlation(
        "value_count", rules="[one, two, three]", more="  condition: {field: args.n, gte: 4}\n"
    )
    assert said(ruleset, steps) == recount(
        steps, lambda kept: any(len({one[2] for one in span}) >= 4 for span in spans(kept))
    )


@given(STEPS)
def test_value_sum(steps: list[tuple[str, int, int, int]]) -> None:
    ruleset = correlation(
        "value_sum", rules="[one, two, three]", more="  condition: {field: args.n, gte: 9}\n"
    )
    assert said(ruleset, steps) == recount(
        steps, lambda kept: any(sum(one[2] for one in span) >= 9 for span in spans(kept))
    )


@given(STEPS)
def test_temporal(steps: list[tuple[str, int, int, int]]) -> None:
    ruleset = correlation("temporal", rules="[one, two, three]")
    assert said(ruleset, steps) == recount(
        steps, lambda kept: any({one[1] for one in span} == {0, 1, 2} for span in spans(kept))
    )


def ordered(kept: list[Entry]) -> bool:
    return any(
        a[1] == 0 and b[1] == 1 and c[1] == 2 and a[:2] <= b[:2] <= c[:2] and c[0] - a[0] <= TIMESPAN
        for i, a in enumerate(kept)
        for j, b in enumerate(kept[i:], i)
        for c in kept[j:]
    )


@given(STEPS)
def test_temporal_ordered(steps: list[tuple[str, int, int, int]]) -> None:
    ruleset = correlation("temporal_ordered", rules="[one, two, three]")
    assert said(ruleset, steps) == recount(steps, ordered)


def test_a_chain_that_began_too_early_does_not_hide_a_later_one() -> None:
    ruleset = correlation("temporal_ordered", rules="[one, two, three]")
    steps = [("one", 0), ("two", 1), ("one", 9), ("two", 10), ("three", 12)]
    assert names(feed(Engine(ruleset), [event(tool, float(ts)) for tool, ts in steps])) == ["counted"]


COUNT_5 = correlation("event_count", rules="[one, two]", more="  condition: {gte: 5}\n")


def test_an_event_is_counted_once_for_all_its_parts() -> None:
    ruleset = correlation("event_count", rules="[one, one]", more="  condition: {gte: 2}\n")
    assert names(Engine(ruleset).feed(event("one"))) == []


def test_a_new_session_id_in_the_same_process_inherits_the_count() -> None:
    events = [event("one", ts, session=f"s{ts}", pid=7, start=1) for ts in range(5)]
    assert names(feed(Engine(COUNT_5), events)) == ["counted"]


def test_another_process_with_the_same_pid_does_not() -> None:
    events = [event("one", ts, session=f"s{ts}", pid=7, start=ts) for ts in range(5)]
    assert names(feed(Engine(COUNT_5), events)) == []


def test_session_and_process_fire_once_and_are_both_emptied() -> None:
    engine = Engine(COUNT_5)
    events = [event("one", ts, pid=7, start=1) for ts in range(9)]
    assert [names(engine.feed(one)) for one in events].count(["counted"]) == 1
    assert names(engine.feed(event("one", 9, pid=7, start=1))) == ["counted"]


def test_without_a_group_field_an_event_is_not_counted() -> None:
    ruleset = correlation("event_count", rules="[one]", group="[args.who]", more="  condition: {gte: 2}\n")
    assert names(feed(Engine(ruleset), [event("one", ts) for ts in range(5)])) == []
    assert names(feed(Engine(ruleset), [event("one", ts, args={"who": "x"}) for ts in range(2)])) == [
        "counted"
    ]


def per_session() -> RuleSet:
    return correlation("event_count", group="[user]", more="  condition: {gte: 5, per: session, cap: 12}\n")


@pytest.mark.parametrize(("sessions", "needed"), [(1, 5), (2, 10), (3, 12), (9, 12)])
def test_a_threshold_per_session_scales_up_to_its_cap(sessions: int, needed: int) -> None:
    engine = Engine(per_session())
    fired = [
        number
        for number in range(1, 40)
        if engine.feed(event("one", number / 10, user="ann", session=f"s{number % sessions}"))
    ]
    assert fired[0] == needed


def test_in_a_file_calls_without_a_user_are_nobodys_and_live_they_are_the_owners() -> None:
    for source, expected in (("replay", []), ("hook", ["counted"])):
        events = [event("one", ts, args={"n": ts}, args_sha256=f"{ts}", source=source) for ts in range(5)]
        assert names(feed(Engine(per_session()), events)) == expected
