# SPDX-License-Identifier: Apache-2.0
"""Tampering as an event: attributed, judged by its rule, recorded, acted upon (threats T3, T10, T15; ADR 0006).

Rules:
- One Sigma rule a kind (`detect/rules/tamper.yml`), exceptions and shadow rules hold as for any other.
- The sessions are those of `tamper_calls`; each is frozen by its own detection. Nobody attributed: people are told once
  a kind and thing, and nothing is stopped.
It must never freeze on a guess, and never put off the repair of what was changed.
"""

import os
from typing import TYPE_CHECKING, Any

from irkit.detect.detection import Response
from irkit.guard.tamper_calls import Calls
from irkit.incident.commands import Notify, SessionId
from irkit.incident.inputs import OpenAsked
from irkit.incident.session import Session, session_id
from irkit.stream import logfiles
from irkit.stream.event import Event

if TYPE_CHECKING:
    from irkit.guard.daemon import Guard
    from irkit.guard.judge import Verdict

LAST_RECORDS = 400
"""Records before a guard's sudden end in which calls under way are looked for."""
RUNNING = "guard_runs_in_boot"


class Tamper:
    """One owner: the guard's loop."""

    def __init__(self, guard: "Guard") -> None:
        self._g = guard
        self.calls = Calls()
        self._told: set[tuple[str, str]] = set()
        self._ready = False
        """Whether the incidents that are on disk are known; before, a new one could take an old one's number."""

    def heard(self, verdict: "Verdict") -> None:
        """A hook's call was judged."""
        self.calls.heard(verdict.session.id, verdict.event, verdict.decision)

    def found(
        self,
        kind: str,
        args: dict[str, Any],
        moment: float,
        *,
        words: tuple[str, ...] = (),
        tell: bool = True,
    ) -> None:
        """Something was done to what the guard needs; the sessions with a call under way are its suspects."""
        self.of_sessions(kind, args, self.calls.culprits(moment, words), tell=tell)

    def of_sessions(
        self, kind: str, args: dict[str, Any], suspects: tuple[SessionId, ...], *, tell: bool = True
    ) -> None:
        """The same with the sessions known."""
        sessions = [one for ident in suspects if (one := self._g.table.get(ident)) and one.processes]
        if not sessions:
            self._nobody(kind, args, tell=tell)
        for session in sessions:
            self._of_one(kind, args, session)
        self._g.say(f"tampering ({kind}): {', '.join(f'{k} {v}' for k, v in args.items())[:300]}")
        self._g.casebook.run_due()

    def _of_one(self, kind: str, args: dict[str, Any], session: Session) -> None:
        self._g.books.record_own("tampering", session, {"kind": kind, **args})
        process = session.processes[0]
        event = Event(
            ts=self._g.clock.now(),
            agent=session.agent,
            session=session.native,
            event="tampering",
            pid=process.pid,
            start=process.start,
            cwd=session.cwd,
            args={"kind": kind, **args},
            source="guard",
        )
        for one in self._g.judge.tampered(event):
            if one.response.rank >= Response.FREEZE.rank:
                self._g.casebook.detected(one, session, self._g.table.sharing(session))

    def _nobody(self, kind: str, args: dict[str, Any], *, tell: bool) -> None:
        self._g.books.record_own("tampering", None, {"kind": kind, **args})
        event = Event(
            ts=self._g.clock.now(),
            agent="irkit",
            session="",
            event="tampering",
            args={"kind": kind},
            source="guard",
        )
        found = self._g.judge.tampered(event)
        key = (kind, str(sorted(args.items())))
        if not found or not tell or not self._ready or key in self._told:
            return
        self._told.add(key)
        why = f"{found[0].title} ({', '.join(str(v) for v in args.values())[:300]}); no session had a call under way, so nothing was stopped"
        subject = self._g.casebook.subject(None)
        incident = self._g.casebook.feed(
            None, OpenAsked(at=self._g.clock.now(), subject=subject, by="irkit", reason=why)
        )
        if incident is not None:
            self._g.casebook.feed_notice(Notify(incident=incident.id, session=SessionId("")))

    # --- the guard's own end -----------------------------------------------------------
    def began(self) -> None:
        """At the start: did the guard before end without a word, in this same boot?"""
        self._ready = True
        before, boot = self._g.store.get(RUNNING), boot_id()
        self._g.store.set(RUNNING, boot)
        if before and before == boot:
            suspects = self._under_way_before()
            self.of_sessions("guard-killed", {"what": "the guard ended without a word"}, suspects, tell=False)

    def ended(self) -> None:
        """The guard stops as it was told to."""
        self._g.store.set(RUNNING, "")

    def _under_way_before(self) -> tuple[SessionId, ...]:
        """Sessions of which the log shows a call that was allowed and had not ended when the records stop."""
        calls, last = Calls(), 0.0
        for record in logfiles.newest(self._g.home.audit, LAST_RECORDS):
            if record.event == "guard_start" and record.pid == 0 and record.args.get("pid") == os.getpid():
                break
            if record.source != "hook":
                continue
            ts = _seconds(record.ts)
            last = max(last, ts)
            event = Event(
                ts=ts,
                agent=record.agent,
                session=record.session,
                event=record.event,
                phase="pre" if record.phase == "pre" else "post" if record.phase == "post" else "",
                call_id=record.call_id,
            )
            calls.heard(session_id(record.agent, record.session), event, record.decision)
        return calls.culprits(last)


def boot_id() -> str:
    """This boot's id; where the system has none, one that never repeats, so that nothing is concluded from it."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read(64).strip()
    except OSError:
        return f"pid:{os.getpid()}"


def _seconds(ts: str) -> float:
    from irkit.clock import from_iso

    try:
        return from_iso(ts)
    except ValueError:
        return 0.0
