# SPDX-License-Identifier: Apache-2.0
"""What holds for all agents alike: names, events, answers, and that no payload breaks a parser."""

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irkit.agents import facts
from irkit.agents.page import markdown
from irkit.agents.payload import ALLOW, Happening
from irkit.agents.registry import AGENTS, agent
from irkit.agents.spec import AgentSpec
from irkit.errors import BadInputError
from tests.agents.captured import payloads

EVERY = pytest.mark.parametrize("spec", AGENTS, ids=lambda spec: spec.name)
KEYS = st.sampled_from(
    [
        "session_id",
        "sessionId",
        "sessionID",
        "conversation_id",
        "trajectory_id",
        "tool_name",
        "toolName",
        "tool",
        "tool_input",
        "toolArgs",
        "toolInput",
        "tool_use_id",
        "callID",
        "cwd",
        "timestamp",
        "permission_mode",
        "agent_id",
        "error",
        "duration_ms",
        "duration",
        "tool_response",
        "toolResult",
        "result_json",
        "transcript_path",
        "prompt",
        "tool_info",
        "input",
        "output",
        "args",
        "metadata",
        "exit",
        "command_line",
        "mcp_server_name",
        "mcp_tool_name",
        "mcp_tool_arguments",
        "edits",
        "file_path",
        "user_prompt",
        "parentID",
        "llmContent",
        "content",
        "x",
    ]
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.text(st.characters(), max_size=5)
    | st.sampled_from(
        ["s1", "Bash", '{"command": "ls"}', "2026-11-23T06:30:56.785Z", 1795415473826, "\ud800"]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=12,
)
EVENTS = st.sampled_from(
    sorted({event.name for spec in AGENTS for event in spec.events} | {"PreToolUse", "Stop", "☃"})
)


@given(st.sampled_from(AGENTS), EVENTS, st.dictionaries(KEYS, VALUES, max_size=10))
def test_a_hostile_payload_is_read_or_refused_and_nothing_else(
    spec: AgentSpec, event: str, body: dict[str, Any]
) -> None:
    with contextlib.suppress(BadInputError):
        parsed = spec.parse(event, body)
        assert parsed.session.isprintable()
        assert parsed.session


@given(
    st.sampled_from(["claude-code", "codex", "gemini-cli", "copilot-cli", "opencode", "qwen-code"]), st.data()
)
def test_a_captured_payload_with_one_field_spoilt_is_read_or_refused(name: str, data: st.DataObject) -> None:
    event, body = data.draw(st.sampled_from(payloads(name)))
    holder = body["input"] if name == "opencode" and data.draw(st.booleans()) else body
    holder[data.draw(st.sampled_from(sorted(holder)))] = data.draw(VALUES)
    with contextlib.suppress(BadInputError):
        agent(name).parse(event, body)


def test_names_are_those_of_the_kill_path() -> None:
    assert tuple(spec.name for spec in AGENTS) == facts.AGENTS


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(BadInputError, match="claude-code, codex"):
        agent("claude")


@EVERY
def test_every_registered_event_has_the_happening_its_parser_gives(spec: AgentSpec) -> None:
    body = {
        "session_id": "s",
        "trajectory_id": "s",
        "tool_name": "t",
        "input": {"sessionID": "s", "tool": "t", "type": "t"},
    }
    for event in spec.events:
        assert spec.parse(event.name, body).happening is event.happening


@EVERY
def test_before_and_after_a_tool_are_always_heard(spec: AgentSpec) -> None:
    happenings = {event.happening for event in spec.events}
    assert {Happening.BEFORE_TOOL, Happening.AFTER_TOOL, Happening.PROMPT} <= happenings
    assert len({event.name for event in spec.events}) == len(spec.events)


@EVERY
@pytest.mark.parametrize("reason", ["no", "", "  ", "two\nlines", "\ud800"])
def test_a_refusal_is_exit_2_with_a_reason_and_only_where_one_is_understood(
    spec: AgentSpec, reason: str
) -> None:
    for happening in Happening:
        answer = spec.refuse(happening, reason)
        if happening.refusable:
            assert answer.exit == 2
            assert answer.stderr.strip()
        else:
            assert answer == ALLOW
        if answer.stdout:
            assert json.loads(answer.stdout).keys() == {"permissionDecision", "permissionDecisionReason"}
            assert spec.name == "copilot-cli"


@EVERY
def test_asking_is_answered_only_where_it_prompts(spec: AgentSpec) -> None:
    modes = ["default", "plan", "acceptEdits", "bypassPermissions", "dontAsk", "auto", "yolo", "interactive"]
    asks = {
        (happening, mode)
        for happening in Happening
        for mode in ["", *modes]
        if spec.ask(happening, mode, "why") is not None
    }
    expected = {"claude-code": {"default", "plan", "acceptEdits"}, "copilot-cli": {"interactive"}}.get(
        spec.name, set()
    )
    assert asks == {(Happening.BEFORE_TOOL, mode) for mode in expected}
    assert spec.can_ask is bool(expected)
    for happening, mode in asks:
        answer = spec.ask(happening, mode, "why")
        assert answer is not None
        assert answer.exit == 0
        assert b'"ask"' in answer.stdout
        assert b"continue" not in answer.stdout


@EVERY
def test_timeouts_are_written_in_the_agents_unit_and_above_the_hooks_own_deadline(spec: AgentSpec) -> None:
    text = spec.install(None, lambda event: f"/x/gate/hook.py {spec.name} {event}")
    unit = {"gemini-cli": 1000, "qwen-code": 1000}.get(spec.name, 1)
    if spec.name == "opencode":
        assert "WAIT_MS = 2000" in text
        return
    for event, entries in json.loads(text)["hooks"].items():
        handler = entries[0].get("hooks", entries)[0]
        expected = next(known.timeout_s for known in spec.events if known.name == event)
        if spec.name == "windsurf":
            assert "timeout" not in handler
        else:
            assert handler.get("timeout", handler.get("timeoutSec")) == expected * unit
        assert expected > 2


def test_fail_closed_is_written_only_for_a_version_that_has_it() -> None:
    install = agent("claude-code").install

    def closed(version: tuple[int, ...] | None) -> set[str]:
        hooks = json.loads(install(None, lambda event: f"/x/gate/hook.py claude-code {event}", version))[
            "hooks"
        ]
        return {event for event, entries in hooks.items() if "onFailure" in entries[0]["hooks"][0]}

    assert closed(None) == closed((2, 1, 294)) == set()
    assert closed((2, 1, 295)) == closed((3, 0)) == {"PreToolUse", "UserPromptSubmit", "PermissionRequest"}


def test_an_upgrade_of_the_agent_adds_the_key_to_an_installed_file() -> None:
    spec = agent("claude-code")
    old = spec.install("{}", lambda event: f"/x/gate/hook.py claude-code {event}", (2, 1, 200))
    new = spec.install(old, lambda event: f"/x/gate/hook.py claude-code {event}", (2, 1, 300))
    assert "onFailure" not in old
    assert "onFailure" in new
    assert spec.remove(new) == "{}"


def test_the_page_is_what_the_registry_says() -> None:
    page = Path(__file__).parents[2] / "docs" / "agents.md"
    assert page.read_text(encoding="utf-8") == markdown(), "run: python -m irkit.agents.page > docs/agents.md"
