# SPDX-License-Identifier: Apache-2.0
"""The OpenAI Responses wire format (`POST /v1/responses`), as far as Codex needs it."""

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Struct

from tests.sim.model_server.conversation import Asked, Reply, first_prompt
from tests.sim.model_server.toolbox import Offer

PATH = "/v1/responses"


class Part(Struct, frozen=True):
    """A piece of a message."""

    text: str = ""


class Item(Struct, frozen=True):
    """One entry of the history: a message, a call or a call's output."""

    type: str = "message"
    role: str = ""
    content: str | tuple[Part, ...] | None = None
    call_id: str = ""

    @property
    def text(self) -> str:
        """A message's words."""
        if isinstance(self.content, str):
            return self.content
        return "\n".join(part.text for part in self.content or ())


class Tool(Struct, frozen=True):
    """A tool on offer, or a namespace of them."""

    type: str = ""
    name: str = ""
    parameters: dict[str, Any] | None = None
    tools: tuple["Tool", ...] = ()


class Request(Struct, frozen=True):
    """The request's body; unknown fields are ignored."""

    input: str | tuple[Item, ...]
    model: str = "scripted"
    tools: tuple[Tool, ...] = ()
    stream: bool = False


def read(body: bytes) -> Asked:
    """Raises msgspec.ValidationError on what is no Responses request."""
    request = msgspec.json.decode(body, type=Request)
    items = (Item(role="user", content=request.input),) if isinstance(request.input, str) else request.input
    return Asked(
        prompt=first_prompt(item.text for item in items if item.role == "user"),
        call_ids=tuple(item.call_id for item in items if item.type == "function_call"),
        offers={offer.name: offer for tool in request.tools for offer in _offers(tool)},
        model=request.model,
        stream=request.stream,
    )


def whole(reply: Reply, asked: Asked, number: int) -> dict[str, Any]:
    """The answer in one piece. `number` makes its id unique."""
    return {
        "id": f"resp_{number}",
        "object": "response",
        "created_at": 0,
        "model": asked.model,
        "status": "completed",
        "output": _items(reply, number),
        "usage": {
            "input_tokens": 1,
            "output_tokens": 1,
            "total_tokens": 2,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens_details": {"reasoning_tokens": 0},
        },
        "error": None,
        "incomplete_details": None,
    }


def streamed(reply: Reply, asked: Asked, number: int) -> Iterator[dict[str, Any]]:
    """The answer as server-sent events, numbered."""
    for sequence, event in enumerate(_events(whole(reply, asked, number))):
        yield {**event, "sequence_number": sequence}


def _events(response: dict[str, Any]) -> Iterator[dict[str, Any]]:
    opening = {**response, "status": "in_progress", "output": [], "usage": None}
    yield {"type": "response.created", "response": opening}
    for index, item in enumerate(response["output"]):
        yield {"type": "response.output_item.added", "output_index": index, "item": item}
        if item["type"] == "message":
            yield {
                "type": "response.output_text.delta",
                "item_id": item["id"],
                "output_index": index,
                "content_index": 0,
                "delta": item["content"][0]["text"],
            }
        else:
            yield {
                "type": "response.function_call_arguments.done",
                "item_id": item["id"],
                "output_index": index,
                "arguments": item["arguments"],
            }
        yield {"type": "response.output_item.done", "output_index": index, "item": item}
    yield {"type": "response.completed", "response": response}


def _items(reply: Reply, number: int) -> list[dict[str, Any]]:
    if not reply.calls:
        words = {"type": "output_text", "text": reply.text, "annotations": []}
        return [
            {
                "type": "message",
                "id": f"msg_{number}",
                "role": "assistant",
                "status": "completed",
                "content": [words],
            }
        ]
    return [
        {
            "type": "function_call",
            "id": f"fc_{call.id}",
            "call_id": f"call_{call.id}",
            "name": call.offer.name,
            "arguments": msgspec.json.encode(call.arguments).decode(),
            "status": "completed",
            **({"namespace": call.offer.namespace} if call.offer.namespace else {}),
        }
        for call in reply.calls
    ]


def _offers(tool: Tool, namespace: str = "") -> Iterator[Offer]:
    for inner in tool.tools:
        yield from _offers(inner, tool.name)
    if tool.type == "function":
        yield Offer(tool.name, (tool.parameters or {}).get("properties", {}), namespace)
