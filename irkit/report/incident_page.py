# SPDX-License-Identifier: Apache-2.0
"""One incident, complete and calm, for `irkit incident show`; and the rows of `irkit incident list`.

What did not end as Done stands in capitals with its reason: an unverified act must not look like a done one.
"""

import os.path

from irkit.incident.commands import Done, Notify
from irkit.incident.incident import Act, Incident
from irkit.report import safe
from irkit.report.incident_text import utc, what_holds, what_next, why, wrapped

LIST_HEAD = ["ID", "STATE", "LEVEL", "OPENED", "AGENT", "PROJECT", "WHY"]


def list_row(incident: Incident) -> list[str]:
    """The cells under `LIST_HEAD`."""
    state = f"{incident.state} (waits)" if incident.waits else incident.state.value
    return [
        incident.id + (" EXERCISE" if incident.exercise else ""),
        state,
        safe.terminal(incident.level, 13),
        utc(incident.opened),
        safe.terminal(incident.agent or "-", 16),
        safe.terminal(os.path.basename(incident.cwd) or "-", 24),
        safe.terminal(incident.cause, 60),
    ]


def page(incident: Incident) -> str:
    """Everything that is known, for a terminal."""
    head = f"{incident.id}  {incident.state.value.upper()}  {safe.terminal(incident.level, 13)}"
    lines = [f"{'EXERCISE  ' if incident.exercise else ''}{head}", "  " + what_holds(incident), ""]
    lines += wrapped("why", why(incident), most=4)
    lines += _sessions(incident)
    lines.append(_row("project", incident.cwd or "unknown"))
    lines.append(
        _row(
            "opened", utc(incident.opened) + (f", playbook {incident.playbook}" if incident.playbook else "")
        )
    )
    lines += _labelled("last", [safe.terminal(call, 86) for call in incident.last_calls])
    lines += _labelled("rules", _findings(incident))
    lines += _labelled("acts", [_act(act) for act in incident.acts])
    lines += _labelled("told", _told(incident))
    lines += _labelled(
        "answers",
        [_said(a.at, a.by, a.choice + (f": {a.reason}" if a.reason else "")) for a in incident.answers],
    )
    lines += _labelled("notes", [_said(note.at, note.by, note.text) for note in incident.notes])
    if incident.kill_only:
        lines += wrapped("resume", f"cannot be resumed: {incident.kill_only}", most=3)
    if incident.closing:
        closing = incident.closing
        lines.append(_row("closed", _said(closing.at, closing.by, closing.reason)))
    lines.append("")
    lines += ["  " + sentence for sentence in what_next(incident)] if incident.waits else []
    return "\n".join(lines).rstrip() + "\n"


def _sessions(incident: Incident) -> list[str]:
    names = [safe.terminal(session, 86) for session in incident.sessions[:10]]
    more = len(incident.sessions) - len(names)
    return _labelled("session", [*names, f"and {more} more"] if more else names) or [_row("session", "none")]


def _findings(incident: Incident) -> list[str]:
    rows = []
    for finding in incident.findings:
        times = f"{finding.count} times" if finding.count > 1 else "once"
        first = finding.first
        rows.append(
            safe.terminal(
                f"{first.rule}  {first.level}  {first.response}  {times}, last {utc(finding.last.ts)}", 120
            )
        )
    return (
        [*rows, f"and {incident.more_findings} detections of more rules"] if incident.more_findings else rows
    )


def _act(act: Act) -> str:
    name = type(act.command).__name__.lower()
    if isinstance(act.command, Notify):
        name = f"{name} {act.command.round}"
    times = f" x{act.times}" if act.times > 1 else ""
    if act.outcome is None:
        return f"{name + times:<14} under way since {utc(act.asked)}"
    end = type(act.outcome).__name__
    word = end.lower() if isinstance(act.outcome, Done) else end.upper()
    took = f"{act.ended - act.asked:8.3f} s" if act.ended is not None else ""
    return f"{name + times:<14} {word:<10} {took}  {safe.terminal(act.outcome.reason, 120)}".rstrip()


def _told(incident: Incident) -> list[str]:
    names = {0: "the owner", 1: "again", 2: f"the deputy {incident.deputy}".rstrip()}
    return [
        f"{utc(told.at)}  {safe.terminal(names.get(told.round, str(told.round)), 60)}"
        for told in incident.told
    ]


def _said(at: float, by: str, text: str) -> str:
    return f"{utc(at)}  {safe.terminal(by, 40)}  {safe.terminal(text, 2000)}"


def _row(label: str, text: str) -> str:
    return f"  {label:<8} {safe.terminal(text, 300)}"


def _labelled(label: str, rows: list[str]) -> list[str]:
    """Rows that are safe already, the first with the label."""
    return [f"  {label if place == 0 else '':<8} {row}" for place, row in enumerate(rows)]
