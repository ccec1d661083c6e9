# SPDX-License-Identifier: Apache-2.0
"""Agents' own records, and anyone's audit stream, as payloads: one line in, none or several happenings out.

Rules: what a file says is unauthenticated; a line that is no JSON object, or whose fields have other types than
documented, raises BadInputError, and any other line that tells nothing gives nothing. Nothing is read here; whoever
follows a file feeds its lines in order to one `Transcript`, because some records name their session only once.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec

from irkit.agents import records
from irkit.agents.dialect import arguments, bounded, moment
from irkit.agents.payload import Happening, Payload
from irkit.agents.records import Told
from irkit.errors import BadInputError
from irkit.limits import LINE_MAX_BYTES

FOUND_AT = (
    ("claude-transcript", ".claude/projects/*/*.jsonl"),
    ("claude-transcript", ".claude/projects/*/*/subagents/agent-*.jsonl"),
    ("codex-rollout", ".codex/sessions/*/*/*/rollout-*.jsonl"),
    ("codex-rollout", ".codex/archived_sessions/rollout-*.jsonl"),
    ("qwen-transcript", ".qwen/projects/*/chats/*.jsonl"),
    ("copilot-events", ".copilot/session-state/*/events.jsonl"),
)
"""(dialect, glob below the user's home) of the agents' own records, by documentation and as seen."""

_ID_IN_NAME = re.compile(r"([0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})\.jsonl$")


class GenericLine(msgspec.Struct, frozen=True, gc=False):
    """One object of the generic dialect. Unknown fields are ignored."""

    ts: str | float
    """RFC 3339 text, or seconds since the epoch."""
    agent: str
    session: str
    phase: Literal["pre", "post"]
    tool: str
    input: dict[str, Any] | str | None = None
    call_id: str | None = None
    subagent: str | None = None
    cwd: str | None = None
    user: str | None = None
    """Joins the parallel sessions of one person."""
    turn: int | None = None
    """Counts human prompts."""
    is_error: bool | None = None
    response_bytes: int | None = None

    def seconds(self) -> float:
        """`ts` in seconds since the epoch. Raises BadInputError."""
        ts = self.ts
        return ts if isinstance(ts, float) else moment(ts) or 0.0

    def payload(self) -> Payload:
        """The same as a payload. Raises BadInputError."""
        post = Happening.TOOL_FAILED if self.is_error else Happening.AFTER_TOOL
        return Payload(
            happening=Happening.BEFORE_TOOL if self.phase == "pre" else post,
            session=bounded(self.session, "session"),
            subagent=bounded(self.subagent or "", "subagent"),
            tool=bounded(self.tool, "tool"),
            call_id=bounded(self.call_id or "", "call_id"),
            input=arguments(self.input),
            cwd=self.cwd or "",
            ts=self.seconds(),
            user=bounded(self.user or "", "user"),
            turn=self.turn,
            response_bytes=self.response_bytes,
        )


def generic_decoder() -> Callable[[bytes], GenericLine]:
    """A function from one line to its record, for who reads millions. It raises BadInputError."""
    decode = msgspec.json.Decoder(GenericLine).decode

    def line_of(line: bytes) -> GenericLine:
        try:
            return decode(line)
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            raise BadInputError(f"not a line of the generic dialect: {error}") from error

    return line_of


class Transcript:
    """Reads one file's lines in order."""

    __slots__ = ("_generic", "_read", "_state")

    def __init__(self, dialect: str, path: str = "") -> None:
        """`path` is only looked at for a session's id in its name. Raises BadInputError for an unknown dialect."""
        if dialect not in DIALECTS:
            raise BadInputError(f"no dialect is called {dialect!r}", fix=f"known are {', '.join(DIALECTS)}")
        found = _ID_IN_NAME.search(path)
        self._state = records.State(session=found[1] if found else "")
        self._read = _READERS.get(dialect)
        self._generic = generic_decoder()

    def feed(self, line: bytes) -> tuple[Told, ...]:
        """(agent, payload) of all that the line tells. A blank line tells nothing. Raises BadInputError."""
        if len(line) > LINE_MAX_BYTES:
            raise BadInputError(f"the line is longer than {LINE_MAX_BYTES} bytes")
        if not line.strip():
            return ()
        if self._read is None:
            generic = self._generic(line)
            return ((bounded(generic.agent, "agent"), generic.payload()),)
        try:
            value = msgspec.json.decode(line)
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            raise BadInputError(f"the line is not JSON: {error}") from error
        if not isinstance(value, dict):
            raise BadInputError("the line is not a JSON object")
        return tuple(self._read(self._state, value))


def parse_line(dialect: str, line: bytes) -> tuple[Told, ...]:
    """One line by itself; a record that names its session elsewhere gives "" for it. Raises BadInputError."""
    return Transcript(dialect).feed(line)


_READERS: Mapping[str, Callable[[records.State, dict[str, Any]], list[Told]]] = {
    "claude-transcript": records.claude,
    "codex-rollout": records.codex,
    "qwen-transcript": records.qwen,
    "copilot-events": records.copilot,
}
DIALECTS = ("generic", *_READERS)
"""Names for `[[watch]]` and `--dialect`."""
