# SPDX-License-Identifier: Apache-2.0
"""The guard: puts the parts together, runs them on one loop, and ends cleanly.

Start order: refuse inside an agent; lock the home; policy; log; sockets answer; then the spool and the watched files
are read beside them. SIGTERM: accept nobody more, finish what is under way, sync the log, in under 2 s.
"""

import asyncio
import contextlib
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable

import msgspec

from irkit.clock import SystemClock
from irkit.detect.engine import Engine
from irkit.evidence.keys import ensure_key
from irkit.guard.acts import Acts, Held, Wiring
from irkit.guard.api import methods
from irkit.guard.books import Books
from irkit.guard.casebook import Casebook
from irkit.guard.chores import Chores
from irkit.guard.config import Config
from irkit.guard.containers import Containers
from irkit.guard.descriptors import raise_limit
from irkit.guard.disarming import Disarmer
from irkit.guard.dropfile import DropFile
from irkit.guard.frozenwatch import FrozenWatch
from irkit.guard.gatefiles import lasting_interpreter, write_gate
from irkit.guard.gateway import Gateway
from irkit.guard.governance import Governance
from irkit.guard.hands import handlers, rechecks
from irkit.guard.hooksock import HookServer
from irkit.guard.intake import Intake
from irkit.guard.judge import Judge, Policy
from irkit.guard.learning import take_over_freezes
from irkit.guard.lock import HomeLock, own_environment, refuse_inside_agent
from irkit.guard.peer import Peer, PeerFinder
from irkit.guard.rpc import RpcServer
from irkit.guard.service.handed import GUARD, HOOK, Handed
from irkit.guard.shelf import playbook_for
from irkit.guard.store import Store
from irkit.guard.tamper import Tamper
from irkit.guard.tamper_looks import Looks
from irkit.guard.undumpable import be_undumpable
from irkit.guard.wiring import build_ingest, policy_in_force
from irkit.guard.workers import Workers
from irkit.home import Home
from irkit.incident.incident import Incident
from irkit.incident.session import SessionTable
from irkit.report.incident_text import log_line
from irkit.respond.executor import Executor
from irkit.respond.journal import Journal
from irkit.stream.log import AuditLog

STOP_MAX_S = 1.5


