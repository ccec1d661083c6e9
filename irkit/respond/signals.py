# SPDX-License-Identifier: Apache-2.0
"""One signal to one very process: the only place in irkit that signals.

Kill path: standard library only (`_signal`, because `signal` brings enum, which costs 2 ms).

Rules:
- By identity: a descriptor of the process is opened, then its start time is read, then the descriptor is
  signalled. A later process of the same number is never hit.
- Never pid 0 or 1, never a group, never a negative number.
- A failure is a word to report, never an exception.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # the C module below `signal`; typeshed does not list it
import os

from irkit.respond import procfs

CONT: int = getattr(_signal, "SIGCONT", 18)
KILL: int = getattr(_signal, "SIGKILL", 9)
STOP: int = getattr(_signal, "SIGSTOP", 19)

SENT = ""
GONE = "gone"
"""The process had ended, or its number is another's by now: nothing was sent."""


def send(pid: int, start: int, signum: int) -> str:
    """Signal the process (pid, start). Returns SENT, GONE, or why the kernel refused."""
    if pid <= 1:
        return "never signalled"
    try:
        if not hasattr(os, "pidfd_open"):
            return _send_by_number(pid, start, signum)
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return GONE
    except OSError as error:
        # No descriptor to be had, or a kernel or sandbox without pidfds: a small race is better than no stop.
        return _send_by_number(pid, start, signum) if error.errno not in _NO else str(error.strerror)
    try:
        if procfs.start_of(pid) != start:
            return GONE
        _signal.pidfd_send_signal(handle, signum)
    except ProcessLookupError:
        return GONE
    except OSError as error:
        return str(error.strerror)
    finally:
        os.close(handle)
    return SENT


_NO = (1, 13)  # EPERM, EACCES


def _send_by_number(pid: int, start: int, signum: int) -> str:
    """Where there are no pidfds: compare, then signal at once."""
    if procfs.start_of(pid) != start:
        return GONE
    try:
        os.kill(pid, signum)
    except ProcessLookupError:
        return GONE
    except OSError as error:
        return str(error.strerror)
    return SENT


def shield() -> None:
    """Let no signal of a terminal interrupt what follows: neither Ctrl-C, nor its closing, nor a closed pipe."""
    for name in ("SIGINT", "SIGHUP", "SIGTERM", "SIGPIPE", "SIGTTOU", "SIGTSTP"):
        if hasattr(_signal, name):
            _signal.signal(getattr(_signal, name), _signal.SIG_IGN)


def interruptible(on: bool) -> None:
    """Let Ctrl-C through as KeyboardInterrupt, or not."""
    _signal.signal(_signal.SIGINT, _signal.default_int_handler if on else _signal.SIG_IGN)
