# SPDX-License-Identifier: Apache-2.0
"""Windsurf's payloads, as its documentation has them."""

from typing import Any

import pytest

from irkit.agents.payload import Happening
from irkit.agents.tools import kind_of
from irkit.agents.windsurf import WINDSURF
from irkit.errors import BadInputError

COMMON = {"trajectory_id": "t-1", "execution_id": "e-1", "timestamp": "2026-01-29T10:00:00Z"}


@pytest.mark.parametrize(
    ("event", "info", "tool", "told", "kind"),
    [
        ("pre_run_command", {"command_line": "ls", "cwd": "/p"}, "run_command", {"command": "ls"}, "shell"),
        ("post_run_command", {"command_line": "ls", "cwd": "/p"}, "run_command", {"command": "ls"}, "shell"),
        ("pre_read_code", {"file_path": "/p/a"}, "read_code", {"file_path": "/p/a"}, "read"),
        (
            "pre_write_code",
            {"file_path": "/p/a", "edits": []},
            "write_code",
            {"file_path": "/p/a", "edits": []},
            "write",
        ),
        (
            "pre_mcp_tool_use",
            {"mcp_server_name": "db", "mcp_tool_name": "query", "mcp_tool_arguments": {"q": 1}},
            "mcp__db__query",
            {"q": 1},
            "mcp",
        ),
        ("pre_user_prompt", {"user_prompt": "hi"}, "", {"prompt": "hi"}, "other"),
    ],
)
def test_acts(event: str, info: dict[str, Any], tool: str, told: dict[str, Any], kind: str) -> None:
    parsed = WINDSURF.parse(event, COMMON | {"tool_info": info})
    assert (parsed.tool, parsed.input, kind_of(parsed.tool)) == (tool, told, kind)
    assert (parsed.session, parsed.cwd) == ("t-1", info.get("cwd", ""))
    assert parsed.happening.refusable is event.startswith("pre_")


def test_the_size_of_a_result() -> None:
    info = {"mcp_server_name": "db", "mcp_tool_name": "query", "mcp_result": "0123456789"}
    parsed = WINDSURF.parse("post_mcp_tool_use", COMMON | {"tool_info": info})
    assert (parsed.happening, parsed.response_bytes) == (Happening.AFTER_TOOL, 10)


@pytest.mark.parametrize(
    "body", [{}, COMMON | {"tool_info": []}, COMMON | {"tool_info": {"command_line": 1}}, {"tool_info": {}}]
)
def test_bad_payloads(body: dict[str, Any]) -> None:
    with pytest.raises(BadInputError):
        WINDSURF.parse("pre_run_command", body)
