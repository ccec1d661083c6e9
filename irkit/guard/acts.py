# SPDX-License-Identifier: Apache-2.0
"""What the guard does about a session's processes and its latch: one handler for each command.

Rules:
- A handler returns an `Outcome` with its reason; only what was verified is Done.
- Latch and Freeze run on the loop and touch neither database nor fsync. Keep, Kill and Resume may run in a thread:
  they read the table before and change it through `later`, on the loop.
- Pending hooks of the session get 200 ms to leave with their refusal, then they are stopped like the rest.
"""

import os
import threading
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from irkit import exit_codes, limits
from irkit.guard.books import Books
from irkit.guard.peer import Peer
from irkit.home import Home
from irkit.incident.commands import (
    AnyOutcome,
    Done,
    Failed,
    Freeze,
    Kill,
    Latch,
    Refused,
    Resume,
    Unlatch,
    Unverified,
)
from irkit.incident.session import ProcessId, Session, SessionTable, State
from irkit.respond import brokers, procfs, stop
from irkit.respond import latch as latch_file
from irkit.respond.finder import Target
from irkit.respond.killreport import KillReport, report_of
from irkit.respond.roster import Entry, write_roster
from irkit.respond.scene import Scene

HOOKS_LEAVE_S = 1.0
"""What a resume waits for the calls that were pending at the freeze to be refused."""
KNOWN_MAX = 512
"""Descendants remembered per session."""


class Held(msgspec.Struct, frozen=True):
    """What irkit stopped of a session: exactly this may be continued."""

    stopped: tuple[tuple[int, int], ...]
    foreground: tuple[tuple[int, int], ...] = ()
    hooks: tuple[tuple[int, int], ...] = ()
    """Hooks that were still waiting when they were stopped."""
    at: float = 0.0
    groups: tuple[str, ...] = ()
    """Control groups that are frozen as one."""


class Wiring(NamedTuple):
    """What the handlers need of the guard."""

    home: Home
    table: SessionTable
    books: Books
    pending: Callable[[], Iterable[Peer]]
    later: Callable[..., object]
    """`later(seconds, function, *arguments)` on the loop, from any thread."""
    remember: Callable[[str, str], None]
    """Keep a value over a restart (`held:SESSION`), from the loop."""
    save: Callable[[Session], None]
    """Keep a session over a restart, from the loop."""
    redact: Callable[[str], str]
    now: Callable[[], float]
    beside: Callable[..., object]
    """`beside(function, *arguments)` in a thread that nothing but killing uses."""
    hook_patience: Callable[[str], float]
    """Seconds that an agent waits for a hook, by its name."""


