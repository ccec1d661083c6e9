# SPDX-License-Identifier: Apache-2.0
"""Tell the guard what was done without it: best effort, after the signals, 200 ms at the most.

Kill path: standard library only; `_socket`, because `socket` brings enum.

One JSON-RPC 2.0 notification-like call on guard.sock, method `acted`, with these parameters:
`protocol` 1 · `act` freeze|kill|latch · `sessions` the ids it was for · `all` whether it was for all ·
`stopped` [[pid, start], …] agents first: what may be continued · `foreground` as stopped: who held a terminal ·
`dead` [[pid, start], …] · `survivors` likewise · `verdict` the kill's, or null · `pid` who acted ·
`journal` the id of the journal's records · `reason` as typed.
Unauthenticated beyond the peer's uid: the guard asks the kernel before it believes any of it.
"""

from __future__ import annotations

import _socket
import os

from irkit import limits
from irkit.home import Home
from irkit.respond.journal import to_json


def tell_guard(home: Home, acted: dict[str, object]) -> bool:
    """Whether a guard answered."""
    line = to_json({"jsonrpc": "2.0", "id": 1, "method": "acted", "params": {"protocol": 1, **acted}}) + "\n"
    try:
        folder = os.open(home.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return False
    guard = None
    try:
        guard = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
        guard.settimeout(limits.TELL_GUARD_MAX_S)
        short = f"/proc/self/fd/{folder}/guard.sock"  # a home may lie deeper than an address is long
        guard.connect(short if os.path.exists(short) else home.guard_socket)
        guard.sendall(line.encode())
        return bool(guard.recv(1))
    except OSError:
        return False
    finally:
        if guard is not None:
            guard.close()
        os.close(folder)
