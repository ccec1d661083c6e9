# SPDX-License-Identifier: Apache-2.0
"""Every shape × contained × root and plain user: started by `irkit run`, nothing of it lives after a kill.

No class is left over here: verdict 0 is wanted, and the observer has to agree with it. `irkit run` itself is the
user's, outside the walls: it gives the terminal back, and ends. What poses as an editor costs the proof, not the death.
"""

import pytest

from tests.containment import observer
from tests.containment.arena import USER, Arena, arena
from tests.containment.shapes import SHAPES, Shape
from tests.containment.verdict import complaints

pytestmark = pytest.mark.namespace
CHUNKS = 2
OUTSIDE_ONLY = ("moves_group", "other_user", "bare_other_user", "nested", "bare_nested", "poses_as_guard")
"""Need rights or places that the walls do not give; a run that is refused them has no such shape to show."""


def _kill(on: Arena, shape: Shape) -> list[str]:
    run = f"{on.python} -m irkit run --"
    on.start(shape.name, births=shape.births, moves=True, wrapper=run)
    on.younger()
    wrapper = on.wrappers()
    assert len(wrapper) == 1
    with observer.Watching(on.bystanders) as watched:
        ran = on.kill(f"claude-code:{on.session()}")
    ran = ran._replace(after={key: seen for key, seen in ran.after.items() if key not in wrapper})
    observer.until(lambda: not on.strangers(), "irkit run itself ends when its agent is dead")
    wrong = complaints(shape._replace(owed="dead", moves=True), ran)
    if ran.code and "editor" not in shape.name:
        why = {
            name: ran.report[name]
            for name in ("survivors", "unaccounted", "freeze", "kill")
            if name in ran.report
        }
        wrong.append(f"verdict {ran.code}: {why} {ran.stderr[-300:]}")
    wrong += [f"HARMED: {one}" for one in on.harmed(watched)]
    on.sweep()
    return [f"{shape.name}: {one}" for one in wrong]


@pytest.mark.parametrize("chunk", range(CHUNKS))
@pytest.mark.parametrize("uid", [0, USER], ids=["root", "user"])
def test_contained_nothing_of_any_shape_lives(uid: int, chunk: int) -> None:
    shapes = [one for one in SHAPES[chunk::CHUNKS] if one.name not in OUTSIDE_ONLY]
    with arena(uid) as on:
        on.guard()
        tried = on.run_as_user([on.python, "-m", "irkit", "run", "--", "true"])
        if tried.returncode:
            pytest.skip(f"nothing can be contained here: {tried.stderr[-200:]}")
        wrong = [one for shape in shapes for one in _kill(on, shape)]
    assert not wrong, "\n".join(wrong)
