# SPDX-License-Identifier: Apache-2.0
"""The guard API's server: newline JSON-RPC 2.0 on `guard.sock`, for the same user (or root) only.

Methods are plain functions `(params, peer) -> result`; an IrkitError becomes an error answer with its exit code
and its fix. Protocol N-1 is accepted. A slow or silent client holds nobody up.
"""

import asyncio
import os
import socket
import struct
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

import msgspec

from irkit import limits
from irkit.errors import IrkitError
from irkit.guard.client import PROTOCOL


class Caller(NamedTuple):
    """Who is at the other end, by the kernel. `pid` 0 where the platform does not tell."""

    pid: int
    uid: int


Method = Callable[[dict[str, Any], Caller], Any | Awaitable[Any]]


def caller_of(connection: socket.socket) -> Caller:
    """SO_PEERCRED on Linux; elsewhere only the folder's mode protects, and nobody is named."""
    if sys.platform == "linux":
        size = struct.calcsize("3i")
        pid, uid, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
        return Caller(pid, uid)
    return Caller(0, os.getuid())


class RpcServer:
    """Serves one table of methods on one listening socket."""

    def __init__(
        self,
        methods: Mapping[str, Method],
        defect: Callable[[str, Exception], object] = lambda _name, _error: None,
    ) -> None:
        self._methods = methods
        self._defect = defect
        self._server: asyncio.Server | None = None

    async def start(self, listening: socket.socket) -> None:
        """Begin to answer."""
        self._server = await asyncio.start_unix_server(
            self._serve, sock=listening, limit=limits.RPC_LINE_MAX_BYTES
        )

    async def stop(self) -> None:
        """Accept nobody more."""
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        caller = caller_of(writer.get_extra_info("socket"))
        try:
            if caller.uid not in {0, os.getuid()}:
                return
            while line := await asyncio.wait_for(reader.readline(), 60):
                writer.write(await self._answer(line, caller) + b"\n")
                await writer.drain()
        except (OSError, ValueError, TimeoutError):
            return
        finally:
            writer.close()

    async def _answer(self, line: bytes, caller: Caller) -> bytes:
        ident: Any = None
        request: dict[str, Any] = {}
        try:
            request = msgspec.json.decode(line, type=dict[str, Any])
            ident = request.get("id")
            method = self._methods.get(str(request.get("method")))
            if method is None:
                return _error(ident, -32601, f"no method {request.get('method')!r}")
            params = _params(request)
            result = method(params, caller)
            if asyncio.iscoroutine(result):
                result = await result
        except msgspec.DecodeError as error:
            return _error(ident, -32700, f"not a JSON object: {error}")
        except IrkitError as error:
            data = {"exit_code": error.exit_code, "fix": error.fix}
            text = f"{error.where}: {error.what}" if error.where else error.what
            return _error(ident, -32000, text, data)
        except Exception as error:  # noqa: BLE001 - the seam: one method's defect must not end the guard
            self._defect(str(request.get("method")), error)
            return _error(ident, -32603, f"a defect in the guard: {type(error).__name__}: {error}"[:300])
        return msgspec.json.encode({"jsonrpc": "2.0", "id": ident, "result": result})


def _params(request: dict[str, Any]) -> dict[str, Any]:
    params = request.get("params") or {}
    if not isinstance(params, dict):
        raise IrkitError("params must be an object")
    protocol = params.pop("protocol", PROTOCOL)
    if protocol not in {PROTOCOL, PROTOCOL - 1}:
        raise IrkitError(f"protocol {protocol} is not spoken here", fix="update irkit on the older side")
    return params


def _error(ident: Any, code: int, message: str, data: dict[str, Any] | None = None) -> bytes:
    body: dict[str, Any] = {"code": code, "message": message}
    if data:
        body["data"] = data
    return msgspec.json.encode({"jsonrpc": "2.0", "id": ident, "error": body})
