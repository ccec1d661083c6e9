# SPDX-License-Identifier: Apache-2.0
"""What a kill did, process by process, and what it could not rule out. Never a false all-clear.

Kill path: standard library only.

Rules:
- Every process that was ever seen to belong has a row: who, why it belongs, what was done, how it ended.
- The verdict, also the exit code: 0 only with a proof that nothing can be left, which an attached session never
  has; 10 when all known are dead; 11 with a known survivor, or with a process that hides and may belong.
- Command lines pass the caller's redactor. Without one only the program's name and the number of its arguments
  are shown: the kill path has no redactor, and arguments hold secrets.
- What processes call themselves is hostile text: no control character of it reaches a terminal.
"""

from __future__ import annotations

import os

from irkit import exit_codes, limits
from irkit.respond import procfs, sight
from irkit.respond.census import Key
from irkit.respond.leftovers import Leftover
from irkit.respond.procfs import Proc
from irkit.respond.scene import Scene
from irkit.respond.stop import Killed

TYPE_CHECKING = False  # as a type checker takes it; importing typing costs what a kill must not wait for
if TYPE_CHECKING:
    from collections.abc import Callable

    from irkit.respond.brokers import Step

    Redact = Callable[[str], str]

CLASSES = (
    "processes with no mark and no known parent",
    "started through cron, at, systemd, tmux, docker, ssh",
)
"""What no scan of an attached session can rule out."""
WORDS = {
    exit_codes.DONE: "proved dead",
    exit_codes.NOT_RULED_OUT: "all known dead; some classes cannot be ruled out",
    exit_codes.SURVIVOR: "a known survivor, or a process unaccounted for",
}


class Row:
    """One process in the report."""

    __slots__ = ("command", "done", "final", "pid", "start", "why")

    def __init__(self, key: Key, command: str, why: str, done: str, final: str) -> None:
        self.pid, self.start = key
        self.command = command
        self.why = why
        self.done = done
        self.final = final

    def to_dict(self) -> dict[str, object]:
        """Plain values."""
        return {name: getattr(self, name) for name in ("pid", "start", "command", "why", "done", "final")}


