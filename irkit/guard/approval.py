# SPDX-License-Identifier: Apache-2.0
"""The approved policy: what a person agreed to holds until a person agrees to something else (threat T7).

Rules:
- First start: everything must parse, and is approved as it is; what does not parse is refused, naming the line.
- Later: the last approved texts hold, whatever became of the files. A changed, added, removed or broken file is
  tampering, shown as a diff, and takes effect by `approve` alone.
- The digest lives in the guard's state, the texts in `policy/DIGEST/` of the home. A copy that does not have its digest
  is not used; if the files do not have it either, irkit's own defaults hold and that is reported.
- A guard that ran before always gets a policy that it can run with: nothing in a file stops it.
- `effective` compares bytes and nothing more, because a guard calls it on its loop: an agent can put any file there, and
  parsing it or making a diff of it may take seconds. `explained` does that, in a thread, when a person asks.
It must never take a text into force that no person saw as a whole: `approve` names the digest that was shown.
"""

import contextlib
import difflib
import functools
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Literal, Protocol

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from irkit import limits
from irkit.detect.exception import RuleException
from irkit.detect.load import load_rules
from irkit.errors import BadInputError, IrkitError
from irkit.guard.config import load_config
from irkit.guard.policy_files import CONFIG_NAME, EXCEPTIONS_NAME, Policy, digest_of, read_folder, read_policy
from irkit.guard.shelf import shelf_of
from irkit.home import Home
from irkit.shipped import shipped

STATE_KEY = "policy.digest"
_COPY_NAME_CHARS = 64
Files = Mapping[str, bytes]
Check = Callable[[Files], None]
"""Raises BadInputError when the texts do not make a policy."""


class State(Protocol):
    """What the guard remembers over a restart."""

    def get(self, name: str) -> str | None:
        """One value, None when it was never set."""
        ...

    def set(self, name: str, value: str) -> None:
        """Remember one value."""
        ...


class Change(Struct, frozen=True):
    """One difference between the approved policy and the files."""

    name: str
    kind: Literal["added", "removed", "edited", "broken"]
    problem: str = ""
    """Why a broken one does not parse, with its line."""
    diff: str = ""
    """Unified diff, bounded. Whoever changed the file wrote it: sinks make it safe to show."""
    sha256: str = ""
    """Of the file as it is now; empty when it was removed or cannot be read."""


class Effective(Struct, frozen=True):
    """The policy that holds, and what differs from it."""

    files: dict[str, bytes]
    digest: str
    current: str
    """Digest of the files as they are now: what `approve` would approve."""
    changes: tuple[Change, ...] = ()
    seen: Policy = Policy({})
    """The files as they were read, approved or not."""


def effective(home: Home, state: State, check: Check) -> Effective:
    """The policy to go by. Approves the first one; raises BadInputError only then, when it does not parse.

    The changes are named, not explained.
    """
    current = read_policy(home)
    known = state.get(STATE_KEY) or _left_behind(home)
    if not known:
        approved = approve(home, state, current.digest, check)
        return Effective(current.files, approved, approved)
    if known == current.digest and not current.unreadable:
        with contextlib.suppress(OSError):  # the copy is for the day when the files are not as approved
            _save_copy(home, current.files, known)
        return Effective(current.files, known, known)
    approved_files, trouble = _approved(home, known)
    found = (*trouble, *_differences(approved_files, current))
    return Effective(approved_files, known, current.digest, found, current)


def explained(found: Effective, check: Check) -> tuple[Change, ...]:
    """The changes with their diffs, and what does not parse as broken. May take `POLICY_EXPLAIN_MAX_S`: for a thread."""
    ends = time.monotonic() + limits.POLICY_EXPLAIN_MAX_S
    full = []
    for change in found.changes:
        before, after = found.files.get(change.name, b""), found.seen.files.get(change.name)
        if change.kind == "broken":
            full.append(change)
        elif time.monotonic() > ends or len(after or b"") > limits.POLICY_EXPLAINED_MAX_BYTES:
            full.append(
                replace(change, problem="too long to compare here; it is checked when it is approved")
            )
        else:
            problem = _problem(change.name, after, check)
            diff = _diff(change.name, before, after or b"")
            full.append(
                replace(change, kind="broken" if problem else change.kind, problem=problem, diff=diff)
            )
    return tuple(full)


def approve(home: Home, state: State, digest: str, check: Check | None = None) -> str:
    """Make the files the approved policy. Whoever asks has proved to be a human, and saw what `digest` stands for.

    Raises BadInputError when the files are no longer those, or do not parse.
    """
    current = read_policy(home)
    for name, why in current.unreadable.items():
        raise BadInputError(
            f"cannot be read ({why})", where=home.at(name), fix="make it a plain file, or take it away"
        )
    if digest != current.digest:
        raise BadInputError(
            f"the policy is not the one that was shown: it is {current.digest[:12]} now",
            where=home.path,
            fix="look at it again with `irkit policy show`",
        )
    (check or check_policy)(current.files)
    try:
        _save_copy(home, current.files, digest)
    except OSError as error:
        raise IrkitError(
            f"the approved policy cannot be kept ({error.strerror})",
            where=home.at("policy"),
            fix="free disk space, and approve again",
        ) from error
    state.set(STATE_KEY, digest)
    _drop_other_copies(home, digest)
    return digest


