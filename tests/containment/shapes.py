# SPDX-License-Identifier: Apache-2.0
"""What irkit owes for each shape of `tests/escapees/program.py`."""

from typing import NamedTuple


class Shape(NamedTuple):
    """One row of the matrix."""

    name: str
    births: int = 1
    """How many write themselves down before the kill."""
    owed: str = "dead"
    """Attached: `dead`, or at the least `hidden` (unaccounted, 11), or `listed` (named, never 0)."""
    moves: bool = False
    """New processes all the time: not each of them can be in a report."""
    root_only: bool = False


SHAPES = (
    Shape("ampersand"),
    Shape("nohup"),
    Shape("setsid"),
    Shape("daemon"),
    Shape("spawn_chain"),
    Shape("renamed"),
    Shape("like_init"),
    Shape("odd_name"),
    Shape("ignores"),
    Shape("deleted"),
    Shape("memfd"),
    Shape("watching", births=2, moves=True),
    Shape("supervisor", births=2, moves=True),
    Shape("zombie_leader"),
    Shape("hides", owed="hidden"),
    Shape("comet", moves=True),
    Shape("breeder", moves=True),
    Shape("tmux", births=2, moves=True),
    Shape("terminal_orphan", births=2, owed="hidden"),
    Shape("poses_as_guard", owed="hidden"),
    Shape("poses_as_editor", owed="hidden"),
    Shape("other_user", root_only=True),
    Shape("moves_group", root_only=True),
    Shape("wiped_child", births=2),
    Shape("traps", births=2, moves=True),
    Shape("stops_itself", births=2),
    Shape("thawers", births=6),
    Shape("traced", births=1),
    Shape("terminal", births=2),
    Shape("editor_child", births=2, owed="hidden"),
    Shape("nested", births=2),
    Shape("bare", owed="hidden"),
    Shape("bare_ignores", owed="hidden"),
    Shape("bare_in_session", owed="hidden"),
    Shape("bare_in_group", owed="hidden"),
    Shape("bare_zombie", owed="hidden"),
    Shape("bare_comet", owed="hidden", moves=True),
    Shape("bare_breeder", owed="hidden", moves=True),
    Shape("bare_nested", births=2, owed="hidden"),
    Shape("bare_other_user", owed="hidden", root_only=True),
    Shape("bare_terminal", births=2, owed="hidden"),
    Shape("overwrites", owed="hidden"),
    Shape("hides_unmarked", owed="listed"),
    Shape("ordinary", owed="listed"),
)
NAMED = {shape.name: shape for shape in SHAPES}
