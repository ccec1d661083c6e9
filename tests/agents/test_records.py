# SPDX-License-Identifier: Apache-2.0
"""Real records of agents tell the same calls that their hooks told."""

import json
from typing import Any

import pytest

from irkit.agents.payload import Happening, Payload
from irkit.agents.records import CALLS_REMEMBERED
from irkit.agents.transcripts import Transcript
from irkit.errors import BadInputError
from tests.agents.captured import transcript

DIALECTS = {
    "claude-code": "claude-transcript",
    "codex": "codex-rollout",
    "qwen-code": "qwen-transcript",
    "copilot-cli": "copilot-events",
}


def told(agent: str) -> list[Payload]:
    reader = Transcript(DIALECTS[agent])
    pairs = [pair for line in transcript(agent) for pair in reader.feed(line)]
    assert {name for name, _ in pairs} == {agent}
    return [payload for _, payload in pairs]


@pytest.mark.parametrize("agent", DIALECTS)
def test_one_prompt_and_each_call_with_its_result(agent: str) -> None:
    payloads = told(agent)
    before = [one for one in payloads if one.happening is Happening.BEFORE_TOOL]
    after = [one for one in payloads if one.happening in {Happening.AFTER_TOOL, Happening.TOOL_FAILED}]
    assert [one.input for one in payloads if one.happening is Happening.PROMPT] == [
        {"prompt": "run the script"}
    ]
    assert len(before) == len(after) == 8
    assert {one.call_id for one in before} == {one.call_id for one in after}
    assert {(one.call_id, one.tool) for one in before} == {(one.call_id, one.tool) for one in after}
    assert {one.cwd for one in payloads} == {"/home/dev/work"}
    assert len({one.session for one in payloads}) == 1
    assert {one.turn for one in payloads} == {1}
    assert all(one.ts is not None and one.ts > 1_795_415_000 for one in payloads)
    assert all(one.response_bytes for one in after)
    assert next(one for one in after if one.call_id in {"call_3_0", "toolu_3_0"}).exit == 1


def test_codex_is_told_as_its_hook_tells_it() -> None:
    calls = {
        (one.tool, json.dumps(one.input)) for one in told("codex") if one.happening is Happening.BEFORE_TOOL
    }
    assert ("Bash", '{"command": "echo hi"}') in calls
    assert ("mcp__demo__ping", '{"text": "hello"}') in calls


def codex_item(**body: Any) -> bytes:
    return json.dumps(
        {"timestamp": "2026-01-01T00:00:00Z", "type": "response_item", "payload": body}
    ).encode()


@pytest.mark.parametrize(
    ("body", "tool", "given"),
    [
        (
            {
                "type": "function_call",
                "name": "shell",
                "arguments": '{"command": ["bash", "-lc", "ls | wc"]}',
            },
            "Bash",
            "ls | wc",
        ),
        (
            {"type": "function_call", "name": "shell", "arguments": '{"command": ["ls", "a b"]}'},
            "Bash",
            "ls 'a b'",
        ),
        ({"type": "local_shell_call", "action": {"command": ["ls"]}}, "Bash", "ls"),
        (
            {"type": "custom_tool_call", "name": "apply_patch", "input": "*** Begin"},
            "apply_patch",
            "*** Begin",
        ),
    ],
)
def test_other_forms_of_a_codex_call(body: dict[str, Any], tool: str, given: str) -> None:
    ((_, payload),) = Transcript("codex-rollout").feed(codex_item(call_id="c", **body))
    assert (payload.tool, payload.input["command"]) == (tool, given)


def test_a_codex_file_that_lost_its_head_takes_the_session_from_its_name() -> None:
    name = (
        "/h/.codex/sessions/2026/11/23/rollout-2026-11-23T06-30-53-01a20719-ae3f-7663-9fef-c4c360a0d424.jsonl"
    )
    line = codex_item(type="function_call", name="exec_command", arguments='{"cmd": "ls"}', call_id="c")
    ((_, payload),) = Transcript("codex-rollout", name).feed(line)
    assert payload.session == "01a20719-ae3f-7663-9fef-c4c360a0d424"


def claude_line(content: Any, **more: Any) -> bytes:
    line = {"type": "user", "sessionId": "s", "cwd": "/p", "timestamp": "2026-01-01T00:00:00Z"}
    return json.dumps(line | {"message": {"role": "user", "content": content}} | more).encode()


def test_several_calls_in_one_line_of_claude_code_and_a_subagents_name() -> None:
    blocks = [{"type": "text", "text": "now"}] + [
        {"type": "tool_use", "id": f"t{n}", "name": "Read", "input": {"file_path": f"/{n}"}} for n in range(3)
    ]
    line = claude_line(blocks, type="assistant", isSidechain=True, agentId="a7")
    pairs = Transcript("claude-transcript").feed(line)
    assert [payload.call_id for _, payload in pairs] == ["t0", "t1", "t2"]
    assert {payload.subagent for _, payload in pairs} == {"a7"}


@pytest.mark.parametrize(
    "more", [{"isMeta": True}, {"isSidechain": True}, {"isCompactSummary": True}, {"type": "assistant"}]
)
def test_what_no_person_said_is_no_prompt(more: dict[str, Any]) -> None:
    assert Transcript("claude-transcript").feed(claude_line("said", **more)) == ()


def test_prompts_are_counted_as_turns() -> None:
    reader = Transcript("claude-transcript")
    turns = [reader.feed(claude_line(text))[0][1].turn for text in ("one", "two", "three")]
    assert turns == [1, 2, 3]


def test_calls_without_a_result_are_forgotten_in_the_end() -> None:
    reader = Transcript("claude-transcript")
    for n in range(CALLS_REMEMBERED + 5):
        reader.feed(
            claude_line([{"type": "tool_use", "id": f"t{n}", "name": "Read", "input": {}}], type="assistant")
        )
    assert len(reader._state.tools) == CALLS_REMEMBERED
    ((_, payload),) = reader.feed(claude_line([{"type": "tool_result", "tool_use_id": "t0", "content": "x"}]))
    assert payload.tool == ""


@pytest.mark.parametrize(
    ("dialect", "line"),
    [
        ("claude-transcript", claude_line([1])),
        ("claude-transcript", claude_line([{"type": "tool_use", "id": "t", "input": {}}])),
        ("claude-transcript", claude_line("x", sessionId="two words")),
        ("claude-transcript", claude_line("x", timestamp="soon")),
        ("codex-rollout", codex_item(type="function_call", name=7, arguments="{}")),
        ("codex-rollout", codex_item(type="function_call", name="x", arguments=[])),
        ("copilot-events", b'{"type": "tool.execution_start", "data": {"toolName": {}}}'),
        ("qwen-transcript", b'{"type": "assistant", "message": {"parts": [{"functionCall": {"args": 1}}]}}'),
    ],
)
def test_a_line_of_another_form_is_refused(dialect: str, line: bytes) -> None:
    with pytest.raises(BadInputError):
        Transcript(dialect).feed(line)


def test_a_codex_prompt_written_in_both_forms_counts_once() -> None:
    reader = Transcript("codex-rollout")
    old = {"type": "user_message", "message": "hi"}
    new = {
        "type": "item_completed",
        "item": {"type": "UserMessage", "content": [{"type": "text", "text": "hi"}]},
    }
    lines = [json.dumps({"type": "event_msg", "payload": body}).encode() for body in (old, new, old, new)]
    assert [payload.turn for one in lines for _, payload in reader.feed(one)] == [1, 2]
