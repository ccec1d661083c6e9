# SPDX-License-Identifier: Apache-2.0
"""What a rule can ask about: the fields of an event, and of one act that it performs.

Rules: a field that is not there has no value and matches nothing. A rule with fields of acts is asked once for
each act of an event, so that all its conditions speak of the same act.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

from irkit.detect.act import Act
from irkit.detect.detection import Detection
from irkit.stream.event import Event

Value: TypeAlias = str | int | bool | None
Values: TypeAlias = tuple[Value, ...]


class Facts(NamedTuple):
    """One event, seen from one of its acts (None: the event as a whole)."""

    event: Event
    act: Act | None = None
    detection: Detection | None = None


Getter: TypeAlias = Callable[[Facts], Values]

COMMAND_ARGS = ("command", "cmd", "script", "commandLine", "CommandLine")
FILE_ARGS = (
    "file_path",
    "filePath",
    "path",
    "absolute_path",
    "notebook_path",
    "TargetFile",
    "filename",
    "file",
)
CONTENT_ARGS = (
    "content", "new_string", "newString", "new_str", "file_text", "contents", "insert_text", "text", "new_source",
)  # fmt: skip
URL_ARGS = ("url", "uri", "URL", "Url")


def command_of(args: Mapping[str, Any]) -> str:
    """The shell text of a call, whatever its agent calls the argument; argv lists become one command line."""
    for name in COMMAND_ARGS:
        found = args.get(name)
        if isinstance(found, str):
            return found
        if isinstance(found, list) and found:
            return _join([str(part) for part in found])
    return ""


def first_text(args: Mapping[str, Any], names: tuple[str, ...]) -> str:
    """The first of these arguments that is a text."""
    for name in names:
        found = args.get(name)
        if isinstance(found, str) and found:
            return found
    return ""


def _join(argv: list[str]) -> str:
    return " ".join("'" + part.replace("'", "'\\''") + "'" for part in argv)


def _texts(value: Any) -> Values:
    if value is None:
        return ()
    if isinstance(value, (str, int, bool)):
        return (value,)
    if isinstance(value, (list, tuple)):
        return tuple(item for item in value if isinstance(item, (str, int, bool)))
    return ()


def _argument(path: str) -> Getter:
    """`args.input.query`: the argument at that place."""
    keys = path.split(".")

    def get(facts: Facts) -> Values:
        value: Any = facts.event.args
        for key in keys:
            if not isinstance(value, dict):
                return ()
            value = value.get(key)
        return _texts(value)

    return get


# A live event without a user is the owner's; in a file, nobody knows whose it is, and it is not counted by user.
EVENT_FIELDS: dict[str, Getter] = {
    "phase": lambda facts: (facts.event.phase,),
    "kind": lambda facts: (facts.event.kind,),
    "tool": lambda facts: (facts.event.tool,),
    "agent": lambda facts: (facts.event.agent,),
    "session": lambda facts: (facts.event.session,),
    "subagent": lambda facts: _texts(facts.event.subagent or None),
    "user": lambda facts: _texts(facts.event.user or (None if facts.event.source == "replay" else "owner")),
    "cwd": lambda facts: _texts(facts.event.cwd or None),
    "mode": lambda facts: _texts(facts.event.mode or None),
    "source": lambda facts: (facts.event.source,),
    "secrets": lambda facts: facts.event.secrets,
    "args_sha256": lambda facts: _texts(facts.event.args_sha256 or None),
    "command": lambda facts: _texts(command_of(facts.event.args) or None),
    "file": lambda facts: _texts(first_text(facts.event.args, FILE_ARGS) or None),
    "content": lambda facts: _texts(first_text(facts.event.args, CONTENT_ARGS) or None),
    "url": lambda facts: _texts(first_text(facts.event.args, URL_ARGS) or None),
}
ACT_FIELDS: dict[str, Getter] = {
    "act": lambda facts: (facts.act.act,) if facts.act else (),
    "target": lambda facts: _texts(facts.act.target or None) if facts.act else (),
    "path": lambda facts: _texts(facts.act.path or None) if facts.act else (),
    "to": lambda facts: _texts(facts.act.to or None) if facts.act else (),
    "host": lambda facts: _texts(facts.act.host or None) if facts.act else (),
    "program": lambda facts: _texts(facts.act.program or None) if facts.act else (),
    "detail": lambda facts: facts.act.detail if facts.act else (),
}
DETECTION_FIELDS: dict[str, Getter] = {
    "rule": lambda facts: (facts.detection.rule,) if facts.detection else (),
    "level": lambda facts: (facts.detection.level,) if facts.detection else (),
    "response": lambda facts: (facts.detection.response.value,) if facts.detection else (),
    "risk": lambda facts: (facts.detection.risk,) if facts.detection else (),
}
STATIC_FIELDS = frozenset({"phase", "kind", "tool"})
"""What the tool's name alone decides."""


def getter(field: str) -> Getter | None:
    """How to read a field; None when there is no such field."""
    if field.startswith("args."):
        return _argument(field[5:])
    return EVENT_FIELDS.get(field) or ACT_FIELDS.get(field) or DETECTION_FIELDS.get(field)


def known_fields() -> tuple[str, ...]:
    """All names, for error messages and the documentation."""
    return (*sorted({**EVENT_FIELDS, **ACT_FIELDS, **DETECTION_FIELDS}), "args.NAME")
