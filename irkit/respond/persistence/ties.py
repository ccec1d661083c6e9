# SPDX-License-Identifier: Apache-2.0
"""Whether an added entry is a session's: by what it was seen to do, by time, and by content. Pure.

Rules (threat T13): only what all three tie to the session moves by itself.
- **Ledger**: a call of the session that was not refused *writes* that very file, as far as its text tells. Reading it,
  or naming it, ties nothing.
- **Time**: the file was changed since the session began (ctime counts: it cannot be set back).
- **Content**: every line of the entry stands in a writing call of the session. A line that redaction masked is not
  recognised; such an entry is asked about.
"""

import os
from collections.abc import Iterable
from typing import Any, NamedTuple

from irkit.detect.acts import HANDLERS, deriver_of
from irkit.detect.facts import FILE_ARGS, command_of, first_text
from irkit.detect.flow import Flow
from irkit.detect.memory import Memory
from irkit.detect.places import canonical
from irkit.detect.walk import Walk
from irkit.respond.persistence.baseline import SHOWN_MAX, Change
from irkit.stream.event import Event

WRITES = frozenset({"persist", "write", "agent-settings", "overwrite"})
_MIN_CHARS = 6
"""A shorter entry stands in too many texts to be anybody's."""
_TIME_SLACK_S = 2.0


class Deed(NamedTuple):
    """One call of a session that wrote something."""

    ts: float
    paths: frozenset[str]
    """What it wrote, in canonical form; `crontab` for a crontab."""
    text: str


class _Writes(Walk):
    """Goes through shell text and notes each file that it writes, whatever the file is."""

    def __init__(self, cwd: str) -> None:
        super().__init__(Memory(), cwd, HANDLERS)
        self.written: set[str] = set()

    def wrote(self, arg: str, flow: Flow, program: str, *, append: bool = False) -> None:
        self.written.add(self.path(arg))
        super().wrote(arg, flow, program, append=append)


class Ties(NamedTuple):
    """What ties an entry to a session, in words; empty where nothing does."""

    ledger: str = ""
    time: str = ""
    content: str = ""

    @property
    def all(self) -> bool:
        """Whether it may move by itself."""
        return bool(self.ledger and self.time and self.content)


def deed_of(event: Event) -> Deed | None:
    """What a before-call writes; None when it writes nothing that is known."""
    cwd = canonical(event.cwd) if event.cwd else ""
    paths: set[str] = set()
    if event.kind == "shell":
        walk = _Writes(cwd)
        walk.run(command_of(event.args))
        paths = walk.written | {act.path for act in walk.acts if act.act in WRITES and act.path}
    elif (derive := deriver_of(event.kind)) is not None:
        paths = {act.path for act in derive(event, Memory()) if act.act in WRITES and act.path}
    if event.kind == "write" and (path := first_text(event.args, FILE_ARGS)):
        paths.add(canonical(path, cwd))
    if not paths:
        return None
    return Deed(event.ts, frozenset(paths), "\n".join(_texts(event.args)))


def ties(change: Change, deeds: Iterable[Deed], since: float, home: str) -> Ties:
    """What ties this entry to the session whose deeds these are."""
    names = _names(change, home)
    writing = list(deeds)
    naming = [deed for deed in writing if deed.paths & names]
    ledger = f"a call wrote it {len(naming)} times" if naming else ""
    time = "changed since the session began" if change.touched >= since - _TIME_SLACK_S else ""
    content = "its text stands in the session's own calls" if naming and _stands(change, writing) else ""
    return Ties(ledger, time, content)


def _stands(change: Change, deeds: list[Deed]) -> bool:
    lines = [line.strip().rstrip(",") for line in change.text.splitlines()]
    lines = [line for line in lines if line.strip('{}[]," ')]
    if len(change.text) >= SHOWN_MAX or sum(map(len, lines)) < _MIN_CHARS:
        return False
    said = [deed.text for deed in deeds]
    return all(any(line in text for text in said) for line in lines)


def _names(change: Change, home: str) -> frozenset[str]:
    names = {change.path, canonical(change.path)}
    if change.path.startswith(home + "/"):
        names.add("~" + change.path[len(home) :])
    if change.place == "crontab":
        names.add("crontab")
    if change.place == "git-hook":
        names.add(os.path.normpath(change.path))
    return frozenset(names)


def _texts(value: Any, depth: int = 0) -> list[str]:
    if isinstance(value, str):
        return [value]
    if depth > 8:
        return []
    if isinstance(value, dict):
        return [text for inner in value.values() for text in _texts(inner, depth + 1)]
    if isinstance(value, (list, tuple)):
        return [text for inner in value for text in _texts(inner, depth + 1)]
    return []
