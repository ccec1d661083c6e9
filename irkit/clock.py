# SPDX-License-Identifier: Apache-2.0
"""The only place that reads the wall clock. Everything else is handed a time or a `Clock`."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Two readings: the wall (for people and records) and the monotonic one (for durations)."""

    def now(self) -> float:
        """Seconds since the epoch, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never step back."""
        ...


class SystemClock:
    """The machine's clocks."""

    def now(self) -> float:
        """Seconds since the epoch, UTC."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds that never step back."""
        return time.monotonic()


def iso(ts: float) -> str:
    """RFC 3339 in UTC with microseconds, as every record of irkit writes a time.

    >>> iso(0.25)
    '1970-01-01T00:00:00.250000Z'
    """
    return datetime.fromtimestamp(ts, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def from_iso(text: str) -> float:
    """The inverse of `iso`; takes any RFC 3339 offset. Raises ValueError. A time without an offset is UTC."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
