# SPDX-License-Identifier: Apache-2.0
"""Who may lower protection, and what policy holds: proofs, approved policy, exceptions."""

import asyncio
import os
from typing import TYPE_CHECKING, Any

import msgspec

from irkit.clock import iso
from irkit.detect.exception import RuleException
from irkit.errors import BadInputError
from irkit.guard.approval import approve, check_policy, effective, explained
from irkit.guard.proof import Proofs
from irkit.incident.playbook import seconds
from irkit.incident.session import Session
from irkit.respond import procfs

if TYPE_CHECKING:
    from irkit.guard.daemon import Guard

EXCEPTION_MAX_S = 30 * 86400.0


class Governance:
    """One owner: the guard's loop."""

    def __init__(self, guard: "Guard") -> None:
        self._g = guard
        self.changes = guard.policy.approved.changes
        self._explaining = asyncio.Lock()
        self.proofs = Proofs(
            monotonic=guard.clock.monotonic,
            passphrase_file=os.path.join(guard.home.keys, "operator"),
            method=guard.policy.config.proof.method,
            is_watched=self._is_watched,
            watched_ttys=self._watched_ttys,
        )

    def _is_watched(self, pid: int) -> bool:
        """Whether this process is an agent of a known session, or one that was seen to belong to it."""
        proc = procfs.look(pid)
        if proc is None:
            return False
        key = proc.key
        return any(key in one.processes or key in one.known for one in self._g.table) or bool(
            self._g.finder.agent_of_pid(pid)
        )

    def _watched_ttys(self) -> frozenset[int]:
        procs = [procfs.look(process.pid) for one in self._g.table for process in one.processes]
        return frozenset(proc.tty for proc in procs if proc is not None and proc.tty)

    # --- policy --------------------------------------------------------------------
    def look(self) -> None:
        """Has the policy been changed since? A change is tampering until a person approves it (threat T7)."""
        found = effective(self._g.home, self._g.store, check_policy)
        if found.changes != self.changes:
            self.changes = found.changes
            self.report_changes()

    def report_changes(self) -> None:
        """Write down what differs from the approved policy."""
        for change in self.changes:
            args = {
                "what": "policy",
                "file": change.name,
                "kind": change.kind,
                "problem": change.problem,
                "sha256": change.sha256,
            }
            self._g.books.record_own("tampering", None, args)
            self._g.say(
                f"policy: {change.name} {change.kind}; the approved one holds; see `irkit policy show`"
            )
        for one in self._g.policy.rules.quarantined:
            self._g.books.record_own(
                "rule_quarantined", None, {"rule": one.name, "why": one.what, "fix": one.fix}
            )

    async def summary(self) -> dict[str, Any]:
        """What `irkit policy show` prints. One at a time, in a thread: hostile files take seconds to compare."""
        async with self._explaining:
            self.look()
            found = effective(self._g.home, self._g.store, check_policy)
            changes = await asyncio.to_thread(explained, found, check_policy)
        return {
            "approved": self._g.policy.approved.digest,
            "digest": found.current,
            "files": sorted(self._g.policy.approved.files),
            "changes": [msgspec.to_builtins(change) for change in changes],
            "quarantined": [one._asdict() for one in self._g.policy.rules.quarantined],
        }

    def approve(self, by: str, digest: str) -> dict[str, Any]:
        """Make the changed policy the approved one; it takes effect now."""
        approved = approve(self._g.home, self._g.store, digest)
        self._g.books.record_own("policy_approved", None, {"digest": approved, "by": by})
        self._g.reload_policy()
        self.changes = self._g.policy.approved.changes
        return {"approved": approved, "by": by}

    def set_passphrase(self, text: str, by: str) -> dict[str, Any]:
        """In force at once. The text is kept nowhere."""
        self.proofs.set_passphrase(text)
        self._g.books.record_own("policy_changed", None, {"what": "operator passphrase", "by": by})
        return {"set": True, "by": by}

    # --- exceptions ----------------------------------------------------------------
    def add_exception(
        self,
        rule: str,
        session: Session | None,
        until: str,
        reason: str,
        by: str,
        project: str = "",
        target: str = "",
    ) -> dict[str, Any]:
        """Except a rule, as narrowly as told, until a time. The person has proved to be one."""
        self.look()
        if self.changes:
            raise BadInputError(
                "the policy has changes that nobody approved",
                fix="`irkit policy show`, then approve or undo them",
            )
        if rule not in {verdict.name for verdict in self._g.policy.rules.verdicts}:
            raise BadInputError(f"no rule is called {rule!r}", fix="`irkit rules list` shows them")
        lasts = _duration(until)
        one = RuleException(
            rule=rule,
            project=project or (session.cwd if session else ""),
            target=target,
            reason=reason or "a person said it was them",
            owner=by,
            expires=self._g.clock.now() + lasts,
        )
        path = self._g.home.at("exceptions.json")
        with open(f"{path}.new", "wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode((*self._g.policy.exceptions, one))))
        os.replace(f"{path}.new", path)
        approve(self._g.home, self._g.store, effective(self._g.home, self._g.store, check_policy).current)
        self._g.reload_policy()
        self.changes = self._g.policy.approved.changes
        args = {
            "rule": rule,
            "project": one.project,
            "until": iso(one.expires),
            "reason": one.reason,
            "by": by,
        }
        self._g.books.record_own("exception_added", session, args)
        return args


def _duration(text: str) -> float:
    """`30m`, `8h`, `7d` in seconds. Raises BadInputError."""
    number, unit = text[:-1], text[-1:]
    if not (number.isdigit() and 0 < len(number) <= 6 and unit in "smhd"):
        raise BadInputError(f"{text!r} is no duration", fix="write a number and s, m, h or d, such as 8h")
    lasts = seconds(text)
    if lasts > EXCEPTION_MAX_S:
        raise BadInputError(f"{text} is longer than 30 days", fix="choose an earlier expiry")
    return lasts
