# SPDX-License-Identifier: Apache-2.0
"""The guard's open incidents: feeds the state machine, carries out what it asks for, writes down both.

Rules:
- Latch and Freeze are carried out at once, on the loop, in the order given; everything after them follows in a task,
  slow acts in a thread. So nothing delays a freeze.
- The incident is written (no fsync) before its commands run; every command is journaled by the executor.
- Telling people runs beside the rest.
"""

import asyncio
import os
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import Executor

import msgspec

from irkit import limits
from irkit.clock import Clock
from irkit.detect.detection import Detection
from irkit.home import Home
from irkit.incident.commands import (
    AnyCommand,
    AnyOutcome,
    Checkpoint,
    Disarm,
    Freeze,
    IncidentId,
    Keep,
    Latch,
    Notify,
    SessionId,
    Unlatch,
)
from irkit.incident.ids import is_incident_id, next_id
from irkit.incident.incident import Incident, IncidentState
from irkit.incident.inputs import Acted, AnyInput, Detected, OpenAsked, Recovered, Subject, Ticked
from irkit.incident.playbook import Playbook
from irkit.incident.session import Session
from irkit.incident.state import advance

_INCIDENT = msgspec.json.Decoder(Incident)
_ON_THE_LOOP = (Latch, Freeze, Unlatch)
"""Quick, or bound to what only the loop may touch; the others run in a thread."""


