# SPDX-License-Identifier: Apache-2.0
"""All agents that irkit knows, in one explicit tuple."""

from irkit.agents.claude_code import CLAUDE_CODE
from irkit.agents.codex import CODEX
from irkit.agents.copilot_cli import COPILOT_CLI
from irkit.agents.cursor import CURSOR
from irkit.agents.gemini_cli import GEMINI_CLI
from irkit.agents.opencode import OPENCODE
from irkit.agents.qwen_code import QWEN_CODE
from irkit.agents.spec import AgentSpec
from irkit.agents.vscode import VSCODE
from irkit.agents.windsurf import WINDSURF
from irkit.errors import BadInputError

AGENTS: tuple[AgentSpec, ...] = (
    CLAUDE_CODE,
    CODEX,
    GEMINI_CLI,
    COPILOT_CLI,
    OPENCODE,
    QWEN_CODE,
    CURSOR,
    WINDSURF,
    VSCODE,
)

_BY_NAME = {spec.name: spec for spec in AGENTS}


def agent(name: str) -> AgentSpec:
    """The agent of this name. Raises BadInputError that lists the known ones."""
    try:
        return _BY_NAME[name]
    except KeyError:
        raise BadInputError(f"no agent is called {name!r}", fix=f"known are {', '.join(_BY_NAME)}") from None
