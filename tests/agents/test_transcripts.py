# SPDX-License-Identifier: Apache-2.0
"""The generic dialect, and what holds for the lines of all dialects."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irkit.agents.payload import Happening
from irkit.agents.transcripts import DIALECTS, FOUND_AT, GenericLine, Transcript, generic_decoder, parse_line
from irkit.errors import BadInputError
from irkit.limits import LINE_MAX_BYTES
from tests.agents.captured import transcript

LINE: dict[str, Any] = {
    "ts": "2026-03-01T10:00:00.5+02:00",
    "agent": "homemade",
    "session": "s-1",
    "subagent": "a1",
    "call_id": "c1",
    "phase": "pre",
    "tool": "Bash",
    "input": {"command": "ls"},
    "cwd": "/p",
    "user": "ann",
    "turn": 3,
    "is_error": None,
    "response_bytes": 7,
    "more": [1, {"x": 2}],
}


def line(**change: Any) -> bytes:
    return json.dumps(LINE | change).encode()


def test_a_line_in_full() -> None:
    ((agent, payload),) = parse_line("generic", line())
    assert agent == "homemade"
    assert payload.happening is Happening.BEFORE_TOOL
    assert (payload.session, payload.subagent, payload.call_id) == ("s-1", "a1", "c1")
    assert (payload.tool, payload.input, payload.cwd) == ("Bash", {"command": "ls"}, "/p")
    assert (payload.user, payload.turn, payload.response_bytes) == ("ann", 3, 7)
    assert payload.ts == 1772352000.5


@pytest.mark.parametrize(
    ("ts", "seconds"), [(1, 1.0), (1.5, 1.5), ("1970-01-01T00:00:02Z", 2.0), ("1970-01-01T00:00:02", 2.0)]
)
def test_times(ts: Any, seconds: float) -> None:
    assert generic_decoder()(line(ts=ts)).seconds() == seconds


@pytest.mark.parametrize(
    ("change", "happening"),
    [
        ({"phase": "post"}, Happening.AFTER_TOOL),
        ({"phase": "post", "is_error": False}, Happening.AFTER_TOOL),
        ({"phase": "post", "is_error": True}, Happening.TOOL_FAILED),
        ({"is_error": True}, Happening.BEFORE_TOOL),
    ],
)
def test_phases(change: dict[str, Any], happening: Happening) -> None:
    assert parse_line("generic", line(**change))[0][1].happening is happening


def test_what_may_be_left_out() -> None:
    decoded = generic_decoder()(b'{"ts": 1, "agent": "a", "session": "s", "phase": "pre", "tool": "t"}')
    assert isinstance(decoded, GenericLine)
    assert decoded.payload().input == {}
    assert generic_decoder()(line(input='{"a": 1}')).payload().input == {"a": 1}


@pytest.mark.parametrize(
    "bad",
    [
        b"{",
        b"[]",
        b"\xff\xfe",
        b'"text"',
        line(phase="during"),
        line(session=None),
        line(agent=1),
        line(input=[1]),
        line(turn="3"),
        line(ts=None),
        line(ts="soon"),
        line(tool="x" * 2000),
        b"[" * 10_000,
        b'{"ts": 1' + b" " * LINE_MAX_BYTES + b"}",
    ],
)
def test_bad_lines(bad: bytes) -> None:
    with pytest.raises(BadInputError):
        parse_line("generic", bad)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_blank_line_tells_nothing(dialect: str) -> None:
    assert parse_line(dialect, b"\n") == ()


@pytest.mark.parametrize("dialect", DIALECTS[1:])
@pytest.mark.parametrize("bad", [b"{", b"[]", b"7", b"\xff", b"[" * 10_000])
def test_no_object_is_refused_by_every_dialect(dialect: str, bad: bytes) -> None:
    with pytest.raises(BadInputError):
        parse_line(dialect, bad)


def test_an_unknown_dialect_lists_the_known_ones() -> None:
    with pytest.raises(BadInputError, match="claude-transcript"):
        Transcript("morse")


def test_every_found_file_has_a_dialect() -> None:
    assert {dialect for dialect, _ in FOUND_AT} == set(DIALECTS) - {"generic"}


KEYS = st.sampled_from(
    [
        "type",
        "payload",
        "message",
        "data",
        "content",
        "timestamp",
        "sessionId",
        "name",
        "arguments",
        "call_id",
        "input",
        "id",
        "output",
        "parts",
        "functionCall",
        "functionResponse",
        "text",
        "item",
        "action",
        "toolName",
        "cwd",
        "result",
    ]
)
WORDS = st.sampled_from(
    [
        "user",
        "assistant",
        "tool_use",
        "tool_result",
        "text",
        "response_item",
        "event_msg",
        "session_meta",
        "function_call",
        "function_call_output",
        "local_shell_call",
        "item_completed",
        "UserMessage",
        "tool.execution_start",
        "user.message",
        "tool.execution_complete",
        "session.start",
        "exec_command",
        "2026-01-01T00:00:00Z",
        '{"cmd": ["a"]}',
        "",
    ]
)
VALUES = st.recursive(
    WORDS
    | st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=15,
)


@given(st.sampled_from(DIALECTS), st.lists(st.dictionaries(KEYS, VALUES, max_size=6), max_size=4))
def test_hostile_lines_are_read_or_refused(dialect: str, lines: list[dict[str, Any]]) -> None:
    reader = Transcript(dialect)
    for one in lines:
        with contextlib.suppress(BadInputError):
            reader.feed(json.dumps(one).encode("utf-8", "surrogatepass"))


@given(st.sampled_from(["claude-code", "codex", "qwen-code", "copilot-cli"]), st.data())
def test_a_real_line_with_bytes_spoilt_is_read_or_refused(agent: str, data: st.DataObject) -> None:
    dialect = {"claude-code": 1, "codex": 2, "qwen-code": 3, "copilot-cli": 4}[agent]
    spoilt = bytearray(data.draw(st.sampled_from(transcript(agent))))
    for _ in range(data.draw(st.integers(1, 3))):
        spoilt[data.draw(st.integers(0, len(spoilt) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(BadInputError):
        parse_line(DIALECTS[dialect], bytes(spoilt))
