# SPDX-License-Identifier: Apache-2.0
"""The written form of rules: Sigma documents with an `irkit:` block. Unknown keys are refused."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from irkit import limits
from irkit.detect.detection import Response

Level = Literal["informational", "low", "medium", "high", "critical"]
Name = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$")]
Line = Annotated[str, Meta(min_length=1, max_length=300)]


class Samples(Struct, frozen=True, forbid_unknown_fields=True):
    """What the rule must find, and what it must leave alone: each one event, or a list of events in order."""

    hit: Annotated[list[Any], Meta(min_length=1)]
    miss: Annotated[list[Any], Meta(min_length=1)]


class IrkitBlock(Struct, frozen=True, forbid_unknown_fields=True):
    """What irkit needs beyond Sigma."""

    risk: Annotated[int, Meta(ge=0, le=100)]
    response: Response
    samples: Samples
    why: Annotated[str, Meta(max_length=300)] = ""


class LogSource(Struct, frozen=True, forbid_unknown_fields=True):
    """Always the acts of an agent; `service: detection` means irkit's own findings about them, `tampering` what the
    guard saw done to what it needs.
    """

    category: Literal["ai_agent"]
    service: Literal["", "detection", "tampering"] = ""


class Document(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What every document may say about itself."""

    title: Line
    name: Name
    id: str = ""
    status: Literal["stable", "test", "experimental", "deprecated", "unsupported"] = "experimental"
    description: str = ""
    references: list[str] = []
    author: str = ""
    date: str = ""
    modified: str = ""
    tags: list[str] = []
    falsepositives: list[str] = []
    level: Level = "medium"
    irkit: IrkitBlock | None = None


class DetectionDocument(Document, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A rule about one event. Without an `irkit` block it is a part of the correlations in its file."""

    logsource: LogSource
    detection: dict[str, Any]


class CorrelationCondition(Struct, frozen=True, forbid_unknown_fields=True):
    """When it fires."""

    gte: Annotated[int, Meta(ge=1, le=limits.RULE_THRESHOLD_MAX)]
    field: str = ""
    per: str = ""
    """irkit: `gte` counts once per value of this field that is active in the window."""
    cap: Annotated[int, Meta(ge=0, le=limits.RULE_THRESHOLD_MAX)] = 0
    """irkit: the threshold never rises above this."""


class CorrelationBlock(Struct, frozen=True, forbid_unknown_fields=True):
    """What is counted, for whom, over how long."""

    type: Literal["event_count", "value_count", "value_sum", "temporal", "temporal_ordered"]
    rules: Annotated[list[Name], Meta(min_length=1, max_length=16)]
    timespan: Annotated[str, Meta(pattern=r"^[0-9]{1,6}[smhd]$")]
    group_by: Annotated[list[str], Meta(max_length=8)] = field(name="group-by", default=[])
    condition: CorrelationCondition | None = None

    @property
    def seconds(self) -> float:
        """The timespan in seconds."""
        unit = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}[self.timespan[-1]]
        return int(self.timespan[:-1]) * unit


class CorrelationDocument(Document, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A rule about several events."""

    correlation: CorrelationBlock
