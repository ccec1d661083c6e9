# SPDX-License-Identifier: Apache-2.0
"""Playbooks: the shipped ones hold, wrong ones end in one line with the fix, no bytes crash the reader."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from irkit import limits
from irkit.detect.detection import Response
from irkit.errors import BadInputError
from irkit.incident.playbook import Deed, Playbook, choose, json_schema, lint, parse, seconds
from irkit.shipped import shipped
from tests.incident.cases import detection

TOP = Path(__file__).parents[2]
SHIPPED = {name: text for name, text in shipped("playbooks") if name.endswith(".yml")}
GOOD = """\
schema: irkit.playbook/v1
id: good
title: Good
version: 1
applies_to: {rules: ["*"]}
steps:
  - {do: freeze, mode: auto}
  - {do: keep, mode: auto}
  - {do: notify, mode: auto}
  - {do: kill, mode: ask, deadline: 90s, on_unanswered: kill, deputy: on-call}
"""


def test_the_shipped_playbooks_have_no_problem_and_burst_is_for_bursts() -> None:
    assert {name: lint(text, name) for name, text in SHIPPED.items()} == {"burst.yml": (), "default.yml": ()}
    books = [parse(text, name) for name, text in SHIPPED.items()]
    assert [choose(books, detection(rule)).id for rule in ("burst", "burst.user", "loop", "exfil.dns")] == [  # type: ignore[union-attr]  # a None fails the test just as well
        "burst",
        "burst",
        "burst",
        "default",
    ]


def test_what_the_state_machine_needs_is_read_from_the_kill_step() -> None:
    book = parse(GOOD, "good.yml")
    assert (book.name, book.wait_s, book.on_unanswered, book.deputy) == ("good 1", 90.0, "kill", "on-call")
    assert not book.kills_unasked
    silent = parse(GOOD.replace(", deadline: 90s, on_unanswered: kill, deputy: on-call", ""), "good.yml")
    assert (silent.wait_s, silent.on_unanswered, silent.deputy) == (limits.ANSWER_WAIT_S, "stay", "")
    unasked = "mode: ask, deadline: 90s, on_unanswered: kill"
    assert parse(GOOD.replace(unasked, "mode: auto"), "good.yml").kills_unasked


def test_a_step_of_a_later_version_is_accepted_and_marked() -> None:
    book = parse(SHIPPED["burst.yml"], "burst.yml")
    assert [step.do for step in book.steps if not step.supported] == [
        Deed.SEAL_A,
        Deed.REVOKE,
        Deed.SEAL_B,
    ]


KILL_FIRST = "  - {do: kill, mode: ask, deadline: 90s, on_unanswered: kill, deputy: on-call}\n"
WRONG = [
    ("unknown key", "id: good", "idd: good", "good.yml:1", "unknown field `idd`", ""),
    ("missing key", "title: Good\n", "", "good.yml:1", "missing required field `title`", ""),
    ("other schema", "playbook/v1", "playbook/v9", "good.yml:1", "invalid enum value", "irkit.playbook/v1"),
    ("bad id", "id: good", "id: ../good", "good.yml:2", "`id`", "a-z"),
    ("bad version", "version: 1", "version: one", "good.yml:4", "expected `int`", "whole number"),
    (
        "bad deed",
        "do: keep",
        "do: format",
        "good.yml:8",
        "invalid enum value 'format'",
        "freeze, notify, keep",
    ),
    (
        "bad mode",
        "do: keep, mode: auto",
        "do: keep, mode: no",
        "good.yml:8",
        "invalid enum value 'no'",
        "`auto` or `ask`",
    ),
    ("bad deadline", "90s", "90 seconds", "good.yml:10", "`steps.3.deadline`", "`5m`"),
    ("no deadline at all", "90s", "0s", "good.yml:10", "a deadline of 0s", "7d"),
    ("too long a deadline", "90s", "999999d", "good.yml:10", "a deadline of 999999d", "7d"),
    ("applies to nothing", '["*"]', "[]", "good.yml:5", "applies to nothing", "rules or tags"),
    ("no steps", GOOD[GOOD.index("  - ") :], "  []\n", "good.yml:6", "length >= 1", ""),
    ("freeze not first", "do: freeze", "do: disarm", "good.yml:7", "first step must be `freeze`", "urgent"),
    (
        "freeze asks",
        "do: freeze, mode: auto",
        "do: freeze, mode: ask",
        "good.yml:7",
        "`mode: auto`",
        "undone",
    ),
    ("keep asks", "do: keep, mode: auto", "do: keep, mode: ask", "good.yml:8", "must not wait", "auto"),
    ("nobody told", "  - {do: notify, mode: auto}\n", "", "good.yml:9", "nobody is told", "notify"),
    (
        "kill without keep",
        "  - {do: keep, mode: auto}\n",
        "",
        "good.yml:9",
        "no `keep` before it",
        "keep first",
    ),
    ("twice", "do: notify", "do: keep", "good.yml:9", "`keep` comes twice", "first one"),
    (
        "revoke unasked",
        KILL_FIRST,
        "  - {do: revoke, mode: auto}\n",
        "good.yml:10",
        "cannot be undone",
        "suspend",
    ),
    ("silence for nobody", "kill, mode: ask", "kill, mode: auto", "good.yml:10", "asks nobody", "mode: ask"),
    ("silence elsewhere", "do: kill", "do: disarm", "good.yml:10", "same answer as `kill`", "kill step"),
    ("not YAML", "steps:", "steps: [", "good.yml:", "not YAML", ""),
    ("an alias", "id: good", "id: &a good\nx: *a", "good.yml:2", "anchor", "write the value out"),
    ("a key twice", "id: good", "id: good\nid: good", "good.yml:3", "twice", "one of them"),
]


@pytest.mark.parametrize(
    ("old", "new", "where", "what", "fix"), [w[1:] for w in WRONG], ids=[w[0] for w in WRONG]
)
def test_one_line_names_file_line_and_fix(old: str, new: str, where: str, what: str, fix: str) -> None:
    assert old in GOOD
    problems = lint(GOOD.replace(old, new, 1), "good.yml")
    line = next((str(one) for one in problems if what in str(one)), "")
    assert line.startswith(where), problems
    assert fix in line
    assert "\n" not in line
    with pytest.raises(BadInputError):
        parse(GOOD.replace(old, new, 1), "good.yml")


ORDERED = [Deed.KEEP, Deed.DISARM, Deed.KILL, Deed.SEAL_A, Deed.REVOKE, Deed.SEAL_B]


@pytest.mark.parametrize("early", ORDERED[1:])
def test_every_swap_of_two_neighbours_breaks_the_safe_order(early: Deed) -> None:
    order = list(ORDERED)
    place = order.index(early)
    order[place - 1], order[place] = order[place], order[place - 1]
    problems = lint(with_steps(order), "swapped.yml")
    assert any("breaks the safe order; write freeze → keep → disarm → kill" in str(one) for one in problems)
    assert lint(with_steps(ORDERED), "ordered.yml") == ()


def with_steps(order: list[Deed]) -> str:
    steps = "".join(f"  - {{do: {deed}, mode: {'auto' if deed is Deed.KEEP else 'ask'}}}\n" for deed in order)
    head = GOOD[: GOOD.index("  - {do: keep")]
    return f"{head}  - {{do: notify, mode: auto}}\n{steps}"


def test_the_most_precise_playbook_is_chosen() -> None:
    def book(ident: str, applies: str) -> Playbook:
        return parse(GOOD.replace("id: good", f"id: {ident}").replace('{rules: ["*"]}', applies), ident)

    books = [
        book("any", '{rules: ["*"]}'),
        book("family", '{rules: ["exfil.*"]}'),
        book("one", "{rules: [exfil.dns]}"),
    ]
    tagged = book("tagged", "{tags: [attack.t1048]}")
    assert [choose(books, detection(rule)) for rule in ("exfil.dns", "exfil.curl", "x")] == books[::-1]
    assert choose([tagged], detection("exfil.dns")) is None
    with_tag = detection("exfil.dns", Response.FREEZE)
    assert choose([tagged], type(with_tag)(**{f: getattr(with_tag, f) for f in with_tag.__struct_fields__ if f != "tags"}, tags=("attack.t1048",))) is tagged  # fmt: skip
    assert choose([], detection()) is None


def test_seconds() -> None:
    assert [seconds(text) for text in ("250ms", "90s", "5m", "2h", "7d")] == [
        0.25,
        90.0,
        300.0,
        7200.0,
        604800.0,
    ]


def test_the_published_schema_is_the_one_that_is_checked() -> None:
    published = json.loads((TOP / "docs/schemas/playbook.v1.json").read_text(encoding="utf-8"))
    assert published == json.loads(json.dumps(json_schema())), (
        "write it anew: irkit playbook lint --schema > docs/schemas/playbook.v1.json"
    )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=400).map(lambda data: data.decode("utf-8", "replace")))
@example("\x85\u2028---\n- ?")
@example("a: 2026-13-99")
@example("- " * 3000)
@example("[" * 3000)
@example("x: " + "9" * 5000)
def test_any_text_ends_in_problems_or_a_playbook(text: str) -> None:
    for problem in lint(text, "fuzz.yml"):
        assert "\n" not in str(problem)
        assert str(problem).startswith("fuzz.yml")


_KEYS = [
    "schema",
    "id",
    "title",
    "version",
    "about",
    "applies_to",
    "steps",
    "rules",
    "tags",
    "do",
    "mode",
    "deadline",
    "x",
]
_WORDS = [
    "irkit.playbook/v1",
    "good",
    "freeze",
    "auto",
    "ask",
    "kill",
    "keep",
    "notify",
    "5m",
    "stay",
    "*",
    "",
    1,
    -1,
    None,
]
_VALUES = st.recursive(
    st.sampled_from(_WORDS) | st.text(max_size=5) | st.integers() | st.floats(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(_KEYS), inner, max_size=6),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(_KEYS), _VALUES, max_size=7))
def test_any_structure_ends_in_problems_or_a_playbook(changes: dict[str, object]) -> None:
    base = YAML(typ="safe", pure=True).load(GOOD)
    for problem in lint(json.dumps({**base, **changes}), "fuzz.yml"):
        assert "\n" not in str(problem)
        assert str(problem).startswith("fuzz.yml")
