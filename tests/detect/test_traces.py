# SPDX-License-Identifier: Apache-2.0
import json
from pathlib import Path
from typing import Any

import pytest

from irkit.detect.detection import Detection, Response
from irkit.detect.engine import Engine
from irkit.detect.replay import replay
from tests.detect.makes import rules

TRACES = Path(__file__).parent.parent / "traces"
EXPECTED: dict[str, dict[str, Any] | None] = json.loads((TRACES / "expected.json").read_text())


class Nothing:
    """Masks nothing: the traces hold no secret."""

    def tree(self, value: Any) -> tuple[Any, tuple[str, ...]]:
        return value, ()


def found_in(name: str) -> list[Detection]:
    problems: list[str] = []
    with (TRACES / f"{name}.jsonl").open("rb") as file:
        found = list(
            replay(file, "generic", Engine(rules()), Nothing(), lambda n, e: problems.append(f"{n}: {e}"))
        )
    assert problems == []
    return [one for one in found if one.response.rank >= Response.DENY.rank]


@pytest.mark.parametrize("name", [name for name, expected in EXPECTED.items() if expected])
def test_an_attack_is_stopped_in_time(name: str) -> None:
    expected = EXPECTED[name]
    assert expected is not None
    hits = [one for one in found_in(name) if one.rule == expected["rule"]]
    assert hits, found_in(name)
    assert hits[0].index <= expected["call"]
    assert hits[0].response is Response.FREEZE


@pytest.mark.parametrize("name", [name for name, expected in EXPECTED.items() if not expected])
def test_work_that_looks_like_it_goes_on(name: str) -> None:
    assert found_in(name) == []


def test_there_are_enough_and_each_file_has_an_expectation() -> None:
    assert {path.stem for path in TRACES.glob("*.jsonl")} == set(EXPECTED)
    assert sum(expected is None for expected in EXPECTED.values()) >= 20
    assert sum(expected is not None for expected in EXPECTED.values()) >= 20
