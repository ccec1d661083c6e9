# SPDX-License-Identifier: Apache-2.0
"""Whom an order is for."""

from pathlib import Path

import pytest

from irkit.respond import procfs, stop
from irkit.respond.finder import Target
from irkit.respond.killreport import report_of
from irkit.respond.order import Order
from irkit.respond.roster import Entry
from irkit.respond.scene import Scene
from irkit.respond.targets import choose, sessions_on
from tests.respond.trees import agent


def test_a_session_brings_what_holds_only_its_processes() -> None:
    entry = Entry(
        "codex:a", "codex", "a", roots=((7, 8),), tier="contained", pidns=4026531836, cgroup="/g/a", audit=5
    )
    order = Order("kill")
    order.target = "codex:a"
    [target] = choose(order, [entry], {})
    assert (target.pidns, target.cgroup, target.audit) == (4026531836, "/g/a", 5)
    assert (target.roots, target.tier) == ([(7, 8)], "contained")


@pytest.mark.namespace
@pytest.mark.parametrize("both", [False, True])
def test_a_second_agent_below_a_watched_one_dies_with_it_once_and_both_sessions_are_named(
    tmp_path: Path, both: bool
) -> None:
    tree = agent("plain", tmp_path, count=4)
    inner = next(pid for pid in tree.reported() if pid != tree.key[0])
    key = procfs.snapshot()[inner].key
    outer = Entry("claude-code:s-1", "claude-code", "s-1", roots=(tree.key,))
    nested = Entry("codex:n", "codex", "n", roots=(key,))
    codex = Target("codex:n", "codex", "n", roots=[key])
    scene = Scene([tree.target(), codex] if both else [tree.target()])
    killed = stop.kill(scene)
    hit = sessions_on([outer, nested], set(scene.everyone()))
    report = report_of(scene, killed, besides=hit)
    assert sorted(row.pid for row in report.dead) == sorted(tree.reported())
    assert {name for name, _ in report.sessions} | set(report.besides) == {"claude-code:s-1", "codex:n"}
    assert report.to_dict()["besides"] == ([] if both else ["codex:n"])
    assert ("hit as well" in report.text()) is not both
