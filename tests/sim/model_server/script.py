# SPDX-License-Identifier: Apache-2.0
"""What the model is going to do: named lists of steps, as values and as JSON.

In JSON a step is an object whose `do` names it: `{"do": "shell", "command": "ls"}`. A script is an object
`{"parts": {"main": [step, …], "scout": [step, …]}}`; a conversation plays `main`, a sub-agent the part that
its prompt names (see `cue`).
"""

import re
from collections.abc import Iterable, Iterator
from typing import TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace

MAIN = "main"
CALLS_MAX = 10_000
"""A script that grows beyond this is a mistake in the script."""


class Timed(Struct, frozen=True, tag_field="do", kw_only=True):
    """What all steps share."""

    delay_s: float = 0.0
    """Seconds that the model "thinks" before it answers with this step."""


class Shell(Timed, frozen=True, tag="shell"):
    """Run a command line with the agent's shell tool."""

    command: str
    background: bool = False
    """As a background task, where the agent's tool has such a mode."""


class Read(Timed, frozen=True, tag="read"):
    """Read a file."""

    path: str


class Write(Timed, frozen=True, tag="write"):
    """Write a file."""

    path: str
    content: str


class Delegate(Timed, frozen=True, tag="delegate"):
    """Start a sub-agent that plays another part of the script."""

    part: str


Call = Shell | Read | Write | Delegate


class Batch(Timed, frozen=True, tag="batch"):
    """Several calls in one answer: the agent may run them side by side."""

    calls: tuple[Call, ...]


class Final(Timed, frozen=True, tag="final"):
    """The closing words of a turn."""

    text: str = "Done."


class Repeat(Timed, frozen=True, tag="repeat"):
    """A step many times over, one answer each; `{i}` in its strings is the count, from 1."""

    times: int
    step: Call | Batch


Numbered = TypeVar("Numbered", bound=Call | Batch)

Turn = Call | Batch | Final
"""What one answer of the model holds."""
Step = Turn | Repeat


class Script(Struct, frozen=True):
    """All parts, by name. `main` must be there."""

    parts: dict[str, tuple[Step, ...]]

    @classmethod
    def of(cls, *main: Step, **parts: Iterable[Step]) -> "Script":
        """A script from its steps; sub-agents' parts by keyword."""
        return cls({MAIN: main, **{name: tuple(steps) for name, steps in parts.items()}})

    @classmethod
    def from_json(cls, text: bytes) -> "Script":
        """Read a script. Raises msgspec.ValidationError or ValueError."""
        script = msgspec.json.decode(text, type=cls)
        if MAIN not in script.parts:
            raise ValueError(f"the script has no part named {MAIN!r}")
        return script

    def turns(self, part: str) -> tuple[Turn, ...]:
        """The answers of one part, repeats written out."""
        turns = tuple(_written_out(self.parts.get(part, self.parts[MAIN])))
        if len(turns) > CALLS_MAX:
            raise ValueError(f"part {part!r} has {len(turns)} turns, more than {CALLS_MAX}")
        return turns


def cue(part: str) -> str:
    """The words in a prompt that make the model play that part."""
    return f"Play the part <<{part}>>."


def cued_part(prompt: str) -> str:
    """The part that a prompt asks for; `main` when it names none."""
    found = re.search(r"<<(\w+)>>", prompt)
    return found[1] if found else MAIN


def _written_out(steps: Iterable[Step]) -> Iterator[Turn]:
    for step in steps:
        if isinstance(step, Repeat):
            for count in range(1, step.times + 1):
                yield _numbered(step.step, count)
        else:
            yield step


def _numbered(step: Numbered, count: int) -> Numbered:
    if isinstance(step, Batch):
        return replace(step, calls=tuple(_numbered(call, count) for call in step.calls))
    texts = {
        name: value.replace("{i}", str(count))
        for name in step.__struct_fields__
        if isinstance(value := getattr(step, name), str)
    }
    return replace(step, **texts)