class Guard:
    """One guard of one home. Made and run on one loop."""

    def __init__(self, home: Home, say: Callable[[str], None], handed: Handed | None = None) -> None:
        self.home = home
        self.handed = handed or Handed({})
        self.workers = Workers()
        self.clock = SystemClock()
        self.since = self.clock.now()
        self.loop = asyncio.get_running_loop()
        self.say = say
        self._said: dict[str, str] = {}
        self.store = Store(home.database)
        self.policy = policy_in_force(home, self.store)
        config = self.policy.config
        write_gate(home, config.when_guard_down, config.when_down_per_agent())
        self.extra = config.extra_programs()
        self.key = ensure_key(home)
        ingest, self.redactor = build_ingest(home, config, dict(os.environ), os.path.expanduser("~"))
        self.books = Books(AuditLog.open(home.audit, self.clock))
        self.table = SessionTable(self.store.sessions())
        self.finder = PeerFinder(home.python, self.extra)
        self.judge = Judge(
            ingest=ingest,
            engine=Engine(self.policy.rules, exceptions=self.policy.exceptions),
            table=self.table,
            books=self.books,
            clock=self.clock,
            policy=_decisions(config),
        )
        self.acts = Acts(self._wiring(), self._held_before())
        self.judge.latched = self.acts.latched
        self.disarmer = Disarmer(home, self.clock.now)
        self.journal = Journal(home.journal)
        self.executor = Executor(handlers(self), self.journal, recheck=rechecks())
        self.casebook = Casebook(
            home,
            clock=self.clock,
            run=self.executor.run,
            playbook_for=lambda _incident, detection: playbook_for(self.policy.playbooks, detection),
            changed=self._incident_changed,
            worker=self.workers.of,
        )
        self.containers = Containers(self)
        self.chores = Chores(self)
        self.frozenwatch = FrozenWatch(self)
        self.acts.held_more = self.frozenwatch.wake
        self.books.written = self.chores.log_was_written
        self.gateway = Gateway(
            finder=self.finder,
            judge=self.judge,
            casebook=self.casebook,
            table=self.table,
            books=self.books,
            changed=self.chores.session_changed,
            readers=self.workers.reading,
        )
        self.tamper = Tamper(self)
        self.looks = Looks(self)
        self.gateway.heard = self.tamper.heard
        self.governance = Governance(self)
        self.intake = Intake(self)
        self.hooks = HookServer(self.gateway, self.loop)
        self.drop_file = DropFile(self)
        self.rpc = RpcServer(methods(self), self._defect)

    def _incident_changed(self, incident: Incident) -> None:
        if self._said.get(incident.id) != incident.state:
            self._said[incident.id] = incident.state
            self.say(log_line(incident))

    def _wiring(self) -> Wiring:
        return Wiring(
            home=self.home,
            table=self.table,
            books=self.books,
            pending=self._pending,
            later=self._later,
            remember=self.store.set,
            save=lambda session: self.store.save_sessions([session]),
            redact=lambda text: self.redactor.text(text)[0],
            now=self.clock.now,
            beside=self.workers.killing.submit,
            hook_patience=_hook_patience,
        )

    def _later(self, seconds: float, function: Callable[..., object], *arguments: object) -> None:
        """Call on the loop after so many seconds, from any thread."""
        if seconds:
            self.loop.call_soon_threadsafe(self.loop.call_later, seconds, lambda: function(*arguments))
        else:
            self.loop.call_soon_threadsafe(lambda: function(*arguments))

    def _pending(self) -> tuple[Peer, ...]:
        return self.hooks.pending()

    def _held_before(self) -> dict[str, Held]:
        found = {}
        for session in self.table:
            text = self.store.get(f"held:{session.id}")
            if text:
                with contextlib.suppress(msgspec.DecodeError):
                    found[str(session.id)] = msgspec.json.decode(text, type=Held)
        return found

    async def run(self, ready: Callable[[], None]) -> None:
        """Serve until told to stop."""
        stopping = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            self.loop.add_signal_handler(number, stopping.set)
        self.chores.reap_the_dead()
        given = self.handed.sockets
        self.hooks.start(given.get(HOOK) or bind(self.home.gate, "hook.sock", everyone=self.home.shared))
        await self.rpc.start(given.get(GUARD) or bind(self.home.path, "guard.sock"))
        self.books.record_own("guard_start", None, {"pid": os.getpid(), "key": self.key.fingerprint})
        self.governance.report_changes()
        self.chores.adopt_latches()
        ready()
        self.handed.tell("READY=1")
        self._heartbeat()
        self.casebook.read_back()
        self.chores.adopt_frozen()
        take_over_freezes(self)
        self.casebook.catch_up(self.executor.ended_before())
        for command, outcome in self.executor.resume():
            self.casebook.ended(command, outcome)
        unfinished = self.casebook.recover()
        if unfinished:
            self.say(f"went on with {unfinished} unfinished incident(s)")
        self.tamper.began()
        self.intake.start()
        self.looks.begin()
        self.chores.start()
        self.frozenwatch.wake()
        self.chores.look_at_start_files(tuple(one.cwd for one in self.table if one.processes))
        self.drop_file.start()
        await stopping.wait()
        self.handed.tell("STOPPING=1")
        await self._stop()

    def _heartbeat(self) -> None:
        """Tell the service manager that the loop goes round; when it no longer does, the guard is started anew."""
        if self.handed.watchdog_s:
            self.handed.tell("WATCHDOG=1")
            self.loop.call_later(self.handed.watchdog_s / 3, self._heartbeat)

    def reload_policy(self) -> None:
        """The approved policy changed: rules, exceptions, playbooks and answers follow; windows begin anew."""
        self.policy = policy_in_force(self.home, self.store)
        config = self.policy.config
        self.judge.engine = Engine(self.policy.rules, exceptions=self.policy.exceptions)
        self.judge.policy = _decisions(config)
        self.extra = config.extra_programs()
        write_gate(self.home, config.when_guard_down, config.when_down_per_agent())
        self.chores.gate_was_written()

    def _defect(self, what: str, error: Exception) -> None:
        """A method raised what it should not: said and recorded, and the guard goes on."""
        lines = traceback.format_exception(error)
        self.say(f"a defect in {what}: {lines[-1].strip()} ({lines[-2].strip().splitlines()[0]})")
        self.books.record_own("defect", None, {"method": what, "error": "".join(lines)[-2000:]})

    def problems(self) -> list[str]:
        """What a person should look at, in words."""
        found = [
            f"policy: {change.name} {change.kind}, not approved: irkit policy show"
            for change in self.governance.changes
        ]
        found += [f"rule {one.name}: {one.what}; {one.fix}" for one in self.policy.rules.quarantined]
        if self.books.failing or self.books.log.full:
            found.append("the audit log cannot be written: free disk space")
        if self.hooks.starved:
            found.append(f"{self.hooks.starved} hook calls were refused: no file descriptor was left")
        if self.journal.trouble:
            found.append(f"journal: {self.journal.trouble}")
        return found

    async def _stop(self) -> None:
        self.hooks.stop()
        self.drop_file.stop()
        await self.rpc.stop()
        self.intake.stop()
        await self.casebook.settle(STOP_MAX_S)
        self.chores.stop()
        self.frozenwatch.stop()
        self.workers.stop()
        self.store.save_sessions(self.table)
        self.tamper.ended()
        self.books.record_own("guard_stop", None, {"pid": os.getpid()})
        self.books.log.close()
        self.journal.close()
        self.store.close()
        for name, path in ((HOOK, self.home.hook_socket), (GUARD, self.home.guard_socket)):
            if (
                name not in self.handed.sockets
            ):  # a service manager's stays, and whoever asks there waits for the next guard
                with contextlib.suppress(OSError):
                    os.unlink(path)


