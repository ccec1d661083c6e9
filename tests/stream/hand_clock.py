# SPDX-License-Identifier: Apache-2.0
"""A clock that a test moves by hand."""

from irkit.clock import from_iso

NOON = from_iso("2026-11-23T12:00:00Z")


class HandClock:
    """Obeys `irkit.clock.Clock`."""

    def __init__(self, wall: float = NOON) -> None:
        self.wall = wall
        self.mono = 1000.0

    def now(self) -> float:
        return self.wall

    def monotonic(self) -> float:
        return self.mono

    def pass_time(self, seconds: float) -> None:
        """Time goes by: both readings move."""
        self.wall += seconds
        self.mono += seconds

    def step(self, seconds: float) -> None:
        """Somebody sets the wall clock."""
        self.wall += seconds
