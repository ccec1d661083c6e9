# SPDX-License-Identifier: Apache-2.0
"""The files that come with irkit: rules, playbooks, drills, printable pages. An installed irkit and a checkout read the same."""

from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable


def shipped(kind: str) -> Iterator[tuple[str, str]]:
    """Name and text of each shipped file of that kind (`rules`, `playbooks`, `drills`, `printable`), sorted by name."""
    for entry in sorted(_folder(kind).iterdir(), key=lambda one: one.name):
        if entry.is_file() and not entry.name.startswith("."):
            yield entry.name, entry.read_text(encoding="utf-8")


def _folder(kind: str) -> Traversable:
    """In the wheel below the package; in a checkout beside it."""
    package = files("irkit")
    if kind == "rules":
        return package / "detect" / "rules"
    inside = package / "_data" / kind
    return inside if inside.is_dir() else package / ".." / kind
