# SPDX-License-Identifier: Apache-2.0
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from irkit import limits
from irkit.agents.payload import Happening
from irkit.stream.event import Event
from irkit.stream.record import EVENTS, OwnEvent, decode, encode, from_event, own_record

FIELDS = [
    "v",
    "ts",
    "seq",
    "agent",
    "session",
    "subagent",
    "user",
    "turn",
    "event",
    "phase",
    "tool",
    "call_id",
    "cwd",
    "pid",
    "start",
    "args",
    "args_sha256",
    "exit",
    "error",
    "response_bytes",
    "duration_ms",
    "secrets",
    "risk",
    "decision",
    "source",
    "prev",
]

_texts = st.text(st.characters(codec=None, exclude_categories=())) | st.text()
_numbers = st.integers(-(2**80), 2**80) | st.floats()
_values = st.recursive(
    st.none() | st.booleans() | _numbers | _texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_texts, inner, max_size=4),
    max_leaves=12,
)


def _event(**fields: Any) -> Event:
    return Event(
        **{"ts": 0.25, "agent": "codex", "session": "s-1", "event": "before_tool", "phase": "pre", **fields}
    )


def test_a_line_has_the_documented_fields_in_their_order() -> None:
    line = encode(from_event(_event(args={"command": "ls"}, pid=7, start=9), decision="allow", risk=3))
    assert list(msgspec.json.decode(line)) == FIELDS
    assert line.endswith(b'"}\n')
    assert line.count(b"\n") == 1


def test_an_event_keeps_what_it_says() -> None:
    event = _event(
        tool="Bash", args={"command": "ls"}, turn=2, exit=1, secrets=("aws-access-key",), source="spool"
    )
    record = decode(encode(from_event(event, decision="deny", risk=40)))
    assert record.ts == "1970-01-01T00:00:00.250000Z"
    assert (record.tool, record.args, record.turn, record.exit) == ("Bash", {"command": "ls"}, 2, 1)
    assert (record.secrets, record.source, record.decision, record.risk) == (
        ("aws-access-key",),
        "spool",
        "deny",
        40,
    )


def test_the_list_of_events_is_closed() -> None:
    assert {*Happening, *OwnEvent} == EVENTS
    with pytest.raises(ValueError, match="is not an event"):
        own_record("party")
    with pytest.raises(ValueError, match="is not an event"):
        from_event(_event(event="party"), decision="", risk=0)


@given(args=st.dictionaries(_texts, _values, max_size=4), cwd=_texts)
def test_whatever_an_agent_sends_becomes_one_line_that_reads_back(args: dict[str, Any], cwd: str) -> None:
    line = encode(from_event(_event(args=args, cwd=cwd), decision="allow", risk=0))
    assert line.count(b"\n") == 1
    record = decode(line)
    assert record.session == "s-1"
    assert len(record.args) == len(args)


def test_long_arguments_are_cut_and_say_so() -> None:
    event = _event(args={"command": "x" * 200_000, "file_path": "/a"}, args_sha256="f" * 64)
    line = encode(from_event(event, decision="allow", risk=0))
    assert len(line) <= limits.RECORD_MAX_BYTES
    record = decode(line)
    assert record.args["file_path"] == "/a"
    assert record.args["command"].startswith("xxxx")
    assert record.args["command"].endswith("more characters]")
    assert record.args_sha256 == "f" * 64


@pytest.mark.parametrize(
    "args",
    [
        {"a": "\x01" * 100_000},
        {str(number): "x" * 50 for number in range(20_000)},
        {"a": [["y" * 200] * 100] * 100},
        {"a" * 100_000: 1},
        {"a": [[[["z" * 60] * 40] * 40] * 40]},
    ],
    ids=["escapes", "many keys", "lists", "a long key", "deep lists"],
)
def test_no_record_is_longer_than_the_limit(args: dict[str, Any]) -> None:
    record = from_event(_event(args=args, cwd="/" * 100_000, error="e" * 100_000), decision="allow", risk=0)
    line = encode(record)
    assert len(line) <= limits.RECORD_MAX_BYTES
    assert "cut" in line.decode()


def test_nesting_without_end_is_cut() -> None:
    args: dict[str, Any] = {}
    inner = args
    for _ in range(100_000):
        inner["a"] = {}
        inner = inner["a"]
    assert "nested too deeply" in encode(own_record("latch", args=args)).decode()


@pytest.mark.parametrize("line", [b"", b"{}", b"[1]", b'{"event":"\xff"}', b'{"event":1}', b"[" * 100_000])
def test_what_is_no_record_raises_one_kind_of_error(line: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode(line)
