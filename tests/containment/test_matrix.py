# SPDX-License-Identifier: Apache-2.0
"""Every shape × attached × root and plain user: dead, or said so. And nobody else is touched.

Each kill is `irkit kill --pid N` of an agent found running, without a guard and without a roster: the hardest
case. The observer decides what lives; the report has to agree.
"""

import pytest

from tests.containment import observer
from tests.containment.arena import USER, Arena, arena, is_root
from tests.containment.shapes import SHAPES, Shape
from tests.containment.verdict import complaints

pytestmark = pytest.mark.namespace
CHUNKS = 4


def _kill(on: Arena, shape: Shape, how: str) -> list[str]:
    """One session with one shape, killed; what is wrong."""
    pid, _ = on.start(shape.name, births=shape.births, moves=shape.moves, guarded=how == "guarded")
    on.younger()
    whom = (f"claude-code:{on.native}",) if how == "guarded" else ("--pid", str(pid))
    with observer.Watching(on.bystanders) as watched:
        ran = on.kill(*whom)
    wrong = complaints(shape, ran) + [f"HARMED: {one}" for one in on.harmed(watched)]
    on.sweep()
    return [f"{shape.name}: {one}" for one in wrong]


def _all(uid: int, how: str, chunk: int) -> None:
    shapes = [one for one in SHAPES[chunk::CHUNKS] if not (one.root_only and (uid or not is_root()))]
    with arena(uid) as on:
        if how == "guarded":
            on.guard()
        wrong = [one for shape in shapes for one in _kill(on, shape, how)]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("chunk", range(CHUNKS))
@pytest.mark.parametrize(
    ("uid", "how"), [(0, "guarded"), (USER, "found")], ids=["root-guarded", "user-found"]
)
def test_attached_every_shape_is_dead_or_named(uid: int, how: str, chunk: int) -> None:
    _all(uid, how, chunk)


@pytest.mark.long
@pytest.mark.parametrize("chunk", range(CHUNKS))
@pytest.mark.parametrize(
    ("uid", "how"), [(0, "found"), (USER, "guarded")], ids=["root-found", "user-guarded"]
)
def test_the_other_half_of_the_matrix(uid: int, how: str, chunk: int) -> None:
    _all(uid, how, chunk)
