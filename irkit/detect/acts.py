# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: ARG001 - all handlers have one signature
"""From an event to the acts that it performs. The one entry: `deriver_of(kind)`.

Rules: most calls perform no act that rules speak of, so the first look is cheap: a command whose words are all
ordinary is not taken apart, a path without a telling part is not classified.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from irkit.detect.act import Act
from irkit.detect.code import CODE
from irkit.detect.facts import COMMAND_ARGS, CONTENT_ARGS, FILE_ARGS, URL_ARGS, command_of, first_text
from irkit.detect.files import SECRET_CLASSES, file_class, suspect
from irkit.detect.flow import Flow
from irkit.detect.hosts import host_class, host_in
from irkit.detect.memory import Memory
from irkit.detect.on_files import FILES
from irkit.detect.on_git import GIT
from irkit.detect.on_network import NETWORK, REDACTED
from irkit.detect.on_services import SERVICES, drops
from irkit.detect.on_system import SYSTEM
from irkit.detect.places import canonical
from irkit.detect.powershell import POWERSHELL
from irkit.detect.telling import telling
from irkit.detect.walk import Handler, Walk
from irkit.detect.wrappers import WRAPPERS
from irkit.detect.writes import is_script, wrote_file
from irkit.stream.event import Event, Kind

Deriver: TypeAlias = Callable[[Event, Memory], tuple[Act, ...]]

HANDLERS: dict[str, Handler] = {
    **POWERSHELL, **FILES, **NETWORK, **GIT, **SERVICES, **SYSTEM, **CODE, **WRAPPERS,
}  # fmt: skip
_BACKSLASHED = frozenset({"powershell", "pwsh", "cmd"})
_OUTWARD = re.compile(
    r"(?:^|_)(?:send|create|post|publish|delete|remove|update|merge|push|reply|write|upload|share|invite|transfer|pay|trash|archive|comment|forward|submit|add|edit|move|drop|execute|run|deploy)(?:_|$)"
)
_LOOKS = re.compile(
    r"(?:^|_)(?:get|list|search|read|fetch|query|find|describe|view|show|snapshot|screenshot|take|navigate|click|hover|evaluate|wait|console|resize|type|fill|press|select)(?:_|$)"
)
_DESTROYS = re.compile(r"(?:delete|destroy|drop|remove|terminate|purge|wipe)_?(?:volume|project|service|environment|database|db|instance|cluster|bucket|app|server|repository|repo|branch|account|organization|backup|namespace|stack|table)")  # fmt: skip
_PATCHED = re.compile(r"^\*\*\* (Add|Update|Delete) File: (.+)$", re.MULTILINE)
DELETES = frozenset({"delete", "delete_file", "deletefile"})
_QUERY_MAX = 400
"""A longer query in a page's address carries data out."""


def deriver_of(kind: Kind) -> Deriver | None:
    """What reads a call of this kind; None where nothing of it is an act."""
    return _DERIVERS.get(kind)


def ordinary_target(path: str) -> bool:
    """Whether writing this file is no act by its name alone."""
    return bool(path) and not suspect(path) and not is_script(path) and path[:5] != "/etc/"


def _walk(event: Event, memory: Memory) -> Walk:
    return Walk(memory, canonical(event.cwd) if event.cwd else "", HANDLERS)


def shell_acts(event: Event, memory: Memory) -> tuple[Act, ...]:
    """Acts of a shell command."""
    command = command_of(event.args)
    if not command or not (telling(command) or memory.scripts or memory.fetched):
        return ()
    if event.tool.lower() in _BACKSLASHED:
        command = command.replace("\\", "/").replace("`", " ")
    workdir = first_text(event.args, ("workdir", "cwd", "dir_path", "directory"))
    walk = _walk(event, memory)
    if workdir:
        walk.cwd = canonical(workdir, walk.cwd)
    walk.run(command)
    return tuple(walk.acts)


def read_acts(event: Event, memory: Memory) -> tuple[Act, ...]:
    """Acts of a tool that reads or searches files."""
    path = first_text(event.args, FILE_ARGS)
    if not path or not suspect(path):
        return ()
    where = canonical(path, canonical(event.cwd) if event.cwd else "")
    kind = file_class(where)
    if kind not in SECRET_CLASSES or (event.kind == "search" and kind == "env-file"):
        return ()
    if event.kind == "search" and event.tool.lower() in {
        "ls",
        "glob",
        "list",
        "list_dir",
        "list_directory",
        "listdir",
    }:
        return ()
    return (Act("read-secret", target=kind, path=where, program=event.tool),)


