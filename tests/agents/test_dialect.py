# SPDX-License-Identifier: Apache-2.0
"""Payloads that real agents sent become what they mean; the rest is refused in one way."""

from typing import Any

import pytest

from irkit.agents import dialect
from irkit.agents.payload import Happening
from irkit.agents.registry import agent
from irkit.agents.tools import kind_of
from irkit.errors import BadInputError
from irkit.limits import NAME_MAX_CHARS
from tests.agents.captured import payload, payloads

SHAPED = ("claude-code", "codex", "gemini-cli", "qwen-code", "copilot-cli")


@pytest.mark.parametrize("name", [*SHAPED, "opencode"])
def test_every_captured_payload_is_read(name: str) -> None:
    captured = payloads(name)
    assert len(captured) >= 8
    for event, body in captured:
        parsed = agent(name).parse(event, body)
        assert parsed.session, event
        assert parsed.happening in Happening
        if parsed.happening in dialect.TOOL_HAPPENINGS:
            assert parsed.tool, event
            assert parsed.input, event


@pytest.mark.parametrize(
    ("name", "before", "tool"),
    [
        ("claude-code", "PreToolUse-Bash", "Bash"),
        ("codex", "PreToolUse-Bash", "Bash"),
        ("gemini-cli", "BeforeTool-run_shell_command", "run_shell_command"),
        ("qwen-code", "PreToolUse-run_shell_command", "run_shell_command"),
        ("copilot-cli", "preToolUse-bash", "bash"),
        ("copilot-cli", "permissionRequest-bash", "bash"),
        ("opencode", "tool.execute.before-bash", "bash"),
    ],
)
def test_a_shell_call_says_its_command(name: str, before: str, tool: str) -> None:
    parsed = agent(name).parse(before.split("-", maxsplit=1)[0], payload(name, before))
    assert parsed.tool == tool
    assert kind_of(parsed.tool) == "shell"
    assert parsed.input["command"] == "echo hi"
    assert parsed.happening.refusable


def test_claude_code_in_full() -> None:
    after = agent("claude-code").parse("PostToolUse", payload("claude-code", "PostToolUse-Bash"))
    assert after.happening is Happening.AFTER_TOOL
    assert (after.call_id, after.duration_ms, after.mode) == ("toolu_0_0", 39, "bypassPermissions")
    assert after.cwd == "/home/dev/work"
    assert after.transcript.endswith(f"{after.session}.jsonl")
    assert after.response_bytes == 88
    failed = agent("claude-code").parse(
        "PostToolUseFailure", payload("claude-code", "PostToolUseFailure-Bash")
    )
    assert (failed.happening, failed.exit) == (Happening.TOOL_FAILED, 1)
    assert failed.error.startswith("Exit code 1")
    prompt = agent("claude-code").parse("UserPromptSubmit", payload("claude-code", "UserPromptSubmit"))
    assert (prompt.happening, prompt.input) == (Happening.PROMPT, {"prompt": "run the script"})
    start = agent("claude-code").parse("SessionStart", payload("claude-code", "SessionStart"))
    assert (start.happening, start.input) == (Happening.SESSION_START, {"source": "startup"})


def test_a_subagents_call_names_it() -> None:
    body = payload("claude-code", "PreToolUse-Bash") | {"agent_id": "a1", "agent_type": "Explore"}
    assert agent("claude-code").parse("PreToolUse", body).subagent == "a1"


def test_results_that_are_said_twice_are_measured_once() -> None:
    parsed = agent("gemini-cli").parse("AfterTool", payload("gemini-cli", "AfterTool-write_file"))
    assert parsed.response_bytes == len(
        payload("gemini-cli", "AfterTool-write_file")["tool_response"]["llmContent"]
    )
    parsed = agent("copilot-cli").parse("postToolUse", payload("copilot-cli", "postToolUse-view"))
    assert parsed.response_bytes == len("hello from the project")


