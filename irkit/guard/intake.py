# SPDX-License-Identifier: Apache-2.0
"""What comes without a hook that waits: the spool of hooks that found no guard, and watched files.

Both are unauthenticated: they raise suspicion, are recorded and told, and freeze nobody by themselves.
"""

import asyncio
import contextlib
from typing import TYPE_CHECKING

import msgspec

from irkit.agents.payload import Happening, Payload
from irkit.agents.transcripts import Transcript
from irkit.detect.detection import Response
from irkit.errors import BadInputError
from irkit.guard.judge import read_payload
from irkit.stream import spool
from irkit.stream.event import Source
from irkit.stream.ingest import Origin
from irkit.stream.tail import Tail, TailState
from irkit.stream.watch import Watch

if TYPE_CHECKING:
    from irkit.guard.config import WatchConfig
    from irkit.guard.daemon import Guard

SPOOL_TURN = 50
"""Spooled payloads judged before the sockets get their turn again."""
SUSPECT_LEVELS = ("high", "critical")


class Intake:
    """One owner: the guard's loop."""

    def __init__(self, guard: "Guard") -> None:
        self._g = guard
        self._spooling: asyncio.Task[None] | None = None
        self._again = False
        self._watches: list[tuple[WatchConfig, Watch]] = []
        self._tails: dict[str, tuple[Tail, Transcript]] = {}
        self._states = guard.store.tails()
        self._rejected: set[str] = set()
        self.ingested = 0
        """Spooled payloads judged since the start."""

    def start(self) -> None:
        """Read what was spooled, and begin to watch."""
        self.read_spool()
        for config in self._g.policy.config.watch:
            watch = Watch((config.pattern,), lambda: self._g.loop.call_soon_threadsafe(self.read_tails))
            watch.start()
            self._watches.append((config, watch))
        self.read_tails()

    def stop(self) -> None:
        """Watch no more."""
        for _, watch in self._watches:
            watch.stop()
        if self._spooling is not None:
            self._spooling.cancel()
        self._save_tails()

    def poll(self) -> None:
        """The safety round: whatever a wake-up missed."""
        self.read_spool()
        self.read_tails()

    # --- spool ---------------------------------------------------------------------
    def read_spool(self) -> None:
        """Judge what lies in the spool, oldest first, a few at a time."""
        if self._spooling is None or self._spooling.done():
            self._spooling = self._g.loop.create_task(self._drain())

    async def _drain(self) -> None:
        for number, item in enumerate(spool.read_spool(self._g.home.spool, self._g.clock.now()), 1):
            if isinstance(item, spool.SpoolReject):
                self._reject(item)
                continue
            if not self._g.gateway.hear(item.nonce):
                spool.remove(self._g.home.spool, item)
                continue
            reading = read_payload(item.agent, item.event, item.data, len(item.data), "")
            payload = (
                reading.payload
                if not reading.problem
                else msgspec.structs.replace(reading.payload, error=reading.problem)
            )
            self._judge(reading.spec.name, payload, "spool", item.ts)
            spool.remove(self._g.home.spool, item)
            self.ingested += 1
            if number % SPOOL_TURN == 0:
                await asyncio.sleep(0)

    def _reject(self, item: spool.SpoolReject) -> None:
        """Reported once, then taken away where that is possible."""
        if item.name in self._rejected:
            return
        self._rejected.add(item.name)
        name = "spool_gap" if item.reason.startswith("vanished") else "spool_reject"
        self._g.books.record_own(name, None, {"name": item.name, "why": item.reason})
        spool.remove(self._g.home.spool, item)

    # --- watched files ---------------------------------------------------------------
    def read_tails(self) -> None:
        """Read every watched file from where it was read to."""
        more = False
        for config, watch in self._watches:
            for path in watch.changed():
                more |= self._read_tail(config, path)
        if more:
            self._g.loop.call_soon(self.read_tails)

    def _read_tail(self, config: "WatchConfig", path: str) -> bool:
        """Read one file; whether there is more of it."""
        tail, transcript = self._tails.get(path) or self._open(config, path)
        found = tail.read()
        for notice in found.notices:
            self._g.books.record_own("tail_gap", None, {"path": path, "what": notice})
        for line in found.lines:
            try:
                heard = transcript.feed(line)
            except BadInputError as error:
                self._g.books.record_own("malformed", None, {"path": path, "why": str(error)[:300]})
                continue
            for agent, payload in heard:
                self._judge(config.agent or agent, payload, "tail", payload.ts)
        return found.more

    def _open(self, config: "WatchConfig", path: str) -> tuple[Tail, Transcript]:
        state = None
        if path in self._states:
            with contextlib.suppress(msgspec.ValidationError):
                state = msgspec.convert(self._states[path], TailState)
        self._tails[path] = Tail(path, state), Transcript(config.dialect, path)
        return self._tails[path]

    def _save_tails(self) -> None:
        for path, (tail, _) in self._tails.items():
            self._g.store.save_tail(path, msgspec.to_builtins(tail.state))

    # --- both ----------------------------------------------------------------------
    def _judge(self, agent: str, payload: Payload, source: Source, ts: float | None) -> None:
        """Judge an event that nobody waits for. Its own time counts, clamped to its arrival."""
        now = self._g.clock.now()
        event = self._g.judge.ingest.event(
            agent, payload, Origin(source, min(ts if ts is not None else now, now))
        )
        verdict = self._g.judge.note(event, payload.happening)
        self._g.chores.session_changed(verdict.session, None, call=payload.happening is Happening.BEFORE_TOOL)
        for one in verdict.detections:
            if one.response is not Response.OBSERVE and one.level in SUSPECT_LEVELS:
                self._g.casebook.suspect(one, verdict.session)
