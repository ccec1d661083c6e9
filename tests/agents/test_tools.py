# SPDX-License-Identifier: Apache-2.0
"""Every tool that was seen or documented has its kind."""

from typing import get_args

import pytest

from irkit.agents.tools import Kind, kind_of
from tests.agents.captured import payloads

EXPECTED: dict[Kind, str] = {
    "shell": "Bash bash shell run_shell_command exec_command local_shell write_stdin PowerShell BASH run_in_terminal",
    "read": "Read read_file view readFile read_many_files",
    "write": "Write Edit MultiEdit apply_patch create replace write_file replace_string_in_file NotebookEdit editFiles",
    "search": "Grep Glob search list_directory grep_search search_file_content",
    "web": "WebFetch WebSearch web_fetch google_web_search fetch_webpage",
    "mcp": "mcp__db__query mcp_db_query MCP:query use_mcp_tool",
    "plan": "TodoWrite update_plan ExitPlanMode exit_plan_mode write_todos",
    "agent": "Task Agent task spawn_agent runSubagent",
    "other": "teleport demo-ping demo_ping  ☃ mcp-ish ",
}


@pytest.mark.parametrize("kind", get_args(Kind))
def test_kinds(kind: Kind) -> None:
    for tool in EXPECTED[kind].split():
        assert kind_of(tool) == kind, tool


def test_no_name() -> None:
    assert kind_of("") == "other"


@pytest.mark.parametrize("agent", ["claude-code", "codex", "gemini-cli", "qwen-code"])
def test_tools_in_captured_payloads_are_known(agent: str) -> None:
    tools = {payload["tool_name"] for _, payload in payloads(agent) if "tool_name" in payload}
    assert tools
    assert "other" not in {kind_of(tool) for tool in tools}
