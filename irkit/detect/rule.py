# SPDX-License-Identifier: Apache-2.0
"""Rules as they run: what a document of a rule file became. Pure values; `load` makes them, `Engine` runs them."""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from irkit.detect.detection import Response
from irkit.detect.facts import Facts

Predicate = Callable[[Facts], bool]
CorrelationType = Literal["event_count", "value_count", "value_sum", "temporal", "temporal_ordered"]


class Verdict(NamedTuple):
    """What a rule says when it matches."""

    name: str
    title: str
    level: str
    response: Response
    risk: int
    why: str
    """A sentence; `{path}`, `{host}`, `{program}` and `{target}` stand for what the act has there."""
    tags: tuple[str, ...]


class Rule(NamedTuple):
    """One detection document. Without a verdict it is a part: only correlations of its file use it."""

    name: str
    predicate: Predicate
    fields: frozenset[str]
    """What it looks at, so that the engine can tell how little it must ask it."""
    verdict: Verdict | None
    about_detections: bool = False
    """Whether it looks at the engine's own detections instead of events."""
    about_tampering: bool = False
    """Whether it looks at what the guard saw done to what it needs, instead of calls."""


class Correlation(NamedTuple):
    """One correlation document."""

    name: str
    type: CorrelationType
    parts: tuple[str, ...]
    """Names of the rules that it counts, in order."""
    group_by: tuple[str, ...]
    timespan: float
    """Seconds."""
    gte: int
    verdict: Verdict
    field: str = ""
    """For value_count and value_sum."""
    per: str = ""
    """The threshold counts once per value of this field that is active in the window …"""
    cap: int = 0
    """… and never rises above this."""


class Sampled(NamedTuple):
    """The samples of one rule."""

    rule: str
    source: str
    hit: tuple[Any, ...]
    miss: tuple[Any, ...]


class Quarantined(NamedTuple):
    """A rule file, or a rule of it, that does not run."""

    name: str
    line: int
    what: str
    fix: str


class RuleSet(NamedTuple):
    """What runs, and what does not."""

    rules: tuple[Rule, ...] = ()
    correlations: tuple[Correlation, ...] = ()
    samples: tuple[Sampled, ...] = ()
    quarantined: tuple[Quarantined, ...] = ()

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """Every rule that can be reported, by name."""
        alone = [rule.verdict for rule in self.rules if rule.verdict]
        return tuple(sorted([*alone, *(one.verdict for one in self.correlations)]))