def write_acts(event: Event, memory: Memory) -> tuple[Act, ...]:
    """Acts of a tool that writes, edits or deletes files."""
    args = event.args
    patch = next(
        (value for value in args.values() if isinstance(value, str) and "*** Begin Patch" in value), ""
    )
    if patch:
        return _patch_acts(event, memory, patch)
    path = first_text(args, FILE_ARGS)
    if not path:
        return ()
    if event.tool.lower() in DELETES:
        walk = _walk(event, memory)
        walk.run("rm -rf -- '" + path.replace("'", "") + "'")
        return tuple(walk.acts)
    if ordinary_target(path):
        return ()
    walk = _walk(event, memory)
    before = first_text(args, ("old_string", "oldString", "old_str"))
    wrote_file(walk, path, Flow(text=_new_text(args)), event.tool, before=before)
    return tuple(walk.acts)


def _new_text(args: Mapping[str, Any]) -> str:
    text = first_text(args, CONTENT_ARGS)
    edits = args.get("edits")
    if isinstance(edits, list):
        text += "\n".join(first_text(edit, CONTENT_ARGS) for edit in edits if isinstance(edit, dict))
    return text


def _patch_acts(event: Event, memory: Memory, patch: str) -> tuple[Act, ...]:
    walk = _walk(event, memory)
    marks = list(_PATCHED.finditer(patch))
    for at, mark in enumerate(marks[:200]):
        body = patch[mark.end() : marks[at + 1].start() if at + 1 < len(marks) else len(patch)]
        path = mark[2].strip()
        if mark[1] == "Delete":
            walk.run("rm -- '" + path.replace("'", "") + "'")
            continue
        added = "\n".join(line[1:] for line in body.splitlines() if line.startswith("+"))
        gone = "\n".join(line[1:] for line in body.splitlines() if line.startswith("-"))
        wrote_file(walk, path, Flow(text=added), event.tool, before=gone)
    return tuple(walk.acts)


def web_acts(event: Event, memory: Memory) -> tuple[Act, ...]:
    """Acts of a tool that fetches a page."""
    url = first_text(event.args, URL_ARGS)
    host = host_in(url)
    to = host_class(host)
    if to == "metadata":
        return (Act("metadata", host=host, to=to, program=event.tool),)
    if to in {"", "localhost"}:
        return ()
    query = url.partition("?")[2]
    if REDACTED in url:
        return (Act("send", "secret", host=host, to=to, program=event.tool, detail=("in-url",)),)
    if len(query) > _QUERY_MAX and to in {"unknown-host", "drop-host"}:
        return (Act("send", "text", host=host, to=to, program=event.tool, detail=("in-url", "long")),)
    return ()


def mcp_acts(event: Event, memory: Memory) -> tuple[Act, ...]:
    """Acts of an MCP tool, by its name and what its arguments are called."""
    args = event.args
    acts: list[Act] = []
    if any(isinstance(args.get(name), (str, list)) for name in COMMAND_ARGS):
        acts.extend(shell_acts(event, memory))
    name = (
        re.sub(r"(?<=[a-z])(?=[A-Z])", "_", event.tool.rpartition("__")[2])
        .lower()
        .replace("-", "_")
        .replace(".", "_")
    )
    query = first_text(args, ("query", "sql", "statement", "code", "expression"))
    if query and drops(query):
        acts.append(
            Act("drop", "database", path=" ".join(query.split())[:120], program=event.tool, detail=("mcp",))
        )
    if _DESTROYS.search(name):
        acts.append(Act("teardown", "infrastructure", path=name, program=event.tool))
    if _OUTWARD.search(name) and not _LOOKS.match(name):
        acts.append(Act("outward", "mcp", path=name, program=event.tool))
        if event.secrets:
            acts.append(Act("send", "secret", path=name, to="service", program=event.tool))
    if (path := first_text(args, FILE_ARGS)) and suspect(path):
        acts.extend(write_acts(event, memory) if first_text(args, CONTENT_ARGS) else read_acts(event, memory))
    return tuple(acts) + web_acts(event, memory)


_DERIVERS: dict[Kind, Deriver] = {
    "shell": shell_acts,
    "read": read_acts,
    "search": read_acts,
    "write": write_acts,
    "web": web_acts,
    "mcp": mcp_acts,
    "other": mcp_acts,
}
