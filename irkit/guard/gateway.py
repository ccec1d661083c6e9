# SPDX-License-Identifier: Apache-2.0
"""Between the hooks' socket and the rest: each call judged, each verdict acted upon after its answer left.

Order on a trip: the latch is set before the answer leaves; the answer goes; then the session is stopped, on the same
turn of the loop. Hooks that wait behind it find the latch.
"""

import asyncio
import socket
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Executor

from irkit import limits
from irkit.agents.payload import Answer
from irkit.detect.detection import Detection, Response
from irkit.guard.books import Books
from irkit.guard.casebook import Casebook
from irkit.guard.hooksock import HookCall
from irkit.guard.judge import Judge, Reading, Verdict, read_payload
from irkit.guard.peer import Peer, PeerFinder
from irkit.incident.session import Session, SessionTable
from irkit.stream.event import Event

FREEZING_LOADER = ("LD_PRELOAD", "LD_AUDIT", "GCONV_PATH", "DYLD_INSERT_LIBRARIES")
"""Variables that can make a refusal be nothing; the others are only reported (threat T3)."""


class Gateway:
    """Implements `hooksock.Gate`. One owner: the guard's loop."""

    def __init__(
        self,
        *,
        finder: PeerFinder,
        judge: Judge,
        casebook: Casebook,
        table: SessionTable,
        books: Books,
        changed: Callable[..., None],
        readers: Executor | None = None,
    ) -> None:
        self._finder = finder
        self._judge = judge
        self._casebook = casebook
        self._table = table
        self._books = books
        self._changed = changed
        self._readers = readers
        self.heard: Callable[[Verdict], None] = lambda _verdict: None
        """Told of every verdict: who had a call under way is asked when something was tampered with."""
        self._reported: set[tuple[object, str]] = set()
        self._heard: OrderedDict[str, None] = OrderedDict()
        self.firing: dict[str, float] = {}
        """Agent -> when a hook of it, started by that agent, was last seen."""

    def hear(self, nonce: str) -> bool:
        """Remember a request by its nonce; False when it was judged before, by this way or from the spool."""
        if nonce in self._heard:
            return False
        self._heard[nonce] = None
        if len(self._heard) > limits.NONCES_MAX:
            self._heard.popitem(last=False)
        return True

    def peer(self, connection: socket.socket) -> Peer:
        """Who is at the other end."""
        return self._finder.find(connection)

    def decide(self, call: HookCall) -> Answer | asyncio.Future[Answer]:
        """Judge now; a very large payload is parsed and redacted in a thread first."""
        if not self.hear(call.nonce):
            return Answer(2, b"", b"irkit has judged this request before, so it is refused now.\n")
        if call.size <= limits.PAYLOAD_ON_LOOP_BYTES or call.sha256:
            reading = self._read(call)
            return self._judged(call, reading, self._judge.prepare(reading, call.peer)).answer
        return asyncio.ensure_future(self._decide_large(call))

    async def _decide_large(self, call: HookCall) -> Answer:
        loop = asyncio.get_running_loop()
        reading = await loop.run_in_executor(self._readers, self._read, call)
        event = await loop.run_in_executor(self._readers, self._judge.prepare, reading, call.peer)
        return self._judged(call, reading, event).answer

    def _read(self, call: HookCall) -> Reading:
        return read_payload(call.peer.agent or call.agent, call.event, call.data, call.size, call.sha256)

    def _judged(self, call: HookCall, reading: Reading, event: Event) -> Verdict:
        verdict = self._judge.judge(event, reading, call.peer)
        if call.peer.process:
            self.firing[call.peer.agent] = verdict.event.ts
        self._changed(verdict.session, call.peer.process, call=verdict.event.phase == "pre")
        if call.peer.process:
            self.heard(verdict)
        for one in verdict.detections:
            self._found(one, verdict.session)
        for problem in call.peer.problems:
            self._hook_tampered(call.peer, verdict, problem)
        return verdict

    def answered(self, call: HookCall, *, delivered: bool) -> None:
        """The answer left: carry out what is due."""
        if not delivered:
            self.vanished(call.peer)
        self._casebook.run_due()

    def flooded(self, peer: Peer, why: str) -> Answer:
        """Refuse who exceeds his bounds, and report it once per tree and reason."""
        self._own(
            peer,
            "flood.hooks",
            Response.DENY,
            f"{why}, from the process tree of {peer.agent or 'nobody known'}",
        )
        return Answer(2, b"", f"irkit refused this call: {why}.\n".encode())

    def vanished(self, peer: Peer) -> None:
        """A hook that dies before its answer freezes its tree: somebody may be killing hooks (threat T3)."""
        self._own(
            peer, "tamper.hook-died", Response.FREEZE, "a hook was ended before its answer reached the agent"
        )
        self._casebook.run_due()

    def _hook_tampered(self, peer: Peer, verdict: Verdict, problem: str) -> None:
        freezing = problem.startswith(FREEZING_LOADER) or problem.startswith("the hook ran in")
        response = Response.FREEZE if freezing else Response.OBSERVE
        self._own(peer, "tamper.hook-environment", response, problem, verdict.session)

    def _own(
        self, peer: Peer, rule: str, response: Response, why: str, session: Session | None = None
    ) -> None:
        """A finding of the guard's own about a hook: recorded once per tree, acted upon where it is attributed."""
        if (peer.tree, rule + why) in self._reported:
            return
        if len(self._reported) > limits.WINDOW_GROUPS_MAX:
            self._reported.clear()
        self._reported.add((peer.tree, rule + why))
        held = self._table.of_process(peer.process)
        session = session or (held[0] if held else None)
        self._books.record_own("tampering", session, {"rule": rule, "why": why, "pid": peer.pid})
        if session is None or not session.processes:
            return
        one = Detection(
            rule=rule,
            title=rule,
            level="high",
            response=response,
            agent=session.agent,
            session=session.native,
            call_id="",
            ts=session.last_ts,
            index=session.calls,
            why=why,
            tags=("attack.t1562",),
        )
        self._found(one, session)

    def _found(self, one: Detection, session: Session) -> None:
        if one.response.rank < Response.FREEZE.rank or not session.processes:
            return
        self._casebook.detected(one, session, self._table.sharing(session))
