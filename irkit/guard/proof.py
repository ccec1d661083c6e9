# SPDX-License-Identifier: Apache-2.0
"""Proof of a human: what a peer has to show before protection is lowered (threat T1).

Rules:
- A peer gets a challenge only on a controlling terminal that no agent has: neither it nor any parent is watched, it
  carries no agent's mark, the same holds for the leader of its session, no watched process runs on that terminal, and
  none holds the other end of it.
- A challenge is for one process, by (pid, start time); it holds once and for a minute. A wrong answer uses it up.
- Five wrong answers within a minute, from whomever, and nothing is accepted for a minute.
- The passphrase in force is the one that was read at the start: a file that is changed or taken away later lowers
  nothing. A guard that is told to ask for a passphrase never falls back to a code.
It must never refuse a freeze, a latch or a kill: nobody asks it for those.

A limit to know: a process of the same user that hides where it comes from (started by the service manager, with a
terminal and a clean environment of its own) can read and type a code. The passphrase is for that case.
"""

import hmac
import os
import secrets
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from msgspec import Struct

from irkit import limits
from irkit.agents.facts import marker_of
from irkit.errors import IrkitError, NeedsHumanError
from irkit.guard import passphrase
from irkit.guard.ptymaster import holders
from irkit.respond import procfs

Kind = Literal["passphrase", "code"]
Method = Literal["auto", "passphrase", "code"]
_LETTERS = "ACDEFHJKLMNPRTUVWXY3479"
"""Letters and digits that look like no other."""
_CODE_CHARS = 6
_LEVELS_MAX = 64
_FIX = "open a terminal of your own, outside every agent, and run it there"


class Challenge(Struct, frozen=True):
    """What the human must do."""

    kind: Kind
    code: str
    """To be typed as shown; empty for a passphrase."""
    ident: str
    expires_s: float


class _Asked(NamedTuple):
    """A challenge that waits for its answer."""

    challenge: Challenge
    until: float


class Proofs:
    """Challenges under way, and how many answers were wrong. One owner: the guard's loop."""

    def __init__(
        self,
        *,
        monotonic: Callable[[], float],
        passphrase_file: str,
        is_watched: Callable[[int], bool],
        watched_ttys: Callable[[], frozenset[int]],
        method: Method = "auto",
    ) -> None:
        """`is_watched` says whether a pid is of an agent's tree, `watched_ttys` gives device numbers (as in stat)."""
        self._monotonic = monotonic
        self._file = passphrase_file
        self._record: str | None = ""
        self.problem = ""
        """Why the passphrase's file cannot be used; empty when it can. Then nothing is accepted, and the guard runs."""
        try:
            self._record = passphrase.read_record(passphrase_file)
        except IrkitError as error:
            self.problem = error.diagnostics()
        self._is_watched = is_watched
        self._watched_ttys = watched_ttys
        self._method = method
        self._asked: OrderedDict[tuple[int, int], _Asked] = OrderedDict()
        self._wrong: deque[float] = deque(maxlen=limits.PROOF_TRIES_MAX)
        self._shut_until = 0.0

    @property
    def kind(self) -> Kind:
        """What is asked for now."""
        wants = self._record is not None if self._method == "auto" else self._method == "passphrase"
        return "passphrase" if wants else "code"

    def challenge(self, pid: int) -> Challenge:
        """A new challenge for this process; an earlier one of it lapses. Raises NeedsHumanError, which says why not."""
        self._refuse_when_shut()
        if self.problem and self.kind == "passphrase":
            raise NeedsHumanError(self.problem, fix="then start the guard again")
        if self.kind == "passphrase" and self._record is None:
            raise NeedsHumanError(
                "a passphrase is asked for and none is set", fix="set one: `irkit policy set-passphrase`"
            )
        peer = self._human_peer(pid)
        code = "".join(secrets.choice(_LETTERS) for _ in range(_CODE_CHARS)) if self.kind == "code" else ""
        made = Challenge(self.kind, code, secrets.token_hex(16), limits.PROOF_CODE_LIFE_S)
        self._asked.pop(peer, None)
        self._asked[peer] = _Asked(made, self._monotonic() + limits.PROOF_CODE_LIFE_S)
        while len(self._asked) > limits.PROOF_OPEN_MAX:
            self._asked.popitem(last=False)
        return made

    def accept(self, pid: int, proof: dict[str, Any]) -> bool:
        """Whether this answer proves it. Takes the challenge away. Raises NeedsHumanError after too many wrong ones."""
        self._refuse_when_shut()
        asked = self._asked.pop((pid, _start(pid)), None)
        now = self._monotonic()
        ident, answer = proof.get("id"), proof.get("answer")
        if asked is None or not isinstance(ident, str) or not isinstance(answer, str):
            return False
        if now > asked.until or not _equal(ident, asked.challenge.ident):
            return False
        self._human_peer(pid)
        if self._right(asked.challenge, answer):
            self._wrong.clear()
            return True
        self._wrong.append(now)
        if len(self._wrong) == limits.PROOF_TRIES_MAX and now - self._wrong[0] <= limits.PROOF_TRIES_WITHIN_S:
            self._shut_until = now + limits.PROOF_TRIES_WITHIN_S
            self._wrong.clear()
        return False

    def set_passphrase(self, text: str) -> None:
        """Keep a new passphrase; it is in force now. Whoever calls this has accepted a proof. Raises BadInputError."""
        passphrase.set_passphrase(self._file, text)
        self._record, self.problem = passphrase.read_record(self._file), ""

    def _right(self, challenge: Challenge, answer: str) -> bool:
        if challenge.kind == "code":
            return _equal(answer.strip().upper(), challenge.code)
        return self._record is not None and passphrase.matches(self._record, answer)

    def _refuse_when_shut(self) -> None:
        left = self._shut_until - self._monotonic()
        if left > 0:
            raise NeedsHumanError("too many wrong answers", fix=f"wait {left:.0f} s, then try again")

    def _human_peer(self, pid: int) -> tuple[int, int]:
        """The peer's identity. Raises NeedsHumanError when it is not where only a human sits."""
        if (
            pid <= 0 and self.kind == "passphrase"
        ):  # this platform names no peer: the passphrase alone decides
            return 0, 0
        peer = procfs.look(pid) if pid > 0 else None
        if peer is None or not peer.tty:
            raise NeedsHumanError("nobody is there to prove it: no terminal", fix=_FIX)
        if self._in_watched_tree(pid) or marker_of(procfs.environ(pid) or b""):
            raise NeedsHumanError("this runs inside an agent's session", fix=_FIX)
        leader = procfs.look(peer.sid)  # who opened the terminal; a peer that left its tree still has it
        if leader and (self._in_watched_tree(leader.pid) or marker_of(procfs.environ(leader.pid) or b"")):
            raise NeedsHumanError("an agent has this terminal", fix=_FIX)
        watched = peer.tty in self._watched_ttys()
        if watched or any(self._in_watched_tree(holder) for holder in holders(peer.tty)):
            raise NeedsHumanError("an agent has this terminal", fix=_FIX)
        return peer.key

    def _in_watched_tree(self, pid: int) -> bool:
        for _ in range(_LEVELS_MAX):
            if pid <= 1:
                return False
            if self._is_watched(pid):
                return True
            parent = procfs.look(pid)
            pid = parent.ppid if parent else 0
        return True  # deeper than any human's shell


def _start(pid: int) -> int:
    return procfs.start_of(pid) if pid > 0 else 0


def _equal(one: str, other: str) -> bool:
    return hmac.compare_digest(os.fsencode(one), os.fsencode(other))
