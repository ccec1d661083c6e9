# SPDX-License-Identifier: Apache-2.0
"""What people are told at a freeze: one plain block, its short forms, and its form for programs.

Rules (threat T25):
- It says which session and project, the reason in words, the last three calls, the incident's id, that it waits for a
  person's resume or kill, and that `irkit status` shows how. It never carries a command that lowers protection.
- It claims what is known: "stopped" only where the freeze ended as Done, "no call passes" only where the latch did.
- At most 12 lines of 100 columns, readable in ASCII. No secrets: what comes in was redacted before.
- Whatever an agent wrote passes `safe` first. An exercise says so in the first line and in the last.
"""

import os.path
import unicodedata
from typing import Any

from msgspec import Struct

from irkit.clock import iso
from irkit.detect.detection import Response
from irkit.incident.commands import Command, Done, Freeze, Kill, Latch, Outcome
from irkit.incident.incident import Incident, IncidentState
from irkit.report import safe

COLUMNS = 100
LINES_MAX = 12
NOTICE_SCHEMA = "irkit.notice/v1"
_ROUND_WORDS = {
    1: "second call: nobody has answered",
    2: "last call: nobody has answered, you are the deputy",
}


class Notice(Struct, frozen=True):
    """A desktop notification: a title and a short body, no markup."""

    title: str
    body: str


def block(incident: Incident, number: int = 0, *, ascii_only: bool = False) -> str:
    """The block for a terminal, ending in a newline. `number` is the round of telling."""
    head = f"irkit  {_state_word(incident)}  {incident.id}"
    if number in _ROUND_WORDS and incident.waits:
        head = f"{head}  ({_ROUND_WORDS[number]})"
    rows = [
        _rule(head, "EXERCISE" if incident.exercise else ""),
        *wrapped("", what_holds(incident), most=2, indent=2),
        "",
        _row("project", incident.cwd or "unknown"),
        _row("session", _sessions(incident)),
        *wrapped("why", why(incident), most=2),
        *_last_calls(incident),
        *("  " + sentence for sentence in what_next(incident)),
        _rule("EXERCISE" if incident.exercise else ""),
    ]
    if len(rows) > LINES_MAX:
        rows.remove("")
    return "".join(fit(_ascii(row) if ascii_only else row, COLUMNS) + "\n" for row in rows)


def notice(incident: Incident, number: int = 0) -> Notice:
    """The desktop notification."""
    stamp = "EXERCISE, " if incident.exercise else ""
    project = safe.notification(os.path.basename(incident.cwd) or incident.agent or "an agent", 40)
    again = {1: ", second call", 2: ", last call"}.get(number, "") if incident.waits else ""
    why = safe.notification(incident.cause, 140)
    return Notice(
        f"irkit: {stamp}{_state_word(incident)} {project} ({incident.id}{again})",
        f"{why}. {' '.join(what_next(incident))}",
    )


def log_line(incident: Incident, number: int = 0) -> str:
    """One line for the guard's own log."""
    parts = [
        f"{incident.id} {incident.state}",
        f"round {number}",
        f"session {safe.terminal(_sessions(incident), 80)}",
        f"project {safe.terminal(incident.cwd or '?', 80)}",
        f"why: {safe.terminal(incident.cause, 200)}",
    ]
    if incident.waits:
        parts.append("waits for resume or kill")
    return "; ".join((["EXERCISE"] if incident.exercise else []) + parts)


def payload(incident: Incident, number: int = 0) -> dict[str, Any]:
    """For a webhook or a command: plain JSON values, each text made safe for a terminal."""
    return {
        "schema": NOTICE_SCHEMA,
        "incident": incident.id,
        "round": number,
        "state": incident.state.value,
        "level": safe.terminal(incident.level, 13),
        "exercise": incident.exercise,
        "sessions": [safe.terminal(session, 200) for session in incident.sessions[:20]],
        "agent": safe.terminal(incident.agent, 80),
        "project": safe.terminal(incident.cwd),
        "why": safe.terminal(incident.cause),
        "rules": [safe.terminal(finding.first.rule, 100) for finding in incident.findings],
        "last_calls": [safe.terminal(call, 200) for call in incident.last_calls],
        "opened": iso(incident.opened),
        "holds": what_holds(incident),
        "waits_for": ["resume", "kill"]
        if incident.waits and not incident.kill_only
        else ["kill"] * incident.waits,
        "deputy": safe.terminal(incident.deputy, 100),
        "see": "irkit status",
    }


# --- sentences -------------------------------------------------------------------------