class Acts:
    """The handlers. One instance; held sets are read back after a restart."""

    def __init__(self, wiring: Wiring, held: dict[str, Held] | None = None) -> None:
        self._w = wiring
        self.held: dict[str, Held] = held or {}
        self.latched_all = False
        self.held_more: Callable[[], object] = lambda: None
        """Called on the loop after something was frozen."""
        self._going_on = threading.Lock()
        """Held while a long freeze goes on in a thread: a resume waits for it."""

    # --- latch ---------------------------------------------------------------------
    def latch(self, command: Latch) -> AnyOutcome:
        """Set the latch: memory first, then the file."""
        session = self._w.table.get(command.session) if command.session else None
        if command.session and session is None:
            return Refused(f"no session {command.session}")
        if session is None:
            self.latched_all = True
        else:
            self._w.table.put(replace(session, latched=True))
        try:
            if session is None:
                latch_file.latch_all(self._w.home)
            else:
                latch_file.latch_session(self._w.home, session.agent, session.native)
        except OSError as error:
            return Unverified(
                f"the latch file cannot be written ({error.strerror}); the guard refuses from memory"
            )
        self._w.books.record_own("latch", session, {"incident": command.incident, "all": session is None})
        return Done()

    def latched(self, session: Session) -> bool:
        """Whether no call of the session may pass: by memory, or by the file, which a kill without us may have set."""
        if self.latched_all or self._w.table.latched(session):
            return True
        return latch_file.latched(self._w.home, session.agent, session.native)

    def unlatch(self, command: Unlatch) -> AnyOutcome:
        """Take a latch back. Whoever asks has proved to be a human."""
        session = self._w.table.get(command.session) if command.session else None
        if command.session and session is None:
            return Refused(f"no session {command.session}")
        try:
            if session is None:
                self.latched_all = False
                for one in self._w.table:
                    if one.latched and one.state is not State.FROZEN:
                        self._w.table.put(replace(one, latched=False))
                latch_file.unlatch(self._w.home)
                self._relatch_frozen()
            else:
                self._w.table.put(replace(session, latched=False))
                latch_file.unlatch(self._w.home, session.agent, session.native)
        except OSError as error:
            return Failed(f"the latch file cannot be changed ({error.strerror})")
        self._w.books.record_own("unlatch", session, {"incident": command.incident, "all": session is None})
        if session and self.latched(replace(session, latched=False)):
            return Unverified("another latch still covers it: see `irkit status`, and `irkit unlatch --all`")
        return Done()

    def _relatch_frozen(self) -> None:
        for one in self._w.table:
            if one.latched:
                latch_file.latch_session(self._w.home, one.agent, one.native)

    # --- freeze, resume --------------------------------------------------------------
    def freeze(self, command: Freeze) -> AnyOutcome:
        """Stop everything of the session but the hooks that wait for their answer."""
        session = self._w.table.get(command.session)
        if session is None:
            return Refused(f"no session {command.session}")
        if not session.processes:
            return Refused("no live process is attributed to it")
        waiting = {(peer.pid, peer.start) for peer in self._w.pending()}
        scene = self.scene(session)
        frozen = stop.freeze(scene, frozenset(waiting), within=limits.FREEZE_ON_LOOP_MAX_S)
        self._hold(session, scene, frozen)
        if not frozen.settled:
            self._w.beside(self._go_on, session, frozenset(waiting))
        self._w.later(limits.HOOK_EXIT_GRACE_S, self._stop_hooks, session.id)
        self._w.books.record_own(
            "freeze",
            session,
            {
                "incident": command.incident,
                "stopped": len(frozen.stopped),
                "rounds": frozen.rounds,
                "seconds": round(frozen.seconds, 6),
                "refused": {str(key[0]): why for key, why in frozen.refused.items()},
            },
        )
        if frozen.complete:
            return Done(f"{len(frozen.stopped)} stopped, two scans agree")
        if frozen.refused:
            return Failed(
                f"{len(frozen.refused)} could not be stopped: {next(iter(frozen.refused.values()))}"
            )
        return Unverified("two scans in a row did not agree in time; it goes on beside")

    def _go_on(self, session: Session, spare: frozenset[tuple[int, int]]) -> None:
        """In a thread: what forks faster than the loop may wait for is stopped further, to the fixpoint."""
        with self._going_on:
            held = self.held.get(session.id)
            if held is None:
                return  # answered meanwhile
            scene = self.scene(session)
            frozen = stop.freeze(scene, spare)
            held = self.held.get(session.id, held)
            self.held[session.id] = replace(
                held, stopped=tuple(dict.fromkeys((*held.stopped, *frozen.stopped)))
            )
        self._w.later(0, self._went_on, session.id, scene, frozen)

    def _went_on(self, ident: str, scene: Scene, frozen: stop.Frozen) -> None:
        session = self._w.table.get(ident)
        if session is not None and session.state is State.FROZEN:
            self._hold(session, scene, frozen)
            about = {"went_on": True, "stopped": len(frozen.stopped), "settled": frozen.settled}
            self._w.books.record_own("freeze", session, about)

    def _hold(self, session: Session, scene: Scene, frozen: stop.Frozen) -> None:
        before = self.held.get(session.id)
        stopped = tuple(dict.fromkeys((*(before.stopped if before else ()), *frozen.stopped)))
        held = Held(
            stopped,
            tuple(frozen.foreground) or (before.foreground if before else ()),
            at=self._w.now(),
            groups=tuple(dict.fromkeys((*(before.groups if before else ()), *frozen.groups))),
        )
        known = tuple(ProcessId(*key) for key in scene.everyone() if key not in session.processes)
        self._w.table.put(replace(session, state=State.FROZEN, known=known[-KNOWN_MAX:]))
        self.remember_held(session.id, held)
        self.write_roster()

    def remember_held(self, ident: str, held: Held) -> None:
        """What may be continued, over a restart too; the database is written after the act."""
        self.held[ident] = held
        self._w.later(0, self._w.remember, f"held:{ident}", msgspec.json.encode(held).decode())
        self._w.later(0, self.held_more)
        session = self._w.table.get(ident)
        if session is not None:
            self._w.later(0, self._w.save, session)

    def _stop_hooks(self, ident: str) -> None:
        """The hooks' time is over: whatever of the session can still run is stopped as well."""
        session = self._w.table.get(ident)
        if session is None or session.state is not State.FROZEN:
            return
        scene = self.scene(session)
        frozen = stop.freeze(scene, within=limits.FREEZE_ON_LOOP_MAX_S)
        if frozen.stopped or frozen.groups:
            self._hold(session, scene, frozen)
        if not frozen.settled:
            self._w.beside(self._go_on, session, frozenset())
        if not frozen.complete:
            args = {
                "what": "hooks' time is over",
                "refused": {str(pid): why for (pid, _), why in frozen.refused.items()},
            }
            self._w.books.record_own("freeze", session, {**args, "settled": frozen.settled})
        held = self.held[ident]
        self.held[ident] = replace(held, hooks=tuple(key for key in held.stopped if self._is_hook(key[0])))

    def _is_hook(self, pid: int) -> bool:
        return self._w.home.hook in (procfs.argv(pid) or ())

    def resume(self, command: Resume) -> AnyOutcome:
        """Continue what irkit stopped, unless a call waits that the agent would run on thaw."""
        with self._going_on:
            held = self.held.get(command.session)
        session = self._w.table.get(command.session)
        if session is None or held is None:
            return Refused("nothing of it was stopped by irkit")
        late = [key for key in held.hooks if procfs.alive(*key)]
        patience = self._w.hook_patience(session.agent)
        if late and self._w.now() - held.at > patience:
            self._w.table.put(replace(session, kill_only=True))
            return Refused(
                f"a call has waited longer than {session.agent} waits for its hook: it would run on resume"
            )
        self._let_hooks_go(late, held.groups)
        thawed = stop.thaw(list(held.stopped), list(held.foreground), held.groups)
        self.held.pop(command.session, None)
        self._w.later(0, self._w.remember, f"held:{session.id}", "")
        alive = any(self._w.books.alive(process) for process in session.processes)
        self._w.table.put(replace(session, state=State.RUNNING if alive else State.ENDED))
        self._w.later(0, self.write_roster)
        self._w.later(0, self._w.books.record_own, "resume", session, {"continued": len(thawed.continued)})
        if thawed.refused:
            return Failed(f"{len(thawed.refused)} could not be continued")
        if thawed.groups_refused:
            return Failed(
                f"a control group could not be thawed: {next(iter(thawed.groups_refused.values()))}"
            )
        if thawed.unverified:
            return Unverified(thawed.unverified)
        return Done(f"{len(thawed.continued)} continued")

    def _let_hooks_go(self, hooks: list[tuple[int, int]], groups: tuple[str, ...]) -> None:
        """Continue the hooks first, with the latch still set: a call that waited through the freeze is refused.

        In a control group everybody else stays stopped by signal.
        """
        if hooks:
            stop.thaw(hooks, [], groups)
        patience = time.monotonic() + HOOKS_LEAVE_S
        while any(procfs.alive(*key) for key in hooks) and time.monotonic() < patience:
            time.sleep(0.005)

    # --- kill ----------------------------------------------------------------------
    def kill(self, command: Kill) -> AnyOutcome:
        """Freeze, kill, verify; the report goes beside the incident. Runs in a thread."""
        session = self._w.table.get(command.session)
        if session is None:
            return Refused(f"no session {command.session}")
        scene = self.scene(session)
        killed = stop.kill(scene)
        besides = [str(other.id) for other in self._w.table.sharing(session)]
        report = report_of(scene, killed, self._w.redact, besides)
        report.brokers += _debts(session)
        self._save_report(command, report)
        self._w.later(0, self._after_kill, session.id, report)
        if report.verdict == exit_codes.SURVIVOR:
            return Failed(f"{len(killed.survivors)} known to survive; {report.verdict_words}")
        return Done(f"{len(killed.dead)} dead, each verified; {report.verdict_words}")

    def _after_kill(self, ident: str, report: KillReport) -> None:
        session = self._w.table.get(ident)
        if session is None:
            return
        if report.verdict != exit_codes.SURVIVOR:
            self.held.pop(ident, None)
            self._w.remember(f"held:{ident}", "")
            self._w.table.put(replace(session, state=State.KILLED, processes=()))
        self._w.books.record_own("kill", session, {"verdict": report.verdict, "dead": len(report.dead)})
        self.write_roster()

    def _save_report(self, command: Kill, report: KillReport) -> None:
        folder = self._w.home.at("incidents", command.incident or "by-hand")
        os.makedirs(folder, mode=0o700, exist_ok=True)
        number = sum(name.startswith("kill-") for name in os.listdir(folder)) + 1
        with open(os.path.join(folder, f"kill-{number}.json"), "wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(report.to_dict())))

    # --- shared --------------------------------------------------------------------
    def scene(self, session: Session) -> Scene:
        """The session as something to walk."""
        target = Target(
            session.id,
            session.agent,
            session.native,
            roots=[(process.pid, process.start) for process in session.processes],
            known={(process.pid, process.start) for process in session.known},
            tier=session.tier,
            pidns=session.pidns,
            cgroup=session.cgroup,
            audit=session.audit,
        )
        return Scene([target])

    def write_roster(self) -> None:
        """Copy the table for a kill with the guard dead. A full disk leaves the old copy."""
        entries = [
            Entry(
                one.id,
                one.agent,
                one.native,
                state=one.state.value,
                tier=one.tier,
                pidns=one.pidns,
                cgroup=one.cgroup,
                audit=one.audit,
                since=one.since,
                cwd=one.cwd,
                roots=tuple((p.pid, p.start) for p in one.processes),
                known=tuple((p.pid, p.start) for p in one.known),
            )
            for one in self._w.table
            if one.processes
        ]
        try:
            write_roster(self._w.home.sessions, entries)
        except OSError as error:
            self._w.books.record_own("disk_full", None, {"what": "roster", "why": str(error.strerror)})


def _debts(session: Session) -> list[brokers.Step]:
    """What hooks saw the session hand to others: each a step for a person."""
    steps = []
    for broker, words in dict.fromkeys((debt.broker, debt.words) for debt in session.debts):
        look, end = brokers.LOOK.get(broker, ("", ""))
        steps.append(brokers.Step(broker, f"the session ran: {words}", look, end, "seen by its hook"))
    return steps
