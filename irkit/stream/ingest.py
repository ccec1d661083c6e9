# SPDX-License-Identifier: Apache-2.0
"""From a parsed payload to a redacted `Event`: the one place where an agent's own words lose their secrets.

Rules: redaction precedes everything that judges or writes; the hash over the arguments is keyed, so that short
secrets cannot be guessed from it; what is cut is cut after its redaction, so that no half of a secret stays; nothing
unredacted leaves this module.
"""

import hmac
from typing import Any, NamedTuple, Protocol, cast

import msgspec

from irkit import limits
from irkit.agents.payload import Happening, Payload
from irkit.agents.tools import kind_of
from irkit.stream.event import Event, Phase, Source

_PHASE: dict[Happening, Phase] = {
    Happening.BEFORE_TOOL: "pre",
    Happening.AFTER_TOOL: "post",
    Happening.TOOL_FAILED: "post",
}
_CALL_IDS = ("toolu_", "call_", "fc_", "chatcmpl-")
"""How ids of calls begin that agents were seen to give: they are new each time, and no secret begins so."""
_NAMES_MAX = 4096
_canonical = msgspec.json.Encoder(order="deterministic")


class RedactsTrees(Protocol):
    """What ingest needs of a redactor (`irkit.stream.redact`)."""

    def text(self, text: str) -> tuple[str, tuple[Any, ...]]:
        """Replace secrets in a text."""
        ...

    def tree(self, value: Any) -> tuple[Any, tuple[str, ...]]:
        """Replace secrets in every string of a JSON value; also the kinds that were found."""
        ...


class Origin(NamedTuple):
    """Where an event came from, as far as it can be trusted."""

    source: Source
    ts: float
    """The clock that windows use: receipt for live hooks, the file's own (clamped to arrival) for tails."""
    pid: int = 0
    start: int = 0


class Ingest:
    """Redacts payloads into events, with one redactor and one hash key."""

    def __init__(self, redactor: RedactsTrees, key: bytes) -> None:
        self._redactor = redactor
        self._key = key
        self._names: dict[str, str] = {}

    def event(self, agent: str, payload: Payload, origin: Origin) -> Event:
        """The event of this payload."""
        args, kinds = self._redactor.tree(payload.input) if payload.input else ({}, ())
        looked_at = payload.error[: limits.EVENT_ERROR_MAX_CHARS + limits.REDACT_HOLD_CHARS]
        error = self._redactor.text(looked_at)[0][: limits.EVENT_ERROR_MAX_CHARS] if looked_at else ""
        return Event(
            ts=origin.ts,
            agent=agent,
            session=self._name(payload.session),
            event=payload.happening.value,
            phase=_PHASE.get(payload.happening, ""),
            tool=payload.tool,
            kind=kind_of(payload.tool) if payload.tool else "other",
            call_id=payload.call_id if payload.call_id.startswith(_CALL_IDS) else self._name(payload.call_id),
            subagent=payload.subagent,
            cwd=self._name(payload.cwd),
            user=payload.user,
            turn=payload.turn,
            pid=origin.pid,
            start=origin.start,
            args=cast("dict[str, Any]", args),
            args_sha256=self.fingerprint(payload.input) if payload.input else "",
            secrets=kinds,
            error=error,
            exit=payload.exit,
            response_bytes=payload.response_bytes,
            duration_ms=payload.duration_ms,
            mode=payload.mode,
            source=origin.source,
        )

    def _name(self, text: str) -> str:
        """An id or a folder without secrets. The same few come again and again, so their answers are remembered."""
        if not text:
            return text
        known = self._names.get(text)
        if known is None:
            if len(self._names) >= _NAMES_MAX:
                self._names.clear()
            known = self._names[text] = self._redactor.text(text)[0]
        return known

    def fingerprint(self, value: Any) -> str:
        """Keyed SHA-256 over a JSON value in canonical form, hex."""
        return hmac.digest(self._key, _canonical.encode(value), "sha256").hex()
