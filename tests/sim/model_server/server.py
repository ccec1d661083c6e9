# SPDX-License-Identifier: Apache-2.0
"""The HTTP side: loopback, a thread a connection, one answer a request. Wire formats are modules beside it."""

import itertools
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import ModuleType, TracebackType
from typing import Any, NamedTuple, Self

import msgspec

from tests.sim.model_server import anthropic_messages, openai_responses
from tests.sim.model_server.conversation import Reply, reply
from tests.sim.model_server.script import Script

FORMATS: dict[str, ModuleType] = {
    anthropic_messages.PATH: anthropic_messages,
    openai_responses.PATH: openai_responses,
}
BODY_MAX_BYTES = 64 * 1024 * 1024


class Seen(NamedTuple):
    """One request that was answered with a turn of the script."""

    monotonic: float
    path: str
    prompt: str
    turn: int
    tools: tuple[str, ...]
    """The tools it was told to call, by name; empty for the closing words."""


class ModelServer:
    """Serves one script while its `with` block runs. `url` is its root, `seen` what it answered so far."""

    def __init__(self, script: Script, port: int = 0) -> None:
        self.script = script
        self.seen: list[Seen] = []
        self.errors: list[str] = []
        """Requests that it could not read: a test asserts that there are none."""
        self.numbers = itertools.count(1)
        self._http = _Http(self, port)
        self._thread = threading.Thread(target=self._http.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        """`http://127.0.0.1:PORT`."""
        return f"http://127.0.0.1:{self._http.server_port}"

    @property
    def calls_wanted(self) -> int:
        """How many tool calls it has asked for, repeats of a request counted once."""
        return sum(len(s.tools) for s in {(s.path, s.prompt, s.turn): s for s in self.seen}.values())

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join(5)


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # an agent that was stopped holds its connection open

    def __init__(self, model: ModelServer, port: int) -> None:
        self.model = model
        super().__init__(("127.0.0.1", port), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A killed agent leaves half a connection: no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Http

    def do_POST(self) -> None:
        body = self._body()
        path = self.path.split("?", 1)[0]
        model = self.server.model
        if path not in FORMATS:  # token counts, event batches: an empty success is enough
            self._send(b'{"input_tokens": 1}', "application/json")
            return
        form = FORMATS[path]
        try:
            asked = form.read(body)
            answer: Reply = reply(model.script, asked)
        except (msgspec.MsgspecError, LookupError, ValueError) as error:
            model.errors.append(f"{path}: {error}")
            self._send(msgspec.json.encode({"error": {"message": str(error)}}), "application/json", 400)
            return
        if asked.offers:
            tools = tuple(call.offer.name for call in answer.calls)
            model.seen.append(Seen(time.monotonic(), path, asked.prompt, asked.turn, tools))
        time.sleep(answer.delay_s)
        number = next(model.numbers)
        if asked.stream:
            events = form.streamed(answer, asked, number)
            self._send(b"".join(_frame(event) for event in events), "text/event-stream")
        else:
            self._send(msgspec.json.encode(form.whole(answer, asked, number)), "application/json")

    def do_GET(self) -> None:
        self._send(b'{"object": "list", "data": [], "models": []}', "application/json")

    def do_HEAD(self) -> None:
        self._send(b"", "application/json")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the parent's own name
        """Quiet: `seen` is the record."""

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("transfer-encoding", ""):
            return self.rfile.read(min(int(self.headers.get("content-length", 0)), BODY_MAX_BYTES))
        parts = []
        while size := int(self.rfile.readline(64).split(b";")[0], 16):
            parts.append(self.rfile.read(min(size, BODY_MAX_BYTES)))
            self.rfile.readline(64)
        self.rfile.readline(64)
        return b"".join(parts)

    def _send(self, body: bytes, kind: str, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _frame(event: dict[str, Any]) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (event["type"].encode(), msgspec.json.encode(event))
