# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: ARG005 - all have one signature
"""Recorded calls through the engine, by the clock of the record: what would have been found.

Rules: lines in, detections out; files and output are the caller's. A line that cannot be read is told to the caller
and left out. What rules look at is redacted first, as live; what no rule looks at is not even decoded, which is why
a machine gets through as many calls a second as it can (docs/BENCHMARKS.md).
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Literal, Protocol, TypeAlias

import msgspec

from irkit import limits
from irkit.agents.dialect import arguments, moment
from irkit.agents.payload import Happening, Payload
from irkit.agents.tools import kind_of
from irkit.agents.transcripts import DIALECTS, Transcript
from irkit.clock import from_iso
from irkit.detect.acts import DELETES, ordinary_target
from irkit.detect.detection import Detection
from irkit.detect.engine import Engine
from irkit.detect.files import suspect
from irkit.detect.quiet_code import is_code, is_quiet
from irkit.detect.telling import telling
from irkit.errors import BadInputError
from irkit.stream.event import Event, Kind
from irkit.stream.record import AuditRecord

LOG = "irkit"
"""The dialect of irkit's own log."""
KNOWN = (LOG, *DIALECTS)
_SNIFFED_LINES = 50
_NAMES_MAX = 2048
_SECONDS_BELOW = 1e11
"""A greater number is in milliseconds."""
_UNREAD = frozenset({"plan", "agent"})
"""Kinds of which no act comes."""
_SHORT = frozenset({"shell", "read", "search", "write"})
_NOTHING: tuple[dict[str, Any], tuple[str, ...]] = ({}, ())
_canonical = msgspec.json.Encoder(order="deterministic")


class Redacts(Protocol):
    """What replay needs of a redactor."""

    def tree(self, value: Any) -> tuple[Any, tuple[str, ...]]:
        """Replace secrets in every string of a JSON value; also the kinds that were found."""
        ...


Problem: TypeAlias = Callable[[int, BadInputError], None]
"""Told of a line (counted from 1) that was left out."""


def replay(
    lines: Iterable[bytes],
    dialect: str,
    engine: Engine,
    redact: Redacts,
    problem: Problem = lambda line, error: None,
) -> Iterator[Detection]:
    """What the engine finds in these lines, in their order."""
    feed = engine.feed
    for event in events(lines, dialect, engine, redact, problem):
        found = feed(event)
        if found:
            yield from found


def events(
    lines: Iterable[bytes], dialect: str, engine: Engine, redact: Redacts, problem: Problem, path: str = ""
) -> Iterator[Event]:
    """The calls in these lines. `path` names the file where an agent's transcript has its session's id in its name."""
    if dialect == "generic":
        return _generic(lines, engine, redact, problem)
    if dialect == LOG:
        return _log(lines, problem)
    return _transcript(lines, Transcript(dialect, path), redact, problem)


def sniff(lines: Iterable[bytes], path: str = "") -> str:
    """The dialect of a file by its first lines. Raises BadInputError when none fits."""
    first = list(islice((line for line in lines if line.strip()), _SNIFFED_LINES))
    best, most = "", 0
    for dialect in KNOWN:
        count = _readable(first, dialect, path)
        if count > most:
            best, most = dialect, count
    if not best:
        raise BadInputError(
            "the first lines fit no dialect", where=path, fix=f"say which with --dialect: {', '.join(KNOWN)}"
        )
    return best


def _readable(lines: list[bytes], dialect: str, path: str) -> int:
    reader = Transcript(dialect, path) if dialect != LOG else None
    count = 0
    for line in lines:
        try:
            if reader is None:
                count += _record(line).v > 0 and b'"prev"' in line
            else:
                count += bool(reader.feed(line))
        except BadInputError:
            continue
    return count


# --- the generic dialect: the fast way ----------------------------------------------
class _Line(msgspec.Struct, gc=False):
    """A line that stands in for an `Event`: it has the same attributes. A second record for each line would cost a fifth."""

    ts: datetime | float
    agent: str
    session: str
    phase: Literal["pre", "post"]
    tool: str
    input: msgspec.Raw = msgspec.Raw(b"{}")
    call_id: str | None = None
    subagent: str | None = None
    cwd: str | None = None
    user: str | None = None
    turn: int | None = None
    # Not read from the line: `_event` sets them whatever the line says.
    kind: Any = None
    args: Any = None
    args_sha256: Any = None
    secrets: Any = None

    event = "before_tool"
    pid = start = 0
    mode = error = ""
    exit = response_bytes = duration_ms = None
    attributed = False
    source = "replay"


