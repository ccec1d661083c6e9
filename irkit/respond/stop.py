# SPDX-License-Identifier: Apache-2.0
"""Freeze, thaw and kill: the acts on processes. To a fixpoint, by identity, each one verified.

Kill path: standard library only.

Rules:
- Freeze: agents first, then what they started, until two walks in a row find nothing new and nothing that can run.
  Bounded by rounds and time; the first rounds do not sleep.
- Thaw continues only what irkit stopped, and only the very process that was stopped.
- Kill freezes first. Then children before parents and session leaders last, because the kernel continues a
  stopped group that loses its parent. Until two walks in a row find nobody alive.
- What the kernel refuses is reported, never retried for ever, never counted as done.

SIGSTOP can be undone by whoever sends SIGCONT. Where a session has a control group of its own, that is frozen
first, as one: a shell sees no stop. Its members get SIGSTOP all the same. It stays pending while the group is frozen,
holds whoever thaws the group by himself, and SIGCONT takes it back before the group is thawed. A freeze that spares
hooks uses signals only, because a group cannot spare anybody; the one that follows when they are gone freezes it.
"""

from __future__ import annotations

import time

from irkit import limits
from irkit.respond import cgroup, procfs, signals
from irkit.respond.census import Key
from irkit.respond.finder import Member
from irkit.respond.scene import Scene

TYPE_CHECKING = False  # as a type checker takes it; importing typing costs what a kill must not wait for
if TYPE_CHECKING:
    from collections.abc import Iterable

_EAGER_ROUNDS = 3
"""Rounds without a pause: a signal that was just sent takes a moment, a whole tree is stopped in the first."""
_PAUSE_S = 0.0005
_PAUSE_MAX_S = 0.02


class Frozen:
    """How a freeze ended."""

    __slots__ = (
        "already",
        "foreground",
        "groups",
        "notes",
        "pending",
        "refused",
        "rounds",
        "seconds",
        "settled",
        "still",
        "stopped",
    )

    def __init__(self) -> None:
        self.stopped: list[Key] = []
        """What irkit stopped, agents first: exactly this may be continued."""
        self.already: list[Key] = []
        """Found stopped by somebody else; never continued."""
        self.refused: dict[Key, str] = {}
        """What the kernel did not let us stop, and why."""
        self.pending: list[Key] = []
        """Deep in the kernel (state D): stops before it can run the program's code again."""
        self.foreground: list[Key] = []
        """Agents that held their terminal's foreground when they were stopped."""
        self.groups: list[str] = []
        """Control groups that are frozen as one: a resume thaws them."""
        self.still: set[int] = set()
        """Pids in those: they cannot run, whatever state the kernel shows."""
        self.notes: list[str] = []
        """Why a control group was not used."""
        self.rounds = 0
        self.seconds = 0.0
        self.settled = False
        """Whether two walks in a row found nothing new and nothing that can run."""

    @property
    def complete(self) -> bool:
        """Settled, and nothing refused."""
        return self.settled and not self.refused


class Thawed:
    """How a thaw ended."""

    __slots__ = ("continued", "gone", "groups_refused", "lost_terminal", "refused")

    def __init__(self) -> None:
        self.groups_refused: dict[str, str] = {}
        """Control groups that could not be thawed, and why."""
        self.continued: list[Key] = []
        self.gone: list[Key] = []
        self.refused: dict[Key, str] = {}
        self.lost_terminal: list[Key] = []
        """Agents whose shell took the terminal's foreground meanwhile. irkit never steals it back."""

    @property
    def unverified(self) -> str:
        """What a person has to do for the session to go on, empty when nothing."""
        if not self.lost_terminal:
            return ""
        return f"process {self.lost_terminal[0][0]} lost its terminal to the shell: type fg there"


class Killed:
    """How a kill ended."""

    __slots__ = ("commands", "dead", "frozen", "refused", "rounds", "seconds", "settled", "survivors")

    def __init__(self, frozen: Frozen) -> None:
        self.frozen = frozen
        self.dead: dict[Key, str] = {}
        """Verified: `gone`, or `zombie` when only its parent has not collected it yet."""
        self.survivors: dict[Key, str] = {}
        """Known, and not dead: why."""
        self.refused: dict[Key, str] = {}
        self.commands: dict[Key, list[str]] = {}
        """Command lines, read while everything stood still: they are gone after death. Not redacted."""
        self.rounds = 0
        self.seconds = 0.0
        self.settled = True
        """Whether two walks in a row found nobody alive. If not, somebody may have been born since."""


def freeze(
    scene: Scene, spare: frozenset[Key] = frozenset(), *, within: float = limits.FREEZE_MAX_S
) -> Frozen:
    """Stop everything of the scene except `spare`: pending hooks, which the caller stops later the same way.

    It is not settled when it took longer than `within` seconds; another call goes on where this one was.
    """
    began = time.monotonic()
    done = Frozen()
    seen: set[Key] = set()
    quiet = 0
    if not spare:
        _freeze_groups(scene, done)
    while quiet < 2:
        if done.rounds >= limits.FREEZE_MAX_ROUNDS or time.monotonic() - began > within:
            break
        done.rounds += 1
        fresh = running = 0
        first = done.rounds == 1  # stop the tree at once, and read environments when it stands still
        for member in scene.walk(marks=not first):
            key = member.key
            if key in spare or key in done.refused:
                continue
            new = key not in seen
            seen.add(key)
            fresh += new
            running += _stop(member, done, new=new)
        quiet = 0 if fresh or running or first else quiet + 1
        if quiet == 1:
            scene.forget_marks()  # what was read before an exec is not what it carries now
        if running and done.rounds > _EAGER_ROUNDS:
            time.sleep(_PAUSE_S)
    done.settled = quiet >= 2
    done.pending = [m.key for s in scene.searches for m in s.found.values() if m.proc.state == "D"]
    done.seconds = time.monotonic() - began
    return done


