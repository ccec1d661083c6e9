# SPDX-License-Identifier: Apache-2.0
"""The report's words and verdicts."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irkit.respond.journal import to_json
from irkit.respond.killreport import CLASSES, KillReport, Row, plain, report_of, shown
from irkit.respond.procfs import Proc
from irkit.respond.scene import Scene
from irkit.respond.stop import Frozen, Killed


def report(
    dead: int = 1, survivors: int = 0, unaccounted: int = 0, *, proof: str = "", settled: bool = True
) -> KillReport:
    frozen = Frozen()
    frozen.settled = settled
    made = KillReport(Killed(frozen))
    made.proof = proof
    made.sessions = [("codex:a", "attached")]
    rows = [Row((n + 2, 7), "sleep", "child of 1", "killed", "?") for n in range(9)]
    made.dead, made.survivors, made.unaccounted = rows[:dead], rows[:survivors], rows[:unaccounted]
    return made


@pytest.mark.parametrize(
    ("case", "made", "verdict"),
    [
        ("an attached session, all dead", report(), 10),
        ("nothing was found", report(dead=0), 10),
        ("proved empty", report(proof="its PID namespace is gone"), 0),
        ("proved empty, yet a survivor", report(survivors=1, proof="x"), 11),
        ("proved empty, yet the freeze never settled", report(proof="x", settled=False), 10),
        ("a survivor", report(survivors=1), 11),
        ("somebody hides", report(unaccounted=1), 11),
    ],
)
def test_the_verdict_is_never_better_than_what_is_known(case: str, made: KillReport, verdict: int) -> None:
    assert made.verdict == verdict, case
    assert made.to_dict()["verdict"] == verdict
    assert (made.classes == CLASSES) is (verdict != 0)


def test_an_editor_left_alone_is_no_proof() -> None:
    made = report(proof="x")
    made.spared = made.dead
    assert made.verdict == 10


def test_the_text_is_calm_and_narrow_and_names_every_process() -> None:
    made = report(dead=3, survivors=2, unaccounted=1)
    text = made.text()
    assert max(map(len, text.splitlines())) <= 100
    assert "  verdict    11  a known survivor, or a process unaccounted for" in text
    assert "  3 KILL     in part    3 of 5 dead, verified" in text
    for row in (*made.dead, *made.survivors, *made.unaccounted):
        assert f"{row.pid:>8}  " in text
    assert json.loads(to_json(made.to_dict())) == json.loads(json.dumps(made.to_dict()))


@given(st.lists(st.text(), max_size=5), st.text(max_size=15))
def test_no_name_reaches_the_terminal_unmasked(argv: list[str], name: str) -> None:
    proc = Proc(2**22 + 5, 1, 0, name=name.encode("utf-8", "replace"))
    text = shown(argv, proc)
    assert all(" " <= char <= "~" for char in text)
    assert len(text) < 100


def test_arguments_are_counted_unless_a_redactor_is_given() -> None:
    proc = Proc(2**22 + 5, 1, 0, name=b"curl")
    argv = ["/usr/bin/curl", "-H", "token: hunter2"]
    assert shown(argv, proc) == "curl (+2 arguments)"
    assert shown(argv, proc, lambda text: text.replace("hunter2", "[redacted]")).endswith("token: [redacted]")
    assert shown([], proc) == "curl"
    assert plain("a\x1b[2J\u202eb") == "a?[2J?b"


def test_a_scene_without_anyone_is_no_proof() -> None:
    empty = report_of(Scene([]), Killed(Frozen()))
    assert empty.verdict == 10
    assert "no process of a session" in empty.text()
