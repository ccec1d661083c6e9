# SPDX-License-Identifier: Apache-2.0
"""The guard's books: the audit log with the guard's own entries, and whether a process still lives.

Appending never raises: a full disk is an answer (`False`), because a refusal must go out all the same.
"""

from collections.abc import Callable
from typing import Any

from irkit.detect.detection import Detection
from irkit.incident.session import ProcessId, Session
from irkit.respond import procfs
from irkit.stream.event import Event
from irkit.stream.log import AuditLog, LogFullError
from irkit.stream.record import AuditRecord, from_event, own_record


class Books:
    """Writes what happened. One owner: the guard's loop."""

    def __init__(self, log: AuditLog, written: Callable[[], object] = lambda: None) -> None:
        self.log = log
        self.written = written
        """Called after each record: somebody has to sync it within a second."""
        self.failing = False
        """Whether the last append failed."""

    def record(self, event: Event, decision: str, risk: int) -> bool:
        """Append an agent's event; False when it could not be written."""
        return self._append(from_event(event, decision=decision, risk=risk))

    def record_detection(self, event: Event, one: Detection) -> bool:
        """Append what a rule found."""
        args = {
            "rule": one.rule,
            "why": one.why,
            "response": one.response.value,
            "level": one.level,
            "index": one.index,
        }
        return self.record_about("detection", event, args, one.risk)

    def record_about(self, name: str, event: Event, args: dict[str, Any], risk: int = 0) -> bool:
        """Append an entry of the guard's own about an agent's event."""
        return self._append(
            own_record(
                name,
                agent=event.agent,
                session=event.session,
                pid=event.pid,
                start=event.start,
                call_id=event.call_id,
                cwd=event.cwd,
                args=args,
                risk=risk,
            )
        )

    def record_own(self, name: str, session: Session | None, args: dict[str, Any]) -> bool:
        """Append an entry of the guard's own, about a session or about none."""
        if session is None:
            return self._append(own_record(name, args=args))
        process = session.processes[0] if session.processes else ProcessId(0, 0)
        return self._append(
            own_record(
                name,
                agent=session.agent,
                session=session.native,
                pid=process.pid,
                start=process.start,
                cwd=session.cwd,
                args=args,
            )
        )

    def alive(self, process: ProcessId) -> bool:
        """Whether that very process still runs."""
        return procfs.alive(process.pid, process.start)

    def _append(self, record: AuditRecord) -> bool:
        try:
            self.log.append(record)
        except LogFullError:
            self.failing = True
            return False
        self.failing = False
        self.written()
        return True
