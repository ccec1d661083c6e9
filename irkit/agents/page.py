# SPDX-License-Identifier: Apache-2.0
"""`docs/agents.md`, made from the registry: `python -m irkit.agents.page > docs/agents.md`. A test compares them."""

import sys

from irkit.agents.facts import MARKERS
from irkit.agents.registry import AGENTS
from irkit.agents.spec import AgentSpec, Verified

_HEAD = """\
# Agents

What irkit knows of each coding agent, and what it does not. This page is made from the registry
(`python -m irkit.agents.page > docs/agents.md`).

*Verified* says how far that was tried: **live**, the real agent ran against irkit's hook in this project's tests;
**captured**, tested on payloads that the real agent sent; **documented**, written from the vendor's documentation only.
Captured were Claude Code 2.1.197, Codex 0.169.0, Gemini CLI 0.61.0, Copilot CLI 1.0.102, OpenCode 1.18.33 and
Qwen Code 0.15.10, in headless runs.

A call is refused by exit 2 with a reason on stderr (OpenCode: the plugin throws). *Can ask* says whether irkit ever
answers `ask`, which makes the agent prompt its person; everywhere else a doubtful call is refused.
"""


def markdown() -> str:
    """The whole page."""
    rows = ["| agent | name | hooks go to | verified | can ask | trust needed |", "|---|---|---|---|---|---|"]
    rows += [
        f"| {spec.title} | `{spec.name}` | `~/{spec.settings}` | {spec.verified} "
        f"| {_yes(spec.can_ask)} | {_yes(spec.needs_trust)} |"
        for spec in AGENTS
    ]
    return "\n".join([_HEAD, *rows, "", *(_section(spec) for spec in AGENTS)])


def _section(spec: AgentSpec) -> str:
    marks = [
        f"`{variable}`" + (" (session id)" if holds else "")
        for agent, variable, holds in MARKERS
        if agent == spec.name
    ]
    moved = f" `{spec.settings_env}` moves the first folder." if spec.settings_env else ""
    lines = [
        f"## {spec.title}",
        "",
        f"- Hooks: `~/{spec.settings}`.{moved}",
        f"- Events: {', '.join(f'`{event.name}`' for event in spec.events)}.",
        f"- Refusable: {', '.join(f'`{event.name}`' for event in spec.events if event.happening.refusable)}.",
        f"- Marks in its tool children: {', '.join(marks) or 'none known'}.",
        f"- Verified: {_VERIFIED[spec.verified]}.",
        "- Known gaps:",
        *(f"  - {gap}" for gap in spec.gaps),
        "",
    ]
    return "\n".join(lines)


_VERIFIED = {
    Verified.LIVE: "live, the real agent runs against irkit's hook in the tests",
    Verified.CAPTURED: "on payloads that the real agent sent",
    Verified.DOCUMENTED: "by documentation only",
}


def _yes(value: bool) -> str:
    return "yes" if value else "no"


if __name__ == "__main__":
    sys.stdout.write(markdown())
