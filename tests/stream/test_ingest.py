# SPDX-License-Identifier: Apache-2.0
"""A payload becomes an event that holds no secret."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from irkit import limits
from irkit.agents.payload import Happening, Payload
from irkit.stream.event import Event
from irkit.stream.ingest import Ingest, Origin
from irkit.stream.redact import build_redactor
from tests.stream.secret_corpus import ALNUM, Maker

TOKEN = "ghp_" + Maker(5).of(ALNUM, 36)
INGEST = Ingest(build_redactor(b"r" * 32, detector="builtin"), b"a" * 32)
LIVE = Origin("hook", 12.5, 42, 7)


def event(**fields: object) -> Event:
    named = {"happening": Happening.BEFORE_TOOL, "session": "s", "tool": "Bash", **fields}
    return INGEST.event("claude-code", Payload(**named), LIVE)  # type: ignore[arg-type]  # each test names its own


def test_the_arguments_lose_their_secrets_and_the_kinds_are_told() -> None:
    made = event(input={"command": f"curl -H 'Authorization: Bearer {TOKEN}'", "env": [TOKEN, {"x": TOKEN}]})
    assert TOKEN not in str(made)
    assert "github-token" in made.secrets


def test_what_is_known_of_its_origin_is_kept() -> None:
    made = event(input={"command": "ls"})
    assert (made.ts, made.pid, made.start, made.source) == (12.5, 42, 7, "hook")
    assert (made.agent, made.session, made.tool, made.kind, made.phase) == (
        "claude-code",
        "s",
        "Bash",
        "shell",
        "pre",
    )


@pytest.mark.parametrize(
    ("happening", "phase"),
    [
        (Happening.BEFORE_TOOL, "pre"),
        (Happening.AFTER_TOOL, "post"),
        (Happening.TOOL_FAILED, "post"),
        (Happening.PROMPT, ""),
    ],
)
def test_the_phase_follows_from_what_happens(happening: Happening, phase: str) -> None:
    assert event(happening=happening).phase == phase


def test_the_hash_is_over_the_values_whatever_their_order_and_needs_the_key() -> None:
    one, other = event(input={"a": 1, "b": TOKEN}), event(input={"b": TOKEN, "a": 1})
    assert one.args_sha256 == other.args_sha256 != event(input={"a": 1, "b": TOKEN + "x"}).args_sha256
    assert Ingest(build_redactor(b"r" * 32), b"b" * 32).fingerprint({"a": 1}) != INGEST.fingerprint({"a": 1})
    assert event(input={}).args_sha256 == ""


@given(st.integers(1900, 2040))
def test_an_error_that_is_cut_keeps_no_part_of_a_secret(before: int) -> None:
    made = event(error="x" * before + " " + TOKEN)
    assert TOKEN[:8] not in made.error
    assert len(made.error) <= limits.EVENT_ERROR_MAX_CHARS


@given(st.dictionaries(st.text(), st.text(alphabet=st.characters()) | st.integers() | st.lists(st.text())))
def test_any_arguments_make_an_event_that_can_be_written(value: dict[str, object]) -> None:
    msgspec.json.encode(event(input=value))