def bind(folder: str, name: str, *, everyone: bool = False) -> socket.socket:
    """A listening socket below a folder that may lie deeper than an address is long; 0600, or for every user."""
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mode = 0o666 if everyone else 0o600
    before = os.open(".", os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.chdir(folder)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
        listening.bind(name)
        os.chmod(name, mode)
    finally:
        os.fchdir(before)
        os.close(before)
    listening.listen(4096)
    return listening


def _decisions(config: Config) -> Policy:
    return Policy(
        when_log_fails=config.when_log_fails,
        when_guard_down=config.when_guard_down,
        shadow=frozenset(config.rules.shadow),
    )


def _hook_patience(agent: str) -> float:
    """How long that agent waits for a before-call hook."""
    from irkit.agents.registry import AGENTS

    waits = [
        e.timeout_s for spec in AGENTS if spec.name == agent for e in spec.events if e.happening.refusable
    ]
    return float(min(waits, default=60))


def run_guard(home: Home, *, quiet: bool, as_json: bool, shared: bool = False) -> int:
    """`irkit guard`: returns the exit code. Raises IrkitError when it cannot start."""
    refuse_inside_agent(PeerFinder(lasting_interpreter()), own_environment())
    home.make(shared=shared)
    lock = HomeLock(home)
    be_undumpable()
    os.umask(0o077)
    raise_limit()
    handed = Handed(os.environ)
    for number in (
        signal.SIGHUP,
        signal.SIGTTOU,
        signal.SIGTTIN,
    ):  # a terminal that closes or is another's now
        signal.signal(number, signal.SIG_IGN)

    def say(line: str) -> None:
        try:
            _print(line, as_json=as_json, quiet=quiet)
        except (OSError, ValueError):  # nobody reads there any more: no reason to stop guarding
            _fall_silent()

    async def main() -> None:
        guard = Guard(home, say, handed)
        await guard.run(lambda: say(f"ready, pid {os.getpid()}, home {home.path}"))

    try:
        asyncio.run(main())
    finally:
        lock.release()
    say("stopped")
    return 0


def _print(line: str, *, as_json: bool, quiet: bool) -> None:
    if as_json:
        sys.stdout.write(msgspec.json.encode({"ts": SystemClock().now(), "text": line}).decode() + "\n")
        sys.stdout.flush()
    elif not quiet:
        sys.stderr.write(f"irkit guard: {line}\n")


def _fall_silent() -> None:
    """Whatever is said from now on goes nowhere: what a closed terminal left unsaid must not fail at the end."""
    nowhere = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    os.close(nowhere)