def test_times_of_three_kinds() -> None:
    iso = agent("gemini-cli").parse("BeforeTool", payload("gemini-cli", "BeforeTool-read_file")).ts
    assert iso == pytest.approx(1795415457.549)
    milliseconds = agent("copilot-cli").parse("preToolUse", payload("copilot-cli", "preToolUse-bash")).ts
    assert milliseconds == pytest.approx(1795415473.78)
    assert dialect.moment(1795415473) == 1795415473.0
    assert dialect.moment(None) is None


@pytest.mark.parametrize(
    ("tool", "text", "code"),
    [
        ("Bash", "Exit code 1\nnote.txt", 1),
        ("run_shell_command", "Output: x\nError: (none)\nExit Code: 127\nSignal: 0", 127),
        ("bash", "hi\n<shellId: 0 completed with exit code 0>", 0),
        ("Bash", "Chunk ID: 1\nProcess exited with code -1\nOutput:\n", -1),
        ("bash", "x" * 100_000 + "\nExit Code: 3", 3),
        ("Bash", "it said Exit code 1 somewhere", None),
        ("Read", "Exit code 1", None),
        ("Bash", "", None),
    ],
)
def test_exit_codes_in_text(tool: str, text: str, code: int | None) -> None:
    assert dialect.exit_code(tool, text) == code


def test_imported_hooks_of_other_agents_are_understood() -> None:
    body = {
        "sessionId": "s",
        "hookEventName": "PreToolUse",
        "tool_name": "run_in_terminal",
        "tool_input": {"command": "ls"},
    }
    assert agent("vscode").parse("preToolUse", body).input == {"command": "ls"}
    body = {
        "conversation_id": "c",
        "tool_name": "Shell",
        "tool_input": '{"command": "ls"}',
        "user_email": "a@example.com",
    }
    parsed = agent("cursor").parse("PreToolUse", body)
    assert (parsed.session, parsed.input, parsed.user) == ("c", {"command": "ls"}, "a@example.com")
    body = {"conversation_id": "c", "command": "curl x", "cwd": "/p"}
    parsed = agent("cursor").parse("beforeShellExecution", body)
    assert (parsed.tool, parsed.input) == ("Shell", {"command": "curl x"})
    body = {
        "session_id": "s",
        "hook_event_name": "PreToolUse",
        "tool_name": "bash",
        "tool_input": {"command": "ls"},
    }
    assert agent("copilot-cli").parse("PreToolUse", body).tool == "bash"


def test_arguments_that_are_text() -> None:
    assert dialect.arguments('{"a": 1}') == {"a": 1}
    assert dialect.arguments("[1]") == {"input": "[1]"}
    assert dialect.arguments("plain \ud800") == {"input": "plain \ud800"}
    assert dialect.arguments(None) == {}


GOOD: dict[str, Any] = {"session_id": "s", "tool_name": "Bash", "tool_input": {"command": "ls"}}


@pytest.mark.parametrize(
    "change",
    [
        {"session_id": None},
        {"session_id": ""},
        {"session_id": 7},
        {"session_id": "two words"},
        {"session_id": "a\ncodex *"},
        {"session_id": "x" * 257},
        {"tool_name": None},
        {"tool_name": ["Bash"]},
        {"tool_name": "x" * (NAME_MAX_CHARS + 1)},
        {"tool_use_id": "x" * (NAME_MAX_CHARS + 1)},
        {"tool_input": [1]},
        {"tool_input": 1},
        {"cwd": {}},
        {"timestamp": "yesterday"},
        {"timestamp": True},
        {"timestamp": float("nan")},
        {"timestamp": -1},
        {"timestamp": "10000-01-01T00:00:00Z"},
        {"duration_ms": "fast"},
        {"duration_ms": float("inf")},
        {"permission_mode": 0},
        {"tool_response": object()},
    ],
)
def test_a_field_of_another_type_is_refused(change: dict[str, Any]) -> None:
    assert dialect.parse("PostToolUse", GOOD).tool == "Bash"
    with pytest.raises(BadInputError):
        dialect.parse("PostToolUse", GOOD | change)


def test_an_unknown_event_is_refused() -> None:
    with pytest.raises(BadInputError, match="not known"):
        dialect.parse("Teleport", GOOD)
