# SPDX-License-Identifier: Apache-2.0
"""Reads what a decoy writes down about itself (`decoy.jsonl`), while it is still writing.

The decoy may be stopped or killed at any point: a line without its end is left for the next look.
"""

import os
from typing import NamedTuple

import msgspec
from msgspec import Struct

from irkit.errors import BadInputError

READ_MAX_BYTES = 16 * 1024 * 1024
"""A decoy makes at most 2,000 calls; this is far above what those need."""


class Line(Struct, frozen=True):
    """Any line of the diary; which fields mean something depends on `kind`."""

    kind: str
    monotonic: float
    ts: float
    pid: int = 0
    start: int = 0
    what: str = ""
    session: str = ""
    number: int = 0
    refused: bool = False


class Attempt(NamedTuple):
    """When a call was asked for, and what came back (None while nothing has)."""

    asked: float
    asked_ts: float
    answered: float | None = None
    refused: bool | None = None


class Diary:
    """Grows with each `look`."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._offset = 0
        self.session = ""
        """The decoy's own session id, empty until it has said so."""
        self.processes: dict[tuple[int, int], str] = {}
        """(pid, start) -> what it is: the decoy and all that it started, the dead ones too."""
        self.attempts: dict[int, Attempt] = {}
        self.ended = False
        """Whether the decoy came to the end of its session."""

    def look(self) -> None:
        """Take in what was written since. Raises BadInputError on a line that no decoy writes."""
        try:
            with open(self._path, "rb") as file:
                file.seek(self._offset)
                text = file.read(READ_MAX_BYTES)
        except FileNotFoundError:
            return
        whole = text[: text.rfind(b"\n") + 1]
        for row in whole.splitlines():
            self._take(row)
        self._offset += len(whole)

    def _take(self, row: bytes) -> None:
        try:
            line = msgspec.json.decode(row, type=Line)
        except msgspec.MsgspecError as error:
            raise BadInputError(str(error), where=os.path.basename(self._path)) from error
        match line.kind:
            case "session":
                self.session = line.session
                self.processes[line.pid, line.start] = "the decoy"
            case "process":
                self.processes[line.pid, line.start] = line.what
            case "asked":
                self.attempts[line.number] = Attempt(line.monotonic, line.ts)
            case "answered":
                asked = self.attempts[line.number]
                self.attempts[line.number] = asked._replace(answered=line.monotonic, refused=line.refused)
            case "end":
                self.ended = True
