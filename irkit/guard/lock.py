# SPDX-License-Identifier: Apache-2.0
"""One guard per home, and never one inside an agent."""

import fcntl
import os

from irkit.agents.facts import marker_of
from irkit.errors import IrkitError, NotPermittedError
from irkit.guard.peer import PeerFinder
from irkit.home import Home
from irkit.respond import procfs


class HomeLock:
    """Held while the guard runs; the kernel frees it however the guard ends."""

    def __init__(self, home: Home) -> None:
        self._file = os.open(home.lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(self._file, 64, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(self._file)
            raise IrkitError(
                f"pid {holder} already guards this home",
                where=home.path,
                fix="see it with `irkit status`, or set IRKIT_HOME to another home",
            ) from error
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let another guard start."""
        os.close(self._file)


def refuse_inside_agent(finder: PeerFinder, environ: bytes) -> None:
    """Raise NotPermittedError when this process is an agent's: what it guards could stop it, and would be its parent.

    `environ` is this process's own, NUL-separated.
    """
    agent, process = finder.nearest_agent(os.getppid())
    marks = [name for name, _ in marker_of(environ)]
    if not agent and not marks:
        return
    where = f"below {agent} (pid {process.pid})" if process else f"with the environment of {marks[0]}"
    raise NotPermittedError(
        f"the guard was started {where}, which it is meant to watch",
        fix='start it from a terminal of yours: env -i HOME="$HOME" PATH="$PATH" TERM="$TERM" irkit guard',
    )


def own_environment() -> bytes:
    """This process's environment as the kernel keeps it, else as Python has it."""
    found = procfs.environ(os.getpid())
    return found if found is not None else b"\0".join(b"%s=%s" % pair for pair in os.environb.items())
