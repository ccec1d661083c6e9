# SPDX-License-Identifier: Apache-2.0
"""File descriptors: as many as the machine allows within reason, and one in reserve for the day they run out.

With none left a hook could not even be told no: it would wait for its deadline, and the loop would spin on a
connection that it cannot take. The reserve is given up for a moment, to take the connection, refuse it and close it.
"""

import contextlib
import os
import resource
import socket

WANTED = 65_536
"""Descriptors that a guard asks for: its bound on connections, agents' pidfds, and what its threads open."""


def raise_limit(wanted: int = WANTED) -> int:
    """Raise this process's soft limit as far as the hard one and `wanted` allow; what it is then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    top = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
    if soft != resource.RLIM_INFINITY and soft < top:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (top, hard))
            return top
    return soft


class Reserve:
    """One descriptor that is held for nothing else."""

    def __init__(self) -> None:
        self._held = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)

    def refuse_one(self, listening: socket.socket, answer: bytes) -> bool:
        """Give the reserve up, answer one waiting connection with it and close it; whether there was one."""
        if self._held >= 0:
            os.close(self._held)
            self._held = -1
        taken = False
        with contextlib.suppress(OSError):
            waiting, _ = listening.accept()
            taken = True
            with waiting, contextlib.suppress(OSError):
                waiting.setblocking(False)
                waiting.send(answer)
        with contextlib.suppress(OSError):  # somebody was faster: tried again the next time
            self._held = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        return taken

    def close(self) -> None:
        """Let go of it."""
        if self._held >= 0:
            os.close(self._held)
            self._held = -1
