# SPDX-License-Identifier: Apache-2.0
"""The order that a person typed: freeze, kill or latch, and whom.

Kill path: standard library only. Read by hand, because building an argument parser takes longer than a freeze.
"""

from __future__ import annotations

from irkit.errors import BadInputError

ACTS = ("freeze", "kill", "latch")
OPTIONS = {
    "TARGET": "a session, by its id (`irkit sessions`) or the start of it",
    "--all": "every session, and every process of a known agent; the default",
    "--pid": "the agent that runs as process N, with hooks or without",
    "--yes": "kill without the countdown, and where there is no terminal",
    "--json": "one JSON document on stdout",
    "--reason": "written into the journal",
}
EXAMPLES = """examples:
  irkit {act}
  irkit {act} --pid 4242 --json
"""
_WHAT = {
    "freeze": "Stop every process of the sessions, to a fixpoint. `irkit resume` undoes it.",
    "kill": "Freeze, kill, and verify every death. On a terminal you have 5 s to keep them frozen instead.",
    "latch": "From now on no tool call of the sessions passes a hook. `irkit unlatch` undoes it.",
}
_CODES = {
    "freeze": "Exit: 0 all stopped · 12 in part.",
    "kill": "Exit: 0 proved dead · 3 frozen only · 10 all known dead · 11 survivor.",
    "latch": "Exit: 0 latched · 4 not permitted.",
}
_WITH_VALUE = ("--pid", "--reason")
_SWITCHES = {
    "--all": "everyone",
    "--yes": "yes",
    "-y": "yes",
    "--json": "as_json",
    "--help": "wants_help",
    "-h": "wants_help",
}


class Order:
    """One order, as typed."""

    __slots__ = ("act", "as_json", "everyone", "pid", "reason", "target", "wants_help", "yes")

    def __init__(self, act: str) -> None:
        self.act = act
        self.target = ""
        """A session's id, empty when none was named."""
        self.pid = 0
        self.everyone = False
        """Whether it is for all: no target means all."""
        self.yes = False
        self.as_json = False
        self.reason = ""
        self.wants_help = False

    @property
    def usage(self) -> str:
        """The text of --help."""
        values = {"--pid": "--pid N", "--reason": "--reason TEXT"}
        rows = "\n".join(f"  {values.get(name, name):<14} {meaning}" for name, meaning in OPTIONS.items())
        return (
            f"usage: irkit {self.act} [TARGET | --all | --pid N] [--yes] [--json] [--reason TEXT]\n\n"
            f"{_WHAT[self.act]}\n\n{rows}\n\n{EXAMPLES.format(act=self.act)}\n"
            f"It works with the guard dead, the disk full and the home gone.\n{_CODES[self.act]}\n"
        )


def read_order(argv: list[str]) -> Order:
    """Read `[act, …]`. Raises BadInputError, whose fix says what to type."""
    if not argv or argv[0] not in ACTS:
        raise BadInputError(f"no such act: {argv[:1]}", where="irkit", fix="freeze, kill or latch")
    order = Order(argv[0])
    words = list(argv[1:])
    while words:
        word = words.pop(0)
        name, equals, value = word.partition("=")
        if name in _WITH_VALUE:
            if not equals and not words:
                raise _bad(order, f"{name} needs a value")
            _set(order, name, value if equals else words.pop(0))
        elif word in _SWITCHES:
            setattr(order, _SWITCHES[word], True)
        elif word.startswith("-") or not word:
            raise _bad(order, f"no such option {word[:40]!r}")
        elif order.target:
            raise _bad(order, "more than one target")
        else:
            order.target = word
    if bool(order.target) + bool(order.pid) + order.everyone > 1:
        raise _bad(order, "only one of TARGET, --all and --pid")
    order.everyone = not order.target and not order.pid
    return order


def _set(order: Order, name: str, value: str) -> None:
    if name == "--reason":
        order.reason = value
        return
    if not (value.isascii() and value.isdigit() and 1 < int(value) < 2**31):
        raise _bad(order, f"--pid takes a process number above 1, not {value[:40]!r}")
    order.pid = int(value)


def _bad(order: Order, what: str) -> BadInputError:
    return BadInputError(what, where=f"irkit {order.act}", fix=f"see `irkit {order.act} --help`")
