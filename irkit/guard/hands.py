# SPDX-License-Identifier: Apache-2.0
"""Which handler carries out which command: the executor's table, wired here so that no package reaches right."""

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from irkit import limits
from irkit.clock import iso
from irkit.evidence.checkpoint import append_checkpoint
from irkit.guard.notify import notifiers_of, tell_all
from irkit.incident.commands import (
    AnyOutcome,
    Checkpoint,
    Command,
    Disarm,
    Done,
    Failed,
    Freeze,
    Keep,
    Kill,
    Latch,
    Notify,
    Refused,
    Resume,
    SessionId,
    Unlatch,
    Unverified,
)
from irkit.respond import procfs
from irkit.respond.finder import Member

if TYPE_CHECKING:
    from irkit.guard.daemon import Guard


def handlers(guard: "Guard") -> Mapping[type[Command], Callable[[Any], AnyOutcome]]:
    """The table."""
    more = Hands(guard)
    return {
        Latch: guard.acts.latch,
        Unlatch: guard.acts.unlatch,
        Freeze: guard.acts.freeze,
        Resume: guard.acts.resume,
        Kill: guard.acts.kill,
        Keep: more.keep,
        Disarm: more.disarm,
        Notify: more.notify,
        Checkpoint: more.checkpoint,
    }


def rechecks() -> Mapping[type[Command], Callable[[Any], AnyOutcome | None]]:
    """After a crash a kill is carried out again: by (pid, start time) it is safe to repeat, and only it can tell."""
    return {Kill: lambda _command: None}


class Hands:
    """Keep, tell, sign."""

    def __init__(self, guard: "Guard") -> None:
        self._g = guard

    def checkpoint(self, command: Checkpoint) -> AnyOutcome:
        """Sign the audit log as it is. Runs in a thread: it waits for the disk."""
        log = self._g.books.log
        prefix = log.prefix()
        if prefix is None:
            return Refused("the log is empty")
        log.sync()
        signed = append_checkpoint(self._g.home.audit, prefix, self._g.key, self._g.clock.now())
        args = {"incident": command.incident, "records": prefix.records}
        self._g.loop.call_soon_threadsafe(self._g.books.record_own, "checkpoint", None, args)
        return Done(f"{prefix.records} records of {prefix.log}, {signed.short}")

    def keep(self, command: Keep) -> AnyOutcome:
        """Write down what is gone after an exit: command lines, folders, names of variables. Runs in a thread."""
        session = self._g.table.get(command.session)
        if session is None:
            return Refused(f"no session {command.session}")
        scene = self._g.acts.scene(session)
        kept = {
            "schema": "irkit.volatile/v1",
            "session": session.id,
            "at": iso(self._g.clock.now()),
            "processes": [self._facts(member) for member in scene.walk()[: limits.CONNECTIONS_MAX]],
        }
        folder = self._g.home.at("incidents", command.incident or "by-hand")
        os.makedirs(folder, mode=0o700, exist_ok=True)
        number = sum(name.startswith("volatile-") for name in os.listdir(folder)) + 1
        path = os.path.join(folder, f"volatile-{number}.json")
        with open(path, "wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(kept)))
        return Done(f"{len(kept['processes'])} processes written to {path}")

    def disarm(self, command: Disarm) -> AnyOutcome:
        """Take out what the session planted, in bounded time. Runs in a thread, before the kill."""
        session = self._g.table.get(command.session)
        outcome = self._g.disarmer.before_kill(command, session)
        args = {"incident": command.incident, "outcome": type(outcome).__name__, "reason": outcome.reason}
        self._g.loop.call_soon_threadsafe(self._g.books.record_own, "disarm", session, args)
        return outcome

    def _facts(self, member: Member) -> dict[str, Any]:
        proc = member.proc
        names = [
            entry.split(b"=")[0].decode("utf-8", "replace")
            for entry in (procfs.environ(proc.pid) or b"").split(b"\0")
        ]
        return {
            "pid": proc.pid,
            "start": proc.start,
            "ppid": proc.ppid,
            "state": proc.state,
            "why": member.why,
            "command": self._g.redactor.text(" ".join(procfs.argv(proc.pid) or [proc.comm]))[0][:2000],
            "exe": procfs.exe(proc.pid) or "",
            "cwd": procfs.cwd(proc.pid) or "",
            "environment": sorted({name for name in names if name}),
        }

    def notify(self, command: Notify) -> AnyOutcome:
        """Tell people through every channel, beside everything else. Runs in a thread."""
        incident = self._g.casebook.get(command.incident)
        if incident is None:
            return Refused(f"no incident {command.incident}")
        told = tell_all(
            notifiers_of(
                self._g.policy.config.notify, lambda: self._terminals(command.session), command.round
            ),
            incident,
            command.round,
            limits.NOTIFY_MAX_S,
        )
        rows = {
            name: type(outcome).__name__ + (f": {outcome.reason}" if outcome.reason else "")
            for name, outcome in told
        }
        session = self._g.table.get(command.session)
        args = {"incident": incident.id, "round": command.round, "told": rows}
        self._g.loop.call_soon_threadsafe(self._g.books.record_own, "notify", session, args)
        done = [name for name, outcome in told if isinstance(outcome, Done)]
        if len(done) == len(told):
            return Done(", ".join(done))
        words = "; ".join(f"{name} {row}" for name, row in rows.items())
        return Unverified(words) if done else Failed(words)

    def _terminals(self, session: SessionId) -> tuple[int, ...]:
        """Device numbers of the terminals that the frozen session's agents hold."""
        found = self._g.table.get(session)
        procs = [procfs.look(process.pid) for process in (found.processes if found else ())]
        return tuple(dict.fromkeys(proc.tty for proc in procs if proc is not None and proc.tty))
