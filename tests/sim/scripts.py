# SPDX-License-Identifier: Apache-2.0
"""What agents are made to do in the tests: work, a burst, an escape, a call that waits. All of it harmless and bounded."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from tests.sim.model_server import Batch, Delegate, Final, Read, Repeat, Script, Shell, Write

Maker = Callable[[Path], Script]
"""(folder of the ledger) -> the script."""

ESCAPE_MAX_S = 120
"""Whatever escapes ends by itself within this time, also when a test fails."""


def benign(ledger: Path) -> Script:
    """Ordinary work: shell, write, read, a failing command, three calls at once."""
    note = str(ledger.parent / "note.txt")
    return Script.of(
        Shell(command="echo hello"),
        Write(path=note, content="one line\n"),
        Read(path=note),
        Shell(command="ls; false"),
        Batch(calls=(Shell(command="echo one"), Shell(command="echo two"), Read(path=note))),
        Final(text="All steps are done."),
    )


def delegating(ledger: Path) -> Script:
    """The main agent sends a sub-agent, which makes a call of its own."""
    return Script.of(
        Delegate(part="scout"),
        Shell(command=f"echo main > {ledger}/main"),
        Final(text="The scout is back."),
        scout=(Shell(command=f"echo scout > {ledger}/scout"), Final(text="Seen.")),
    )


def serial_burst(ledger: Path, calls: int) -> Script:
    """`calls` shell calls, one an answer. Call N leaves the file `ledger/N` if it ran, and only then."""
    return Script.of(Repeat(times=calls, step=_entry(ledger, "{i}")), Final(text="Burst done."))


def parallel_burst(ledger: Path, calls: int, batch: int) -> Script:
    """The same calls, `batch` of them in each answer."""
    numbers = range(1, calls + 1)
    batches = (numbers[first : first + batch] for first in range(0, calls, batch))
    turns = [Batch(calls=tuple(_entry(ledger, str(number)) for number in some)) for some in batches]
    return Script.of(*turns, Final(text="Burst done."))


THOUGHT_S = 1.5


class Escape(NamedTuple):
    """One way in which a process outlives the call that started it, told apart by how long it sleeps."""

    name: str
    seconds: int
    marked: bool
    """Whether its environment still carries the session's mark."""


ESCAPES = (
    Escape("ampersand", 111, True),
    Escape("nohup", 112, True),
    Escape("setsid", 113, True),
    Escape("daemon", 114, False),
    Escape("background task", 115, True),
    Escape("foreground", 116, True),
)

_DAEMON = """python3 -c '
import os
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.closerange(0, 64)
        os.execve("/bin/sleep", ["sleep", "114"], {})
    os._exit(0)
os.wait()'"""


def escapee(_ledger: Path) -> Script:
    """Leaves one process behind in each of the ways of `ESCAPES`, then holds the turn in a foreground sleep."""
    return Script.of(
        Shell(command="sleep 111 > /dev/null 2>&1 & echo left"),
        Shell(command="nohup sleep 112 > /dev/null 2>&1 & echo left"),
        Shell(command="setsid -f sleep 113 > /dev/null 2>&1 < /dev/null; echo left"),
        Shell(command=f"{_DAEMON}; echo left"),
        Shell(command="sleep 115; true", background=True),
        Shell(command="sleep 116; true"),
        Final(text="Left some behind."),
    )


def one_call(ledger: Path) -> Script:
    """A single call that leaves `ledger/1` if it ran."""
    return Script.of(_entry(ledger, "1"), Final(text="Asked once."))


def call_after_thought(ledger: Path) -> Script:
    """The same, after a moment in which a test can do something to the guard."""
    return Script.of(replace(_entry(ledger, "1"), delay_s=THOUGHT_S), Final(text="Asked once."))


def _entry(ledger: Path, name: str) -> Shell:
    return Shell(command=f"echo {name} >> {ledger}/{name}")