class Casebook:
    """One owner: the guard's loop."""

    def __init__(
        self,
        home: Home,
        *,
        clock: Clock,
        run: Callable[[AnyCommand], AnyOutcome],
        playbook_for: Callable[[Incident | None, Detection | None], Playbook],
        changed: Callable[[Incident], None],
        worker: Callable[[AnyCommand], Executor | None] = lambda _command: None,
    ) -> None:
        self._home = home
        self._clock = clock
        self._run = run
        self._playbook_for = playbook_for
        self._changed = changed
        self._worker = worker
        self._incidents: dict[IncidentId, Incident] = {}
        self._due: list[AnyCommand] = []
        self._queues: dict[IncidentId, list[AnyCommand]] = {}
        self._working: set[IncidentId] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None

    # --- reading -------------------------------------------------------------------
    def all(self) -> tuple[Incident, ...]:
        """Every incident known, oldest first."""
        return tuple(sorted(self._incidents.values(), key=lambda one: one.id))

    def get(self, name: str) -> Incident | None:
        """One incident by its id; a bare number means this year's."""
        exact = self._incidents.get(IncidentId(name))
        if exact is None and name.isdigit():
            ending = f"-{int(name):03d}"
            found = [one for one in self._incidents.values() if one.id.endswith(ending)]
            exact = max(found, key=lambda one: one.id, default=None)
        return exact

    def active_of(self, session: SessionId) -> Incident | None:
        """The incident that this session's new detections belong to."""
        found = [one for one in self._incidents.values() if session in one.sessions and one.active]
        return max(found, key=lambda one: one.id, default=None)

    def waiting(self) -> tuple[Incident, ...]:
        """Incidents that wait for a person."""
        return tuple(one for one in self.all() if one.waits)

    def subject(self, session: Session | None, sharing: Iterable[Session] = ()) -> Subject:
        """What the state machine is told of a session."""
        year = int(self._year())
        opens = next_id(self._incidents, year)
        if session is None:
            return Subject(opens=opens, sessions=())
        return Subject(
            opens=opens,
            sessions=(session.id, *(other.id for other in sharing)),
            agent=session.agent,
            cwd=session.cwd,
            last_calls=session.last_calls,
            kill_only="a call was pending longer than the agent waits for its hook"
            if session.kill_only
            else "",
        )

    # --- feeding -------------------------------------------------------------------
    def detected(self, detection: Detection, session: Session, sharing: Iterable[Session]) -> None:
        """A rule matched. Latches are set now; the rest is due at `run_due`, once the hook has its answer."""
        given = Detected(at=self._clock.now(), detection=detection, subject=self.subject(session, sharing))
        commands = list(self._advance(self.active_of(session.id), given, detection))
        while commands and isinstance(commands[0], Latch):
            commands = [*commands[1:], *self._carry(commands[0])]
        self._due += commands

    def run_due(self) -> None:
        """Carry out what a detection left due."""
        due, self._due = self._due, []
        self._perform(due)

    def feed(self, incident: Incident | None, given: AnyInput) -> Incident | None:
        """Take any other input, and carry out what follows. Raises AskedInVainError on what a person cannot have."""
        step = advance(incident, given, self._playbook_for(incident, None))
        self._keep(step.incident)
        self._perform(list(step.commands))
        return step.incident

    def feed_done(self, incident: Incident | None, given: AnyInput) -> Incident | None:
        """Take an input whose commands somebody carried out already; people are told all the same."""
        step = advance(incident, given, self._playbook_for(incident, None))
        self._keep(step.incident)
        self._perform(
            [command for command in step.commands if isinstance(command, Notify | Keep | Disarm | Checkpoint)]
        )
        return step.incident

    def tick(self) -> None:
        """A deadline may have passed."""
        self._timer = None
        now = self._clock.now()
        for one in self.all():
            if one.deadline is not None and one.deadline <= now:
                self.feed(one, Ticked(at=now))
        self._arm()

    def suspect(self, detection: Detection, session: Session) -> None:
        """Something unauthenticated (a watched file, the spool) looks bad: people are told, nothing is stopped."""
        if any(session.id in one.sessions for one in self._incidents.values()):
            return
        now = self._clock.now()
        reason = f"{detection.why} (from an unauthenticated source, so nothing was stopped)"
        incident = self.feed(
            None, OpenAsked(at=now, subject=self.subject(session), by="irkit", reason=reason)
        )
        if incident is not None:
            self._perform([Notify(incident=incident.id, session=session.id)])

    def feed_notice(self, command: Notify) -> None:
        """Tell people of an incident that no rule's freeze tells of."""
        self._perform([command])

    def read_back(self) -> None:
        """Know the incidents that are on disk."""
        self._incidents = {incident.id: incident for incident in self._load()}

    def ended(self, command: AnyCommand, outcome: AnyOutcome) -> None:
        """A command that a crash had cut off has ended now."""
        self._perform(list(self._ended(command, outcome)))

    def catch_up(self, ended: Iterable[tuple[AnyCommand, float, AnyOutcome]]) -> None:
        """What the journal saw to its end and the incident did not, because the guard was killed in between.

        Without this a kill that was done would be begun once more.
        """
        for command, began, outcome in ended:
            incident = self._incidents.get(command.incident)
            open_acts = incident.pending(type(command)) if incident else ()
            if any(act.command == command and act.asked <= began for act in open_acts):
                self.ended(command, outcome)

    def recover(self) -> int:
        """Go on where the incidents were; returns how many were unfinished."""
        unfinished = 0
        for incident in self.all():
            if incident.pending():
                unfinished += 1
            if incident.state is not IncidentState.CLOSED:
                self.feed(incident, Recovered(at=self._clock.now()))
        self._arm()
        return unfinished

    async def settle(self, seconds: float) -> None:
        """Wait for what is under way, at most so long."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)

    # --- carrying out --------------------------------------------------------------
    def _advance(
        self, incident: Incident | None, given: AnyInput, detection: Detection | None
    ) -> tuple[AnyCommand, ...]:
        step = advance(incident, given, self._playbook_for(incident, detection))
        self._keep(step.incident)
        return step.commands

    def _perform(self, commands: list[AnyCommand]) -> None:
        while commands and isinstance(commands[0], Latch | Freeze):
            commands = [*commands[1:], *self._carry(commands[0])]
        for command in commands:
            if isinstance(command, Notify):
                self._start(self._tell(command))
            else:
                self._queues.setdefault(command.incident, []).append(command)
                if command.incident not in self._working:
                    self._working.add(command.incident)
                    self._start(self._work(command.incident))
        self._arm()

    async def _tell(self, command: Notify) -> None:
        """Beside everything else."""
        outcome = await self._in_thread(command)
        self._perform(list(self._ended(command, outcome)))

    async def _work(self, incident: IncidentId) -> None:
        """One incident's commands, one after the other: a kill waits for the keep before it."""
        queue = self._queues[incident]
        try:
            while queue:
                command = queue.pop(0)
                if isinstance(command, _ON_THE_LOOP):
                    follow = self._carry(command)
                else:
                    follow = self._ended(command, await self._in_thread(command))
                urgent: list[AnyCommand] = [one for one in follow if isinstance(one, Notify | Latch | Freeze)]
                queue += [one for one in follow if not isinstance(one, Notify | Latch | Freeze)]
                if urgent:
                    self._perform(urgent)
        finally:
            self._working.discard(incident)
        self._arm()

    async def _in_thread(self, command: AnyCommand) -> AnyOutcome:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._worker(command), self._run, command)

    def _carry(self, command: AnyCommand) -> tuple[AnyCommand, ...]:
        return self._ended(command, self._run(command))

    def _ended(self, command: AnyCommand, outcome: AnyOutcome) -> tuple[AnyCommand, ...]:
        incident = self._incidents.get(command.incident)
        if incident is None:
            return ()
        return self._advance(incident, Acted(at=self._clock.now(), command=command, outcome=outcome), None)

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _arm(self) -> None:
        """One timer, for the next deadline."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        deadlines = [one.deadline for one in self._incidents.values() if one.deadline is not None]
        if deadlines:
            wait = max(0.05, min(deadlines) - self._clock.now())
            self._timer = asyncio.get_running_loop().call_later(wait, self.tick)

    # --- keeping -------------------------------------------------------------------
    def _keep(self, incident: Incident | None) -> None:
        if incident is None or self._incidents.get(incident.id) == incident:
            return
        self._incidents[incident.id] = incident
        folder = self._home.at("incidents", incident.id)
        temporary = os.path.join(folder, f".incident.{os.getpid()}")
        try:
            os.makedirs(folder, mode=0o700, exist_ok=True)
            with open(temporary, "wb") as file:
                file.write(msgspec.json.encode(incident))
            os.replace(temporary, os.path.join(folder, "incident.json"))
        except OSError:
            # A full disk delays no freeze: the incident lives in memory, and the next change writes it again.
            pass
        self._changed(incident)

    def _load(self) -> tuple[Incident, ...]:
        found = []
        try:
            names = sorted(name for name in os.listdir(self._home.incidents) if is_incident_id(name))
        except OSError:
            return ()
        for name in names[-limits.INCIDENTS_MAX :]:
            try:
                with open(self._home.at("incidents", name, "incident.json"), "rb") as file:
                    found.append(_INCIDENT.decode(file.read()))
            except (OSError, msgspec.DecodeError):
                continue
        return tuple(found)

    def _year(self) -> str:
        from irkit.clock import iso

        return iso(self._clock.now())[:4]
