# SPDX-License-Identifier: Apache-2.0
"""The model's side of a conversation, free of any wire format: what was asked, and what it answers.

A call's id is `irkit_TURN_NUMBER`. The highest TURN in a conversation's history is where it stands; an agent
that repeats a request gets the same answer again.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from tests.sim.model_server.script import Batch, Final, Script, Turn, cued_part
from tests.sim.model_server.toolbox import Offer, use

_ID = re.compile(r"irkit_(\d+)_\d+")


class Asked(NamedTuple):
    """One request, as read by a wire format."""

    prompt: str
    """The first words of the user in this conversation."""
    call_ids: tuple[str, ...]
    """Of every tool call in its history."""
    offers: Mapping[str, Offer]
    """The tools that the agent has; none for side requests (titles, quota probes)."""
    model: str
    stream: bool

    @property
    def turn(self) -> int:
        """How many of the model's turns with calls it has seen."""
        return 1 + max((int(found[1]) for i in self.call_ids if (found := _ID.search(i))), default=-1)


class ToolCall(NamedTuple):
    """One call that the model wants."""

    id: str
    offer: Offer
    arguments: dict[str, Any]


class Reply(NamedTuple):
    """What the model says: words, or calls."""

    text: str = ""
    calls: tuple[ToolCall, ...] = ()
    delay_s: float = 0.0


def reply(script: Script, asked: Asked) -> Reply:
    """The next turn of the part that this conversation plays."""
    if not asked.offers:
        return Reply("ok")
    turns = script.turns(cued_part(asked.prompt))
    turn: Turn = turns[asked.turn] if asked.turn < len(turns) else Final()
    if isinstance(turn, Final):
        return Reply(turn.text, delay_s=turn.delay_s)
    wanted = turn.calls if isinstance(turn, Batch) else (turn,)
    calls = tuple(
        ToolCall(f"irkit_{asked.turn}_{number}", *use(asked.offers, call))
        for number, call in enumerate(wanted)
    )
    return Reply(calls=calls, delay_s=turn.delay_s)


def first_prompt(texts: Iterable[str]) -> str:
    """Of what the user side said, the first that is the user's and not the agent's own framing."""
    said = tuple(texts)
    framing = (
        "<system-reminder>",
        "<environment_context>",
        "<user_instructions>",
        "<permissions instructions>",
    )
    cued = (text for text in said if "<<" in text)
    plain = (text for text in said if not text.lstrip().startswith(framing))
    return next(cued, next(plain, ""))