class KillReport:
    """The whole of it."""

    __slots__ = (
        "besides",
        "brokers",
        "dead",
        "kept_from_us",
        "killed",
        "not_ruled_out",
        "proof",
        "sessions",
        "spared",
        "survivors",
        "unaccounted",
        "unlisted",
    )

    def __init__(self, killed: Killed) -> None:
        self.killed = killed
        self.sessions: list[tuple[str, str]] = []
        """(session id, tier) of those that the kill was for, where any process of them was found."""
        self.besides: list[str] = []
        """Other sessions on the same processes: hit as well."""
        self.dead: list[Row] = []
        self.survivors: list[Row] = []
        self.unaccounted: list[Row] = []
        self.not_ruled_out: list[Row] = []
        self.spared: list[Row] = []
        """Editors' windows: latched, host alive."""
        self.brokers: list[Step] = []
        """What was left with somebody else since the session began: steps for a person."""
        self.kept_from_us: list[str] = []
        """Classes of processes that this machine hides from a scan: no proof stands beside one."""
        self.unlisted = 0
        """Leftovers beyond the bound: counted, not named."""
        self.proof = ""
        """Why nothing can be left (an emptied control group or PID namespace), empty for an attached session."""

    @property
    def verdict(self) -> int:
        """0, 10 or 11: see the rules."""
        if self.survivors or self.unaccounted or not self.killed.settled:
            return exit_codes.SURVIVOR
        if self.proof and not self.spared and not self.kept_from_us and self.killed.frozen.settled:
            return exit_codes.DONE
        return exit_codes.NOT_RULED_OUT

    @property
    def verdict_words(self) -> str:
        """The verdict for people."""
        return WORDS[self.verdict]

    @property
    def classes(self) -> tuple[str, ...]:
        """What was not ruled out, as classes."""
        return () if self.verdict == exit_codes.DONE else CLASSES

    def to_dict(self) -> dict[str, object]:
        """Plain values, for JSON."""
        frozen = self.killed.frozen
        return {
            "verdict": self.verdict,
            "meaning": self.verdict_words,
            "sessions": [{"id": session, "tier": tier} for session, tier in self.sessions],
            "besides": list(self.besides),
            "proof": self.proof,
            "kept_from_us": list(self.kept_from_us),
            "processes": [row.to_dict() for row in (*self.survivors, *self.dead)],
            "dead": len(self.dead),
            "survivors": [row.to_dict() for row in self.survivors],
            "unaccounted": [row.to_dict() for row in self.unaccounted],
            "not_ruled_out": {
                "classes": list(self.classes),
                "processes": [row.to_dict() for row in self.not_ruled_out],
                "unlisted": self.unlisted,
            },
            "spared": [row.to_dict() for row in self.spared],
            "human_steps": [one.to_dict() for one in self.brokers],
            "freeze": {
                "stopped": len(frozen.stopped),
                "already_stopped": len(frozen.already),
                "settled": frozen.settled,
                "rounds": frozen.rounds,
                "seconds": round(frozen.seconds, 6),
            },
            "kill": {"rounds": self.killed.rounds, "seconds": round(self.killed.seconds, 6)},
        }

    def lines(self) -> list[str]:
        """The report for a terminal, at most 100 columns wide."""
        total = len(self.dead) + len(self.survivors)
        if not total:
            return ["  nothing     no process of a session or of a known agent was found"]
        lines = [
            step(
                3,
                "KILL",
                self._kill_words(),
                f"{len(self.dead)} of {total} dead, verified",
                self.killed.seconds,
            ),
            f"  verdict    {self.verdict}  {self.verdict_words}",
        ]
        lines += [
            f"  {'session' if n == 0 else '':<9}  {plain(one)[:86]}" for n, one in enumerate(self._sessions())
        ]
        if self.classes:
            heads = ("not ruled", "out")
            lines += [f"  {head:<9}  {words}" for head, words in zip(heads, CLASSES, strict=True)]
        lines += [f"  {'hidden':<9}  {one}" for one in self.kept_from_us]
        lines += _table("survivors", self.survivors)
        lines += _table("unaccounted for: they hide, and may belong", self.unaccounted)
        lines += _table("left alone: an editor's window, latched, host alive", self.spared)
        lines += _table("not ruled out, left alone", self.not_ruled_out)
        lines += _steps(self.brokers)
        if self.unlisted:
            lines.append(f"             and {self.unlisted} more, not listed")
        return lines

    def text(self) -> str:
        """The lines, and a list of the dead."""
        return "\n".join(self.lines() + _table("dead", self.dead)) + "\n"

    def _kill_words(self) -> str:
        return "done" if not self.survivors else "in part"

    def _sessions(self) -> list[str]:
        named = [f"{session} ({tier})" for session, tier in self.sessions]
        return named + [f"{session}: on the same processes, hit as well" for session in self.besides]


def report_of(
    scene: Scene, killed: Killed, redact: Redact | None = None, besides: list[str] | None = None
) -> KillReport:
    """The report of a kill that has just ended, by one more look at what is left.

    `redact` gets one command line as text and returns it without secrets.
    """
    report = KillReport(killed)
    report.sessions = [(s.target.session, s.target.tier) for s in scene.searches if s.found]
    report.besides = [one for one in besides or [] if one not in dict(report.sessions)]
    stopped = set(killed.frozen.stopped)
    for key, member in scene.everyone().items():
        did = "stopped, killed" if key in stopped else "killed"
        command = shown(killed.commands.get(key), member.proc, redact)
        if key in killed.survivors:
            refused = key in killed.refused
            report.survivors.append(
                Row(key, command, member.why, "refused" if refused else did, killed.survivors[key])
            )
        else:
            report.dead.append(Row(key, command, member.why, did, f"dead ({killed.dead.get(key, 'gone')})"))
    report.survivors += [
        Row(proc.key, shown(None, proc, redact), "in the tree", "left alone", "alive: irkit runs below it")
        for proc in scene.untouched()
    ]
    report.spared = [
        Row(proc.key, shown(None, proc, redact), "an editor in the tree", "left alone", "alive")
        for proc in scene.spared()
    ]
    _add_leftovers(report, scene.leftovers(), redact)
    report.kept_from_us = sight.kept_from_us()
    report.proof = _proof(scene)
    if not report.proof:  # what holds a session proved dead kept the brokers from it
        report.brokers = _left_with_brokers(scene, killed)
    return report


