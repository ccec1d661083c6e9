# SPDX-License-Identifier: Apache-2.0
"""`irkit rules replay`: files in, detections out, in bounded memory however long a file is."""

import gc
import glob
import heapq
import os
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, BinaryIO, NamedTuple

import msgspec

from irkit import limits
from irkit.agents.transcripts import FOUND_AT
from irkit.cli.output import paint, table, talk
from irkit.clock import iso
from irkit.detect.detection import Detection
from irkit.detect.engine import Engine
from irkit.detect.replay import Redacts, events, sniff, split
from irkit.detect.rule import RuleSet
from irkit.errors import BadInputError
from irkit.report import safe

_CHUNK = 256 * limits.KIB
_encode = msgspec.json.Encoder().encode


class Found(NamedTuple):
    """A file to replay."""

    path: str
    dialect: str
    """Empty: to be told from its first lines."""


class Skipped:
    """Lines of one file that were left out: told once, with the first of them."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.count = 0
        self.first = ""

    def __call__(self, line: int, error: BadInputError) -> None:
        """Count one."""
        self.count += 1
        if self.count == 1:
            self.first = f"{self.path}:{line}: {error.what}"

    def tell(self) -> None:
        """One line on stderr, if there is anything to tell."""
        if self.count:
            lines = "1 line was" if self.count == 1 else f"{self.count} lines were"
            talk(f"irkit: {safe.terminal(self.first, 300)}; {lines} left out, the rest was replayed")


def own_transcripts() -> list[Found]:
    """The agents' records below this user's home, oldest first."""
    found = [
        Found(path, dialect)
        for dialect, pattern in FOUND_AT
        for path in glob.iglob(os.path.join(os.path.expanduser("~"), pattern))
        if os.path.isfile(path)
    ]
    return sorted(found, key=lambda one: os.stat(one.path).st_mtime)[-limits.TRANSCRIPTS_MAX :]


def replay_files(files: list[Found], rules: RuleSet, redact: Redacts, *, merged: bool) -> Iterator[Detection]:
    """Detections of each file alone, or of all as one stream in order of time. Raises BadInputError."""
    gc.set_threshold(100_000)  # a stream of small records, none in a cycle: the collector has nothing to find
    if not merged:
        for one in files:
            yield from replay_file(one, Engine(rules), redact)
        return
    engine = Engine(rules)
    with ExitStack() as stack:
        skipped = [Skipped(one.path) for one in files]
        streams = []
        for one, problem in zip(files, skipped, strict=True):
            file = stack.enter_context(_opened(one.path))
            lines = split(_chunks(file))
            streams.append(events(lines, _dialect(one), engine, redact, problem, one.path))
        for event in heapq.merge(*streams, key=lambda event: event.ts):
            yield from engine.feed(event)
        for problem in skipped:
            problem.tell()


def replay_file(one: Found, engine: Engine, redact: Redacts) -> Iterator[Detection]:
    """Detections of one file. Raises BadInputError."""
    skipped = Skipped(one.path)
    dialect = _dialect(one)
    feed = engine.feed
    with _opened(one.path) as file:
        lines = split(_chunks(file))
        for event in events(lines, dialect, engine, redact, skipped, one.path):
            found = feed(event)
            if found:
                yield from found
    skipped.tell()


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    while chunk := file.read(_CHUNK):
        yield chunk


def _opened(path: str) -> BinaryIO:
    try:
        return open(path, "rb")
    except OSError as error:
        raise BadInputError(
            f"cannot be read ({error.strerror})", where=path, fix="check the path and its rights"
        ) from error


def _dialect(one: Found) -> str:
    if one.dialect:
        return one.dialect
    with _opened(one.path) as file:
        try:
            head = file.read(limits.LINE_MAX_BYTES)
        except OSError as error:
            raise BadInputError(
                f"cannot be read ({error.strerror})", where=one.path, fix="name a file"
            ) from error
    return sniff(head.split(b"\n"), one.path) if head.strip() else "generic"


def print_json(found: Iterator[Detection]) -> None:
    """One object a line, as soon as it is known."""
    for one in found:
        row = {
            "rule": one.rule,
            "session": one.session,
            "call_id": one.call_id,
            "index": one.index,
            "ts": iso(one.ts),
            "response": one.response.value,
            "why": one.why,
        }
        sys.stdout.write(_encode(row).decode() + "\n")


def print_table(found: Iterator[Detection], files: int) -> None:
    """A table for people, and one line that sums it up."""
    rows: list[list[str]] = []
    responses: Counter[str] = Counter()
    for one in found:
        responses[one.response.value] += 1
        if len(rows) < limits.MOMENTS_MAX:
            cells = [
                iso(one.ts)[:19],
                one.response.value,
                one.rule,
                f"{one.session[:12]} #{one.index}",
                one.why,
            ]
            rows.append([safe.terminal(cell, 110) for cell in cells])
    if rows:
        sys.stdout.write(table(rows, ["WHEN (UTC)", "RESPONSE", "RULE", "SESSION", "WHY"]) + "\n")
    what = ", ".join(f"{count} {name}" for name, count in sorted(responses.items())) or "nothing found"
    plural = "file" if files == 1 else "files"
    sys.stdout.write(f"{paint(what, 'bold')} in {files} {plural}\n")


def arguments(parser: Any) -> None:
    """Options of `irkit rules replay`."""
    parser.add_argument("files", nargs="*", metavar="FILE", help="recorded calls; none: your own transcripts")
    parser.add_argument("--merge-users", action="store_true", help="one stream of all files, by time")
    parser.add_argument("--dialect", help="instead of telling it from the first lines")
    parser.add_argument("--json", action="store_true", help="one JSON object a line for each detection")
