# SPDX-License-Identifier: Apache-2.0
"""What the kill path did by itself, taken over into the guard's table, log and incidents.

The call is unauthenticated beyond the peer's user: whatever can be asked of the kernel is asked. A latch that is said
to be there is looked for; a process that is said to be dead must be; only what is stopped now counts as stopped.
"""

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from irkit import exit_codes
from irkit.guard.acts import Held
from irkit.incident.commands import AnyOutcome, Done, Failed, Freeze, Kill, Latch
from irkit.incident.incident import Incident
from irkit.incident.inputs import Answered, FreezeAsked, KillAsked
from irkit.incident.session import ProcessId, Session, State, session_id
from irkit.respond import cgroup, journal, procfs
from irkit.respond import latch as latch_file
from irkit.respond.roster import read_roster

if TYPE_CHECKING:
    from irkit.guard.daemon import Guard

PAIRS_MAX = 100_000


def learn(guard: "Guard", told: dict[str, Any], by: str) -> None:
    """Take over one `acted` call."""
    act = told.get("act") if told.get("act") in {"freeze", "kill", "latch"} else "latch"
    reason = str(told.get("reason") or "")[:500]
    args = {
        "act": act,
        "by": by,
        "reason": reason,
        "verdict": told.get("verdict"),
        "all": bool(told.get("all")),
    }
    guard.books.record_own("acted", None, args)
    if latch_file.latched(guard.home, "irkit", "-no-session-"):
        guard.acts.latched_all = True
    stopped, foreground = _pairs(told.get("stopped")), _pairs(told.get("foreground"))
    for name in _names(told.get("sessions")):
        session = guard.table.get(name)
        if session is None:
            continue
        session = guard.table.put(replace(session, latched=True))
        if act == "freeze":
            _frozen(guard, session, stopped, foreground, by, reason)
        elif act == "kill":
            _killed(guard, session, by, reason, told.get("verdict"))
        guard.books.record_own(str(act), session, args)
    guard.acts.write_roster()


def take_over_freezes(guard: "Guard") -> None:
    """At the start: what was frozen by hand while no guard ran is frozen for this guard too, and can be resumed.

    The journal says what irkit stopped; only what is stopped still, and the very same process, is taken over.
    """
    _adopt_roster(guard)
    try:
        entries = journal.records(guard.home.journal)
    except OSError:
        return
    stopped = {key: None for entry in entries for key in _pairs(entry.get("stopped"))}
    held = {tuple(key) for one in guard.acts.held.values() for key in one.stopped}
    for session in guard.table:
        agents = [process for process in session.processes if process in stopped and process not in held]
        if any(_stopped(session, one) for one in agents):
            mine = [[key.pid, key.start] for key in stopped]
            told = {
                "act": "freeze",
                "sessions": [session.id],
                "stopped": mine,
                "reason": "frozen by hand, without a guard",
            }
            learn(guard, told, "the kill path")


def _adopt_roster(guard: "Guard") -> None:
    """Sessions that a guard knew too briefly to save them: the roster is written sooner than the database."""
    for entry in read_roster(guard.home.sessions)[0]:
        guard.containers.adopt(entry)
        living = tuple(ProcessId(*key) for key in entry.roots if procfs.alive(*key))
        if living and guard.table.get(entry.session) is None:
            guard.table.put(
                Session(
                    id=session_id(entry.agent, entry.native),
                    agent=entry.agent,
                    native=entry.native,
                    processes=living,
                    known=tuple(ProcessId(*key) for key in entry.known),
                    tier=entry.tier,
                    pidns=entry.pidns,
                    cgroup=entry.cgroup,
                    audit=entry.audit,
                    cwd=entry.cwd,
                    since=entry.since,
                    last_ts=entry.since,
                )
            )


def _frozen(
    guard: "Guard",
    session: Session,
    stopped: list[ProcessId],
    foreground: list[ProcessId],
    by: str,
    reason: str,
) -> None:
    mine = [key for key in stopped if _stopped(session, key)]
    before = guard.acts.held.get(session.id)
    kept = tuple(dict.fromkeys((*(before.stopped if before else ()), *((k.pid, k.start) for k in mine))))
    held = Held(kept, tuple((k.pid, k.start) for k in foreground), at=guard.clock.now())
    guard.acts.remember_held(session.id, held)
    subject = guard.casebook.subject(session, guard.table.sharing(session))
    given = FreezeAsked(at=guard.clock.now(), subject=subject, by=by, reason=reason or "frozen by hand")
    incident = guard.casebook.feed_done(guard.casebook.active_of(session.id), given)
    if (
        incident is not None
    ):  # what was told is not believed: the freeze is done again, and says what it found
        _take(guard, incident, Freeze, guard.executor.run(Freeze(incident=incident.id, session=session.id)))


def _stopped(session: Session, key: ProcessId) -> bool:
    """Whether this very process stands still: stopped by signal, or frozen with the session's control group."""
    proc = procfs.look(key.pid)
    if proc is None or proc.start != key.start:
        return False
    group = cgroup.group_at(session.cgroup) if session.cgroup else ""
    return proc.state in "Tt" or (
        isinstance(group, cgroup.Group) and group.frozen() and key.pid in (group.pids() or ())
    )


def _killed(guard: "Guard", session: Session, by: str, reason: str, verdict: Any) -> None:
    alive = guard.acts.scene(session).walk()
    outcome: AnyOutcome = Done("killed by hand; nobody known of it is alive")
    if alive or verdict == exit_codes.SURVIVOR:
        outcome = Failed(f"{len(alive)} known to be alive after the kill by hand (verdict {verdict})")
    active = guard.casebook.active_of(session.id)
    now = guard.clock.now()
    if active is not None and active.waits:
        incident = guard.casebook.feed_done(active, Answered(at=now, answer="kill", by=by, reason=reason))
    else:
        subject = guard.casebook.subject(session, guard.table.sharing(session))
        given = KillAsked(at=now, subject=subject, by=by, reason=reason or "killed by hand")
        incident = guard.casebook.feed_done(active, given)
    if isinstance(outcome, Done):
        guard.acts.held.pop(session.id, None)
        guard.table.put(replace(session, state=State.KILLED, processes=()))
    _take(guard, incident, Kill, outcome)


def _take(
    guard: "Guard",
    incident: Incident | None,
    kind: type[Freeze | Kill],
    outcome: AnyOutcome,
) -> None:
    """The incident's own commands were carried out already: each ends as what the kernel shows."""
    if incident is None:
        return
    for act in incident.pending(Latch, kind):
        ended = outcome if isinstance(act.command, kind) else Done("done by hand")
        guard.casebook.ended(act.command, ended)


def _pairs(value: Any) -> list[ProcessId]:
    if not isinstance(value, list) or len(value) > PAIRS_MAX:
        return []
    return [
        ProcessId(*pair)
        for pair in value
        if isinstance(pair, list) and len(pair) == 2 and all(isinstance(number, int) for number in pair)
    ]


def _names(value: Any) -> list[str]:
    return [str(name) for name in value[:1000]] if isinstance(value, list) else []
