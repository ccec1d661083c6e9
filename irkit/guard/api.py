# SPDX-License-Identifier: Apache-2.0
"""The guard API's methods: what commands and the console ask of a running guard.

Reading is free for the same user. What lowers protection (resume, unlatch, exceptions, policy) carries the answer to
a challenge, which `Proofs` accepts only from a human's terminal. Freezing, latching and killing need none.
"""

import os
import pwd
import re
from typing import TYPE_CHECKING, Any

import msgspec

from irkit.agents.facts import recognise
from irkit.errors import BadInputError, NeedsHumanError
from irkit.guard.learning import PAIRS_MAX, learn
from irkit.guard.rpc import Caller, Method
from irkit.incident.commands import AnyOutcome, Latch, Unlatch
from irkit.incident.incident import Incident
from irkit.incident.inputs import Answered, CloseAsked, FreezeAsked, KillAsked, Noted, OpenAsked
from irkit.incident.session import Session, State
from irkit.respond import procfs

if TYPE_CHECKING:
    from irkit.guard.daemon import Guard


_PROBE = re.compile(r"irkit-probe-[0-9a-f]{12}", re.ASCII)


def methods(guard: "Guard") -> dict[str, Method]:
    """Name -> method."""
    api = Api(guard)
    return {
        "ping": lambda _params, _caller: {"pid": os.getpid()},
        "status": api.status,
        "sessions": api.sessions,
        "session.resume": api.resume,
        "session.freeze": api.freeze,
        "session.kill": api.kill,
        "latch": api.latch,
        "unlatch": api.unlatch,
        "acted": api.acted,
        "contained": guard.containers.register,
        "contained.ended": guard.containers.ended,
        "probe.seen": api.probe_seen,
        "disarm.run": api.disarm_run,
        "disarm.undo": api.disarm_undo,
        "disarm.accept": api.disarm_accept,
        "proof.challenge": api.challenge,
        "incident.list": api.incident_list,
        "incident.show": api.incident_show,
        "incident.open": api.incident_open,
        "incident.note": api.incident_note,
        "incident.close": api.incident_close,
        "policy.show": api.policy_show,
        "policy.approve": api.policy_approve,
        "policy.passphrase": api.policy_passphrase,
        "rules.except": api.rules_except,
    }


