# SPDX-License-Identifier: Apache-2.0
"""YAML within bounds: the value, the line of each place, and one line for what is refused."""

import pytest

from irkit import limits
from irkit.errors import BadInputError
from irkit.yaml_text import load


def test_value_and_lines() -> None:
    value, line_of = load("a: no\nsteps:\n  - do: x\n    mode: [1, 2]\n", "f.yml")
    assert value == {"a": "no", "steps": [{"do": "x", "mode": [1, 2]}]}, "YAML 1.2: `no` is a word"
    places = [(), ("a",), ("steps", 0, "mode"), ("steps", 0, "absent"), ("nowhere", 3)]
    assert [line_of(place) for place in places] == [1, 1, 4, 3, 1]
    assert load("", "f.yml")[0] is None


REFUSED = [
    ("a: &x 1\nb: *x", "f.yml:1: an anchor or alias"),
    ("a: !!python/name:os.system x", "f.yml:1: a tag"),
    ("a: 1\na: 2", "f.yml:2: the key 'a' twice"),
    ("1: 2", "f.yml:1: a key that is not text"),
    ("? [a]\n: b", "f.yml:1: a key that is not text"),
    ("---\na: 1\n---\nb: 2", "f.yml:3: not YAML"),
    ("<<: {b: 1}", "f.yml:1: not YAML"),
    ('a: "\\ud800"', "f.yml:1: half a character"),
    ('"\\udfff": 1', "f.yml:1: half a character"),
    ("a: [", "f.yml:1: not YAML"),
    ("a: \x00", "f.yml: not YAML"),
    ("[" * (limits.YAML_MAX_DEPTH + 1), f"f.yml:1: more than {limits.YAML_MAX_DEPTH} levels"),
    ("#" * (limits.YAML_MAX_BYTES + 1), f"f.yml: more than {limits.YAML_MAX_BYTES} bytes"),
]


@pytest.mark.parametrize(("text", "line"), REFUSED, ids=[line for _, line in REFUSED])
def test_refused(text: str, line: str) -> None:
    with pytest.raises(BadInputError) as refused:
        load(text, "f.yml")
    assert str(refused.value).startswith(line)
    assert "\n" not in str(refused.value)


def test_the_deepest_and_the_longest_that_are_taken() -> None:
    deepest = "[" * limits.YAML_MAX_DEPTH + "]" * limits.YAML_MAX_DEPTH
    assert load(deepest, "f.yml")[0]
    assert load("a: 1 " + "#" * (limits.YAML_MAX_BYTES - 5), "f.yml")[0] == {"a": 1}
