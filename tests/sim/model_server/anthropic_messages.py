# SPDX-License-Identifier: Apache-2.0
"""The Anthropic Messages wire format (`POST /v1/messages`), as far as Claude Code needs it."""

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Struct

from tests.sim.model_server.conversation import Asked, Reply, first_prompt
from tests.sim.model_server.toolbox import Offer

PATH = "/v1/messages"


class Block(Struct, frozen=True):
    """A content block; only what matters here."""

    type: str = ""
    text: str = ""
    id: str = ""


class Message(Struct, frozen=True):
    """One entry of the history."""

    role: str
    content: str | tuple[Block, ...] = ""

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The content as blocks, whichever way it was sent."""
        return (Block("text", self.content),) if isinstance(self.content, str) else self.content


class Tool(Struct, frozen=True):
    """A tool on offer. Server tools have no schema."""

    name: str
    input_schema: dict[str, Any] = {}


class Request(Struct, frozen=True):
    """The request's body; unknown fields are ignored."""

    messages: tuple[Message, ...]
    model: str = "scripted"
    tools: tuple[Tool, ...] = ()
    stream: bool = False


def read(body: bytes) -> Asked:
    """Raises msgspec.ValidationError on what is no Messages request."""
    request = msgspec.json.decode(body, type=Request)
    said = [b.text for m in request.messages if m.role == "user" for b in m.blocks if b.type == "text"]
    return Asked(
        prompt=first_prompt(said),
        call_ids=tuple(b.id for m in request.messages for b in m.blocks if b.type == "tool_use"),
        offers={t.name: Offer(t.name, t.input_schema.get("properties", {})) for t in request.tools},
        model=request.model,
        stream=request.stream,
    )


def whole(reply: Reply, asked: Asked, number: int) -> dict[str, Any]:
    """The answer in one piece. `number` makes its id unique."""
    return {
        "id": f"msg_{number}",
        "type": "message",
        "role": "assistant",
        "model": asked.model,
        "content": _content(reply),
        "stop_reason": _stop(reply),
        "stop_sequence": None,
        "usage": {"input_tokens": 1, "output_tokens": 1},
    }


def streamed(reply: Reply, asked: Asked, number: int) -> Iterator[dict[str, Any]]:
    """The answer as server-sent events."""
    opening = {**whole(reply, asked, number), "content": [], "stop_reason": None}
    yield {"type": "message_start", "message": opening}
    for index, block in enumerate(_content(reply)):
        if block["type"] == "tool_use":
            arguments = msgspec.json.encode(block["input"]).decode()
            empty: dict[str, Any] = {**block, "input": {}}
            delta = {"type": "input_json_delta", "partial_json": arguments}
        else:
            empty = {"type": "text", "text": ""}
            delta = {"type": "text_delta", "text": block["text"]}
        yield {"type": "content_block_start", "index": index, "content_block": empty}
        yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    closing = {"stop_reason": _stop(reply), "stop_sequence": None}
    yield {"type": "message_delta", "delta": closing, "usage": {"output_tokens": 1}}
    yield {"type": "message_stop"}


def _content(reply: Reply) -> list[dict[str, Any]]:
    if not reply.calls:
        return [{"type": "text", "text": reply.text}]
    return [
        {"type": "tool_use", "id": f"toolu_{call.id}", "name": call.offer.name, "input": call.arguments}
        for call in reply.calls
    ]


def _stop(reply: Reply) -> str:
    return "tool_use" if reply.calls else "end_turn"