def _freeze_groups(scene: Scene, done: Frozen) -> None:
    """Freeze what has a control group of its own; each group that may not be trusted is said, and left to signals."""
    for target in (search.target for search in scene.searches if search.target.cgroup):
        group = cgroup.group_at(target.cgroup)
        if isinstance(group, str):
            why = group
        else:
            why = cgroup.distrust(group, scene.untouchable(), target.since) or group.freeze()
        if why or isinstance(group, str):
            done.notes.append(f"control group {target.cgroup} is not used: {why}")
            continue
        done.groups.append(target.cgroup)
        if group.wait_frozen():
            done.still.update(group.pids() or ())
        else:
            done.notes.append(f"control group {target.cgroup} does not say that it is frozen")


def _stop(member: Member, done: Frozen, *, new: bool) -> bool:
    """Stop one member if it is not stopped. Returns whether it could still run when we looked."""
    proc, key = member.proc, member.key
    held = proc.pid in done.still
    runnable = proc.runnable and not held
    if held and not new:
        return False
    if not runnable and not held and (not new or proc.state in "Tt"):
        if new:
            done.already.append(key)
        return False
    sent = signals.send(proc.pid, proc.start, signals.STOP)
    if sent == signals.GONE:
        return False
    if sent != signals.SENT:
        done.refused[key] = sent
        return False
    if new or key not in done.stopped:
        done.stopped.append(key)
        if key in done.already:
            done.already.remove(key)
        if member.depth == 0 and proc.tty and proc.tpgid == proc.pgrp:
            done.foreground.append(key)
    return runnable


def thaw(stopped: list[Key], foreground: list[Key] | None = None, groups: Iterable[str] = ()) -> Thawed:
    """Continue what irkit stopped, agents last, then its control groups.

    `foreground`: who held the terminal then, None: not known.
    """
    done = Thawed()
    for pid, start in reversed(stopped):
        sent = signals.send(pid, start, signals.CONT)
        if sent == signals.GONE:
            done.gone.append((pid, start))
        elif sent != signals.SENT:
            done.refused[pid, start] = sent
        else:
            done.continued.append((pid, start))
    for path in groups:
        group = cgroup.group_at(path)
        why = group.thaw() if not isinstance(group, str) else ""
        if why:
            done.groups_refused[path] = why
    for key in foreground if foreground is not None else stopped[:1]:
        proc = procfs.look(key[0])
        if proc and proc.start == key[1] and proc.tty and proc.tpgid not in (proc.pgrp, -1):
            done.lost_terminal.append(key)
    return done


def kill(scene: Scene) -> Killed:
    """Freeze the scene, kill it, and verify each death."""
    scene.forget_marks()
    done = Killed(freeze(scene))
    for pid, start in scene.everyone():
        done.commands[pid, start] = procfs.argv(pid) or []
    began = time.monotonic()
    groups = [group for path in done.frozen.groups if not isinstance(group := cgroup.group_at(path), str)]
    for group in groups:
        group.kill()  # what it leaves, and a group of version 1, fall below
    quiet = 0
    pause = _PAUSE_S
    while quiet < 2 and time.monotonic() - began < limits.KILL_MAX_S:
        done.rounds += 1
        living = [member for member in scene.walk() if member.key not in done.refused]
        for member in sorted(living, key=_killing_order):
            sent = signals.send(member.proc.pid, member.proc.start, signals.KILL)
            if sent not in (signals.SENT, signals.GONE):
                done.refused[member.key] = sent
        if done.rounds == 1:
            for group in (one for one in groups if not one.unified):
                group.thaw()  # in version 1 a killed process dies when it is thawed
        quiet = 0 if living else quiet + 1
        if living:
            time.sleep(pause)
            pause = min(pause * 2, _PAUSE_MAX_S)
    done.settled = quiet >= 2
    _verify(scene, done)
    done.seconds = time.monotonic() - began
    return done


def _killing_order(member: Member) -> tuple[bool, int]:
    """Children before parents, session leaders last: no stopped group is orphaned alive."""
    return member.proc.sid == member.proc.pid, -member.depth


def _verify(scene: Scene, done: Killed) -> None:
    """Ask the kernel about every process that ever belonged."""
    for pid, start in scene.everyone():
        proc = procfs.look(pid)
        if proc is None or proc.start != start:
            done.dead[pid, start] = "gone"
        elif proc.dead:
            done.dead[pid, start] = "zombie"
        else:
            done.survivors[pid, start] = done.refused.get((pid, start)) or f"still alive, state {proc.state}"
