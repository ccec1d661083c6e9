# SPDX-License-Identifier: Apache-2.0
"""The hooks' socket: framing, bounds and fairness. It decides nothing; `Gate` does.

One connection a call: `irkit-hook/1 AGENT EVENT NONCE LENGTH` and a newline, LENGTH raw bytes; then the answer.
Raw non-blocking sockets on the loop's selector: at 3,000 calls a second a stream object for each is what costs.

Bounds (threat T16): header size, time to deliver, connections in all, connections and waiting bytes per process
tree. Whoever exceeds his own is refused and reported; the others keep their place.
"""

import asyncio
import contextlib
import hashlib
import socket
import time
from collections import Counter
from typing import NamedTuple, Protocol

from irkit import limits
from irkit.agents.payload import Answer
from irkit.guard.descriptors import Reserve
from irkit.guard.peer import Peer

_MAGIC = b"irkit-hook/1"
_BROKEN = Answer(2, b"", b"irkit could not judge this call (a defect), so it is refused.\n")
_STARVED = Answer(2, b"", b"irkit's guard has no file descriptor left, so this call is refused.\n")
_REST_S = 0.05
"""How long nobody is taken after the descriptors ran out: some call ends meanwhile."""


class HookCall(NamedTuple):
    """One hook's request, whole."""

    agent: str
    event: str
    nonce: str
    data: bytes
    """The payload's bytes; empty when it was oversize."""
    size: int
    sha256: str
    """Set for an oversize payload only, whose bytes are not kept."""
    peer: Peer


class Gate(Protocol):
    """Who decides. All calls come from the guard's loop."""

    def peer(self, connection: socket.socket) -> Peer:
        """Who is at the other end, by the kernel."""
        ...

    def decide(self, call: HookCall) -> Answer | asyncio.Future[Answer]:
        """The answer now, or later for a large payload."""
        ...

    def answered(self, call: HookCall, *, delivered: bool) -> None:
        """After the answer left (or could not): time to act."""
        ...

    def flooded(self, peer: Peer, why: str) -> Answer:
        """A bound was exceeded; what to answer."""
        ...

    def vanished(self, peer: Peer) -> None:
        """A hook died before its request was whole."""
        ...


class _Connection:
    """A hook that is being heard."""

    __slots__ = ("buffer", "deadline", "digest", "fd", "head", "need", "peer", "seen", "sock")

    def __init__(self, sock: socket.socket, peer: Peer, deadline: float) -> None:
        self.sock = sock
        self.fd = sock.fileno()
        self.peer = peer
        self.deadline = deadline
        self.buffer = bytearray()
        self.head: tuple[str, str, str] | None = None
        self.need = -1
        self.seen = 0
        self.digest: hashlib._Hash | None = None