def what_holds(incident: Incident) -> str:
    """What is known of the processes and of the calls, and nothing more."""
    if incident.state is IncidentState.OPEN:
        return "Nothing is stopped: this incident was opened by hand."
    if incident.state is IncidentState.RESUMED:
        return "The session goes on: a person resumed it."
    if incident.state is IncidentState.KILLED:
        killed = _outcome(incident, Kill)
        return "The session was killed" + (
            f": {safe.terminal(killed.reason, 120)}." if killed and killed.reason else "."
        )
    if incident.state is IncidentState.CLOSED:
        return "This incident is closed."
    stopped, latched = _outcome(incident, Freeze), _outcome(incident, Latch)
    calls = "No tool call of it passes." if isinstance(latched, Done) else "The guard refuses its tool calls."
    if stopped is None:
        return f"The session is being stopped. {calls}"
    if isinstance(stopped, Done):
        count = f" ({safe.terminal(stopped.reason, 50)})" if stopped.reason else ""
        return f"The session is stopped{count}. {calls}"
    return f"NOT ALL of the session is stopped: {safe.terminal(stopped.reason, 80)}. {calls}"


def what_next(incident: Incident) -> tuple[str, ...]:
    """What it waits for, and where to look. Never a command that lowers protection."""
    look = "In a terminal of your own, `irkit status` shows how."
    if not incident.waits:
        return ("In a terminal of your own, `irkit status` shows more.",)
    if incident.kill_only:
        return ("It waits for a person to kill it: it cannot be resumed. Leave its window open.", look)
    return ("It waits for a person: resume or kill. Leave its window open.", look)


def why(incident: Incident) -> str:
    """The reason in words, and which rule or person it comes from."""
    froze = [f for f in incident.findings if f.first.response.rank >= Response.FREEZE.rank]
    source = (
        f"rule {froze[0].first.rule}, {incident.level}" if froze else f"by {incident.opened_by or 'a rule'}"
    )
    return f"{safe.terminal(incident.cause, 2 * COLUMNS - 60)} ({safe.terminal(source, 50)})"


def utc(ts: float) -> str:
    """A time for people, to the second.

    >>> utc(0)
    '1970-01-01 00:00:00Z'
    """
    return iso(ts)[:19].replace("T", " ") + "Z"


def wrapped(label: str, text: str, *, most: int, indent: int = 11) -> list[str]:
    """A text on as many lines as it needs, at most `most`; what is left is cut on the last. `text` is made safe here."""
    lines = [""]
    for word in safe.terminal(text, most * COLUMNS).split(" "):
        if len(lines) < most and lines[-1] and width(f"{lines[-1]} {word}") > COLUMNS - indent:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}".strip()
    first = f"  {label:<8} " if label else "  "
    return [f"{first if place == 0 else ' ' * indent}{line}" for place, line in enumerate(lines)]


def width(text: str) -> int:
    """Terminal columns; wide characters count twice."""
    return sum(map(_columns, text))


def fit(text: str, columns: int) -> str:
    """Cut to that many terminal columns; wide characters count twice."""
    used = 0
    for place, char in enumerate(text):
        used += _columns(char)
        if used > columns:
            kept = text[:place]
            while kept and width(kept) > columns - 1:
                kept = kept[:-1]
            return kept + ("~" if text.isascii() else "…")
    return text


def _state_word(incident: Incident) -> str:
    return incident.state.value.upper()


def _sessions(incident: Incident) -> str:
    if not incident.sessions:
        return "none"
    first = str(incident.sessions[0])
    others = len(incident.sessions) - 1
    return f"{first}{f' and {others} more' if others else ''}, since {utc(incident.opened)}"


def _last_calls(incident: Incident) -> list[str]:
    calls = [safe.terminal(call, COLUMNS) for call in incident.last_calls[-3:]]
    if not calls:
        return [_row("last", "no call was seen")]
    return [_row("last" if place == 0 else "", call) for place, call in enumerate(calls)]


def _row(label: str, text: str) -> str:
    return f"  {label:<8} {safe.terminal(text, 2 * COLUMNS)}"


def _rule(left: str, right: str = "") -> str:
    """A full line with words in it, made of `=`, which every terminal has."""
    start = f"== {left} " if left else ""
    end = f" {right} ==" if right else ""
    return start + "=" * (COLUMNS - len(start) - len(end)) + end


def _ascii(text: str) -> str:
    return text.encode("ascii", "backslashreplace").decode()


def _columns(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in {"W", "F"} else 1


def _outcome(incident: Incident, kind: type[Command]) -> Outcome | None:
    """The worst end of that act over the sessions; None while one still runs."""
    ends = [act.outcome if (act := incident.act(kind, session)) else None for session in incident.sessions]
    if not ends or None in ends:
        return None
    return next((end for end in ends if not isinstance(end, Done)), ends[0])
