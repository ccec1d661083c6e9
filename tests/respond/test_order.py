# SPDX-License-Identifier: Apache-2.0
"""Orders as typed."""

import argparse
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irkit.cli import stopping
from irkit.errors import BadInputError
from irkit.respond.order import ACTS, Order, read_order


def values(order: Order) -> dict[str, object]:
    return {name: getattr(order, name) for name in Order.__slots__}


@pytest.mark.parametrize(
    ("words", "meaning"),
    [
        ("kill", {"everyone": True, "yes": False}),
        ("kill --all -y", {"everyone": True, "yes": True}),
        ("freeze codex:a --json", {"everyone": False, "target": "codex:a", "as_json": True}),
        ("kill --pid 42", {"everyone": False, "pid": 42}),
        ("kill --pid=42 --reason=a=b", {"pid": 42, "reason": "a=b"}),
        ("kill --reason --yes", {"reason": "--yes", "yes": False}),
        ("latch a=b", {"target": "a=b"}),
        ("latch -h", {"wants_help": True}),
    ],
)
def test_an_order_is_read(words: str, meaning: dict[str, object]) -> None:
    found = values(read_order(words.split()))
    assert {name: found[name] for name in meaning} == meaning


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("kill --pid 1", "above 1"),
        ("kill --pid 0", "above 1"),
        ("kill --pid -5", "above 1"),
        ("kill --pid ٤٢", "above 1"),
        ("kill --pid 99999999999", "above 1"),
        ("kill --pid", "needs a value"),
        ("kill a b", "more than one target"),
        ("kill a --all", "only one of"),
        ("kill --all --pid 7", "only one of"),
        ("kill --everything", "no such option"),
        ("kill --yes=no", "no such option"),
        ("stop", "no such act"),
        ("", "no such act"),
    ],
)
def test_a_bad_order_is_one_clear_line(words: str, said: str) -> None:
    with pytest.raises(BadInputError, match=said) as raised:
        read_order(words.split())
    assert "\n" not in raised.value.diagnostics()
    assert raised.value.fix


@given(
    st.lists(st.text(max_size=8) | st.sampled_from(["--pid", "--all", "--yes", "--json", "7"]), max_size=6)
)
def test_no_words_do_anything_but_read_or_refuse(words: list[str]) -> None:
    try:
        order = read_order(["kill", *words])
    except BadInputError:
        return
    assert order.everyone == (not order.target and not order.pid)


@pytest.mark.parametrize("act", ACTS)
def test_help_names_every_option_and_the_exit_codes(act: str) -> None:
    usage = read_order([act, "--help"]).usage
    for word in ("TARGET", "--all", "--pid N", "--yes", "--json", "--reason TEXT", "examples:", "Exit: 0"):
        assert word in usage
    assert max(map(len, usage.splitlines())) <= 100


def test_the_parser_for_help_and_completion_takes_the_same_words() -> None:
    parser = argparse.ArgumentParser(prog="irkit kill")
    stopping.configure(parser, "kill")
    parts = (["codex:a"], ["--all"], ["--pid", "7"], ["--yes"], ["--json"], ["--reason", "x"])
    for chosen in itertools.chain.from_iterable(itertools.combinations(parts, n) for n in range(4)):
        words = [word for part in chosen for word in part]
        parsed = parser.parse_args(words)
        try:
            order = read_order(["kill", *words])
        except BadInputError:
            continue
        assert (order.target, str(order.pid or ""), order.yes, order.as_json, order.reason) == (
            parsed.target,
            parsed.pid,
            parsed.yes,
            parsed.json,
            parsed.reason,
        )
