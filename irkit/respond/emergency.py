# SPDX-License-Identifier: Apache-2.0
"""`irkit freeze`, `irkit kill` and `irkit latch`: with the guard alive or dead, and everything else broken.

Kill path: standard library only; until the first signal nothing is imported that costs milliseconds.

In order: latch, freeze, ask (kill only), kill, verify, report, tell the guard. Each step that cannot be done (a
full disk, a home that is gone or read-only, a torn roster) is said and skipped; none of them holds the next one up.
The journal is written before each act; only the kill's intent is synced, 200 ms at the most.
"""

from __future__ import annotations

import os
import time

from irkit import exit_codes, limits
from irkit.agents.facts import marker_of
from irkit.errors import IrkitError
from irkit.home import Home
from irkit.respond import handover, latch, procfs, signals, stop, targets
from irkit.respond.finder import Target
from irkit.respond.journal import Journal, new_id, to_json
from irkit.respond.killreport import KillReport, plain, report_of, step
from irkit.respond.order import Order, read_order
from irkit.respond.roster import Entry, read_roster
from irkit.respond.scene import Scene


def main(argv: list[str]) -> int:
    """Carry out `[act, …]` as typed; returns the exit code. Raises nothing but what a bug raises."""
    try:
        order = read_order(argv)
        if order.wants_help:
            _out(order.usage)
            return exit_codes.DONE
        signals.shield()
        code = _Emergency(order).run()
    except IrkitError as error:
        _say(f"irkit: {plain(error.diagnostics())}")
        code = error.exit_code
    handover.report_back(code)
    return code


