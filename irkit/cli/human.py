# SPDX-License-Identifier: Apache-2.0
"""The person's side of a proof: shown and typed on the terminal itself, never on stdin or stdout."""

import contextlib
import os
import termios
from collections.abc import Iterator
from typing import Any

from irkit.errors import NeedsHumanError
from irkit.guard import client
from irkit.home import Home

ANSWER_MAX_BYTES = 1024


def prove(home: Home, what: str) -> dict[str, Any]:
    """Ask the guard for a challenge and the person for the answer; returns the parameters that carry it.

    Raises NeedsHumanError when there is no terminal, or the guard takes nobody for a person here.
    """
    terminal = _terminal()
    try:
        challenge = client.call(home, "proof.challenge")
        if challenge["kind"] == "passphrase":
            answer = _ask(terminal, f"irkit: to {what}, type the operator passphrase: ", hidden=True)
        else:
            answer = _ask(terminal, f"irkit: to {what}, type {challenge['code']} : ", hidden=False)
    finally:
        os.close(terminal)
    return {"proof": {"id": challenge["ident"], "answer": answer}}


def ask_passphrase(prompt: str) -> str:
    """A passphrase from the terminal, without echo. Raises NeedsHumanError without one."""
    terminal = _terminal()
    try:
        return _ask(terminal, prompt, hidden=True)
    finally:
        os.close(terminal)


def _terminal() -> int:
    try:
        return os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError as error:
        raise NeedsHumanError(
            "no person is there: the command has no terminal", fix="run it on a terminal of yours"
        ) from error


def _ask(terminal: int, prompt: str, *, hidden: bool) -> str:
    os.write(terminal, prompt.encode("utf-8", "replace"))
    with _without_echo(terminal) if hidden else contextlib.nullcontext():
        answer = os.read(terminal, ANSWER_MAX_BYTES)
    if hidden:
        os.write(terminal, b"\n")
    return answer.decode("utf-8", "surrogateescape").rstrip("\r\n")


@contextlib.contextmanager
def _without_echo(terminal: int) -> Iterator[None]:
    before = termios.tcgetattr(terminal)
    quiet = termios.tcgetattr(terminal)
    quiet[3] &= ~termios.ECHO
    termios.tcsetattr(terminal, termios.TCSAFLUSH, quiet)
    try:
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSAFLUSH, before)
