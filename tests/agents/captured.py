# SPDX-License-Identifier: Apache-2.0
"""What real agents sent, from tests/fixtures."""

import json
from pathlib import Path
from typing import Any

FIXTURES = Path(__file__).parent.parent / "fixtures"


def payload(agent: str, name: str) -> dict[str, Any]:
    """One captured hook payload."""
    value: dict[str, Any] = json.loads((FIXTURES / "payloads" / agent / f"{name}.json").read_text())
    return value


def payloads(agent: str) -> list[tuple[str, dict[str, Any]]]:
    """(event, payload) of all that was captured from an agent."""
    return [
        (path.stem.split("-")[0], json.loads(path.read_text()))
        for path in sorted((FIXTURES / "payloads" / agent).glob("*.json"))
    ]


def processes(agent: str) -> dict[str, Any]:
    """Ancestry and added environment of a hook and of tool children."""
    value: dict[str, Any] = json.loads((FIXTURES / "processes" / f"{agent}.json").read_text())
    return value


def transcript(agent: str) -> list[bytes]:
    """The lines of the agent's own record."""
    return (FIXTURES / "transcripts" / f"{agent}.jsonl").read_bytes().splitlines(keepends=True)
