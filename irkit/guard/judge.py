# SPDX-License-Identifier: Apache-2.0
"""From one payload to one decision: parse, redact, attribute, detect, record, answer.

Rules:
- The record is written before the answer leaves; when it cannot be written, refusals stand and allows become
  `when_log_fails`.
- A refusal is given only where it means something (`Happening.refusable`); every other event passes.
- The guard refuses a latched session from memory, file or no file.
- What nobody is attributed to is judged like anything else, but never makes a reason to freeze somebody.
It asks for no act: `Reaction` does, from the verdict.
"""

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from irkit import limits
from irkit.agents.payload import ALLOW, Answer, Happening, Payload
from irkit.agents.registry import agent as agent_spec
from irkit.agents.spec import AgentSpec
from irkit.clock import Clock
from irkit.detect.detection import Detection, Response
from irkit.detect.engine import Engine
from irkit.errors import BadInputError
from irkit.guard.books import Books
from irkit.guard.peer import Peer
from irkit.incident.session import ProcessId, Session, SessionTable, session_id
from irkit.stream.event import Event
from irkit.stream.ingest import Ingest, Origin
from irkit.stream.words import describe


class Policy(msgspec.Struct, frozen=True):
    """The settings that decisions need."""

    when_log_fails: str = "deny"
    when_guard_down: str = "ask"
    shadow: frozenset[str] = frozenset()


class Reading(NamedTuple):
    """A payload that was parsed (or found malformed), not yet redacted."""

    spec: AgentSpec
    payload: Payload
    problem: str = ""
    """Why it is malformed, empty when it is not."""
    oversize: bool = False


class Verdict(NamedTuple):
    """What was decided about one event, and what was found."""

    event: Event
    session: Session
    decision: str
    """allow, ask, deny, or empty for an event that asks nothing."""
    answer: Answer
    detections: tuple[Detection, ...]
    recorded: bool


def read_payload(agent: str, event: str, data: bytes, size: int, sha256: str) -> Reading:
    """Parse a hook's bytes in that agent's dialect. Never raises on what an agent sent."""
    try:
        spec = agent_spec(agent)
    except BadInputError as error:
        spec = agent_spec("claude-code")
        return Reading(spec, _malformed(Happening.MALFORMED, data, size, sha256), str(error))
    if sha256:
        happening = _happening(spec, event)
        body = _malformed(happening, data, size, sha256)
        return Reading(
            spec, body, f"a payload of {size} bytes, over {limits.PAYLOAD_MAX_BYTES}", oversize=True
        )
    try:
        value = msgspec.json.decode(data)
        if not isinstance(value, dict):
            raise BadInputError("the payload is not a JSON object")  # noqa: TRY301 - one path for all of them
        return Reading(spec, spec.parse(event, value))
    except (msgspec.DecodeError, BadInputError, RecursionError) as error:
        return Reading(
            spec, _malformed(_happening(spec, event), data, size, sha256), str(error) or "not readable"
        )


def _happening(spec: AgentSpec, event: str) -> Happening:
    return next((e.happening for e in spec.events if e.name == event), Happening.MALFORMED)


def _malformed(happening: Happening, data: bytes, size: int, sha256: str) -> Payload:
    import hashlib

    digest = sha256 or hashlib.sha256(data).hexdigest()
    return Payload(happening=happening, session="", input={"payload_sha256": digest, "payload_bytes": size})


