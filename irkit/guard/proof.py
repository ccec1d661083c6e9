# SPDX-License-Identifier: Apache-2.0
"""Proof of a human, first form: the operator's passphrase, or a code typed back on a terminal that no agent has.

Rules (threat T1; ancestry alone never decides):
- The caller needs a controlling terminal. It must not be one that a watched agent holds, nor may the caller or anything
  above it belong to a watched tree.
- A challenge is good once, for 60 s, and for the very process that asked for it.
- Five wrong answers in a minute, and nothing is accepted for a minute.
Limit: without a passphrase this tells a person from an agent only by the terminal. An agent that can type into another
terminal of the same user (tmux, a window's remote control) passes; docs/threat-model.md says so.
"""

import hashlib
import hmac
import os
import secrets
from collections import deque
from collections.abc import Callable
from typing import Any

from msgspec import Struct

from irkit.errors import BadInputError, NeedsHumanError
from irkit.respond import procfs

VALID_S = 60.0
TRIES = 5
TRIES_WINDOW_S = 60.0
CODE_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without letters that look alike."""
_SCRYPT = {"n": 2**14, "r": 8, "p": 1, "dklen": 32}
PASSPHRASE_MIN_CHARS = 8


class Challenge(Struct, frozen=True):
    """What a person has to show."""

    ident: str
    kind: str
    """passphrase or code."""
    code: str
    """What to type back; empty for a passphrase."""
    expires_s: float = VALID_S


class _Open(Struct, frozen=True):
    challenge: Challenge
    caller: tuple[int, int]
    until: float


class Proofs:
    """Gives challenges and judges answers."""

    def __init__(
        self,
        *,
        monotonic: Callable[[], float],
        passphrase_file: str,
        method: str,
        is_watched: Callable[[int], bool],
        watched_ttys: Callable[[], frozenset[int]],
    ) -> None:
        self._monotonic = monotonic
        self._file = passphrase_file
        self._method = method
        self._is_watched = is_watched
        self._watched_ttys = watched_ttys
        self._open: dict[str, _Open] = {}
        self._wrong: deque[float] = deque(maxlen=TRIES)

    def challenge(self, pid: int) -> Challenge:
        """A challenge for this process. Raises NeedsHumanError with the reason why it cannot be a person's."""
        caller = self._person(pid)
        kind = self._kind()
        code = "" if kind == "passphrase" else "".join(secrets.choice(CODE_LETTERS) for _ in range(6))
        made = Challenge(secrets.token_hex(8), kind, code)
        now = self._monotonic()
        self._open = {ident: one for ident, one in self._open.items() if one.until > now}
        self._open[made.ident] = _Open(made, caller, now + VALID_S)
        return made

    def accept(self, pid: int, proof: dict[str, Any]) -> bool:
        """Whether this answer proves a person. Uses the challenge up."""
        now = self._monotonic()
        if len(self._wrong) == TRIES and now - self._wrong[0] < TRIES_WINDOW_S:
            raise NeedsHumanError("too many wrong answers", fix="wait a minute")
        one = self._open.pop(str(proof.get("id", "")), None)
        if one is None or one.until < now or one.caller != self._person(pid):
            return False
        right = self._right(one.challenge, str(proof.get("answer", "")))
        if not right:
            self._wrong.append(now)
        return right

    def _right(self, challenge: Challenge, answer: str) -> bool:
        if challenge.kind == "passphrase":
            return check_passphrase(self._file, answer)
        return hmac.compare_digest(answer.strip().lower().encode(), challenge.code.encode())

    def _kind(self) -> str:
        if self._method == "code":
            return "code"
        if os.path.exists(self._file):
            return "passphrase"
        if self._method == "passphrase":
            raise NeedsHumanError(
                "no operator passphrase is set", fix="set one: `irkit policy set-passphrase`"
            )
        return "code"

    def _person(self, pid: int) -> tuple[int, int]:
        """Who asks, if it can be a person at all."""
        fix = "run it on a terminal of yours, outside every agent"
        table = procfs.snapshot()
        proc = table.get(pid)
        if proc is None:
            raise NeedsHumanError("nobody is there to prove it", fix=fix)
        if not proc.tty:
            raise NeedsHumanError("no person is there: the command has no terminal", fix=fix)
        if proc.tty in self._watched_ttys():
            raise NeedsHumanError(
                "this terminal is one that an agent runs on", fix="open another terminal and run it there"
            )
        for one in (pid, *procfs.ancestors(table, pid)):
            if one > 1 and self._is_watched(one):
                raise NeedsHumanError("the command was started from inside an agent", fix=fix)
        return proc.key


def set_passphrase(path: str, passphrase: str) -> None:
    """Store a salted scrypt hash, readable by this user only. Raises BadInputError on a short one."""
    if len(passphrase) < PASSPHRASE_MIN_CHARS:
        raise BadInputError(
            f"a passphrase of {len(passphrase)} characters is too short",
            fix=f"use {PASSPHRASE_MIN_CHARS} or more",
        )
    salt = secrets.token_bytes(16)
    text = f"scrypt {salt.hex()} {_hash(passphrase, salt).hex()}\n"
    beside = f"{path}.{os.getpid()}"
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    os.write(descriptor, text.encode())
    os.close(descriptor)
    os.replace(beside, path)


def check_passphrase(path: str, passphrase: str) -> bool:
    """Whether it is the stored one; an unreadable file accepts nothing."""
    try:
        with open(path, encoding="ascii") as file:
            scheme, salt, stored = file.read(256).split()
        expected, given = bytes.fromhex(stored), _hash(passphrase, bytes.fromhex(salt))
    except (OSError, ValueError):
        return False
    return scheme == "scrypt" and hmac.compare_digest(expected, given)


def _hash(passphrase: str, salt: bytes) -> bytes:
    return hashlib.scrypt(passphrase.encode("utf-8", "surrogateescape"), salt=salt, **_SCRYPT)
