# SPDX-License-Identifier: Apache-2.0
"""Ask the human at this terminal to prove to be one.

Everything goes through /dev/tty, never stdin or stdout: what an agent pipes in proves nothing. The person reads what
will be done before the code or the passphrase is asked for.
"""

import contextlib
import os
import termios
import time
from collections.abc import Iterator

from irkit import limits
from irkit.agents.facts import recognise
from irkit.errors import NeedsHumanError
from irkit.guard import client
from irkit.guard.proof import Proofs
from irkit.home import Home
from irkit.report import safe
from irkit.respond import procfs


class Terminal:
    """The controlling terminal, open for reading and writing."""

    def __init__(self, descriptor: int) -> None:
        self._tty = descriptor

    def say(self, text: str) -> None:
        """Show text, as it is."""
        os.write(self._tty, text.encode("utf-8", "replace"))

    def ask(self, question: str) -> str:
        """A line that the person types, seen as it is typed."""
        termios.tcflush(
            self._tty, termios.TCIFLUSH
        )  # what was typed ahead answers no question that came later
        self.say(question)
        line = os.read(self._tty, 4 * limits.PASSPHRASE_MAX_CHARS)
        if not line:
            raise NeedsHumanError("no answer was typed", fix="try again")
        return line.decode("utf-8", "replace").rstrip("\r\n")

    def ask_unseen(self, question: str) -> str:
        """A line that the person types without seeing it."""
        before = termios.tcgetattr(self._tty)
        silent = termios.tcgetattr(self._tty)
        silent[3] &= ~termios.ECHO
        termios.tcsetattr(self._tty, termios.TCSAFLUSH, silent)
        try:
            return self.ask(question)
        finally:
            termios.tcsetattr(self._tty, termios.TCSAFLUSH, before)
            self.say("\n")


@contextlib.contextmanager
def terminal() -> Iterator[Terminal]:
    """The terminal of this process. Raises NeedsHumanError when it has none."""
    try:
        descriptor = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError as error:
        raise NeedsHumanError("nobody is there to prove it", fix="run it on a terminal of yours") from error
    try:
        yield Terminal(descriptor)
    finally:
        os.close(descriptor)


def prove(home: Home, what: str) -> dict[str, dict[str, str]]:
    """Parameters that carry the proof for the next call. `what` says, on one line, what will be done.

    Raises NeedsHumanError when nobody is there or the guard sees an agent here; else as `client.call`.
    """
    with terminal() as person:
        asked = client.call(home, "proof.challenge", {})
        answer = _answer(person, what, asked["kind"], str(asked["code"]))
    return {"proof": {"id": str(asked["ident"]), "answer": answer}}


def local_proof(home: Home, what: str) -> None:
    """The same without a guard, by what this process sees itself. Raises NeedsHumanError.

    It stops an agent that follows its rules; what runs here could also leave this call out.
    """
    pid = os.getpid()
    proofs = Proofs(
        monotonic=time.monotonic,
        passphrase_file=os.path.join(home.keys, "operator"),
        is_watched=_is_agent,
        watched_ttys=_terminals_of_agents,
    )
    with terminal() as person:
        asked = proofs.challenge(pid)
        answer = _answer(person, what, asked.kind, asked.code)
    if not proofs.accept(pid, {"id": asked.ident, "answer": answer}):
        raise NeedsHumanError(f"that is not the {asked.kind}", fix="try again")


def ask_passphrase(question: str) -> str:
    """A passphrase that the person types unseen. Raises NeedsHumanError when nobody is there."""
    with terminal() as person:
        return person.ask_unseen(question)


def _answer(person: Terminal, what: str, kind: str, code: str) -> str:
    person.say(f"irkit will {safe.terminal(what)}\n")
    if kind == "passphrase":
        return person.ask_unseen("Operator passphrase: ")
    return person.ask(f"To confirm, type {safe.terminal(code, 20)}: ")


def _is_agent(pid: int) -> bool:
    return bool(recognise(procfs.exe(pid) or "", procfs.argv(pid) or []))


def _terminals_of_agents() -> frozenset[int]:
    procs = procfs.snapshot().values()
    return frozenset(proc.tty for proc in procs if proc.tty and not proc.dead and _is_agent(proc.pid))