def _left_with_brokers(scene: Scene, killed: Killed) -> list[Step]:
    """After the last signal: what nobody can tell to be the session's, because somebody else starts it."""
    from irkit.respond import brokers

    sinces = [search.target.since for search in scene.searches if search.found and search.target.since]
    if not sinces:
        return []
    members = {key: killed.commands.get(key) for key in scene.everyone()}
    return brokers.find(min(sinces), members)


def _proof(scene: Scene) -> str:
    """Why nothing of these sessions can be left: each was contained, its namespace is empty, its brokers were hidden.

    The kernel ends a PID namespace with its first process, and no process can leave one. A process whose namespace
    is kept from us and which may be a session's spoils the proof.
    """
    targets = [search.target for search in scene.searches]
    if not targets or any(target.tier != "contained" or not target.pidns for target in targets):
        return ""
    walls, since = {target.pidns for target in targets}, min(target.since for target in targets)
    for proc in procfs.snapshot().values():
        if proc.dead or proc.kernel:
            continue
        try:
            if os.stat(f"/proc/{proc.pid}/ns/pid").st_ino in walls:
                return ""
        except FileNotFoundError:
            continue
        except OSError:
            if proc.start >= since and procfs.owner(proc.pid) == os.geteuid():
                return ""
    return "its PID namespace is empty, and brokers were hidden from it"


def _add_leftovers(report: KillReport, found: list[Leftover], redact: Redact | None) -> None:
    report.unlisted = max(0, len(found) - limits.LEFTOVERS_LISTED_MAX)
    for one in found[: limits.LEFTOVERS_LISTED_MAX]:
        row = Row(one.proc.key, shown(None, one.proc, redact), one.why, "left alone", "alive")
        (report.unaccounted if one.hides else report.not_ruled_out).append(row)


def shown(argv: list[str] | None, proc: Proc, redact: Redact | None = None) -> str:
    """A command line that may be shown: redacted, or else its program's name and how many arguments it had."""
    argv = argv if argv is not None else procfs.argv(proc.pid)
    if not argv:
        return plain(proc.comm)
    if redact is not None:
        return plain(redact(" ".join(argv)))[:300]
    name = plain(argv[0].rpartition("/")[2] or argv[0])[:60]
    return name if len(argv) == 1 else f"{name} (+{len(argv) - 1} arguments)"


def plain(text: str) -> str:
    """Text that can do nothing to a terminal: control, format and non-ASCII characters become `?`."""
    return "".join(char if " " <= char <= "~" else "?" for char in text)


def step(number: int, name: str, state: str, words: str, seconds: float) -> str:
    """One line of the containment, step by step."""
    return f"  {number} {name:<8} {state:<10} {words[:60]:<60} {seconds:8.3f} s"


def _steps(steps: list[Step]) -> list[str]:
    """Each with the command to look and the one to stop it; whole, because they are typed."""
    lines = ["  left with others: look, and stop what is the session's"] if steps else []
    for one in steps:
        lines.append(f"    {one.broker:<8}  {plain(one.what)[:84]}")
        lines.append(f"              {plain(one.why)}")
        lines.append(f"              look  {plain(one.look)}")
        lines.append(f"              stop  {plain(one.stop)}")
    return lines


def _table(title: str, rows: list[Row]) -> list[str]:
    if not rows:
        return []
    lines = [f"  {title}"]
    for row in rows:
        final = plain(row.final)[:28]
        lines.append(f"    {row.pid:>8}  {row.command[:26]:<26}  {plain(row.why)[:28]:<28}  {final}".rstrip())
    return lines
