# SPDX-License-Identifier: Apache-2.0
"""The guard API, seen from a client: one newline-ended JSON-RPC 2.0 request, one answer."""

import contextlib
import os
import socket
from collections.abc import Iterator
from typing import Any

import msgspec

from irkit import exit_codes, limits
from irkit.errors import GuardUnreachableError, IrkitError
from irkit.home import Home

PROTOCOL = 1
"""Sent with every call; a guard accepts this and the one before."""
DEFAULT_TIMEOUT_S = 10.0


class GuardRefusedError(IrkitError):
    """The guard understood and said no. `exit_code` is the one that it gave."""

    def __init__(self, what: str, *, exit_code: int, fix: str = "") -> None:
        super().__init__(what, fix=fix)
        self.exit_code = exit_code


def call(
    home: Home, method: str, params: dict[str, Any] | None = None, *, timeout_s: float = DEFAULT_TIMEOUT_S
) -> Any:
    """Ask the guard of this home.

    Raises GuardUnreachableError when none answers within `timeout_s`, GuardRefusedError when it says no.
    """
    request = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": method,
        "params": {"protocol": PROTOCOL, **(params or {})},
    }
    try:
        with _connected(home, timeout_s) as guard:
            guard.sendall(msgspec.json.encode(request) + b"\n")
            line = _line(guard)
    except (OSError, TimeoutError) as error:
        raise GuardUnreachableError(
            f"the guard of {home.path} does not answer ({error.strerror or error})",
            fix="start it with `irkit guard`",
        ) from error
    try:
        answer = msgspec.json.decode(line)
    except msgspec.DecodeError as error:
        raise GuardUnreachableError(
            "the guard's answer is not JSON", fix="restart it with `irkit guard`"
        ) from error
    if "error" in answer:
        data = answer["error"].get("data") or {}
        raise GuardRefusedError(
            answer["error"].get("message", "refused"),
            exit_code=data.get("exit_code", exit_codes.BAD_INPUT),
            fix=data.get("fix", ""),
        )
    return answer["result"]


@contextlib.contextmanager
def _connected(home: Home, timeout_s: float) -> Iterator[socket.socket]:
    """Connect by a short path: a home may lie deeper than a socket address is long."""
    guard = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    guard.settimeout(timeout_s)
    try:
        folder = os.open(home.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            if os.path.isdir(f"/proc/self/fd/{folder}"):
                guard.connect(f"/proc/self/fd/{folder}/guard.sock")
            else:
                guard.connect(home.guard_socket)
        finally:
            os.close(folder)
        yield guard
    finally:
        guard.close()


def _line(guard: socket.socket) -> bytes:
    parts = []
    size = 0
    while size < 64 * limits.RPC_LINE_MAX_BYTES:
        part = guard.recv(65536)
        if not part:
            break
        parts.append(part)
        size += len(part)
        if part.endswith(b"\n"):
            break
    if not parts or not parts[-1].endswith(b"\n"):
        raise ConnectionError("the connection closed before the answer")
    return b"".join(parts)
