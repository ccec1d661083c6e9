# SPDX-License-Identifier: Apache-2.0
"""YAML from people, read within bounds: YAML 1.2, plain data only, and the line of each place for errors.

Refused, with the line: aliases and anchors (a small file must not become a large value), tags, a key twice, keys that
are not text, several documents, and more than the limits on bytes and depth.
"""

import re
from collections.abc import Callable
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent, NodeEvent
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from irkit import limits
from irkit.errors import BadInputError

Place = tuple[str | int, ...]
"""Keys and indices from the top of the document, e.g. `("steps", 2, "mode")`."""
LineOf = Callable[[Place], int]
"""The line of a place, counted from 1; for a place that is not there, the line of what should hold it."""

_SPECIAL = re.compile(r"(?:^|[\s\[{,])[&*!]", re.MULTILINE)
"""Where an anchor, an alias or a tag could stand."""
_BRACKETS = 300
"""More of them than this in one file may be nested too deep to build."""


def load(text: str, where: str) -> tuple[Any, LineOf]:
    """The document's value, and where its parts stand. Raises BadInputError, which names `where` and the line."""
    if len(text.encode(errors="replace")) > limits.YAML_MAX_BYTES:
        raise BadInputError(
            f"more than {limits.YAML_MAX_BYTES} bytes of YAML", where=where, fix="split the file"
        )
    try:
        if _needs_a_look(text):
            _check_events(text, where)
        reader = _reader()
        node = reader.compose(text)
        lines: dict[Place, int] = {(): 1}
        value = _value(node, (), reader, lines, where) if node is not None else None
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{where}:{mark.line + 1}" if mark else where
        raise BadInputError(
            f"not YAML ({error.problem or error.context})", where=place, fix="see the line"
        ) from error
    except (YAMLError, ValueError, RecursionError) as error:
        what = str(error).splitlines()[0] if str(error) else "not readable"
        raise BadInputError(
            f"not YAML ({what})", where=where, fix="save it as UTF-8 text without controls"
        ) from error
    return value, lambda place: _nearest(lines, place)


def _reader() -> YAML:
    return YAML(typ="safe", pure=True)


def _needs_a_look(text: str) -> bool:
    """Whether the text can hold what must be refused before anything is built: most files cannot, and load twice as fast."""
    opened, closed = text.count("[") + text.count("{"), text.count("]") + text.count("}")
    return opened != closed or opened > _BRACKETS or _SPECIAL.search(text) is not None


def _check_events(text: str, where: str) -> None:
    """Bounds that must hold before anything is built."""
    depth = 0
    for event in _reader().parse(text):
        if isinstance(event, AliasEvent) or (isinstance(event, NodeEvent) and event.anchor):
            raise _refused("an anchor or alias", event, where, "write the value out")
        if getattr(event, "tag", None):
            raise _refused(f"a tag ({event.tag})", event, where, "leave it out")
        if isinstance(event, CollectionStartEvent):
            depth += 1
            if depth > limits.YAML_MAX_DEPTH:
                raise _refused(f"more than {limits.YAML_MAX_DEPTH} levels", event, where, "flatten it")
        elif isinstance(event, CollectionEndEvent):
            depth -= 1


def _value(node: Node, at: Place, reader: YAML, lines: dict[Place, int], where: str) -> Any:
    lines[at] = node.start_mark.line + 1
    if len(at) > limits.YAML_MAX_DEPTH or (
        len(at) == limits.YAML_MAX_DEPTH and not isinstance(node, ScalarNode)
    ):
        raise _refused(f"more than {limits.YAML_MAX_DEPTH} levels", node, where, "flatten it")
    if isinstance(node, SequenceNode):
        return [_value(item, (*at, index), reader, lines, where) for index, item in enumerate(node.value)]
    if isinstance(node, MappingNode):
        return _mapping(node, at, reader, lines, where)
    return _scalar(node, reader, where)


def _scalar(node: Node, reader: YAML, where: str) -> Any:
    value = reader.constructor.construct_object(node)
    if (
        isinstance(value, str)
        and not value.isprintable()
        and any("\ud800" <= char <= "\udfff" for char in value)
    ):
        raise _refused("half a character (a lone surrogate)", node, where, "write the character itself")
    return value


def _mapping(
    node: MappingNode, at: Place, reader: YAML, lines: dict[Place, int], where: str
) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = _scalar(key_node, reader, where) if isinstance(key_node, ScalarNode) else None
        if not isinstance(key, str):
            raise _refused("a key that is not text", key_node, where, "put the key in quotes")
        if key in made:
            raise _refused(f"the key {key!r} twice", key_node, where, "keep one of them")
        made[key] = _value(value_node, (*at, key), reader, lines, where)
        lines[*at, key] = key_node.start_mark.line + 1
    return made


def _nearest(lines: dict[Place, int], place: Place) -> int:
    while place not in lines:
        place = place[:-1]
    return lines[place]


def _refused(what: str, marked: Any, where: str, fix: str) -> BadInputError:
    return BadInputError(f"{what} is not taken", where=f"{where}:{marked.start_mark.line + 1}", fix=fix)
