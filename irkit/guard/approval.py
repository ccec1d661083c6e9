# SPDX-License-Identifier: Apache-2.0
"""The approved policy: what holds is what a person approved, whatever lies in the files now (threat T7).

The policy is `irkit.toml`, the site's rules and playbooks, and the exceptions. Its digest is in the guard's state, and
a copy of the approved texts beside it. A first start adopts the files, and refuses what does not parse. Later, a file
that differs is tampering: reported, shown as a diff, without effect until `irkit policy approve`. A copy that was
changed itself does not match its digest: then the shipped policy holds, never the changed files.
"""

import difflib
import hashlib
import os
from collections.abc import Callable
from typing import Protocol

import msgspec
from msgspec import Struct

from irkit import limits
from irkit.detect.exception import RuleException
from irkit.detect.load import load_rules
from irkit.errors import BadInputError
from irkit.guard.config import load_config
from irkit.home import Home
from irkit.incident.playbook import parse

KEY_DIGEST = "policy.digest"
KEY_COPY = "policy.copy"
FILES_MAX = 500
DIFF_MAX_LINES = 200

Files = dict[str, bytes]
Check = Callable[[Files], tuple[BadInputError, ...]]


class State(Protocol):
    """A small memory that outlives the guard."""

    def get(self, name: str) -> str | None:
        """A value, None when it was never set."""
        ...

    def set(self, name: str, value: str) -> None:
        """Remember a value."""
        ...


class Change(Struct, frozen=True):
    """One file that differs from the approved policy."""

    name: str
    kind: str
    """added, removed, edited, or broken (it does not parse)."""
    diff: str
    problem: str = ""


class Effective(Struct, frozen=True):
    """What holds."""

    files: Files
    digest: str
    """Of what holds."""
    current: str
    """Of what lies in the files."""
    changes: tuple[Change, ...] = ()


def read_policy(home: Home) -> Files:
    """The files as they are, by their names below the home. Raises BadInputError on what cannot be read."""
    found: Files = {}
    for name in ("irkit.toml", "exceptions.json"):
        data = _read(home.at(name))
        if data is not None:
            found[name] = data
    for folder in ("rules", "playbooks"):
        try:
            names = sorted(name for name in os.listdir(home.at(folder)) if name.endswith((".yml", ".yaml")))
        except OSError:
            continue
        for name in names[:FILES_MAX]:
            data = _read(home.at(folder, name))
            if data is not None:
                found[f"{folder}/{name}"] = data
    return found


def digest(files: Files) -> str:
    """SHA-256 over the names and the texts, in the order of the names."""
    whole = hashlib.sha256()
    for name in sorted(files):
        whole.update(f"{name}\0{len(files[name])}\0".encode() + files[name])
    return whole.hexdigest()


def check_policy(files: Files) -> tuple[BadInputError, ...]:
    """Everything in these files that does not parse."""
    found: list[BadInputError] = []
    for name, data in files.items():
        try:
            text = data.decode("utf-8")
            if name == "irkit.toml":
                load_config(text, name)
            elif name == "exceptions.json":
                msgspec.json.decode(data, type=tuple[RuleException, ...])
            elif name.startswith("playbooks/"):
                parse(text, name)
            else:
                found += [
                    BadInputError(one.what, where=f"{one.name}:{one.line}", fix=one.fix)
                    for one in load_rules([(name, text)]).quarantined
                ]
        except BadInputError as error:
            found.append(error)
        except (UnicodeDecodeError, msgspec.DecodeError) as error:
            found.append(BadInputError(f"cannot be read ({error})", where=name))
    return tuple(found)


def effective(home: Home, state: State, check: Check) -> Effective:
    """What holds now. Raises BadInputError on a first start with a policy that does not parse."""
    current = read_policy(home)
    now = digest(current)
    known = state.get(KEY_DIGEST)
    if known is None:
        for problem in check(current):
            raise problem
        _store(state, current, now)
        return Effective(current, now, now)
    if known == now:
        return Effective(current, now, now)
    approved = _copy(state)
    if digest(approved) != known:
        lost = Change(
            "policy", "broken", "", "the approved copy does not match its digest: the shipped policy holds"
        )
        return Effective({}, digest({}), now, (lost, *_changes({}, current, check)))
    return Effective(approved, known, now, _changes(approved, current, check))


def approve(home: Home, state: State, seen: str) -> str:
    """Make what lies in the files the approved policy, if it is what the person saw. Returns its digest."""
    current = read_policy(home)
    now = digest(current)
    if now != seen:
        raise BadInputError(
            "the files have changed since you looked", fix="look again with `irkit policy show`"
        )
    for problem in check_policy(current):
        raise problem
    _store(state, current, now)
    return now


def _store(state: State, files: Files, known: str) -> None:
    state.set(KEY_COPY, msgspec.json.encode(files).decode())
    state.set(KEY_DIGEST, known)


def _copy(state: State) -> Files:
    try:
        return msgspec.json.decode(state.get(KEY_COPY) or "{}", type=Files)
    except msgspec.DecodeError:
        return {}


def _changes(approved: Files, current: Files, check: Check) -> tuple[Change, ...]:
    found = []
    for name in sorted({*approved, *current}):
        before, after = approved.get(name), current.get(name)
        if before == after:
            continue
        kind = "added" if before is None else "removed" if after is None else "edited"
        problems = check({name: after}) if after is not None else ()
        problem = "; ".join(str(one) for one in problems)[:500]
        found.append(Change(name, "broken" if problem else kind, _diff(name, before, after), problem))
    return tuple(found)


def _diff(name: str, before: bytes | None, after: bytes | None) -> str:
    old, new = ((data or b"").decode("utf-8", "replace").splitlines() for data in (before, after))
    lines = list(difflib.unified_diff(old, new, f"approved/{name}", name, lineterm=""))
    cut = [f"… {len(lines) - DIFF_MAX_LINES} more lines"] if len(lines) > DIFF_MAX_LINES else []
    return "\n".join(lines[:DIFF_MAX_LINES] + cut)


def _read(path: str) -> bytes | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BadInputError(
            f"cannot be read ({error.strerror})", where=path, fix="check its owner and mode"
        ) from error
    with open(descriptor, "rb") as file:
        data = file.read(limits.YAML_MAX_BYTES + 1)
    if len(data) > limits.YAML_MAX_BYTES:
        raise BadInputError(f"is over {limits.YAML_MAX_BYTES} bytes", where=path)
    return data
