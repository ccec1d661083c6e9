# SPDX-License-Identifier: Apache-2.0
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irkit import limits
from irkit.detect.engine import Engine
from irkit.detect.replay import LOG, events, replay, sniff, split
from irkit.errors import BadInputError
from irkit.stream.record import encode, from_event
from tests.detect.makes import names, rules, shell


class Masks:
    """Masks one word, and counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    def tree(self, value: Any) -> tuple[Any, tuple[str, ...]]:
        self.asked += 1
        text = json.dumps(value)
        masked = text.replace("hunter2secret", "[redacted:x:1]")
        return json.loads(masked), ("x",) if masked != text else ()


def line(command: str, ts: object = 1.0, **more: object) -> bytes:
    given = {
        "ts": ts,
        "agent": "a",
        "session": "s",
        "phase": "pre",
        "tool": "Bash",
        "input": {"command": command},
        **more,
    }
    return json.dumps(given).encode()


def run(lines: list[bytes], dialect: str = "generic") -> tuple[list[str], list[int]]:
    problems: list[int] = []
    found = replay(lines, dialect, Engine(rules()), Masks(), lambda number, _error: problems.append(number))
    return [f"{one.rule} {one.session} {one.index} {one.call_id}" for one in found], problems


def test_index_is_of_the_events_own_session() -> None:
    lines = [
        line("ls"),
        line("ls", session="t"),
        line("ls", phase="post"),
        line("rm -rf ~", 2.0, call_id="c9"),
    ]
    assert run(lines) == (["destroy.home s 2 c9"], [])


def test_bad_lines_are_told_and_left_out() -> None:
    lines = [
        b"{",
        b"",
        b"[]",
        b"\xff\xfe",
        line("rm -rf ~"),
        line("ls", "yesterday"),
        b'{"ts": 1}',
        line("ls", session="x" * 5000),
    ]
    assert run(lines) == (["destroy.home s 1 "], [1, 3, 4, 6, 7, 8])


@pytest.mark.parametrize(
    "ts",
    [
        1_700_000_000,
        1_700_000_000.5,
        1_700_000_000_000,
        "2023-11-14T22:13:20Z",
        "2023-11-14T22:13:20",
        "2023-11-14T23:13:20.5+01:00",
    ],
)
def test_times(ts: object) -> None:
    (one,) = events([line("ls", ts)], "generic", Engine(rules()), Masks(), lambda *_: None)
    assert 1_700_000_000 <= one.ts <= 1_700_000_001


def test_null_fields_and_unknown_fields_are_fine() -> None:
    one = line(
        "rm -rf ~",
        call_id=None,
        cwd=None,
        user=None,
        subagent=None,
        turn=None,
        pid=4,
        source="hook",
        args={"x": 1},
        more=1,
    )
    assert run([one]) == (["destroy.home s 1 "], [])


@pytest.mark.parametrize(
    "given", [None, "rm -rf ~", {"cmd": "rm -rf ~"}, {"command": ["sh", "-c", "rm -rf ~"]}, 5, [1]]
)
def test_inputs_of_every_form(given: object) -> None:
    found, problems = run([line("", input=given)])
    assert problems == ([1] if given in (5, [1]) else [])
    assert bool(found) is isinstance(given, dict)


def test_what_rules_see_is_redacted() -> None:
    found = list(
        replay([line("cat ~/.ssh/hunter2secret; echo password")], "generic", Engine(rules()), Masks())
    )
    assert "hunter2secret" not in str(found)
    assert "[redacted:x:1]" in found[0].why


def test_what_no_rule_looks_at_is_not_read() -> None:
    masks = Masks()
    list(replay([line("npm test --token=hunter2secret")] * 10, "generic", Engine(rules()), masks))
    assert masks.asked == 0


def test_a_script_that_was_written_is_judged_when_a_plain_command_runs_it() -> None:
    written = line("", tool="Write", input={"file_path": "x.sh", "content": "rm -rf ~"})
    assert run([written, line("./x.sh", 2.0)])[0] == ["destroy.home s 2 "]


def test_irkits_own_log() -> None:
    lines = [encode(from_event(shell("rm -rf ~", 5.0), decision="deny", risk=1)) for _ in range(2)]
    assert sniff(lines) == LOG
    found, problems = run([*lines, b"{}"], LOG)
    assert (found, problems) == (["destroy.home s 1 ", "destroy.home s 2 "], [3])


@pytest.mark.parametrize("name", ["claude-code", "codex", "qwen-code", "copilot-cli"])
def test_transcripts_are_told_from_their_lines(name: str) -> None:
    with open(f"tests/fixtures/transcripts/{name}.jsonl", "rb") as file:
        lines = file.readlines()
    dialect = sniff(lines)
    assert dialect.startswith(name.partition("-")[0])
    assert list(events(lines, dialect, Engine(rules()), Masks(), lambda *_: None))


def test_a_file_that_fits_nothing_is_told() -> None:
    with pytest.raises(BadInputError, match="--dialect"):
        sniff([b"hello", b"{}"])


@given(st.lists(st.binary(max_size=30), max_size=8), st.integers(1, 7))
def test_lines_do_not_depend_on_chunks(pieces: list[bytes], size: int) -> None:
    whole = b"\n".join(pieces)
    chunks: Iterator[bytes] = (whole[i : i + size] for i in range(0, len(whole), size))
    expected = whole.split(b"\n")
    assert list(split(chunks)) == (expected[:-1] if not expected[-1] else expected)


def test_a_line_without_end_costs_no_more_than_a_line() -> None:
    chunks = [b"x" * limits.MIB] * 8 + [b"\nshort\n"]
    assert [len(one) for one in split(chunks)] == [limits.LINE_MAX_BYTES + 1, 5]


@given(st.lists(st.binary(max_size=60), max_size=5))
def test_no_line_raises(lines: list[bytes]) -> None:
    run(lines)
    run(lines, LOG)
    run(lines, "claude-transcript")


def test_names_of_the_late_are_in_order() -> None:
    assert (
        names(replay([line("rm -rf ~", 9.0), line("rm -rf ~", 1.0)], "generic", Engine(rules()), Masks()))
        == ["destroy.home"] * 2
    )


COMMANDS = [
    "npm test",
    "git status",
    "python a.py",
    "sh b.sh",
    "rm -rf ~",
    "cat ~/.ssh/id_rsa",
    "npm publish",
    "node c.js",
]
TEXTS = [
    "x = 1",
    "import shutil\nshutil.rmtree('/home')",
    "rm -rf ~",
    "os.system('rm -rf ~')",
    "open('~/.ssh/id_rsa')",
    "hunter2secret",
    "*** Begin Patch\n*** Delete File: /etc/passwd",
    "",
]
PATHS = [
    "a.py",
    "b.sh",
    "c.js",
    "README.md",
    "/etc/x.py",
    "~/.bashrc",
    "/home/dev/.ssh/k.py",
    ".claude/settings.json",
]
INPUTS = st.one_of(
    st.tuples(st.just("Bash"), st.fixed_dictionaries({"command": st.sampled_from(COMMANDS)})),
    st.tuples(st.just("Read"), st.fixed_dictionaries({"file_path": st.sampled_from(PATHS)})),
    st.tuples(
        st.sampled_from(["Write", "Edit", "delete_file"]),
        st.fixed_dictionaries(
            {"file_path": st.sampled_from(PATHS)},
            optional={
                "content": st.sampled_from(TEXTS),
                "new_string": st.sampled_from(TEXTS),
                "old_string": st.sampled_from(TEXTS),
                "text": st.sampled_from([*TEXTS, 5, ["x"]]),
                "edits": st.lists(st.fixed_dictionaries({"new_string": st.sampled_from(TEXTS)}), max_size=2),
            },
        ),
    ),
    st.tuples(st.sampled_from(["TodoWrite", "WebSearch", "mcp__x__send"]), st.just({"query": "x"})),
)
CALL = st.tuples(
    INPUTS,
    st.sampled_from(["s", "t"]),
    st.sampled_from(["/home/dev/work/api", "/etc", "/home/dev/.claude", ""]),
    st.sampled_from([0.0, 1.0, 30.0, -5.0]),
    st.sampled_from(["", "c1", "c2"]),
    st.integers(1, 45),
)


def _lines(calls: list[Any]) -> Iterator[bytes]:
    ts = 1000.0
    for (tool, given_input), session, cwd, step, call_id, times in calls:
        for _ in range(times):
            ts += step
            yield line(
                "", ts, session=session, tool=tool, input=given_input, cwd=cwd, call_id=call_id, user="u"
            )


@given(st.lists(CALL, max_size=12))
def test_the_fast_way_finds_what_the_whole_way_finds(calls: list[Any]) -> None:
    fast, whole = Engine(rules()), Engine(rules())
    whole.reads_all = True
    lines = list(_lines(calls))
    assert list(replay(lines, "generic", fast, Masks())) == list(replay(lines, "generic", whole, Masks()))


def test_a_script_that_was_written_over_with_plain_code_is_forgotten() -> None:
    removes = line(
        "", tool="Write", input={"file_path": "a.py", "content": TEXTS[1]}, cwd="/home/dev/work/api"
    )
    plain = line("", tool="Write", input={"file_path": "a.py", "content": "x = 1"}, cwd="/home/dev/work/api")
    runs = line("python a.py", cwd="/home/dev/work/api")
    assert run([removes, runs])[0]
    assert not run([removes, plain, runs])[0]
    assert run([plain, removes, runs])[0]
