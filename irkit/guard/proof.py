# SPDX-License-Identifier: Apache-2.0
"""Proof of a human, first form: the operator passphrase, or a typed code, on a terminal outside every watched tree.

Rules:
- What lowers protection or cannot be undone asks here; freezing, latching and killing never do.
- A challenge is for one process (pid, start time), for one answer, for 60 s.
- The place is checked when the challenge is made and again when it is answered.
- Five wrong answers in a minute, whoever gave them: none is taken for the next minute.
- A passphrase that was there when the guard started is not replaced by a code when its file goes away.
What this cannot tell: a process that left its tree and types on a terminal of its own making, or into a person's. A
passphrase holds against that, a typed code does not. It reads no passphrase from a place that an agent could own.
"""

import hmac
import os
import secrets
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from typing import Any, Literal

from msgspec import Struct

from irkit import limits
from irkit.errors import NeedsHumanError
from irkit.guard import passphrase
from irkit.guard.standing import Watched, why_not_a_person
from irkit.respond import procfs

ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Without I, O, 0 and 1, which are read as others."""
CODE_CHARS = 6
ELSEWHERE = "run it in a terminal of your own, outside every agent and editor"
Method = Literal["auto", "passphrase", "code"]


class Challenge(Struct, frozen=True):
    """What a person has to show."""

    id: str
    kind: Literal["passphrase", "code"]
    code: str = ""
    """Shown on the terminal, to be typed back; empty for a passphrase."""
    seconds: float = limits.PROOF_CODE_LIFE_S


class _Open(Struct, frozen=True):
    """A challenge that waits for its answer."""

    challenge: Challenge
    pid: int
    start: int
    until: float


class Proofs:
    """Makes challenges and takes their answers. One owner: the guard's loop."""

    def __init__(
        self,
        *,
        monotonic: Callable[[], float],
        passphrase_file: str,
        method: Method,
        is_watched: Watched,
        watched_ttys: Callable[[], frozenset[int]],
    ) -> None:
        self._monotonic = monotonic
        self._file = passphrase_file
        self._method = method
        self._is_watched = is_watched
        self._watched_ttys = watched_ttys
        self._open: OrderedDict[str, _Open] = OrderedDict()
        self._wrong: deque[float] = deque(maxlen=limits.PROOF_TRIES_MAX)
        self._closed_until = float("-inf")
        self._had_passphrase = os.path.lexists(passphrase_file)

    def challenge(self, pid: int) -> Challenge:
        """What the person behind this process has to show. Raises NeedsHumanError where there can be none."""
        kind = self._kind()
        self._check_place(pid, kind)
        self._check_rate()
        code = "".join(secrets.choice(ALPHABET) for _ in range(CODE_CHARS)) if kind == "code" else ""
        made = Challenge(secrets.token_hex(16), kind, code)
        until = self._monotonic() + limits.PROOF_CODE_LIFE_S
        self._open[made.id] = _Open(made, pid, procfs.start_of(pid), until)
        while len(self._open) > limits.PROOF_OPEN_MAX:
            self._open.popitem(last=False)
        return made

    def accept(self, pid: int, proof: Mapping[str, Any]) -> bool:
        """True when `proof` (`id`, `answer`) answers a challenge of this process; it is used up, right or wrong.

        Raises NeedsHumanError, saying why, in every other case.
        """
        ident, answer = proof.get("id"), proof.get("answer")
        asked = self._open.pop(ident, None) if isinstance(ident, str) else None
        if asked is None or (asked.pid, asked.start) != (pid, procfs.start_of(pid)):
            raise NeedsHumanError("this proof was not asked for here", fix="run the command again")
        if self._monotonic() > asked.until:
            raise NeedsHumanError("the answer came too late", fix="run the command again")
        self._check_place(pid, asked.challenge.kind)
        self._check_rate()
        if not isinstance(answer, str) or not self._right(asked.challenge, answer):
            self._count_wrong()
            raise NeedsHumanError(f"that is not the {asked.challenge.kind}", fix="run the command again")
        return True

    def _kind(self) -> Literal["passphrase", "code"]:
        there = bool(passphrase.read(self._file))
        self._had_passphrase = self._had_passphrase or there
        if there and self._method != "code":
            return "passphrase"
        if self._method == "passphrase" or (self._had_passphrase and self._method == "auto"):
            raise NeedsHumanError(
                "the operator passphrase is not there", where=self._file, fix="irkit policy set-passphrase"
            )
        return "code"

    def _right(self, challenge: Challenge, answer: str) -> bool:
        if challenge.kind == "passphrase":
            return passphrase.matches(answer, passphrase.read(self._file))
        typed = "".join(answer.upper().split()).replace("-", "")
        return hmac.compare_digest(typed.encode(), challenge.code.encode())

    def _check_place(self, pid: int, kind: str) -> None:
        if pid == 0:
            if kind == "passphrase":
                return  # this system does not tell who calls: knowing the passphrase has to do
            raise NeedsHumanError(
                "this system does not tell who asks, so a typed code proves nothing",
                fix="irkit policy set-passphrase",
            )
        why = why_not_a_person(pid, self._is_watched, self._watched_ttys())
        if why:
            raise NeedsHumanError(f"this needs proof of a human, and {why}", fix=ELSEWHERE)

    def _check_rate(self) -> None:
        wait = self._closed_until - self._monotonic()
        if wait > 0:
            raise NeedsHumanError("too many wrong answers", fix=f"wait {wait:.0f} s")

    def _count_wrong(self) -> None:
        now = self._monotonic()
        self._wrong.append(now)
        full = len(self._wrong) == limits.PROOF_TRIES_MAX
        if full and now - self._wrong[0] <= limits.PROOF_TRIES_WITHIN_S:
            self._wrong.clear()
            self._closed_until = now + limits.PROOF_TRIES_WITHIN_S