class _Short(msgspec.Struct, gc=False):
    """The arguments that tell whether the others are worth reading: `COMMAND_ARGS` and `FILE_ARGS`."""

    command: Any = None
    cmd: Any = None
    script: Any = None
    command_line: Any = msgspec.field(name="commandLine", default=None)
    command_line_2: Any = msgspec.field(name="CommandLine", default=None)
    file_path: Any = None
    file_path_2: Any = msgspec.field(name="filePath", default=None)
    path: Any = None
    absolute_path: Any = None
    notebook_path: Any = None
    target_file: Any = msgspec.field(name="TargetFile", default=None)
    filename: Any = None
    file: Any = None


class _Written(msgspec.Struct, gc=False):
    """The arguments that hold what is written: `CONTENT_ARGS`, and lists of edits."""

    content: Any = None
    new_string: Any = None
    new_string_2: Any = msgspec.field(name="newString", default=None)
    new_str: Any = None
    file_text: Any = None
    contents: Any = None
    insert_text: Any = None
    text: Any = None
    new_source: Any = None
    edits: Any = None


_decode_short = msgspec.json.Decoder(_Short).decode
_decode_written = msgspec.json.Decoder(_Written).decode


def _generic(lines: Iterable[bytes], engine: Engine, redact: Redacts, problem: Problem) -> Iterator[Event]:
    decode = msgspec.json.Decoder(_Line).decode
    number = 0
    for line in lines:
        number += 1
        try:
            one = decode(line)
            if one.phase != "pre":
                continue
            if len(line) > _NAMES_MAX and len(one.session) + len(one.agent) + len(one.tool) > _NAMES_MAX:
                raise BadInputError(f"names of more than {_NAMES_MAX} characters")  # noqa: TRY301 - one path for all of them
            event = _event(one, engine, redact)
        except (msgspec.MsgspecError, UnicodeError, RecursionError, BadInputError) as error:
            if line.strip():
                what = (
                    error.what
                    if isinstance(error, BadInputError)
                    else f"not a line of the generic dialect: {error}"
                )
                problem(number, BadInputError(what))
            continue
        yield event


def _event(one: _Line, engine: Engine, redact: Redacts) -> Event:
    ts = one.ts
    if not isinstance(ts, float):
        one.ts = (ts if ts.tzinfo else ts.replace(tzinfo=UTC)).timestamp()
    elif not 0 <= ts < _SECONDS_BELOW:
        one.ts = moment(ts) or 0.0
    kind = one.kind = kind_of(one.tool)
    raw = bytes(one.input)
    one.args_sha256 = hash(raw)  # equality within this run is all that it is for
    if not engine.reads_all and (kind in _UNREAD or (kind in _SHORT and _plain(one, kind, raw, engine))):
        one.args, one.secrets = _NOTHING
        return one  # type: ignore[return-value]  # it has an Event's attributes
    value = msgspec.json.decode(raw)
    args = value if value.__class__ is dict else arguments(value)
    one.args, one.secrets = redact.tree(args)
    return one  # type: ignore[return-value]  # it has an Event's attributes


def _plain(one: _Line, kind: Kind, raw: bytes, engine: Engine) -> bool:
    """Whether no act can come of the call, told without reading all of its arguments, of which no rule then sees any."""
    if raw[:1] != b"{":
        return False
    short = _decode_short(raw)
    if kind == "shell":
        command = short.command or short.cmd or short.script or short.command_line or short.command_line_2
        return (
            command.__class__ is str and not telling(command) and not engine.remembers(one.agent, one.session)
        )
    path = short.file_path or short.path or short.file_path_2 or _other_path(short)
    if kind != "write":
        return path.__class__ is str and not suspect(path)
    if path.__class__ is not str or one.tool.lower() in DELETES:
        return False
    if b"*** Begin Patch" in raw or b"\\u00" in raw:  # an escape may hide a letter of it
        return False
    return ordinary_target(path) or _quiet_script(one, path, raw, engine)


