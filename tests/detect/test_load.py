# SPDX-License-Identifier: Apache-2.0
import pytest
from hypothesis import given
from hypothesis import strategies as st

from irkit.detect.load import load_rules
from tests.detect.makes import rules

GOOD = """title: x
name: good
logsource: {category: ai_agent}
detection:
  a: {tool: Bash}
  condition: a
irkit:
  risk: 1
  response: ask
  samples: {hit: [{tool: Bash}], miss: [{tool: Read}]}
"""
CORRELATION = """---
title: y
name: many
correlation: {type: event_count, rules: [good], group-by: [session], timespan: 1m, condition: {gte: 3}}
irkit: {risk: 1, response: ask, samples: {hit: [{tool: Bash}], miss: [{tool: Read}]}}
"""


def test_shipped_rules_load() -> None:
    assert rules().quarantined == ()
    assert {"burst", "burst.user", "loop.same-call", "escalate.refusals"} <= {
        one.name for one in rules().verdicts
    }
    tripwires = [one for one in rules().rules if one.verdict and one.verdict.response >= "ask"]
    assert len(tripwires) >= 12


@pytest.mark.parametrize(
    ("change", "line", "what"),
    [
        (("  response: ask\n", "  respons: ask\n"), 9, "`respons` is not known"),
        (("response: ask", "response: bite"), 9, "enum"),
        (("risk: 1", "risk: 101"), 8, "101" if False else "100"),
        (("{tool: Bash}\n", "{tol: Bash}\n"), 5, "no field `tol`"),
        (("{tool: Bash}\n", "{tool|like: Bash}\n"), 5, "modifier `like`"),
        (("condition: a", "condition: b"), 6, "no selection `b`"),
        (("condition: a", "condition: a and"), 6, "too early"),
        (("condition: a", "condition: (a"), 6, "too early"),
        (("name: good", "name: Not Good"), 2, "regex"),
        (("category: ai_agent", "category: windows"), 3, "windows"),
        (("title: x\n", "title: x\ntitle: y\n"), 2, "twice"),
        (("title: x", "title: &a x"), 1, "anchor"),
        (("  samples: {hit: [{tool: Bash}], miss: [{tool: Read}]}\n", ""), 7, "samples"),
        (("miss: [{tool: Read}]", "miss: []"), 10, "length >= 1"),
        (("{tool: Bash}\n", "{tool|re: '(a+)+b'}\n"), 5, "repeat of a group"),
        (("{tool: Bash}\n", "[]\n"), 5, "mapping"),
        (("detection:\n", "detection: [\n"), 5, "not YAML"),
        (("{tool: Bash}\n", "{rule: x}\n"), 4, "does not exist for events"),
    ],
)  # fmt: skip
def test_a_broken_rule_is_put_aside_with_its_line(change: tuple[str, str], line: int, what: str) -> None:
    other = GOOD.replace("name: good", "name: other")
    made = load_rules([("bad.yml", GOOD.replace(*change)), ("other.yml", other)])
    assert [one.name for one in made.rules] == ["other"]
    (aside,) = made.quarantined
    assert (aside.name, what in aside.what) == ("bad.yml", True), aside
    assert abs(aside.line - line) <= 1
    assert aside.fix


def test_a_broken_document_leaves_the_others_of_its_file() -> None:
    text = "title: z\nnope: 1\n---\n" + GOOD + CORRELATION
    made = load_rules([("a.yml", text)])
    assert [one.name for one in made.correlations] == ["many"]
    assert [(one.line, one.name) for one in made.quarantined] == [(2, "a.yml")]


def test_a_correlation_goes_with_its_broken_part() -> None:
    made = load_rules([("a.yml", GOOD.replace("tool: Bash}\n", "tol: Bash}\n") + CORRELATION)])
    assert made.correlations == ()
    assert [one.what for one in made.quarantined][1].startswith("there is no working rule `good`")


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (("timespan: 1m", "timespan: 1x"), "regex"),
        (("timespan: 1m", "timespan: 0m"), "timespan"),
        (("timespan: 1m", "timespan: 8d"), "timespan"),
        (("condition: {gte: 3}", "condition: {gte: 0}"), ">= 1"),
        ((", condition: {gte: 3}", ""), "needs a condition"),
        (("event_count", "value_count"), "needs a field"),
        (("event_count", "temporal"), "two rules"),
        (("group-by: [session]", "group-by: [sesion]"), "no field `sesion`"),
        (("{gte: 3}", "{gte: 3, per: nope}"), "no field `nope`"),
    ],
)
def test_a_broken_correlation(change: tuple[str, str], what: str) -> None:
    made = load_rules([("a.yml", GOOD + CORRELATION.replace(*change))])
    assert [what in one.what for one in made.quarantined] == [True], made.quarantined


def test_a_name_is_used_once() -> None:
    made = load_rules([("a.yml", GOOD), ("b.yml", GOOD)])
    assert [(one.name, one.line) for one in made.quarantined] == [("b.yml", 2)]


YAML = st.text(alphabet="title: name\n-[]{}'\"&*!|>#,%@`\t?", max_size=200) | st.binary(max_size=100).map(
    lambda raw: raw.decode("utf-8", "replace")
)


@given(YAML, st.integers(0, 300))
def test_whatever_a_file_holds_loading_never_raises(text: str, at: int) -> None:
    for one in load_rules([("x.yml", text), ("y.yml", GOOD[:at] + text + GOOD[at:])]).quarantined:
        assert one.line >= 1
        assert one.what
