# SPDX-License-Identifier: Apache-2.0
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irkit.drill.diary import Diary
from irkit.errors import BadInputError


def line(kind: str, **facts: Any) -> bytes:
    return json.dumps({"kind": kind, "monotonic": 1.0, "ts": 2.0, **facts}).encode() + b"\n"


WHOLE = b"".join(
    [
        line("session", session="s-1", pid=5, start=50),
        line("process", pid=6, start=60, what="detached child"),
        line("asked", number=1),
        line("answered", number=1, refused=False),
        line("asked", number=2),
        line("answered", number=2, refused=True),
        line("asked", number=3),
        line("end", session="s-1"),
    ]
)


@given(st.lists(st.integers(min_value=0, max_value=len(WHOLE)), max_size=6))
def test_it_can_be_read_while_it_is_written_at_any_byte(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int]
) -> None:
    path = tmp_path_factory.mktemp("diary") / "decoy.jsonl"
    diary = Diary(str(path))
    for cut in [*sorted(cuts), len(WHOLE)]:
        path.write_bytes(WHOLE[:cut])
        diary.look()
    assert diary.session == "s-1"
    assert diary.processes == {(5, 50): "the decoy", (6, 60): "detached child"}
    assert {number: attempt.refused for number, attempt in diary.attempts.items()} == {
        1: False,
        2: True,
        3: None,
    }
    assert diary.ended


def test_an_answer_keeps_the_time_of_its_question(tmp_path: Path) -> None:
    path = tmp_path / "decoy.jsonl"
    path.write_bytes(
        line("asked", number=1, monotonic=5.0) + line("answered", number=1, monotonic=5.5, refused=True)
    )
    diary = Diary(str(path))
    diary.look()
    assert diary.attempts[1] == (5.0, 2.0, 5.5, True)


def test_no_diary_yet_is_no_error(tmp_path: Path) -> None:
    diary = Diary(str(tmp_path / "none"))
    diary.look()
    assert diary.session == ""
    assert not diary.ended


def test_a_foreign_line_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "decoy.jsonl").write_bytes(b'{"kind": 3}\n')
    with pytest.raises(BadInputError, match=r"decoy\.jsonl: "):
        Diary(str(tmp_path / "decoy.jsonl")).look()
