# SPDX-License-Identifier: Apache-2.0
"""What a guard does beside judging: syncs, saves, notices that an agent ended, looks for tampering, ends the day.

Idle costs: one round every `ROUND_S`, and the scheduler's one timer for the end of the day. Everything else is a
one-shot timer that something set off.
"""

import asyncio
import os
from collections import deque
from typing import TYPE_CHECKING

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from msgspec.structs import replace

from irkit.errors import IrkitError
from irkit.evidence.checkpoint import sign_finished_days
from irkit.guard.gatefiles import gate_hashes, write_gate
from irkit.guard.tamper_looks import changed_at
from irkit.incident.incident import IncidentState
from irkit.incident.session import ProcessId, Session, State
from irkit.respond import latch as latch_file

if TYPE_CHECKING:
    from irkit.guard.daemon import Guard

SYNC_AFTER_S = 0.9
"""How long a written record may wait for the disk."""
ROSTER_AFTER_S = 0.02
SAVE_AFTER_S = 2.0
ROUND_S = 15.0


class Chores:
    """One owner: the guard's loop."""

    def __init__(self, guard: "Guard") -> None:
        self._g = guard
        self._syncing: asyncio.TimerHandle | None = None
        self._saving: asyncio.TimerHandle | None = None
        self._roster: asyncio.TimerHandle | None = None
        self._round: asyncio.TimerHandle | None = None
        self._changed: dict[str, Session] = {}
        self._watched: dict[ProcessId, int] = {}
        self._hashes = gate_hashes(guard.home)
        self._scheduler = AsyncIOScheduler(
            timezone="UTC", job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
        )
        self.calls: deque[float] = deque(maxlen=20_000)

    def start(self) -> None:
        """Begin the rounds, and sign days that ended while no guard ran."""
        self._sign_days()
        self._scheduler.add_job(self._sign_days, "cron", hour=0, minute=0, second=5)
        self._scheduler.start()
        self._go_round()

    def stop(self) -> None:
        """No more timers."""
        self._scheduler.shutdown(wait=False)
        for timer in (self._syncing, self._saving, self._roster, self._round):
            if timer is not None:
                timer.cancel()
        for handle in self._watched.values():
            self._g.loop.remove_reader(handle)
            os.close(handle)
        self._watched.clear()

    # --- the log -------------------------------------------------------------------
    def log_was_written(self) -> None:
        """A record waits for the disk: sync within a second, in a thread."""
        if self._syncing is None:
            self._syncing = self._g.loop.call_later(SYNC_AFTER_S, self._sync)

    def _sync(self) -> None:
        self._syncing = None
        done = self._g.loop.run_in_executor(None, self._g.books.log.sync)
        done.add_done_callback(self._synced)

    def _synced(self, done: "asyncio.Future[str]") -> None:
        problem = str(done.exception()) if done.exception() else done.result()
        if problem:
            moment = self._g.clock.now()
            self._g.tamper.found(
                "log", {"what": "audit log", "why": problem}, moment, words=(self._g.home.audit,)
            )

    def _look_at_log(self) -> None:
        """What nobody writes to for a while is looked at as well."""
        if self._syncing is None and self._g.books.log.disturbed():
            self._sync()

    def _sign_days(self) -> None:
        """Whole days are read for it: in a thread."""
        self._g.loop.run_in_executor(None, self._sign_finished)

    def _sign_finished(self) -> None:
        for one in sign_finished_days(self._g.home.audit, self._g.key, self._g.clock.now()):
            self._g.loop.call_soon_threadsafe(self._g.say, f"signed the log of {one.short}")

    # --- sessions ------------------------------------------------------------------
    def session_changed(self, session: Session, process: ProcessId | None, *, call: bool) -> None:
        """A session was heard of."""
        if call:
            self.calls.append(self._g.clock.now())
        session = self._g.containers.mark(session, process)
        if self._g.disarmer.is_new(session.cwd):
            self.look_at_start_files((session.cwd,))
        self._changed[session.id] = session
        if self._saving is None:
            self._saving = self._g.loop.call_later(SAVE_AFTER_S, self._save)
        if process is not None and process not in self._watched:
            self._watch(process)
            if self._roster is None:
                self._roster = self._g.loop.call_later(ROSTER_AFTER_S, self._write_roster)

    def look_at_start_files(self, folders: tuple[str, ...]) -> None:
        """The persistence baseline is taken once, and a new project joins it; beside everything else."""
        self._g.loop.run_in_executor(None, self._look_at_start_files, folders)

    def _look_at_start_files(self, folders: tuple[str, ...]) -> None:
        try:
            said = self._g.disarmer.begin(folders)
        except (IrkitError, OSError) as error:
            said = [f"start files: {error}"]
        for line in said:
            self._g.loop.call_soon_threadsafe(self._g.say, line)

    def calls_per_minute(self) -> int:
        """Before-calls of the last minute."""
        since = self._g.clock.now() - 60
        return sum(1 for one in self.calls if one >= since)

    def _save(self) -> None:
        self._saving = None
        current = [self._g.table.get(ident) for ident in self._changed]
        self._changed.clear()
        self._g.store.save_sessions(one for one in current if one is not None)

    def _write_roster(self) -> None:
        self._roster = None
        self._g.acts.write_roster()

    def _watch(self, process: ProcessId) -> None:
        """Be told when an agent ends. Without pidfds the next status finds out."""
        if not hasattr(os, "pidfd_open"):
            return
        try:
            handle = os.pidfd_open(process.pid)
        except OSError:
            return
        self._watched[process] = handle
        self._g.loop.add_reader(handle, self._ended, process)

    def _ended(self, process: ProcessId) -> None:
        handle = self._watched.pop(process)
        self._g.loop.remove_reader(handle)
        os.close(handle)
        for session in self._g.table.process_ended(process):
            self._g.acts.held.pop(session.id, None)
            self.session_changed(session, None, call=False)
        self._write_roster()

    def reap_the_dead(self) -> None:
        """At the start: processes that ended while no guard ran, and watches on those that live."""
        for session in self._g.table:
            for process in session.processes:
                if self._g.books.alive(process):
                    self._watch(process)
                else:
                    self._g.table.process_ended(process)

    # --- latches and tampering --------------------------------------------------------
    def adopt_latches(self) -> None:
        """At the start: what the latch file says holds in memory too."""
        home = self._g.home
        if latch_file.latched(home, "irkit", "-no-session-"):
            self._g.acts.latched_all = True
        for session in self._g.table:
            held = session.state is State.FROZEN or latch_file.latched(home, session.agent, session.native)
            if held and not session.latched:
                self._g.table.put(replace(session, latched=True))
        self._restore_latches()

    def adopt_frozen(self) -> None:
        """At the start: a session whose incident waits is frozen, whatever was saved of it last."""
        for incident in self._g.casebook.all():
            if incident.state is not IncidentState.FROZEN:
                continue
            for ident in incident.sessions:
                session = self._g.table.get(ident)
                if session is not None and session.processes:
                    self._g.table.put(replace(session, state=State.FROZEN, latched=True))

    def _go_round(self) -> None:
        self._round = self._g.loop.call_later(ROUND_S, self._go_round)
        for step in (
            self._g.drop_file.look,
            self._check_gate,
            self._restore_latches,
            self._g.governance.look,
            self._g.intake.poll,
            self._g.looks.look,
            self._look_at_log,
        ):
            try:
                step()
            except (
                OSError
            ) as error:  # a full disk must not end the round: the next step may be the one that matters
                self._g.say(f"{step.__name__.strip('_')}: {error}")

    def gate_was_written(self) -> None:
        """The guard itself wrote the gate's files anew."""
        self._hashes = gate_hashes(self._g.home)

    def _check_gate(self) -> None:
        """A hook's file that changed is put back and reported (threat T3)."""
        now = gate_hashes(self._g.home)
        changed = [name for name, digest in now.items() if digest != self._hashes[name]]
        if not changed:
            return
        moments = {name: changed_at(self._g.home.at("gate", name)) for name in changed}
        config = self._g.policy.config
        write_gate(self._g.home, config.when_guard_down, config.when_down_per_agent())
        moment = max(moments.values())
        args = {"what": "gate files", "changed": changed, "done": "put back"}
        self._g.tamper.found("gate-files", args, moment, words=tuple(changed))

    def _restore_latches(self) -> None:
        """A latch that was taken from the file without the guard is set again."""
        home, acts = self._g.home, self._g.acts
        if acts.latched_all and not latch_file.latched(home, "irkit", "-no-session-"):
            moment = changed_at(home.latch)
            latch_file.latch_all(home)
            self._latch_was_removed(moment, "*")
        for session in self._g.table:
            if session.latched and not latch_file.latched(home, session.agent, session.native):
                moment = changed_at(home.latch)
                latch_file.latch_session(home, session.agent, session.native)
                self._latch_was_removed(moment, session.id)

    def _latch_was_removed(self, moment: float, of: str) -> None:
        args = {"what": "latch removed", "done": "set again", "of": of}
        self._g.tamper.found("latch", args, moment, words=("gate/latch", self._g.home.latch))
