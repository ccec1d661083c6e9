# SPDX-License-Identifier: Apache-2.0
"""Runs the samples that rules carry: each hit must be found, each miss must be left alone, by the rule that carries it.

A sample of a rule about tampering is `{tampering: KIND, input: {…}}`.
A sample is an event of the generic dialect (short: `tool`, `input` and what matters), a list of them in order, or the
repeat form `{repeat: N, every: SECONDS, event: {…}}`, where `{n}` in a text is the number and `{n%4}` its remainder.
"""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from irkit import limits
from irkit.agents.tools import kind_of
from irkit.detect.engine import Engine
from irkit.detect.rule import RuleSet
from irkit.errors import BadInputError
from irkit.stream.event import Event

_NUMBER = re.compile(r"\{n(?:%([1-9]\d{0,5}))?\}")
_START = 1_700_000_000.0
_CWD = "/home/dev/work/api"


class Tried(NamedTuple):
    """How one sample went."""

    rule: str
    source: str
    kind: str
    """hit or miss."""
    number: int
    passed: bool
    found: tuple[str, ...]
    """All rules that matched."""


def run_samples(ruleset: RuleSet) -> Iterator[Tried]:
    """Run every sample against the whole set, each on an empty engine. Raises BadInputError on a malformed sample."""
    for sampled in ruleset.samples:
        for kind, samples in (("hit", sampled.hit), ("miss", sampled.miss)):
            for number, sample in enumerate(samples, 1):
                where = f"{sampled.source}: {sampled.rule}: {kind} {number}"
                engine = Engine(ruleset)
                found = {one.rule for event in events_of(sample, where) for one in engine.feed(event)}
                passed = (sampled.rule in found) is (kind == "hit")
                yield Tried(sampled.rule, sampled.source, kind, number, passed, tuple(sorted(found)))


def events_of(sample: Any, where: str) -> Iterator[Event]:
    """The events of a sample. Raises BadInputError."""
    ts = _START
    count = 0
    for item in sample if isinstance(sample, list) else [sample]:
        if not isinstance(item, dict):
            raise BadInputError("a sample is an event or a list of events", where=where)
        repeat, every, one = item.get("repeat", 1), item.get("every", 1), item.get("event", item)
        if not isinstance(repeat, int) or not isinstance(every, (int, float)) or not isinstance(one, dict):
            raise BadInputError("the form is {repeat: N, every: SECONDS, event: {…}}", where=where)
        count += repeat
        if count > limits.SAMPLE_EVENTS_MAX:
            raise BadInputError(f"more than {limits.SAMPLE_EVENTS_MAX} events", where=where)
        for number in range(repeat):
            yield _event(_numbered(one, number) if "event" in item else one, ts, where)
            ts += every


def _numbered(value: Any, number: int) -> Any:
    if isinstance(value, str):
        return _NUMBER.sub(lambda found: str(number % int(found[1]) if found[1] else number), value)
    if isinstance(value, dict):
        return {key: _numbered(item, number) for key, item in value.items()}
    return [_numbered(item, number) for item in value] if isinstance(value, list) else value


def _event(one: dict[str, Any], ts: float, where: str) -> Event:
    if isinstance(one.get("tampering"), str) and not one.keys() - {"tampering", "input"}:
        args = {**one["input"]} if isinstance(one.get("input"), dict) else {}
        args["kind"] = one["tampering"]
        return Event(
            ts=ts, agent="sample", session="s", event="tampering", cwd=_CWD, args=args, source="replay"
        )
    unknown = one.keys() - {
        "ts",
        "agent",
        "session",
        "subagent",
        "call_id",
        "phase",
        "tool",
        "input",
        "cwd",
        "user",
        "turn",
        "secrets",
    }
    if unknown or not isinstance(one.get("tool"), str):
        what = f"unknown key `{min(unknown)}`" if unknown else "an event needs a `tool`"
        raise BadInputError(what, where=where, fix="the keys are those of the generic dialect")
    args = one.get("input", {})
    phase = one.get("phase", "pre")
    try:
        return Event(
            ts=float(one.get("ts", ts)),
            agent=str(one.get("agent", "sample")),
            session=str(one.get("session", "s")),
            event="before_tool" if phase == "pre" else "after_tool",
            phase=phase,
            tool=one["tool"],
            kind=kind_of(one["tool"]),
            call_id=str(one.get("call_id", "")),
            subagent=str(one.get("subagent", "")),
            cwd=str(one.get("cwd", _CWD)),
            user=str(one.get("user", "")),
            args=args if isinstance(args, dict) else {"input": args},
            args_sha256=msgspec.json.encode(args, order="deterministic").hex()[-512:],
            secrets=tuple(one.get("secrets", ())),
            source="replay",
        )
    except (TypeError, ValueError) as error:
        raise BadInputError(f"not an event: {error}", where=where) from error