def _quiet_script(one: _Line, path: str, raw: bytes, engine: Engine) -> bool:
    """Whether running the code that is written to this file would be no act, and nothing of it need be remembered."""
    cwd = one.cwd or ""
    if not is_code(path) or suspect(path) or suspect(cwd) or "etc/" in path or "/etc" in cwd:
        return False
    written = _decode_written(raw)
    text = (
        written.content
        or written.new_string
        or written.new_string_2
        or written.new_str
        or written.file_text
        or _other_text(written)
    )
    return (
        text.__class__ is str
        and written.edits is None
        and is_quiet(text)
        and not engine.remembers(one.agent, one.session)
    )


def _other_path(short: _Short) -> Any:
    return (
        short.absolute_path or short.notebook_path or short.target_file or short.filename or short.file or ""
    )


def _other_text(written: _Written) -> Any:
    return written.contents or written.insert_text or written.text or written.new_source or ""


def _seconds(ts: str) -> float:
    try:
        return from_iso(ts)
    except (ValueError, OverflowError) as error:
        raise BadInputError(f"`ts` is not a time: {ts[:40]!r}") from error


# --- irkit's own log ----------------------------------------------------------------
_record_decoder = msgspec.json.Decoder(AuditRecord)
_SOURCES = frozenset({"hook", "spool", "tail", "replay"})


def _record(line: bytes) -> AuditRecord:
    try:
        return _record_decoder.decode(line)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise BadInputError(f"not a line of irkit's log: {error}") from error


def _log(lines: Iterable[bytes], problem: Problem) -> Iterator[Event]:
    for number, line in enumerate(lines, 1):
        try:
            one = _record(line)
            if one.event != Happening.BEFORE_TOOL:
                continue
            ts = _seconds(one.ts)
        except BadInputError as error:
            if line.strip():
                problem(number, error)
            continue
        yield Event(
            ts=ts,
            agent=one.agent,
            session=one.session,
            event=one.event,
            phase="pre",
            tool=one.tool,
            kind=kind_of(one.tool),
            call_id=one.call_id,
            subagent=one.subagent,
            cwd=one.cwd,
            user=one.user,
            turn=one.turn,
            pid=one.pid,
            start=one.start,
            args=one.args,
            args_sha256=one.args_sha256,
            secrets=one.secrets,
            source=one.source if one.source in _SOURCES else "replay",  # type: ignore[arg-type]  # checked on this line
        )


# --- agents' transcripts ------------------------------------------------------------
def _transcript(
    lines: Iterable[bytes], reader: Transcript, redact: Redacts, problem: Problem
) -> Iterator[Event]:
    latest = 0.0
    for number, line in enumerate(lines, 1):
        try:
            told = reader.feed(line)
        except BadInputError as error:
            problem(number, error)
            continue
        for agent, payload in told:
            latest = payload.ts if payload.ts is not None else latest
            if payload.happening is Happening.BEFORE_TOOL:
                yield _told(agent, payload, latest, redact)


def _told(agent: str, payload: Payload, ts: float, redact: Redacts) -> Event:
    args, secrets = redact.tree(payload.input) if payload.input else ({}, ())
    return Event(
        ts=ts,
        agent=agent,
        session=payload.session,
        event=payload.happening.value,
        phase="pre",
        tool=payload.tool,
        kind=kind_of(payload.tool),
        call_id=payload.call_id,
        subagent=payload.subagent,
        cwd=payload.cwd,
        user=payload.user,
        turn=payload.turn,
        args=args,
        args_sha256=f"{hash(_canonical.encode(payload.input)):x}",
        secrets=secrets,
        source="replay",
    )


def split(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Lines of a file that is read in chunks. Of a line that is too long only a piece is kept, longer than any may be."""
    rest = b""
    most = limits.LINE_MAX_BYTES + 1
    for chunk in chunks:
        head, *lines = chunk.split(b"\n")
        if not lines:
            rest = (rest + head)[:most]
            continue
        yield (rest + head)[:most]
        rest = lines.pop()
        yield from lines
    if rest:
        yield rest
