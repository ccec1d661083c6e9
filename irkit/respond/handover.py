# SPDX-License-Identifier: Apache-2.0
"""A kill that runs inside its own target hands itself to a detached process first.

Kill path: standard library only.

The detached process is started anew, in a session of its own, without the agents' marks in its environment: so
neither this kill nor one that runs beside it takes it for a member. It keeps the terminal's descriptors, reports
there, and sends its exit code back to whoever is still there to hear it.
"""

from __future__ import annotations

import os
import sys

from irkit import exit_codes
from irkit.agents.facts import MARKERS

_BACK = "IRKIT_HANDED_OVER"
"""In the detached process: the descriptor for its exit code. Whoever sets it only spares what is above itself."""

_FROM = "IRKIT_ASKED_FROM"
"""In the detached process: the pid that handed over. Nobody above it is taken for the culprit (threat T27)."""


def asked_from() -> int:
    """Who handed over to this process, 0 when nobody did."""
    text = os.environ.get(_FROM, "") if handed_over() else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def handed_over() -> bool:
    """Whether this is the detached process."""
    return _BACK in os.environ


def hand_over() -> int | None:
    """Start the detached process and wait for its exit code. None when no process can be started: go on here.

    The wait usually has no end: this process is in the tree that is about to be stopped.
    """
    asking = os.getpid()
    try:
        inward, outward = os.pipe()
        child = os.fork()
    except OSError:  # the process limit is reached, or no descriptor is left
        return None
    if child == 0:
        _detach(outward, asking)
    os.close(outward)
    os.waitpid(child, 0)
    answer = b""
    while part := os.read(inward, 16):
        answer += part
    os.close(inward)
    return int(answer) if answer.isdigit() else exit_codes.SURVIVOR


def report_back(code: int) -> None:
    """Send the exit code to the process that handed over, if it lives."""
    text = os.environ.pop(_BACK, "")
    if text.isdigit():
        try:
            os.write(int(text), str(code).encode())
            os.close(int(text))
        except OSError:
            return


def _detach(outward: int, asking: int) -> None:
    """In the child: leave the session, orphan oneself, start anew. Never returns."""
    try:
        os.setsid()
        if os.fork():
            os._exit(0)
        marks = {name for _, name, _ in MARKERS}
        env = {name: value for name, value in os.environ.items() if name not in marks}
        os.set_inheritable(outward, True)
        os.execve(sys.executable, sys.orig_argv, {**env, _BACK: str(outward), _FROM: str(asking)})  # noqa: S606 - itself, again
    finally:
        os._exit(exit_codes.SURVIVOR)
