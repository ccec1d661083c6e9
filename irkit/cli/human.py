# SPDX-License-Identifier: Apache-2.0
"""The client's half of a proof of a human: says on the terminal what will be done, and reads the answer there.

Rules:
- It talks to /dev/tty and to nothing else: a pipe or a file on stdin proves nothing, and stdout stays data.
- What was typed before the question is thrown away.
- A passphrase is read without echo; the terminal is put back whatever happens.
It never decides: the guard checks place and answer. Where no guard is needed, `local_proof` makes the same checks with
its own view, which stops an agent that follows its rules and nobody else.
"""

import contextlib
import os
import select
import termios
import time
from collections.abc import Iterator
from typing import Any

from irkit import limits
from irkit.agents.facts import recognise
from irkit.errors import IrkitError, NeedsHumanError
from irkit.guard import client
from irkit.guard.proof import ELSEWHERE, Proofs
from irkit.home import Home
from irkit.report import safe
from irkit.respond import procfs

_LINE_MAX = 4096


def prove(home: Home, what: str) -> dict[str, Any]:
    """Parameters that carry the proof to the guard. `what` says in words what will be done.

    Raises NeedsHumanError where nobody can answer, GuardUnreachableError without a guard.
    """
    with _terminal() as tty:
        asked = client.call(home, "proof.challenge")
        return {"proof": {"id": asked["id"], "answer": _answer(tty, what, asked)}}


def local_proof(home: Home, what: str) -> None:
    """The same without a guard. Raises NeedsHumanError when nobody proves to be a human."""
    proofs = Proofs(
        monotonic=time.monotonic,
        passphrase_file=os.path.join(home.keys, "operator"),
        method="auto",
        is_watched=_is_agent,
        watched_ttys=_ttys_of_agents,
    )
    with _terminal() as tty:
        asked = proofs.challenge(os.getpid())
        shown = {"kind": asked.kind, "code": asked.code, "seconds": asked.seconds}
        proofs.accept(os.getpid(), {"id": asked.id, "answer": _answer(tty, what, shown)})


def ask_hidden(question: str) -> str:
    """A line from the terminal, without echo. Raises NeedsHumanError."""
    with _terminal() as tty:
        return _hidden_line(tty, question, limits.PROOF_CODE_LIFE_S)


def _answer(tty: int, what: str, asked: dict[str, Any]) -> str:
    _say(tty, f"irkit: about to {safe.terminal(what, 300)}\n")
    if asked["kind"] == "passphrase":
        return _hidden_line(tty, "operator passphrase: ", asked["seconds"])
    return _line(tty, f"type {safe.terminal(asked['code'], 20)} to go on: ", asked["seconds"])


@contextlib.contextmanager
def _terminal() -> Iterator[int]:
    try:
        tty = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError as error:
        raise NeedsHumanError(
            "this needs proof of a human, and here is no terminal", fix=ELSEWHERE
        ) from error
    try:
        yield tty
    finally:
        os.close(tty)


def _hidden_line(tty: int, question: str, seconds: float) -> str:
    before = termios.tcgetattr(tty)
    quiet = [*before[:3], before[3] & ~(termios.ECHO | termios.ECHOE | termios.ECHOK), *before[4:]]
    quiet[3] |= termios.ECHONL | termios.ICANON
    try:
        termios.tcsetattr(tty, termios.TCSAFLUSH, quiet)
        return _line(tty, question, seconds)
    finally:
        termios.tcsetattr(tty, termios.TCSADRAIN, before)


def _line(tty: int, question: str, seconds: float) -> str:
    termios.tcflush(tty, termios.TCIFLUSH)
    _say(tty, question)
    if not select.select([tty], [], [], seconds)[0]:
        _say(tty, "\n")
        raise NeedsHumanError(f"nobody answered in {seconds:.0f} s", fix="run the command again")
    typed = os.read(tty, _LINE_MAX)
    if not typed.endswith(b"\n"):
        raise NeedsHumanError("the line was broken off", fix="run the command again")
    return typed[:-1].decode("utf-8", "surrogateescape").rstrip("\r")


def _say(tty: int, text: str) -> None:
    try:
        os.write(tty, text.encode("utf-8", "replace"))
    except OSError as error:
        raise IrkitError(f"the terminal takes no text ({error.strerror})", fix=ELSEWHERE) from error


def _is_agent(pid: int) -> bool:
    return bool(recognise(procfs.exe(pid) or "", procfs.argv(pid) or []))


def _ttys_of_agents() -> frozenset[int]:
    procs = procfs.snapshot().values()
    return frozenset(proc.tty for proc in procs if proc.tty and not proc.dead and _is_agent(proc.pid))
