# SPDX-License-Identifier: Apache-2.0
"""A bounded map from a group (a session, a user, a call) to what is remembered of it. The longest idle leaves first.

Two generations: what is touched moves to the young one; when that is full it becomes the old one, and what was in
the old one untouched is gone. So a group is kept for at least half of `most` other groups, at one lookup an event.
"""

from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Groups(Generic[T]):
    """At most `most` values, made by `make` when they are first asked for."""

    __slots__ = ("_half", "_make", "_old", "_young")

    def __init__(self, make: Callable[[], T], most: int) -> None:
        self._make = make
        self._half = max(1, most // 2)
        self._young: dict[object, T] = {}
        self._old: dict[object, T] = {}

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def touch(self, key: object) -> T:
        """The group's value."""
        found = self._young.get(key)
        return found if found is not None else self._promoted(key)

    def _promoted(self, key: object) -> T:
        found = self._old.pop(key, None)
        value = found if found is not None else self._make()
        if len(self._young) >= self._half:
            self._old, self._young = self._young, {}
        self._young[key] = value
        return value

    def peek(self, key: object) -> T | None:
        """The group's value if there is one; does not count as a touch."""
        found = self._young.get(key)
        return found if found is not None else self._old.get(key)

    def drop(self, key: object) -> None:
        """Forget one group."""
        self._young.pop(key, None)
        self._old.pop(key, None)
