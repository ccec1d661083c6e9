# SPDX-License-Identifier: Apache-2.0
"""The session table: who runs, which processes carry it, what it did last. Pure value keeping; no clock, no I/O.

Rules:
- A session is bound to the agent process that the kernel gives (pid, start time); sub-agents are part of it.
- An id that a payload claims binds only to a process that owns it: when another live process holds that id, the
  claim is a mismatch, and the call is counted under the claiming process's own session. So a forged id steers
  nothing but itself (threat T5).
- A session whose process lives is never ended by what an agent says; a process may carry several sessions
  (`/clear`, resume, daemons), and freezing acts on processes: `sharing` names the others that are hit.
- A latched session's processes stay latched under any new id.
"""

from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from irkit import limits
from irkit.detect.brokers import brokers_in
from irkit.incident.commands import SessionId
from irkit.stream.event import Event


class ProcessId(NamedTuple):
    """A process that cannot be mistaken for a later one with the same number."""

    pid: int
    start: int
    """Clock ticks since boot (Linux)."""


class State(StrEnum):
    """What irkit did to a session, or what became of it."""

    RUNNING = "running"
    FROZEN = "frozen"
    KILLED = "killed"
    ENDED = "ended"


class Debt(Struct, frozen=True):
    """Work that a session handed to somebody else: a kill does not reach it, a person has to look."""

    broker: str
    words: str
    """The command, redacted, hostile."""
    ts: float


class Session(Struct, frozen=True, kw_only=True):
    """One session of one agent."""

    id: SessionId
    agent: str
    native: str
    """The agent's own id, or `pid:start`."""
    state: State = State.RUNNING
    latched: bool = False
    kill_only: bool = False
    """A before-call was pending longer than the agent's own timer: on resume it would run, so it is never resumed."""
    tier: str = "attached"
    pidns: int = 0
    """Inode of a PID namespace all of whose processes are this session's; 0: none is known."""
    cgroup: str = ""
    """Folder of a control group that holds only this session."""
    audit: int = 0
    """Audit session id that only this session has; 0: none."""
    processes: tuple[ProcessId, ...] = ()
    known: tuple[ProcessId, ...] = ()
    """Descendants seen so far: they stay known when they lose their parent."""
    cwd: str = ""
    user: str = ""
    since: float = 0.0
    last_ts: float = 0.0
    last_calls: tuple[str, ...] = ()
    """The last three before-calls, in words, newest last, redacted."""
    debts: tuple[Debt, ...] = ()
    """Uses of brokers that hooks saw, the newest."""
    calls: int = 0
    """Before-calls since the session began."""
    risk: int = 0
    risk_reasons: tuple[str, ...] = ()
    mode: str = ""
    transcript: str = ""

    @property
    def last_call(self) -> str:
        """The newest call, or nothing."""
        return self.last_calls[-1] if self.last_calls else ""


def session_id(agent: str, native: str) -> SessionId:
    """`AGENT:native_id`."""
    return SessionId(f"{agent}:{native}")


def native_of(process: ProcessId) -> str:
    """The id of a session that gave none: `pid:start`."""
    return f"{process.pid}:{process.start}"


class Claim(NamedTuple):
    """Whose session a call is, and whether it claimed another's."""

    session: Session
    mismatch: bool