class _Emergency:
    """One order being carried out."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.home = Home()
        self.journal = Journal(self.home.journal)
        self.ident = new_id()
        self.notes: list[str] = []
        self.latched = ""
        """Why the latch could not be set, empty when it is."""
        self.entries: list[Entry] = []
        self.scene = Scene([])
        self.frozen = stop.Frozen()

    def run(self) -> int:
        """All of it; returns the exit code."""
        if self.order.everyone:
            self._latch(None)
        self.entries, problems = read_roster(self.home.sessions)
        self.notes += problems
        table = procfs.snapshot()
        chosen = targets.choose(self.order, self.entries, table)
        if self.order.act != "latch" and not handover.handed_over():
            environ = procfs.environ(os.getpid()) or b""
            if targets.inside(chosen, table, environ):
                code = handover.hand_over()
                if code is not None:
                    return code
                self.notes.append("could not detach: what this command runs below is left alive")
        if not self.order.everyone:
            for target in chosen:
                self._latch(target)
        self.scene = Scene(chosen, guard=_guard_pid(self.home), asked_from=handover.asked_from())
        if self.order.act == "latch":
            return self._end_latch()
        self._freeze()
        if self.order.act == "freeze":
            return self._end_freeze(exit_codes.DONE if self._all_frozen() else exit_codes.PARTLY_DONE)
        if not self.order.yes and not self._confirmed():
            return self._end_freeze(exit_codes.NEEDS_HUMAN)
        return self._kill()

    # --- the acts --------------------------------------------------------------------
    def _latch(self, target: Target | None) -> None:
        name = target.session if target else "*"
        self.journal.intent(f"{self.ident}-latch", "latch", name)
        try:
            if target is None:
                latch.latch_all(self.home)
            elif not latch.latch_session(self.home, target.agent, target.native):
                self.notes.append("the latch could not name this session alone: every session is latched")
        except OSError as error:
            self.latched = f"not latched: {error.strerror}"
            self.notes.append(f"{self.latched} ({self.home.latch}); agents that are not stopped may go on")
        self.journal.outcome(f"{self.ident}-latch", "failed" if self.latched else "done", self.latched)

    def _freeze(self) -> None:
        ident = f"{self.ident}-freeze"
        self.journal.intent(ident, "freeze", self._names(), reason=self.order.reason)
        self.frozen = stop.freeze(self.scene)
        self.journal.outcome(
            ident,
            "done" if self.frozen.complete else "unverified",
            stopped=self.frozen.stopped,
            foreground=self.frozen.foreground,
            groups=self.frozen.groups,
        )
        self.notes += self.frozen.notes

    def _kill(self) -> int:
        ident = f"{self.ident}-kill"
        if not self.journal.intent(ident, "kill", self._names(), irreversible=True, reason=self.order.reason):
            self.notes.append(f"killed without a record on disk: {self.journal.trouble}")
        killed = stop.kill(self.scene)
        besides = targets.sessions_on(self.entries, set(self.scene.everyone()))
        report = report_of(self.scene, killed, besides=besides)
        self.journal.outcome(
            ident, "done" if not report.survivors else "failed", report.verdict_words, verdict=report.verdict
        )
        self._tell(killed, report.verdict)
        self._print_kill(report)
        return report.verdict

    def _confirmed(self) -> bool:
        """A person at a terminal gets five seconds to leave it frozen; elsewhere a kill needs --yes."""
        if not (os.isatty(0) and os.isatty(2)):
            self.notes.append("frozen, not killed: without a terminal a kill needs --yes")
            return False
        self._tell(None, None)
        _say(self._freeze_line())
        hint = (
            "Ctrl-C leaves it frozen" if not handover.handed_over() else "runs inside its target: no way back"
        )
        try:
            signals.interruptible(not handover.handed_over())
            for left in range(limits.KILL_COUNTDOWN_S, 0, -1):
                _write(2, f"\r  killing in {left} s; {hint} ")
                time.sleep(1)
        except KeyboardInterrupt:
            self.notes.append("left frozen, not killed")
            return False
        finally:
            signals.interruptible(False)
            _write(2, "\n")
        return True

    # --- the ends --------------------------------------------------------------------
    def _end_latch(self) -> int:
        self._tell(None, None)
        if self.order.as_json:
            _out(
                to_json(
                    {
                        "act": "latch",
                        "latched": not self.latched,
                        "sessions": self._sessions(),
                        **self._about(),
                    }
                )
                + "\n"
            )
        else:
            self._say_notes()
            _out("" if self.latched else f"  latched    no tool call of {self._whom()} passes a hook\n")
        return exit_codes.NOT_PERMITTED if self.latched else exit_codes.DONE

    def _end_freeze(self, code: int) -> int:
        self._tell(None, None)
        frozen = self.frozen
        if self.order.as_json:
            _out(
                to_json(
                    {
                        "act": self.order.act,
                        "verdict": None,
                        "sessions": self._sessions(),
                        "latched": not self.latched,
                        "stopped": [{"pid": pid, "start": start} for pid, start in frozen.stopped],
                        "already_stopped": len(frozen.already),
                        "refused": [{"pid": key[0], "why": why} for key, why in frozen.refused.items()],
                        "settled": frozen.settled,
                        "rounds": frozen.rounds,
                        "seconds": round(frozen.seconds, 6),
                        **self._about(),
                    }
                )
                + "\n"
            )
            return code
        _out(self._freeze_line() + "\n")
        for pid, _ in frozen.refused:
            _out(f"    {pid:>8}  could not be stopped\n")
        self._say_notes()
        if frozen.stopped:
            _say("  next       irkit status · irkit resume · irkit kill")
        return code

    def _print_kill(self, report: KillReport) -> None:
        if self.order.as_json:
            later = {"keep": "process list only", "revoke": "pending", "seal": "pending"}
            _out(
                to_json(
                    {"act": "kill", "latched": not self.latched, **report.to_dict(), **later, **self._about()}
                )
                + "\n"
            )
            return
        keep = f"  2 {'KEEP':<8} {'in part':<10} process list, in this report"
        _out(f"{self._freeze_line()}\n{keep}\n{report.text()}")
        self._say_notes()

    # --- words -----------------------------------------------------------------------
    def _freeze_line(self) -> str:
        frozen = self.frozen
        total = len(frozen.stopped) + len(frozen.already) + len(frozen.refused)
        agree = "two scans agree" if frozen.settled else "the scans do not agree yet"
        words = f"{total - len(frozen.refused)} of {total} stopped, {agree}"
        return step(1, "FREEZE", "done" if frozen.complete else "in part", words, frozen.seconds)

    def _all_frozen(self) -> bool:
        return self.frozen.complete and not self.latched and not self.scene.untouched()

    def _sessions(self) -> list[str]:
        return [search.target.session for search in self.scene.searches]

    def _names(self) -> str:
        """The targets for the journal, bounded: a roster may be long."""
        return " ".join(self._sessions()[:20]) or "*"

    def _whom(self) -> str:
        return "any session" if self.order.everyone else plain(self._names())

    def _about(self) -> dict[str, object]:
        return {"journal": self.ident, "journal_trouble": self.journal.trouble, "notes": self.notes}

    def _say_notes(self) -> None:
        for note in [*self.notes, *([self.journal.trouble] if self.journal.trouble else [])]:
            _say(f"  note       {plain(note)}")

    def _tell(self, killed: stop.Killed | None, verdict: int | None) -> None:
        """After the signals: the guard hears it, if there is one."""
        from irkit.respond.tell import tell_guard

        tell_guard(
            self.home,
            {
                "act": "kill" if killed else "latch" if self.order.act == "latch" else "freeze",
                "sessions": self._sessions(),
                "all": self.order.everyone,
                "stopped": self.frozen.stopped,
                "foreground": self.frozen.foreground,
                "dead": list(killed.dead) if killed else [],
                "survivors": list(killed.survivors) if killed else [],
                "verdict": verdict,
                "pid": os.getpid(),
                "journal": self.ident,
                "reason": self.order.reason,
            },
        )


def _guard_pid(home: Home) -> int:
    """Who the lock names as the guard; 0 when nobody. Only ever used to spare it from a mark or a group.

    Anyone of this uid can write there. So whoever carries an agent's mark, or no environment at all, is no guard: a
    guard refuses to start with the one, and is never started with the other.
    """
    try:
        file = os.open(home.lock, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return 0
    try:
        text = os.read(file, 32).split(b"\n")[0]
    except OSError:
        return 0
    finally:
        os.close(file)
    if not text.isdigit():
        return 0
    environ = procfs.environ(int(text))
    if environ is not None and (not environ.strip(b"\0") or marker_of(environ)):
        return 0
    return int(text)


def _out(text: str) -> None:
    _write(1, text)


def _say(line: str) -> None:
    _write(2, line + "\n")


def _write(file: int, text: str) -> None:
    """All of it, or as much as somebody still reads."""
    left = text.encode()
    try:
        while left:
            left = left[os.write(file, left) :]
    except OSError:
        return