def check_policy(files: Files) -> None:
    """Parse every text. Raises BadInputError on the first that is broken, naming file, line and fix."""
    texts = {name: _decoded(name, data) for name, data in files.items()}
    if CONFIG_NAME in texts:
        load_config(texts[CONFIG_NAME], CONFIG_NAME)
    if EXCEPTIONS_NAME in files:
        _check_exceptions(files[EXCEPTIONS_NAME])
    for problem in shelf_of((n, t) for n, t in texts.items() if n.startswith("playbooks/")).broken:
        raise problem
    _check_rules([(name, text) for name, text in texts.items() if name.startswith("rules/")])


def _differences(approved: Files, current: Policy) -> Iterator[Change]:
    for name in sorted({*approved, *current.files, *current.unreadable}):
        before, after = approved.get(name), current.files.get(name)
        if name in current.unreadable:
            yield Change(name, "broken", f"cannot be read ({current.unreadable[name]})")
        elif after is None:
            yield Change(name, "removed")
        elif before != after:
            kind: Literal["added", "edited"] = "added" if before is None else "edited"
            yield Change(name, kind, sha256=hashlib.sha256(after).hexdigest())


def _problem(name: str, data: bytes | None, check: Check) -> str:
    """Why this one text does not parse, empty when it does or is gone."""
    if data is None:
        return ""
    try:
        check({name: data})
    except BadInputError as error:
        return error.diagnostics()
    return ""


# --- the approved copy -------------------------------------------------------------------


def _approved(home: Home, digest: str) -> tuple[dict[str, bytes], tuple[Change, ...]]:
    """The approved texts, or none of them (irkit's own defaults hold), with what is wrong."""
    copy = read_folder(_copy(home, digest))
    if copy.digest != digest or copy.unreadable:
        problem = "the approved copy is gone or was changed: irkit's own defaults hold until a new approval"
        return {}, (Change(f"policy/{digest[:12]}", "broken", problem),)
    try:
        _must_run(copy.files)
    except BadInputError as error:
        problem = f"this irkit cannot read what was approved ({error.diagnostics()}): its own defaults hold"
        return {}, (Change(f"policy/{digest[:12]}", "broken", problem),)
    return copy.files, ()


def _must_run(files: Files) -> None:
    """The texts that a guard cannot put aside one by one, as it does with rules and playbooks."""
    check_policy({name: files[name] for name in (CONFIG_NAME, EXCEPTIONS_NAME) if name in files})


def _left_behind(home: Home) -> str:
    """The digest of the one approved copy, when the state was lost: what ran before is no first start."""
    try:
        names = os.listdir(home.at("policy"))
    except OSError:
        return ""
    digests = [name for name in names if _is_digest(name)]
    return digests[0] if len(digests) == 1 else ""


def _copy(home: Home, digest: str) -> str:
    return home.at("policy", digest)


def _save_copy(home: Home, files: Files, digest: str) -> None:
    """Write the copy beside, then move it into place: it is whole or it is not there."""
    place = _copy(home, digest)
    there = read_folder(place)
    if os.path.isdir(place) and digest_of(there.files) == digest and not there.unreadable:
        return
    made = f"{place}.{os.getpid()}.new"
    shutil.rmtree(made, ignore_errors=True)
    os.makedirs(made, mode=0o700)
    for name, data in files.items():
        path = os.path.join(made, name)
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    shutil.rmtree(place, ignore_errors=True)
    os.rename(made, place)


def _drop_other_copies(home: Home, digest: str) -> None:
    for name in os.listdir(home.at("policy")):
        if name != digest and _is_digest(name[:_COPY_NAME_CHARS]):
            shutil.rmtree(home.at("policy", name), ignore_errors=True)


def _is_digest(name: str) -> bool:
    return len(name) == _COPY_NAME_CHARS and not set(name) - set("0123456789abcdef")


# --- texts -------------------------------------------------------------------------------


def _decoded(name: str, data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise BadInputError("not UTF-8 text", where=f"{name}:{line}", fix="save it as UTF-8") from error


def _check_rules(texts: list[tuple[str, str]]) -> None:
    found = load_rules(texts)
    for one in found.quarantined:
        raise BadInputError(one.what, where=f"{one.name}:{one.line}", fix=one.fix)
    for verdict in found.verdicts:
        if verdict.name in _shipped_names():
            where = next(name for name, text in texts if verdict.name in text)
            raise BadInputError(
                f"the name `{verdict.name}` is a shipped rule's", where=where, fix="give it another name"
            )


@functools.cache
def _shipped_names() -> frozenset[str]:
    """Compiling the shipped rules takes long enough to do it once."""
    return frozenset(verdict.name for verdict in load_rules(shipped("rules")).verdicts)


def _check_exceptions(data: bytes) -> None:
    try:
        msgspec.json.decode(data, type=tuple[RuleException, ...])
    except msgspec.DecodeError as error:
        raise BadInputError(
            f"is no list of exceptions ({error})",
            where=EXCEPTIONS_NAME,
            fix="take it away, and except again with `irkit rules except`",
        ) from error


def _diff(name: str, before: bytes, after: bytes) -> str:
    """A unified diff, bounded in lines and in time: comparing texts of many lines takes long, and anyone can make them."""
    old, new = (text.decode("utf-8", "replace").splitlines() for text in (before, after))
    most = limits.POLICY_DIFF_MAX_LINES
    if len(old) > 10 * most or len(new) > 10 * most:
        return f"({len(old)} lines before, {len(new)} now: too many to compare here)"
    lines = list(difflib.unified_diff(old, new, f"approved/{name}", f"now/{name}", lineterm=""))
    if len(lines) > most:
        lines = [*lines[:most], f"({len(lines) - most} more lines)"]
    return "\n".join(line[: limits.SHOWN_MAX_CHARS] for line in lines)
