# SPDX-License-Identifier: Apache-2.0
"""What a service manager hands to the guard: its two listening sockets, and an ear for how it is (systemd's protocol).

Rules:
- The variables are taken out of the environment, so that nothing that the guard starts inherits them.
- What is handed over by mistake is closed, never used: a socket has to have our name, our kind, and be listening.
- Telling never raises and never waits: a full or missing ear is nobody's reason to stop guarding.
"""

import contextlib
import os
import socket
from collections.abc import MutableMapping

FIRST = 3
"""Number of the first descriptor that is handed over (sd_listen_fds)."""
MOST = 16
"""More are never looked at."""
HOOK, GUARD = "irkit-hook", "irkit-guard"
"""FileDescriptorName of each socket."""


class Handed:
    """Read once at start, from the environment that is given."""

    def __init__(self, environ: MutableMapping[str, str]) -> None:
        mine = environ.pop("LISTEN_PID", "") == str(os.getpid())
        count, names = environ.pop("LISTEN_FDS", ""), environ.pop("LISTEN_FDNAMES", "")
        self.sockets = _sockets(int(count), names) if mine and count.isdigit() else {}
        """Our sockets by name, of those that were handed over."""
        self._ear = environ.pop("NOTIFY_SOCKET", "")
        wanted, whom = environ.pop("WATCHDOG_USEC", ""), environ.pop("WATCHDOG_PID", "")
        watched = wanted.isdigit() and whom in {"", str(os.getpid())}
        self.watchdog_s = int(wanted) / 1e6 if watched else 0.0
        """How often it wants to hear that the guard lives, 0 for never."""

    def tell(self, state: str) -> bool:
        """Say `READY=1`, `STOPPING=1` or `WATCHDOG=1`; whether somebody took it."""
        if not self._ear:
            return False
        address = "\0" + self._ear[1:] if self._ear.startswith("@") else self._ear
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as mouth:
            mouth.setblocking(False)
            try:
                mouth.sendto(state.encode(), address)
            except (OSError, ValueError):
                return False
        return True


def _sockets(count: int, names: str) -> dict[str, socket.socket]:
    found: dict[str, socket.socket] = {}
    given = names.split(":")
    for number in range(min(count, MOST)):
        name = given[number] if number < len(given) else ""
        descriptor = FIRST + number
        with contextlib.suppress(OSError):
            os.set_inheritable(descriptor, False)
            if name in {HOOK, GUARD} and name not in found and (sock := _listening(descriptor)):
                found[name] = sock
            else:
                os.close(descriptor)
    return found


def _listening(descriptor: int) -> socket.socket | None:
    """The socket behind a descriptor, when it is one that hears local streams."""
    try:
        sock = socket.socket(fileno=descriptor)
    except OSError:
        return None
    local = sock.family == socket.AF_UNIX and sock.type == socket.SOCK_STREAM
    if local and sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        sock.setblocking(False)
        return sock
    sock.detach()
    return None