class SessionTable:
    """The sessions of one home. One owner: the guard's loop."""

    def __init__(self, sessions: Iterable[Session] = ()) -> None:
        self._sessions: dict[SessionId, Session] = {}
        self._of_process: dict[ProcessId, set[SessionId]] = {}
        for session in sessions:
            self.put(session)

    def __iter__(self) -> Iterator[Session]:
        return iter(tuple(self._sessions.values()))

    def __len__(self) -> int:
        return len(self._sessions)

    def get(self, wanted: str) -> Session | None:
        """The session of that id; a unique native id or the start of one will do, for people."""
        exact = self._sessions.get(SessionId(wanted))
        if exact is not None:
            return exact
        found = [s for s in self._sessions.values() if s.native == wanted]
        if not found and len(wanted) >= 4:
            found = [s for s in self._sessions.values() if s.native.startswith(wanted)]
        return found[0] if len(found) == 1 else None

    def put(self, session: Session) -> Session:
        """Store a session in place of its former self."""
        before = self._sessions.get(session.id)
        if before is None or before.processes != session.processes:
            for process in set(before.processes if before else ()) - set(session.processes):
                self._of_process.get(process, set()).discard(session.id)
            for process in session.processes:
                self._of_process.setdefault(process, set()).add(session.id)
        self._sessions[session.id] = session
        if len(self._sessions) > limits.SESSIONS_MAX:
            self._drop_oldest_ended()
        return session

    def claim(self, event: Event, process: ProcessId | None, alive: Callable[[ProcessId], bool]) -> Claim:
        """Whose session this event is. `process` is the agent that the kernel named, None when nobody is.

        `alive` tells whether a process still runs. An unattributed event is counted under the id that it
        claims, but binds no process to it.
        """
        native = event.session or (native_of(process) if process else "unattributed")
        named = session_id(event.agent, native)
        session = self._sessions.get(named)
        mismatch = False
        if (
            not process
            and event.source == "hook"
            and session
            and any(alive(held) for held in session.processes)
        ):
            mismatch = True
            native = "unattributed"
            named = session_id(event.agent, native)
            session = self._sessions.get(named)
        elif process and session and process not in session.processes:
            holders = [held for held in session.processes if alive(held)]
            if holders and process not in session.known:
                mismatch = True
                native = native_of(process)
                named = session_id(event.agent, native)
                session = self._sessions.get(named)
            else:
                session = replace(session, processes=(*holders, process))
        if session is None:
            session = Session(
                id=named,
                agent=event.agent,
                native=native,
                processes=(process,) if process else (),
                since=event.ts,
                latched=bool(process) and any(s.latched for s in self.of_process(process)),
            )
        return Claim(session, mismatch)

    def of_process(self, process: ProcessId | None) -> tuple[Session, ...]:
        """The sessions that this agent process carries."""
        ids = self._of_process.get(process, ()) if process else ()
        return tuple(self._sessions[i] for i in ids if i in self._sessions)

    def sharing(self, session: Session) -> tuple[Session, ...]:
        """Other sessions on the same processes: hit by whatever hits this one."""
        ids = {i for process in session.processes for i in self._of_process.get(process, ())}
        return tuple(self._sessions[i] for i in sorted(ids - {session.id}))

    def latched(self, session: Session) -> bool:
        """Whether the session, or any session on its processes, is latched."""
        return session.latched or any(other.latched for other in self.sharing(session))

    def note_call(self, session: Session, event: Event, words: str) -> Session:
        """Count a before-call, or take over what another event tells."""
        changed = replace(
            session,
            last_ts=max(session.last_ts, event.ts),
            cwd=event.cwd or session.cwd,
            user=event.user or session.user,
            mode=event.mode or session.mode,
            calls=session.calls + (event.phase == "pre"),
            last_calls=(*session.last_calls[-2:], words) if event.phase == "pre" else session.last_calls,
            state=State.RUNNING
            if session.state in {State.ENDED, State.KILLED} and session.processes
            else session.state,
        )
        return self.put(changed)

    def owes(self, session: Session, event: Event) -> Session:
        """Remember which brokers this call hands work to."""
        used = brokers_in(event)
        if not used:
            return session
        debts = (*session.debts, *(Debt(broker, words, event.ts) for broker, words in used))
        return self.put(replace(session, debts=debts[-limits.DEBTS_MAX :]))

    def drop(self, ident: SessionId) -> None:
        """Forget a session that was only a probe."""
        session = self._sessions.pop(ident, None)
        for process in session.processes if session else ():
            self._of_process.get(process, set()).discard(ident)

    def process_ended(self, process: ProcessId) -> tuple[Session, ...]:
        """Take a dead agent process out; returns the sessions that have none left."""
        ended = []
        for session in self.of_process(process):
            left = tuple(p for p in session.processes if p != process)
            state = session.state if left or session.state is State.KILLED else State.ENDED
            changed = self.put(
                replace(session, processes=left, known=(*session.known, process)[-512:], state=state)
            )
            if not left:
                ended.append(changed)
        self._of_process.pop(process, None)
        return tuple(ended)

    def _drop_oldest_ended(self) -> None:
        over = len(self._sessions) - limits.SESSIONS_MAX
        ended = sorted((s for s in self._sessions.values() if not s.processes), key=lambda s: s.last_ts)
        for session in ended[:over]:
            del self._sessions[session.id]
