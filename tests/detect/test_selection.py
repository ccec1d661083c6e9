# SPDX-License-Identifier: Apache-2.0
import pytest

from irkit.detect.facts import Facts
from irkit.detect.selection import SelectionError, compile_selection
from tests.detect.makes import shell

FACTS = Facts(shell("npm run Build"))


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        ({"tool": "bash"}, True),
        ({"tool": "Bash"}, True),
        ({"tool": ["Read", "B*"]}, True),
        ({"tool": "Read"}, False),
        ({"tool": "Bash", "kind": "read"}, False),
        ([{"kind": "read"}, {"kind": "shell"}], True),
        ({"command|contains": "run build"}, True),
        ({"command|contains|all": ["npm", "build"]}, True),
        ({"command|contains|all": ["npm", "test"]}, False),
        ({"command|startswith": "NPM"}, True),
        ({"command|endswith": ["x", "build"]}, True),
        ({"command|re": "npm r[a-z]+ B"}, True),
        ({"args.command|contains": "npm"}, True),
        ({"args.nothing.at.all": "x"}, False),
        ({"user|exists": True}, True),
        ({"subagent|exists": False}, True),
        ({"subagent": None}, True),
        ({"act": "delete"}, False),
    ],
)
def test_selections(selection: object, expected: bool) -> None:
    assert compile_selection(selection, set())(FACTS) is expected


@pytest.mark.parametrize(
    "selection",
    [None, {}, [], "x", {"nope": 1}, {"tool|nope": 1}, {"tool": {"a": 1}}, {"tool": []}, {"tool|re": "("}],
)
def test_wrong_selections_are_refused(selection: object) -> None:
    with pytest.raises(SelectionError):
        compile_selection(selection, set())


def test_the_fields_that_it_looks_at_are_told() -> None:
    fields: set[str] = set()
    compile_selection([{"tool": "x"}, {"args.a|contains": "y"}], fields)
    assert fields == {"tool", "args.a"}
