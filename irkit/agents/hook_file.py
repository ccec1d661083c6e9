# SPDX-License-Identifier: Apache-2.0
"""Puts irkit's hooks into an agent's JSON settings and takes them out again, byte for byte.

Rules:
- nothing foreign is changed, moved or reformatted: text is only inserted, and later cut out where it was inserted;
- what irkit inserts carries its own history. An entry put into an *empty* container of the user's stands right
  behind the opening bracket; a container that irkit made opens with a line break. So `remove` knows whether an
  empty container stays. The `version` member that some agents want shares a line with `hooks` when irkit added it;
- a hook is irkit's when its command runs `gate/hook.py` for one of the known agents, whichever home it names: an
  older home's hooks are replaced;
- `install` of an installed text returns it as it is, also when somebody reformatted it.
It never reads or writes a file. Texts must be decoded without translating line ends.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from msgspec import Struct

from irkit.agents.facts import AGENTS
from irkit.agents.json_text import Child, Node, bad_place, scan
from irkit.agents.spec import HookEvent

_OURS = re.compile(r"gate[/\\]+hook\.py['\"]*\s+['\"]?(" + "|".join(AGENTS) + r")['\"]?(?=\s)")
_COMMAND_KEYS = ("command", "bash", "powershell")

Version = tuple[int, ...]
Entry = Callable[[HookEvent, str, Version | None], dict[str, Any]]
"""(event, command line, the agent's version when known) -> what stands in the event's array."""


class HookFile(Struct, frozen=True, kw_only=True):
    """The form of one agent's hook settings: `{"hooks": {EVENT: [entry, …]}}`."""

    events: tuple[HookEvent, ...]
    entry: Entry
    versioned: bool = False
    """Whether the file needs `"version": 1`."""
    readers: tuple[str, ...] = ()
    """Agents that read this same file: a hook in the name of any of them serves all."""

    def install(self, text: str | None, command: Callable[[str], str], version: Version | None = None) -> str:
        """The text with irkit's hooks. Raises BadInputError when the text has another form."""
        wanted = {event.name: self.entry(event, command(event.name), version) for event in self.events}
        if text and text.strip():
            if self._has(scan(text), wanted):
                return text
            text = self.remove(text)
        if not text or not text.strip():
            return _document(wanted, versioned=self.versioned, before=text or "")
        return _inserted(text, scan(text), wanted, versioned=self.versioned)

    def remove(self, text: str) -> str:
        """The text without irkit's hooks; "" when irkit made the whole file."""
        if not text.strip():
            return text
        root = scan(text)
        cuts, flagged = _cuts_of_root(text, root)
        if flagged:
            rest = text[: root.start] + text[root.end :]
            return "" if rest == "\n" else rest
        for start, end in sorted(cuts, reverse=True):
            text = text[:start] + text[end:]
        return text

    def installed(self, text: str) -> frozenset[str]:
        """The events that have a hook of irkit's."""
        if not text.strip():
            return frozenset()
        return frozenset(event for event, _ in _our_entries(scan(text)))

    def _has(self, root: Node, wanted: Mapping[str, dict[str, Any]]) -> bool:
        """Whether exactly the wanted entries are there."""
        found = [(event, self._nameless(entry)) for event, entry in _our_entries(root)]
        return len(found) == len(wanted) and dict(found) == {k: self._nameless(v) for k, v in wanted.items()}

    def _nameless(self, entry: Any) -> Any:
        """The entry without the agent's name where several agents read the file."""
        if isinstance(entry, dict):
            return {key: self._nameless(value) for key, value in entry.items()}
        if isinstance(entry, list):
            return [self._nameless(value) for value in entry]
        found = _OURS.search(entry) if isinstance(entry, str) else None
        if found and found[1] in self.readers:
            return entry[: found.start(1)] + entry[found.end(1) :]
        return entry


# --- whose is it -------------------------------------------------------------------


def _is_handler(value: Any) -> bool:
    """Whether a handler is irkit's."""
    if not isinstance(value, dict):
        return False
    return any(isinstance(value.get(key), str) and _OURS.search(value[key] + " ") for key in _COMMAND_KEYS)


def _group(value: Any) -> list[Any]:
    """The handlers of a matcher group, empty when it is none."""
    handlers = value.get("hooks") if isinstance(value, dict) else None
    return handlers if isinstance(handlers, list) else []


def _is_ours(value: Any) -> bool:
    """Whether a whole entry is irkit's: a handler, or a group that holds nothing else."""
    return _is_handler(value) or (bool(_group(value)) and all(map(_is_handler, _group(value))))


def _our_entries(root: Node) -> list[tuple[str, Any]]:
    """(event, entry) for each entry with a hook of irkit's in it."""
    hooks = root.last("hooks") if root.is_object else None
    return [
        (event.key, item.node.value)
        for event in (hooks.node.children if hooks and hooks.node.is_object else ())
        if event.node.is_array
        for item in event.node.children
        if _is_ours(item.node.value) or any(map(_is_handler, _group(item.node.value)))
    ]


# --- taking out --------------------------------------------------------------------

Cuts = list[tuple[int, int]]


def _cuts_of_root(text: str, root: Node) -> tuple[Cuts, bool]:
    """What to cut out of the document, and whether all of it was made by irkit."""
    cuts: Cuts = []
    ours: set[int] = set()
    for index, child in enumerate(root.children if root.is_object else ()):
        if child.key == "hooks" and child.node.is_object:
            inner, whole = _cuts(text, child.node, _cuts_of_event)
            if whole:
                ours.add(index)
                before = root.children[index - 1] if index else None
                if before and before.key == "version" and text[before.end : child.start] == ", ":
                    ours.add(index - 1)
            cuts += inner
    more, whole = _flagged(text, root, ours)
    return cuts + more, whole


def _cuts(text: str, node: Node, inside: Callable[[str, Node], tuple[Cuts, bool]]) -> tuple[Cuts, bool]:
    """What to cut out of a container, and whether the container itself was made by irkit."""
    cuts: Cuts = []
    ours: set[int] = set()
    for index, child in enumerate(node.children):
        inner, whole = inside(text, child.node)
        cuts += inner
        if whole:
            ours.add(index)
    more, whole = _flagged(text, node, ours)
    return cuts + more, whole


def _cuts_of_event(text: str, node: Node) -> tuple[Cuts, bool]:
    return _cuts(text, node, _cuts_of_entry) if node.is_array else ([], False)


def _cuts_of_entry(text: str, node: Node) -> tuple[Cuts, bool]:
    if _is_ours(node.value):
        return [], True
    handlers = node.last("hooks") if node.is_object else None
    if not handlers or not handlers.node.is_array:
        return [], False
    ours = {index for index, child in enumerate(handlers.node.children) if _is_handler(child.node.value)}
    return _flagged(text, handlers.node, ours)[0], False


def _flagged(text: str, node: Node, ours: set[int]) -> tuple[Cuts, bool]:
    """Cuts for the children that are irkit's; the second value says that the container is as well."""
    children = node.children
    if not ours:
        return [], False
    if len(ours) == len(children):
        hugged = children[0].start == node.start + 1
        return ([(node.start + 1, children[-1].end)], False) if hugged else ([], True)
    cuts: Cuts = []
    leading = next(index for index in range(len(children)) if index not in ours)
    if leading:
        cuts += _without_comments(text, children[0].start, children[leading].start, children[:leading])
    cuts += [
        cut
        for index in sorted(ours)
        if index > leading
        for cut in _without_comments(
            text, children[index - 1].end, children[index].end, children[index : index + 1]
        )
    ]
    return cuts, False


def _without_comments(text: str, start: int, end: int, children: Iterable[Child]) -> Cuts:
    """Cut everything from start to end, but a comment that somebody wrote between the children."""
    cuts: Cuts = []
    at = start
    between: list[tuple[int, int]] = []
    for child in children:
        between.append((at, child.start))
        cuts.append((child.start, child.end))
        at = child.end
    between.append((at, end))
    for left, right in between:
        comma = text[left:right].strip()
        if comma in {"", ","}:
            cuts.append((left, right))
        elif (place := text.find(",", left, right)) >= 0:
            cuts.append((place, place + 1))
    return cuts


# --- putting in --------------------------------------------------------------------


def _document(wanted: Mapping[str, dict[str, Any]], *, versioned: bool, before: str) -> str:
    """A whole file of irkit's own."""
    hooks = _rendered({event: [entry] for event, entry in wanted.items()}, "  ", "  ", "\n")
    member = f'"version": 1, "hooks": {hooks}' if versioned else f'"hooks": {hooks}'
    text = "{\n  " + member + "\n}"
    return before + text if before else text + "\n"


def _inserted(text: str, root: Node, wanted: Mapping[str, dict[str, Any]], *, versioned: bool) -> str:
    """The text, which holds no hook of irkit's, with the wanted ones."""
    if not root.is_object:
        raise bad_place(text, root.start, "the top level is not an object")
    newline = "\r\n" if "\r\n" in text else "\n"
    unit = _unit(text, root)
    hooks = root.last("hooks")
    if hooks is None:
        value = {event: [entry] for event, entry in wanted.items()}
        member = '"hooks": ' + _rendered(value, unit, _indent(text, root, unit), newline)
        if versioned and root.last("version") is None:
            member = '"version": 1, ' + member
        inserts = [_insert(text, root, [member], unit, newline)]
    else:
        inserts = _into_hooks(text, hooks.node, wanted, unit, newline)
    for at, part in sorted(inserts, reverse=True):
        text = text[:at] + part + text[at:]
    return text


def _into_hooks(
    text: str, hooks: Node, wanted: Mapping[str, dict[str, Any]], unit: str, newline: str
) -> list[tuple[int, str]]:
    if not hooks.is_object:
        raise bad_place(text, hooks.start, '"hooks" is not an object')
    inserts: list[tuple[int, str]] = []
    members: list[str] = []
    for event, entry in wanted.items():
        there = hooks.last(event)
        if there is None:
            indent = _indent(text, hooks, unit * 2)
            members.append(f"{json.dumps(event)}: {_rendered([entry], unit, indent, newline)}")
        elif there.node.is_array:
            indent = _indent(text, there.node, unit * 3)
            item = _rendered(entry, unit, indent, newline)
            inserts.append(_insert(text, there.node, [item], unit * 3, newline))
        else:
            raise bad_place(text, there.start, f'"{event}" is not an array')
    if members:
        inserts.append(_insert(text, hooks, members, unit * 2, newline))
    return inserts


def _insert(text: str, node: Node, parts: list[str], default: str, newline: str) -> tuple[int, str]:
    """Where to insert what, to have the parts as the last children of a container."""
    between = "," + newline + _indent(text, node, default)
    if node.children:
        return node.children[-1].end, "".join(between + part for part in parts)
    return node.start + 1, between.join(parts)


def _indent(text: str, node: Node, default: str) -> str:
    """How children of this container are indented, where one of them begins a line."""
    for child in reversed(node.children):
        begin = max(text.rfind("\n", 0, child.start), text.rfind("\r", 0, child.start)) + 1
        if begin > node.start and not text[begin : child.start].strip(" \t"):
            return text[begin : child.start]
    return default


def _unit(text: str, root: Node) -> str:
    """One step of indentation in this text."""
    return _indent(text, root, "") or "  "


def _rendered(value: Any, unit: str, indent: str, newline: str) -> str:
    """JSON over several lines, of which all but the first begin with the indentation."""
    return json.dumps(value, indent=unit, ensure_ascii=False).replace("\n", newline + indent)
