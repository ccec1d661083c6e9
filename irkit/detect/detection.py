# SPDX-License-Identifier: Apache-2.0
"""The `Detection`: a rule that matched, and why. Pure value."""

from enum import StrEnum

from msgspec import Struct


class Response(StrEnum):
    """The stages of an answer, weakest first (DESIGN: responses are staged)."""

    OBSERVE = "observe"
    ASK = "ask"
    DENY = "deny"
    FREEZE = "freeze"
    CONTAIN = "contain"

    @property
    def rank(self) -> int:
        """Position in the ladder; a higher one wins when several rules match."""
        return list(Response).index(self)


class Detection(Struct, frozen=True, kw_only=True):
    """One rule's finding about one event."""

    rule: str
    """The rule's short name, e.g. `destroy.home-delete`."""
    title: str
    level: str
    """Sigma's: informational, low, medium, high, critical."""
    response: Response
    agent: str
    session: str
    call_id: str
    ts: float
    index: int
    """1-based position among the triggering event's own session's before-events."""
    why: str
    """One sentence in words a person at night understands; no secrets (events are redacted)."""
    risk: int = 0
    tags: tuple[str, ...] = ()
