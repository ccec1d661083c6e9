# SPDX-License-Identifier: Apache-2.0
import pytest

from irkit.detect.samples import events_of, run_samples
from irkit.errors import BadInputError
from tests.detect.makes import rules

TRIED = list(run_samples(rules()))


@pytest.mark.parametrize("tried", TRIED, ids=[f"{one.rule}-{one.kind}-{one.number}" for one in TRIED])
def test_every_sample_of_every_shipped_rule(tried: object) -> None:
    assert tried.passed, tried  # type: ignore[attr-defined]  # a Tried


def test_the_repeat_form() -> None:
    made = list(
        events_of(
            [
                {"tool": "A"},
                {
                    "repeat": 3,
                    "every": 2,
                    "event": {"tool": "B", "session": "s{n%2}", "input": {"x": ["{n}"]}},
                },
            ],
            "x",
        )
    )
    assert [one.ts - made[0].ts for one in made] == [0, 1, 3, 5]
    assert [one.session for one in made] == ["s", "s0", "s1", "s0"]
    assert [one.args for one in made[1:]] == [{"x": ["0"]}, {"x": ["1"]}, {"x": ["2"]}]


@pytest.mark.parametrize(
    "sample",
    [
        5,
        ["x"],
        [{"input": {}}],
        {"tool": "A", "nope": 1},
        {"repeat": "x", "event": {"tool": "A"}},
        {"repeat": 10**9, "event": {"tool": "A"}},
        {"tool": "A", "ts": "x"},
    ],
)
def test_a_malformed_sample_is_told(sample: object) -> None:
    with pytest.raises(BadInputError):
        list(events_of(sample, "rule x"))