class HookServer:
    """Hears hooks and hands whole requests to the gate."""

    def __init__(self, gate: Gate, loop: asyncio.AbstractEventLoop) -> None:
        self._gate = gate
        self._loop = loop
        self._listening: socket.socket | None = None
        self._open: dict[int, _Connection] = {}
        self._trees: Counter[object] = Counter()
        self._bytes: Counter[object] = Counter()
        self._sweep: asyncio.TimerHandle | None = None
        self._reserve = Reserve()
        self.starved = 0
        """Hooks that were refused because no descriptor was left."""

    def start(self, listening: socket.socket) -> None:
        """Begin to hear."""
        listening.setblocking(False)
        self._listening = listening
        self._loop.add_reader(listening.fileno(), self._accept)

    def stop(self) -> None:
        """Hear nobody more; whoever waits gets end-of-file, which a hook takes for *guard down*."""
        if self._listening is not None:
            self._loop.remove_reader(self._listening.fileno())
            self._listening.close()
            self._listening = None
            self._reserve.close()
        for connection in tuple(self._open.values()):
            self._close(connection)

    def pending(self) -> tuple[Peer, ...]:
        """The hooks that wait for an answer right now."""
        return tuple(connection.peer for connection in self._open.values())

    def _accept(self) -> None:
        for _ in range(64):
            if self._listening is None:
                return
            try:
                sock, _ = self._listening.accept()
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                self._starve()
                return
            sock.setblocking(False)
            self._admit(sock)

    def _starve(self) -> None:
        """No descriptor is left: refuse who waits with the one in reserve, then rest instead of spinning."""
        listening = self._listening
        if listening is None:
            return
        for _ in range(64):
            if not self._reserve.refuse_one(listening, _STARVED.frame()):
                break
            self.starved += 1
        self._loop.remove_reader(listening.fileno())
        self._loop.call_later(_REST_S, self._hear_again)

    def _hear_again(self) -> None:
        if self._listening is not None:
            self._loop.add_reader(self._listening.fileno(), self._accept)

    def _admit(self, sock: socket.socket) -> None:
        try:
            peer = self._gate.peer(sock)
        except Exception as error:  # noqa: BLE001 - the seam: a hook is refused, never left to think that no guard runs
            self._loop.call_exception_handler({"message": "a hook's peer", "exception": error})
            with contextlib.suppress(OSError):
                sock.send(_BROKEN.frame())
            sock.close()
            return
        tree = peer.tree
        if len(self._open) >= limits.CONNECTIONS_MAX or self._trees[tree] >= limits.TREE_MAX_CONNECTIONS:
            answer = self._gate.flooded(peer, "too many hook connections at once")
            with contextlib.suppress(OSError):
                sock.send(answer.frame())
            sock.close()
            return
        connection = _Connection(sock, peer, time.monotonic() + limits.HOOK_DEADLINE_S)
        self._trees[tree] += 1
        self._open[connection.fd] = connection
        if self._sweep is None:
            self._sweep = self._loop.call_later(limits.HOOK_DEADLINE_S, self._expire)
        if not self._receive(connection):
            self._loop.add_reader(connection.fd, self._receive, connection)

    def _receive(self, connection: _Connection) -> bool:
        """Take what is there; True when the connection is done with."""
        try:
            while True:
                part = connection.sock.recv(262_144)
                if not part:
                    self._gate.vanished(connection.peer)
                    return self._close(connection)
                if self._heard(connection, part):
                    return True
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            self._gate.vanished(connection.peer)
            return self._close(connection)

    def _heard(self, connection: _Connection, part: bytes) -> bool:
        """Add bytes; True when the request was whole and is being answered, or was refused."""
        if connection.head is None:
            connection.buffer += part
            newline = connection.buffer.find(b"\n", 0, limits.HOOK_HEADER_MAX_BYTES)
            if newline < 0:
                if len(connection.buffer) < limits.HOOK_HEADER_MAX_BYTES:
                    return False
                return self._refuse(connection, "a hook request without a header")
            head = parse_header(bytes(connection.buffer[:newline]))
            if head is None:
                return self._refuse(connection, "a hook request with a malformed header")
            connection.head, connection.need = head[:3], head[3]
            part = bytes(connection.buffer[newline + 1 :])
            connection.buffer.clear()
            if connection.need > limits.PAYLOAD_MAX_BYTES:
                connection.digest = hashlib.sha256()
        connection.seen += len(part)
        if connection.digest is not None:
            connection.digest.update(part)
        else:
            connection.buffer += part
            self._bytes[connection.peer.tree] += len(part)
            if self._bytes[connection.peer.tree] > limits.TREE_MAX_PENDING_BYTES:
                return self._refuse(connection, "too many payload bytes at once")
        if connection.seen >= connection.need:
            self._decide(connection)
            return True
        return False

    def _decide(self, connection: _Connection) -> None:
        agent, event, nonce = connection.head or ("", "", "")
        digest = connection.digest.hexdigest() if connection.digest else ""
        data = bytes(memoryview(connection.buffer)[: connection.need])
        call = HookCall(agent, event, nonce, data, connection.need, digest, connection.peer)
        self._loop.remove_reader(connection.fd)
        try:
            answer = self._gate.decide(call)
        except Exception as error:  # noqa: BLE001 - the seam: one call's defect refuses that call
            self._loop.call_exception_handler({"message": "a hook's call", "exception": error})
            answer = _BROKEN
        if isinstance(answer, Answer):
            self._finish(connection, call, answer)
        else:
            answer.add_done_callback(
                lambda done: self._finish(connection, call, _BROKEN if done.exception() else done.result())
            )

    def _finish(self, connection: _Connection, call: HookCall, answer: Answer) -> None:
        if self._open.get(connection.fd) is not connection:
            return  # its time ran out meanwhile, and it was refused and reported then
        delivered = self._send(connection, answer)
        self._close(connection)
        self._gate.answered(call, delivered=delivered)

    def _send(self, connection: _Connection, answer: Answer) -> bool:
        frame = answer.frame()
        try:
            return connection.sock.send(frame) == len(frame)
        except OSError:
            return False

    def _refuse(self, connection: _Connection, why: str) -> bool:
        self._send(connection, self._gate.flooded(connection.peer, why))
        return self._close(connection)

    def _close(self, connection: _Connection) -> bool:
        if self._open.pop(connection.fd, None) is not None:
            tree = connection.peer.tree
            self._trees[tree] -= 1
            self._bytes[tree] -= len(connection.buffer)
            if self._trees[tree] <= 0:
                del self._trees[tree]
                self._bytes.pop(tree, None)
            self._loop.remove_reader(connection.fd)
            connection.sock.close()
        return True

    def _expire(self) -> None:
        """Close who dawdles; runs only while somebody is being heard."""
        self._sweep = None
        now = time.monotonic()
        for connection in tuple(self._open.values()):
            if connection.deadline <= now:
                self._refuse(connection, "a hook request that took too long")
        if self._open:
            self._sweep = self._loop.call_later(limits.HOOK_DEADLINE_S / 2, self._expire)


def parse_header(line: bytes) -> tuple[str, str, str, int] | None:
    """`irkit-hook/1 AGENT EVENT NONCE LENGTH` without its newline -> its parts, None when it is anything else."""
    part = line.split(b" ")
    if len(part) != 5 or part[0] != _MAGIC or not part[4].isdigit() or len(part[4]) > 12:
        return None
    try:
        agent, event, nonce = (p.decode("ascii") for p in part[1:4])
    except UnicodeDecodeError:
        return None
    if not (agent and event and nonce):
        return None
    return agent, event, nonce, int(part[4])
