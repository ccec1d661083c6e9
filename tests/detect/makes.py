# SPDX-License-Identifier: Apache-2.0
"""Events and rules for the tests of detection."""

from collections.abc import Iterable
from functools import cache
from typing import Any

import msgspec

from irkit.agents.tools import kind_of
from irkit.detect.detection import Detection
from irkit.detect.engine import Engine
from irkit.detect.load import load_rules
from irkit.detect.rule import RuleSet
from irkit.shipped import shipped
from irkit.stream.event import Event


@cache
def rules() -> RuleSet:
    """The rules that come with irkit."""
    return load_rules(shipped("rules"))


def event(tool: str = "Read", ts: float = 0.0, **more: Any) -> Event:
    """A call that is about to happen."""
    args = more.pop("args", {"file_path": "a"})
    given = {
        "agent": "claude-code",
        "session": "s",
        "event": "before_tool",
        "phase": "pre",
        "cwd": "/home/dev/work/api",
        "kind": kind_of(tool),
        "args_sha256": msgspec.json.encode(args, order="deterministic").hex(),
        "source": "hook",
        **more,
    }
    return Event(ts=ts, tool=tool, args=args, **given)


def shell(command: str, ts: float = 0.0, **more: Any) -> Event:
    """A shell command that is about to run."""
    return event("Bash", ts, args={"command": command}, **more)


def feed(engine: Engine, events: Iterable[Event]) -> list[Detection]:
    """All detections of these events."""
    return [one for each in events for one in engine.feed(each)]


def names(found: Iterable[Detection]) -> list[str]:
    """The rules of detections."""
    return [one.rule for one in found]


SAMPLES = "irkit: {risk: 1, response: observe, samples: {hit: [{tool: Read}], miss: [{tool: Bash}]}}"


def correlation(
    kind: str, *, rules: str = "[one]", group: str = "[session]", timespan: str = "10s", more: str = ""
) -> RuleSet:
    """A set with parts `one`, `two`, `three` (tools of that name) and one correlation called `counted`."""
    parts = "\n---\n".join(
        f"title: x\nname: {name}\nlogsource: {{category: ai_agent}}\n"
        f"detection: {{all: {{tool: {name}}}, condition: all}}"
        for name in ("one", "two", "three")
    )
    text = (
        f"{parts}\n---\ntitle: x\nname: counted\ncorrelation:\n  type: {kind}\n  rules: {rules}\n"
        f"  group-by: {group}\n  timespan: {timespan}\n{more}{SAMPLES}\n"
    )
    made = load_rules([("made", text)])
    assert not made.quarantined, made.quarantined
    return made
