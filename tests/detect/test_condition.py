# SPDX-License-Identifier: Apache-2.0
import pytest
from hypothesis import given
from hypothesis import strategies as st

from irkit.detect.condition import ConditionError, compile_condition
from irkit.detect.facts import Facts
from tests.detect.makes import event

FACTS = Facts(event())
TRUTH = {"yes": lambda _: True, "no": lambda _: False, "x_1": lambda _: True, "x_2": lambda _: False}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("yes", True),
        ("not yes", False),
        ("yes and no", False),
        ("yes or no", True),
        ("no and no or yes", True),
        ("no and (no or yes)", False),
        ("not no and not no", True),
        ("not (yes and no)", True),
        ("1 of x_*", True),
        ("all of x_*", False),
        ("2 of x_*", False),
        ("1 of them", True),
        ("all of them", False),
        ("yes and 1 of x_* and not no", True),
    ],
)
def test_conditions(text: str, expected: bool) -> None:
    assert compile_condition(text, TRUTH)(FACTS) is expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "and",
        "yes yes",
        "(yes",
        "yes)",
        "maybe",
        "1 of z*",
        "few of x_*",
        "yes & no",
        "(" * 100,
        "not " * 100,
        "yes " * 1000,
    ],
)
def test_wrong_conditions_are_refused(text: str) -> None:
    with pytest.raises(ConditionError):
        compile_condition(text, TRUTH)


@given(st.text(alphabet="yesno x_12*()andortf", max_size=60))
def test_a_condition_is_refused_or_works(text: str) -> None:
    try:
        made = compile_condition(text, TRUTH)
    except ConditionError:
        return
    assert made(FACTS) in {True, False}