class Api:
    """The methods, over one guard."""

    def __init__(self, guard: "Guard") -> None:
        self._g = guard

    # --- reading -------------------------------------------------------------------
    def status(self, params: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """Everything that `irkit status` shows."""
        guard = self._g
        return {
            "guard": {"pid": os.getpid(), "since": guard.since, "home": guard.home.path},
            "latched_all": guard.acts.latched_all,
            "calls_per_minute": guard.chores.calls_per_minute(),
            "sessions": [
                self._row(one) for one in guard.table if one.processes and guard.containers.shown(one)
            ],
            "waiting": [self._waiting(one) for one in guard.casebook.waiting()],
            "unguarded": self._unguarded(),
            "problems": guard.problems(),
            "agents": guard.gateway.firing,
            "log": {"seq": guard.books.log.seq, "failing": guard.books.failing},
        }

    def sessions(self, params: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """The table; with `all`, ended ones too."""
        rows = [
            self._row(one)
            for one in self._g.table
            if params.get("all") or (one.processes and self._g.containers.shown(one))
        ]
        return {"sessions": sorted(rows, key=lambda row: row["since"])}

    def probe_seen(self, params: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """Whether a probe of `irkit init` arrived, and whether that agent itself was ever seen firing."""
        session = _text(params, "session")
        if not _PROBE.fullmatch(session):
            raise BadInputError(f"{session!r} is no probe of `irkit init`")
        found = [
            one for one in self._g.table if one.native == session and not one.processes and not one.latched
        ]
        for one in found:
            self._g.table.drop(one.id)
        return {"probe": bool(found), "firing": str(params.get("agent")) in self._g.gateway.firing}

    def _row(self, one: Session) -> dict[str, Any]:
        return {
            "id": one.id,
            "name": os.path.basename(one.cwd) or one.native[:12],
            "agent": one.agent,
            "native": one.native,
            "state": one.state.value,
            "latched": self._g.table.latched(one) or self._g.acts.latched_all,
            "kill_only": one.kill_only,
            "tier": one.tier,
            "pidns": one.pidns,
            "cgroup": one.cgroup,
            "audit": one.audit,
            "processes": [list(process) for process in one.processes],
            "cwd": one.cwd,
            "since": one.since,
            "calls": one.calls,
            "calls_in_window": self._g.judge.engine.calls_in_window(one.agent, one.native),
            "risk": one.risk,
            "risk_reasons": list(one.risk_reasons),
            "last_call": one.last_call,
            "last_ts": one.last_ts,
        }

    def _waiting(self, incident: Incident) -> dict[str, Any]:
        session = self._g.table.get(incident.sessions[0]) if incident.sessions else None
        held = self._g.acts.held.get(incident.sessions[0]) if incident.sessions else None
        return {
            "incident": incident.id,
            "session": incident.sessions[0] if incident.sessions else "",
            "native": session.native if session else "",
            "cwd": incident.cwd,
            "since": incident.opened,
            "why": incident.cause,
            "last_calls": list(incident.last_calls),
            "stopped": len(held.stopped) if held else 0,
            "note": incident.kill_only,
        }

    def _unguarded(self) -> list[dict[str, Any]]:
        """Agents that run for this user without a hook of theirs having been seen."""
        known = {process.pid for one in self._g.table for process in one.processes}
        rows = []
        table = procfs.snapshot()
        for proc in table.values():
            if proc.pid in known or proc.dead or procfs.owner(proc.pid) != os.getuid():
                continue
            agent = recognise(procfs.exe(proc.pid) or "", procfs.argv(proc.pid) or [], self._g.extra)
            if agent and not self._starts_a_known_one(proc.pid, table, known):
                rows.append({"agent": agent, "pid": proc.pid, "cwd": procfs.cwd(proc.pid) or ""})
        return rows

    def _starts_a_known_one(self, pid: int, table: dict[int, procfs.Proc], known: set[int]) -> bool:
        """A wrapper is not a second agent: the agent that it started is known."""
        return any(pid in procfs.ancestors(table, one) for one in known)

    # --- acting --------------------------------------------------------------------
    def freeze(self, params: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """Freeze one session by hand, as an incident."""
        session = self._session(params)
        subject = self._g.casebook.subject(session, self._g.table.sharing(session))
        given = FreezeAsked(
            at=self._g.clock.now(), subject=subject, by=_name(caller), reason=_text(params, "reason")
        )
        incident = self._g.casebook.feed(self._g.casebook.active_of(session.id), given)
        return {"incident": incident.id if incident else "", "session": session.id}

    def kill(self, params: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """Kill one session; an incident that waits for an answer gets it."""
        session = self._session(params)
        active = self._g.casebook.active_of(session.id)
        by, reason = _name(caller), _text(params, "reason")
        if active is not None and active.waits:
            incident = self._g.casebook.feed(
                active, Answered(at=self._g.clock.now(), answer="kill", by=by, reason=reason)
            )
        else:
            subject = self._g.casebook.subject(session, self._g.table.sharing(session))
            given = KillAsked(at=self._g.clock.now(), subject=subject, by=by, reason=reason)
            incident = self._g.casebook.feed(active, given)
        return {"incident": incident.id if incident else "", "session": session.id}

    def latch(self, params: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """Latch one session, or all."""
        session = self._session(params) if params.get("session") else None
        return _ended(self._g.executor.run(Latch(session=session.id if session else None)))

    def unlatch(self, params: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """Take a latch back. Needs proof of a human."""
        session = self._session(params) if params.get("session") else None
        if session is not None and session.state is State.FROZEN:
            raise BadInputError(f"{session.id} is frozen", fix="answer it: `irkit resume` or `irkit kill`")
        self._prove(params, caller)
        return _ended(self._g.executor.run(Unlatch(session=session.id if session else None)))

    async def resume(self, params: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """Let a frozen session go on. Needs proof of a human; may also except the rule that froze it."""
        session = self._session(params)
        incident = self._g.casebook.active_of(session.id)
        self._prove(params, caller)
        if incident is None:
            raise BadInputError(f"{session.id} is not frozen by an incident", fix="see `irkit status`")
        held = self._g.acts.held.get(session.id)
        given = Answered(
            at=self._g.clock.now(), answer="resume", by=_name(caller), reason=_text(params, "reason")
        )
        self._g.casebook.feed(incident, given)
        await self._g.casebook.settle(10)
        after = self._g.casebook.get(incident.id)
        act = next(
            (a for a in reversed(after.acts if after else ()) if type(a.command).__name__ == "Resume"), None
        )
        done: dict[str, Any] = (
            _ended(act.outcome)
            if act and act.outcome
            else {"outcome": "Unverified", "reason": "it is still under way"}
        )
        done |= {"session": session.id, "incident": incident.id, "resumed": len(held.stopped) if held else 0}
        if done["outcome"] not in {"Done", "Unverified"}:
            return done
        if params.get("except_until") and incident.findings:
            rule = incident.findings[0].first.rule
            done["exception"] = self._g.governance.add_exception(
                rule, session, str(params["except_until"]), _text(params, "reason"), _name(caller)
            )
        self._g.judge.engine.forget(session.id)
        return done

    def acted(self, params: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """The kill path acted by itself and tells what it did."""
        learn(self._g, params, _name(caller))
        return {"noted": True}

    # --- start files ---------------------------------------------------------------
    async def disarm_run(self, params: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """Take out what is tied to a session; entries that somebody names need proof of a human (threat T13)."""
        chosen = _ids(params)
        if chosen:
            self._prove(params, caller)
        session = _text(params, "session")
        done = await self._g.loop.run_in_executor(None, self._g.disarmer.run, chosen, session)
        self._g.books.record_own("disarm", None, {"by": _name(caller), **done})
        return done

    async def disarm_undo(self, params: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """Put one file back. Needs proof of a human."""
        self._prove(params, caller)
        ident = _text(params, "id")
        outcome = await self._g.loop.run_in_executor(None, self._g.disarmer.undo, ident)
        args = {"by": _name(caller), "undo": ident, "outcome": type(outcome).__name__}
        self._g.books.record_own("disarm", None, args)
        return _ended(outcome)

    async def disarm_accept(self, params: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """What was shown is the persistence baseline. Needs proof of a human."""
        self._prove(params, caller)
        done = await self._g.loop.run_in_executor(None, self._g.disarmer.accept, _ids(params), _name(caller))
        self._g.books.record_own("disarm", None, {"accept": done})
        return done

    # --- proof, policy, exceptions ---------------------------------------------------
    def challenge(self, params: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """What the human at this caller's terminal must show."""
        challenge = self._g.governance.proofs.challenge(caller.pid)
        return dict(msgspec.to_builtins(challenge))

    async def policy_show(self, params: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """The approved policy's digest and what differs from it."""
        return await self._g.governance.summary()

    def policy_approve(self, params: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """Make the changed policy the approved one. Needs proof of a human."""
        self._prove(params, caller)
        return self._g.governance.approve(_name(caller), _text(params, "digest"))

    def policy_passphrase(self, params: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """Set the operator passphrase. Needs proof of a human: by the one until now, where there is one."""
        self._prove(params, caller)
        return self._g.governance.set_passphrase(_text(params, "text"), _name(caller))

    def rules_except(self, params: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """Add an exception with an expiry. Needs proof of a human."""
        self._prove(params, caller)
        session = self._session(params) if params.get("session") else None
        rule, until = _text(params, "rule"), _text(params, "until") or "8h"
        return self._g.governance.add_exception(
            rule,
            session,
            until,
            _text(params, "reason"),
            _name(caller),
            _text(params, "project"),
            _text(params, "target"),
        )

    def _prove(self, params: dict[str, Any], caller: Caller) -> None:
        proof = params.get("proof")
        if not isinstance(proof, dict) or not self._g.governance.proofs.accept(caller.pid, proof):
            raise NeedsHumanError(
                "this needs proof of a human", fix="run it on a terminal of yours, outside every agent"
            )

    # --- incidents -----------------------------------------------------------------
    def incident_list(self, params: dict[str, Any], caller: Caller) -> list[Any]:
        """All incidents, newest last."""
        return [msgspec.to_builtins(one) for one in self._g.casebook.all()]

    def incident_show(self, params: dict[str, Any], caller: Caller) -> Any:
        """One incident."""
        return msgspec.to_builtins(self._incident(params))

    def incident_open(self, params: dict[str, Any], caller: Caller) -> Any:
        """Open one by hand."""
        session = self._session(params) if params.get("session") else None
        subject = self._g.casebook.subject(session, self._g.table.sharing(session) if session else ())
        given = OpenAsked(
            at=self._g.clock.now(), subject=subject, by=_name(caller), reason=_text(params, "reason")
        )
        active = self._g.casebook.active_of(session.id) if session else None
        return msgspec.to_builtins(self._g.casebook.feed(active, given))

    def incident_note(self, params: dict[str, Any], caller: Caller) -> Any:
        """Write something down."""
        given = Noted(at=self._g.clock.now(), text=_text(params, "text"), by=_name(caller))
        return msgspec.to_builtins(self._g.casebook.feed(self._incident(params), given))

    def incident_close(self, params: dict[str, Any], caller: Caller) -> Any:
        """Close it."""
        given = CloseAsked(at=self._g.clock.now(), by=_name(caller), reason=_text(params, "reason"))
        return msgspec.to_builtins(self._g.casebook.feed(self._incident(params), given))

    def _incident(self, params: dict[str, Any]) -> Incident:
        name = _text(params, "id")
        found = self._g.casebook.get(name)
        if found is None:
            raise BadInputError(f"no incident {name!r}", fix="`irkit incident list` shows those there are")
        return found

    def _session(self, params: dict[str, Any]) -> Session:
        wanted = _text(params, "session")
        found = self._g.table.get(wanted)
        if found is None:
            raise BadInputError(
                f"no session {wanted!r}, or more than one begins so", fix="see `irkit sessions`"
            )
        return found


def _text(params: dict[str, Any], name: str) -> str:
    value = params.get(name, "")
    if not isinstance(value, str):
        raise BadInputError(f"{name} must be text")
    return value


def _name(caller: Caller) -> str:
    try:
        return pwd.getpwuid(caller.uid).pw_name
    except KeyError:
        return f"uid {caller.uid}"


def _ended(outcome: AnyOutcome) -> dict[str, Any]:
    return {"outcome": type(outcome).__name__, "reason": outcome.reason}


def _ids(params: dict[str, Any]) -> list[str]:
    found = params.get("entries")
    return [str(one) for one in found[:PAIRS_MAX]] if isinstance(found, list) else []