class Judge:
    """Decides. One owner: the guard's loop."""

    def __init__(
        self,
        *,
        ingest: Ingest,
        engine: Engine,
        table: SessionTable,
        books: Books,
        clock: Clock,
        policy: Policy,
    ) -> None:
        self.ingest = ingest
        self.engine = engine
        self.policy = policy
        self.latched: Callable[[Session], bool] = table.latched
        self._table = table
        self._books = books
        self._clock = clock

    def prepare(self, reading: Reading, peer: Peer) -> Event:
        """Redact. For a very large payload this runs in a thread; it touches nothing that the loop owns."""
        process = peer.process
        origin = Origin(
            "hook", self._clock.now(), process.pid if process else 0, process.start if process else 0
        )
        event = self.ingest.event(peer.agent or reading.spec.name, reading.payload, origin)
        if reading.problem:
            kind = Happening.OVERSIZE if reading.oversize else Happening.MALFORMED
            event = msgspec.structs.replace(event, event=kind.value, error=reading.problem)
        return event

    def judge(self, event: Event, reading: Reading, peer: Peer) -> Verdict:
        """Decide about a live hook call."""
        return self._decide(event, reading, peer.process)

    def note(self, event: Event, happening: Happening) -> Verdict:
        """Judge an event that nobody waits for (spool, tail): it may raise suspicion, never lower it."""
        payload = Payload(happening=happening, session=event.session)
        return self._decide(event, Reading(agent_spec("claude-code"), payload), None)

    def tampered(self, event: Event) -> tuple[Detection, ...]:
        """Judge what the guard saw done to what it needs; no answer waits for it."""
        found = tuple(self._capped(one, event) for one in self.engine.feed(event))
        for one in found:
            self._books.record_detection(event, one)
        return found

    def _decide(self, event: Event, reading: Reading, process: ProcessId | None) -> Verdict:
        claimed = self._table.get(session_id(event.agent, event.session)) if event.session else None
        claim = self._table.claim(event, process, self._books.alive)
        event = msgspec.structs.replace(event, session=claim.session.native)
        happening = reading.payload.happening
        attempt = happening is Happening.BEFORE_TOOL and event.phase == "pre"
        judged = msgspec.structs.replace(event, event=happening.value) if attempt else event
        found = self.engine.feed(judged)
        session = self._table.note_call(claim.session, event, describe(event.tool, event.args))
        found = tuple(self._capped(one, event) for one in found)
        latched = self.latched(session) or (claimed is not None and self._table.latched(claimed))
        decision, reason = "", ""
        if happening.refusable or (happening is Happening.MALFORMED and latched):
            decision, reason = self._decision(reading, found, latched=latched)
        if attempt and decision != "deny":
            session = self._table.owes(session, event)
        recorded = self._books.record(event, decision or "pass", max((d.risk for d in found), default=0))
        full = not recorded or self._books.log.full
        if full and decision in {"allow", "ask"} and self.policy.when_log_fails == "deny":
            decision, reason = "deny", "the audit log cannot be written (disk full?), so calls are refused"
        for one in found:
            self._books.record_detection(event, one)
        if claim.mismatch:
            args = {"what": "a session id that another live process holds"}
            self._books.record_own("tampering", session, args)
        return Verdict(event, session, decision, self._answer(reading, decision, reason), found, recorded)

    def _decision(self, reading: Reading, found: tuple[Detection, ...], *, latched: bool) -> tuple[str, str]:
        if latched:
            return "deny", "irkit has latched this session: no tool call of it runs"
        worst = max(found, key=lambda one: one.response.rank, default=None)
        refused = worst is not None and worst.response.rank >= Response.DENY.rank
        if reading.problem and not refused:
            decision = "deny" if reading.oversize else self.policy.when_guard_down
            return decision, f"irkit could not read this call ({reading.problem})"
        if worst is None or worst.response is Response.OBSERVE:
            return "allow", ""
        decision = "ask" if worst.response is Response.ASK else "deny"
        return decision, f"{worst.why} (rule {worst.rule})"

    def _capped(self, one: Detection, event: Event) -> Detection:
        """Lower what a finding may do: shadow rules only observe, unattributed events freeze nobody."""
        if one.rule in self.policy.shadow:
            return msgspec.structs.replace(one, response=Response.OBSERVE)
        if not event.attributed and one.response.rank > Response.DENY.rank:
            return msgspec.structs.replace(one, response=Response.DENY)
        return one

    def _answer(self, reading: Reading, decision: str, reason: str) -> Answer:
        happening, spec = reading.payload.happening, reading.spec
        if decision == "ask":
            asked = spec.ask(happening, reading.payload.mode, reason)
            if asked is not None:
                return asked
            reason += "; this agent cannot be made to ask, so it is refused: a person can allow it with `irkit rules except`"
            decision = "deny"
        if decision == "deny" and happening is Happening.MALFORMED:
            return Answer(2, b"", f"irkit refused this: {reason}.\n".encode())
        if decision == "deny":
            return spec.refuse(happening, f"irkit refused this call: {reason}.")
        return ALLOW
