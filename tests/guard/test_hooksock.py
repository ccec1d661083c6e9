# SPDX-License-Identifier: Apache-2.0
"""The hooks' socket over real sockets: framing, bounds, and that one flooding tree does not cost the others."""

import asyncio
import hashlib
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irkit import limits
from irkit.agents.payload import ALLOW, Answer
from irkit.guard.hooksock import HookCall, HookServer, parse_header
from irkit.guard.peer import Peer
from irkit.incident.session import ProcessId


class RecordingGate:
    """Answers with the payload's size; everyone is in the tree that its connection order says."""

    def __init__(self, trees: int = 1) -> None:
        self.calls: list[HookCall] = []
        self.flooding: list[str] = []
        self.lost: list[Peer] = []
        self.undelivered = 0
        self.later: asyncio.Future[Answer] | None = None
        self._trees = trees
        self._seen = 0

    def peer(self, connection: socket.socket) -> Peer:
        self._seen += 1
        return Peer(1, 1, os.getuid(), "codex", ProcessId(1 + self._seen % self._trees, 1))

    def decide(self, call: HookCall) -> Answer | asyncio.Future[Answer]:
        self.calls.append(call)
        return self.later or Answer(0, str(call.size).encode(), b"")

    def answered(self, call: HookCall, *, delivered: bool) -> None:
        self.undelivered += not delivered

    def flooded(self, peer: Peer, why: str) -> Answer:
        self.flooding.append(why)
        return Answer(2, b"", b"flood")

    def vanished(self, peer: Peer) -> None:
        self.lost.append(peer)


@contextmanager
def served(gate: RecordingGate, folder: Path) -> Iterator[tuple[HookServer, str]]:
    path = str(folder / "h")
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listening.bind(path)
    listening.listen(512)
    server = HookServer(gate, asyncio.get_running_loop())
    server.start(listening)
    try:
        yield server, path
    finally:
        server.stop()


async def ask(path: str, data: bytes) -> bytes:
    reader, writer = await asyncio.open_unix_connection(path)
    with suppress(OSError):
        writer.write(data)
        await writer.drain()
    answer = b""
    with suppress(OSError):
        answer = await reader.read()
    writer.close()
    return answer


def request(data: bytes, event: str = "PreToolUse") -> bytes:
    return b"irkit-hook/1 codex %s n0 %d\n" % (event.encode(), len(data)) + data


def test_whole_requests_are_answered_however_they_arrive(tmp_path: Path) -> None:
    async def scenario() -> None:
        gate = RecordingGate()
        with served(gate, tmp_path) as (_, path):
            assert await ask(path, request(b"{}")) == b"0 1 0\n2"
            reader, writer = await asyncio.open_unix_connection(path)
            for byte in request(b"slow"):
                writer.write(bytes([byte]))
                await asyncio.sleep(0)
            assert await reader.read() == b"0 1 0\n4"
            writer.close()
            big = b"x" * 900_000
            assert await ask(path, request(big)) == b"0 6 0\n900000"
        assert [call.data for call in gate.calls] == [b"{}", b"slow", big]
        assert gate.undelivered == 0

    asyncio.run(scenario())


def test_an_oversize_payload_is_hashed_and_not_kept(tmp_path: Path) -> None:
    async def scenario() -> None:
        gate = RecordingGate()
        data = b"y" * (limits.PAYLOAD_MAX_BYTES + 1)
        with served(gate, tmp_path) as (_, path):
            await ask(path, request(data))
        (call,) = gate.calls
        assert (call.data, call.size, call.sha256) == (b"", len(data), hashlib.sha256(data).hexdigest())

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "junk", [b"GET / HTTP/1.1\r\n\r\n", b"irkit-hook/2 a b c 1\nx", b"irkit-hook/1 a b c -1\n", b"z" * 5000]
)
def test_what_is_no_request_is_refused_and_reported(tmp_path: Path, junk: bytes) -> None:
    async def scenario() -> None:
        gate = RecordingGate()
        with served(gate, tmp_path) as (_, path):
            assert await ask(path, junk) in {b"2 0 5\nflood", b""}  # the kernel may reset what was not read
        assert len(gate.flooding) == 1
        assert gate.calls == []

    asyncio.run(scenario())


def test_a_hook_that_dies_before_its_request_is_whole_is_reported(tmp_path: Path) -> None:
    async def scenario() -> None:
        gate = RecordingGate()
        with served(gate, tmp_path) as (_, path):
            _, writer = await asyncio.open_unix_connection(path)
            writer.write(b"irkit-hook/1 codex PreToolUse n0 100\nhalf")
            await writer.drain()
            writer.close()
            for _ in range(200):
                if gate.lost:
                    break
                await asyncio.sleep(0.01)
        assert len(gate.lost) == 1

    asyncio.run(scenario())


def test_a_dawdler_is_refused_at_the_deadline(tmp_path: Path) -> None:
    async def scenario() -> None:
        gate = RecordingGate()
        with served(gate, tmp_path) as (_, path):
            reader, writer = await asyncio.open_unix_connection(path)
            writer.write(b"irkit-hook/1 cod")
            assert await asyncio.wait_for(reader.read(), 10) == b"2 0 5\nflood"
            writer.close()
        assert gate.flooding == ["a hook request that took too long"]

    asyncio.run(scenario())


def test_one_tree_cannot_take_the_others_places(tmp_path: Path) -> None:
    async def scenario() -> None:
        gate = RecordingGate()
        with served(gate, tmp_path) as (_, path):
            held = [await asyncio.open_unix_connection(path) for _ in range(limits.TREE_MAX_CONNECTIONS + 20)]
            await asyncio.sleep(0.1)
            assert len(gate.flooding) == 20
            gate._trees, gate._seen = 2, 0  # whoever comes now is of another tree
            assert await ask(path, request(b"me too")) == b"0 1 0\n6"
            for _, writer in held:
                writer.close()

    asyncio.run(scenario())


def test_an_answer_may_come_later(tmp_path: Path) -> None:
    async def scenario() -> None:
        gate = RecordingGate()
        gate.later = asyncio.get_running_loop().create_future()
        with served(gate, tmp_path) as (server, path):
            asking = asyncio.ensure_future(ask(path, request(b"{}")))
            while not gate.calls:
                await asyncio.sleep(0.01)
            assert len(server.pending()) == 1
            gate.later.set_result(ALLOW)
            assert await asking == b"0 0 0\n"
            assert server.pending() == ()

    asyncio.run(scenario())


@given(st.binary(max_size=600))
def test_no_header_raises(line: bytes) -> None:
    parsed = parse_header(line)
    if parsed is not None:
        assert (
            line == b"irkit-hook/1 %s %s %s " % tuple(p.encode() for p in parsed[:3]) + line.split(b" ")[-1]
        )


@given(st.text("abcXYZ.-_", min_size=1), st.integers(0, 10**12 - 1))
def test_headers_round_trip(word: str, length: int) -> None:
    assert parse_header(f"irkit-hook/1 {word} {word} {word} {length}".encode()) == (word, word, word, length)
