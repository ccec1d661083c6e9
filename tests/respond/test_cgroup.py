# SPDX-License-Identifier: Apache-2.0
import os
import signal
from pathlib import Path

import pytest

from irkit.respond import cgroup, procfs, stop
from irkit.respond.cgroup import Group
from irkit.respond.finder import Target
from irkit.respond.scene import Scene
from tests.respond.groups import move, own_group
from tests.respond.trees import Agent, agent, state, until

pytestmark = pytest.mark.namespace
BOTH = pytest.mark.parametrize("unified", [True, False])


def _scene(tree: Agent, group: Group) -> Scene:
    return Scene([Target("claude-code:s-1", "claude-code", "s-1", roots=[tree.key], cgroup=group.path)])


@BOTH
def test_a_group_of_ones_own_is_frozen_as_one_and_thawed(tmp_path: Path, unified: bool) -> None:
    with own_group(unified=unified) as group:
        tree = agent("plain", tmp_path, count=4)
        move(group, *tree.reported())
        scene = _scene(tree, group)
        frozen = stop.freeze(scene)
        assert frozen.complete
        assert frozen.groups == [group.path]
        assert group.frozen()
        assert set(frozen.still) == set(tree.reported())
        assert sorted(pid for pid, _ in frozen.stopped) == sorted(tree.reported())
        assert all(state(pid) not in "Tt" for pid in tree.reported()), "no shell sees a stop"
        thawed = stop.thaw(frozen.stopped, groups=frozen.groups)
        assert not thawed.groups_refused
        assert not group.frozen()
        until(lambda: {state(pid) for pid in tree.reported()} == {"S"}, "all wait again")


def test_who_thaws_the_group_by_himself_is_held_by_the_signal(tmp_path: Path) -> None:
    with own_group() as group:
        tree = agent("plain", tmp_path, count=4)
        move(group, *tree.reported())
        stop.freeze(_scene(tree, group))
        assert group.thaw() == ""
        until(lambda: all(state(pid) == "T" for pid in tree.reported()), "all are stopped by signal")


def test_a_continue_from_outside_changes_nothing_in_a_frozen_group(tmp_path: Path) -> None:
    with own_group() as group:
        tree = agent("plain", tmp_path, count=4)
        move(group, *tree.reported())
        stop.freeze(_scene(tree, group))
        for pid in tree.reported():
            os.kill(pid, signal.SIGCONT)
        assert group.frozen()
        assert group.wait_frozen()


@BOTH
def test_a_frozen_group_is_killed_and_empty(tmp_path: Path, unified: bool) -> None:
    with own_group(unified=unified) as group:
        tree = agent("plain+zombie_leader+setsid", tmp_path, count=6)
        move(group, *tree.reported())
        killed = stop.kill(_scene(tree, group))
        assert not killed.survivors
        assert killed.settled
        assert killed.frozen.groups == [group.path]
        until(group.empty, "the kernel says that nobody is left")
        assert not any(procfs.alive(*key) for key in killed.dead)


def test_hooks_that_are_spared_keep_the_group_from_being_frozen(tmp_path: Path) -> None:
    with own_group() as group:
        tree = agent("plain", tmp_path, count=4)
        move(group, *tree.reported())
        hook = procfs.look(tree.reported()[0])
        assert hook is not None
        frozen = stop.freeze(_scene(tree, group), frozenset({hook.key}))
        assert frozen.groups == []
        assert state(hook.pid) == "S"
        assert stop.freeze(_scene(tree, group)).groups == [group.path]


def test_a_group_with_somebody_elses_process_is_left_alone_and_said(tmp_path: Path) -> None:
    with own_group() as group:
        older = agent("none", tmp_path, count=1, session="other")
        tree = agent("plain", tmp_path, count=4)
        move(group, older.key[0], *tree.reported())
        tree.key = max((p.key for p in map(procfs.look, tree.reported()) if p), key=lambda key: key[1])
        if older.key[1] == tree.key[1]:
            pytest.skip("both began in one tick")
        frozen = stop.freeze(_scene(tree, group))
        assert frozen.groups == []
        assert "older than the session" in frozen.notes[0]
        assert state(older.key[0]) == "S"


def test_the_callers_own_group_is_never_frozen(tmp_path: Path) -> None:
    with own_group() as group:
        tree = agent("none", tmp_path, count=1)
        move(group, os.getpid(), tree.key[0])
        try:
            frozen = stop.freeze(_scene(tree, group))
        finally:
            Path(group.path).parent.joinpath("cgroup.procs").write_text(str(os.getpid()))
        assert frozen.groups == []
        assert f"process {os.getpid()} in it must not be touched" in frozen.notes[0]


@pytest.mark.parametrize(
    "path", ["relative", "/", "/sys/fs/cgroup/none", "/proc", "/sys/fs/cgroup/../cgroup"]
)
def test_what_is_no_group_is_said(path: str) -> None:
    assert isinstance(cgroup.group_at(path), str)


def test_the_top_of_a_mount_and_a_link_are_no_groups(tmp_path: Path) -> None:
    with own_group() as group:
        top = os.path.dirname(group.path)
        assert "top of" in str(cgroup.group_at(top))
        link = tmp_path / "link"
        link.symlink_to(group.path)
        assert "plain path" in str(cgroup.group_at(str(link)))
        assert isinstance(cgroup.group_at(group.path), Group)


def test_groups_below_belong_to_it(tmp_path: Path) -> None:
    with own_group() as group, own_group(inside=group.path) as below:
        tree = agent("plain", tmp_path, count=4)
        move(below, *tree.reported())
        assert sorted(group.pids() or ()) == sorted(tree.reported())
        assert stop.freeze(_scene(tree, group)).complete
        assert group.frozen()
        stop.kill(_scene(tree, group))
        until(group.empty, "nobody is left")
