# SPDX-License-Identifier: Apache-2.0
"""Whom an order is for."""

from irkit.respond.order import Order
from irkit.respond.roster import Entry
from irkit.respond.targets import choose


def test_a_session_brings_what_holds_only_its_processes() -> None:
    entry = Entry(
        "codex:a", "codex", "a", roots=((7, 8),), tier="contained", pidns=4026531836, cgroup="/g/a", audit=5
    )
    order = Order("kill")
    order.target = "codex:a"
    [target] = choose(order, [entry], {})
    assert (target.pidns, target.cgroup, target.audit) == (4026531836, "/g/a", 5)
    assert (target.roots, target.tier) == ([(7, 8)], "contained")
