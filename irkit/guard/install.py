# SPDX-License-Identifier: Apache-2.0
"""Putting hooks into agents' settings and taking them out again, with a diff first and a backup always.

Rules: every foreign setting and its order stays; repeating changes nothing; a file that nobody else changed since
is restored byte for byte; a file that somebody changed keeps their change and loses only our entries.
"""

import difflib
import os
import shutil
from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from irkit.agents.registry import AGENTS
from irkit.agents.spec import AgentSpec
from irkit.errors import BadInputError, NotPermittedError
from irkit.guard.gatefiles import hook_command
from irkit.home import Home

SETTINGS_MAX_BYTES = 4 * 1024 * 1024


class Plan(NamedTuple):
    """What would change for one agent."""

    agent: str
    path: str
    before: str | None
    """The file's text now, None when there is no file."""
    after: str | None
    """The text wanted; None: the file goes (it was ours alone)."""
    present: bool
    """Whether the agent was found on this machine."""
    problem: str = ""

    @property
    def changed(self) -> bool:
        """Whether anything would be written."""
        return self.before != self.after and not self.problem

    def diff(self) -> str:
        """A unified diff, for a person."""
        return "".join(
            difflib.unified_diff(
                (self.before or "").splitlines(keepends=True),
                (self.after or "").splitlines(keepends=True),
                self.path if self.before is not None else "/dev/null",
                self.path if self.after is not None else "/dev/null",
            )
        )


class Backup(msgspec.Struct, frozen=True):
    """What a settings file held before our hooks, and what we made of it."""

    path: str
    existed: bool
    before_sha256: str
    after_sha256: str
    copy: str
    """Where the former bytes lie, empty when there was no file."""


def settings_path(spec: AgentSpec, user_home: str, environ: dict[str, str]) -> str:
    """Where this agent's user settings are."""
    moved = environ.get(spec.settings_env, "") if spec.settings_env else ""
    if moved:
        return os.path.join(moved, *spec.settings.split("/")[1:])
    return os.path.join(user_home, spec.settings)


def found_here(spec: AgentSpec, user_home: str, environ: dict[str, str]) -> bool:
    """Whether the agent is on this machine: its command on PATH, or its settings folder in the home."""
    parts = spec.settings.split("/")
    own = os.path.join(*parts[: 2 if parts[0] == ".config" else 1])
    moved = environ.get(spec.settings_env, "") if spec.settings_env else ""
    if os.path.isdir(moved or os.path.join(user_home, own)):
        return True
    return any(shutil.which(name, path=environ.get("PATH")) for name in spec.commands)


def plan_install(
    home: Home,
    spec: AgentSpec,
    user_home: str,
    environ: dict[str, str],
    version: tuple[int, ...] | None = None,
) -> Plan:
    """What installing would do to this agent's settings. `version`: the agent's, when it is known."""
    path = settings_path(spec, user_home, environ)
    present = found_here(spec, user_home, environ)
    try:
        before = _read(path)
        after = spec.install(before, lambda event: hook_command(home, spec.name, event), version)
    except BadInputError as error:
        return Plan(spec.name, path, None, None, present, error.diagnostics())
    return Plan(spec.name, path, before, after, present)


def plan_remove(home: Home, spec: AgentSpec, user_home: str, environ: dict[str, str]) -> Plan:
    """What uninstalling would do: the former bytes where nobody else changed the file, else our entries out."""
    path = settings_path(spec, user_home, environ)
    try:
        before = _read(path)
    except BadInputError as error:
        return Plan(spec.name, path, None, None, present=True, problem=error.what)
    if before is None:
        return Plan(spec.name, path, None, None, present=False)
    backup = backups(home).get(path)
    if backup and backup.after_sha256 == _digest(before):
        former = _read(backup.copy) if backup.existed else None
        after = None if former is None else spec.remove(former)
        return Plan(spec.name, path, before, after, present=True)
    try:
        rest = spec.remove(before)
    except BadInputError as error:
        return Plan(spec.name, path, before, before, present=True, problem=error.what)
    gone = rest == "" and backup is not None and not backup.existed
    return Plan(spec.name, path, before, None if gone else rest, present=True)


def apply(home: Home, plan: Plan, *, installing: bool) -> None:
    """Write a plan: back up first, then replace the file in one step, keeping its mode."""
    if not plan.changed:
        return
    try:
        if installing:
            _back_up(home, plan)
        if plan.after is None:
            os.unlink(plan.path)
            return
        os.makedirs(os.path.dirname(plan.path), exist_ok=True)
        target = os.path.realpath(plan.path)
        temporary = f"{target}.irkit-{os.getpid()}"
        with open(temporary, "w", encoding="utf-8", newline="") as file:
            file.write(plan.after)
        os.chmod(temporary, os.stat(target).st_mode & 0o777 if os.path.exists(target) else 0o600)
        os.replace(temporary, target)
    except OSError as error:
        raise NotPermittedError(
            f"cannot write the settings of {plan.agent} ({error.strerror})",
            where=plan.path,
            fix="check its owner and mode, then run it again",
        ) from error


def backups(home: Home) -> dict[str, Backup]:
    """Settings path -> what was there before."""
    try:
        with open(home.at("backups", "index.json"), "rb") as file:
            found = msgspec.json.decode(file.read(), type=list[Backup])
    except (OSError, msgspec.DecodeError):
        return {}
    return {backup.path: backup for backup in found}


def _back_up(home: Home, plan: Plan) -> None:
    os.makedirs(home.at("backups"), mode=0o700, exist_ok=True)
    index = backups(home)
    former = index.get(plan.path)
    ours = plan.before is not None and former is not None and former.after_sha256 == _digest(plan.before)
    if former is None or not ours:
        copy = ""
        if plan.before is not None:
            copy = home.at("backups", f"{plan.agent}-{_digest(plan.before)[:12]}")
            with open(copy, "w", encoding="utf-8", newline="") as file:
                file.write(plan.before)
            os.chmod(copy, 0o600)
        before = _digest(plan.before or "")
        former = Backup(plan.path, plan.before is not None, before, "", copy)
    index[plan.path] = msgspec.structs.replace(former, after_sha256=_digest(plan.after or ""))
    temporary = home.at("backups", f"index.{os.getpid()}")
    with open(temporary, "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(list(index.values()))))
    os.replace(temporary, home.at("backups", "index.json"))


def _read(path: str) -> str | None:
    try:
        with open(path, "rb") as file:
            data = file.read(SETTINGS_MAX_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BadInputError(f"cannot be read ({error.strerror})", where=path) from error
    if len(data) > SETTINGS_MAX_BYTES:
        raise BadInputError(f"is over {SETTINGS_MAX_BYTES} bytes", where=path)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadInputError("is not UTF-8", where=path) from error


def _digest(text: str) -> str:
    import hashlib

    return hashlib.sha256(text.encode()).hexdigest()


def specs(names: Iterable[str] = ()) -> tuple[AgentSpec, ...]:
    """The agents of these names, all when none is given."""
    wanted = tuple(names)
    return tuple(spec for spec in AGENTS if not wanted or spec.name in wanted)
