# SPDX-License-Identifier: Apache-2.0
"""What happened when: the audit log's records, the journal's and the incident's own, as one list in order of time.

Rules:
- Records come in as plain mappings, as they stand in the files, so that neither log nor journal is needed to read one.
  What is not understood is left out; a time that cannot be read is no reason to fail.
- Only what belongs to the incident's sessions is listed, and the guard's own entries that concern every session.
- What the incident knows itself (its acts, with their outcomes) is not listed again from log or journal.
- Bounded: at most `MOMENTS_MAX`; `text` folds the middle of a long run of calls, never a refusal or an act.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from irkit import limits
from irkit.clock import from_iso, iso
from irkit.incident.commands import Done, Notify
from irkit.incident.incident import Act, Incident
from irkit.report import safe
from irkit.report.incident_text import fit
from irkit.stream.words import describe

TELLING = frozenset(
    {"before_tool", "prompt", "permission", "session_start", "session_end", "malformed", "oversize"}
)
"""An agent's events that a timeline lists; the ends of calls would only repeat them."""
FOR_ALL = frozenset(
    {
        "guard_start",
        "guard_stop",
        "recovered",
        "disk_full",
        "clock_step",
        "tampering",
        "unguarded",
        "policy_changed",
        "policy_approved",
        "exception_added",
        "rule_quarantined",
        "spool_gap",
        "tail_gap",
    }
)
"""The guard's own entries that concern every session."""
_LOUD = frozenset({"deny", "ask", "refused", "failed", "unverified"})
RUN_SHOWN = 3
"""Of a long run of calls that were let through, this many are shown at each end."""


class Moment(Struct, frozen=True, kw_only=True):
    """One line of a timeline."""

    ts: float
    """Seconds since the epoch, UTC."""
    what: str
    """In words, redacted, not yet safe to show."""
    decision: str = ""
    """One word: what was decided (allow, deny), or how an act ended (done, failed)."""
    detail: str = ""
    """The reason of that word, if it has one."""
    source: str = "log"
    """log, journal or incident."""
    by: str = "irkit"
    """Who did it: agent, irkit, or person."""


def timeline(records: Iterable[Mapping[str, Any]], incident: Incident) -> tuple[Moment, ...]:
    """The moments of one incident, oldest first. `records` may mix audit records and journal entries."""
    moments = list(_of_incident(incident))
    journal: dict[str, Mapping[str, Any]] = {}
    done = {type(act.command).__name__.lower() for act in incident.acts}
    for record in records:
        if len(moments) >= limits.MOMENTS_MAX:
            break
        found = (
            _of_journal(record, journal, incident, done) if "record" in record else _of_log(record, incident)
        )
        if found is not None:
            moments.append(found)
    return tuple(sorted(moments, key=lambda moment: moment.ts))


def text(moments: Sequence[Moment], *, fold: bool = True, columns: int = 100) -> str:
    """The timeline for a terminal: UTC to the millisecond, seconds since the first moment, what, decision."""
    if not moments:
        return "nothing was recorded\n"
    zero = moments[0].ts
    lines = [f"  {iso(zero)[:10]} UTC"]
    day = iso(zero)[:10]
    for entry in _folded(moments) if fold else moments:
        if isinstance(entry, int):
            lines.append(f"{'':39}… {entry} more calls, none refused")
            continue
        if (today := iso(entry.ts)[:10]) != day:
            day = today
            lines.append(f"  {day} UTC")
        lines.append(_line(entry, zero, columns))
    return "\n".join(lines) + "\n"


def _line(moment: Moment, zero: float, columns: int) -> str:
    word = safe.terminal(moment.decision, 10)
    loud = word.upper() if word in _LOUD else word
    what = safe.terminal(f"{moment.what}: {moment.detail}" if moment.detail else moment.what, 4 * columns)
    mark = {"irkit": "»", "person": "*"}.get(moment.by, " ")
    return fit(
        f"  {iso(moment.ts)[11:23]}Z {moment.ts - zero:+10.3f} {mark} {loud:<10} {what}", columns
    ).rstrip()


def _folded(moments: Sequence[Moment]) -> Iterator[Moment | int]:
    """The moments, with the middle of long runs of allowed calls replaced by its length."""
    run: list[Moment] = []
    for moment in (*moments, None):
        if moment is not None and moment.by == "agent" and moment.decision in {"allow", ""}:
            run.append(moment)
            continue
        if len(run) > 2 * RUN_SHOWN + 1:
            yield from run[:RUN_SHOWN]
            yield len(run) - 2 * RUN_SHOWN
            yield from run[-RUN_SHOWN:]
        else:
            yield from run
        run.clear()
        if moment is not None:
            yield moment


# --- where moments come from -----------------------------------------------------------


def _of_incident(incident: Incident) -> Iterator[Moment]:
    if incident.opened_by:
        yield _own(incident.opened, f"{incident.opened_by}: {incident.cause}", by="person")
    for finding in incident.findings:
        for found in (finding.first, finding.last)[: min(finding.count, 2)]:
            yield _own(found.ts, f"rule {found.rule}", found.response.value, found.why)
    yield from (
        _of_act(act)
        for act in incident.acts
        if not isinstance(act.command, Notify) or not isinstance(act.outcome, Done | None)
    )
    for told in incident.told:
        whom = {1: "told again", 2: f"told the deputy {incident.deputy}".rstrip()}.get(
            told.round, "told the owner"
        )
        yield _own(told.at, whom)
    for answer in incident.answers:
        why = f" ({answer.reason})" if answer.reason else ""
        yield _own(answer.at, f"{answer.by}: {answer.choice}{why}", by="person")
    for note in incident.notes:
        yield _own(note.at, f"{note.by}: {note.text}", by="person")
    if incident.closing:
        yield _own(
            incident.closing.at, f"{incident.closing.by}: closed ({incident.closing.reason})", by="person"
        )


def _of_act(act: Act) -> Moment:
    name = type(act.command).__name__.lower()
    again = f" (time {act.times})" if act.times > 1 else ""
    if act.outcome is None or act.ended is None:
        return _own(act.asked, name + again, "under way")
    took = f" in {act.ended - act.asked:.3f} s" if act.ended >= act.asked else ""
    return _own(act.ended, name + again + took, type(act.outcome).__name__.lower(), act.outcome.reason)


def _own(ts: float, what: str, decision: str = "", detail: str = "", by: str = "irkit") -> Moment:
    return Moment(ts=ts, what=what, decision=decision, detail=detail, source="incident", by=by)


def _of_log(record: Mapping[str, Any], incident: Incident) -> Moment | None:
    event = str(record.get("event", ""))
    ts = _time(record.get("ts"))
    if ts is None:
        return None
    if event in FOR_ALL:
        return Moment(ts=ts, what=event.replace("_", " "))
    if event not in TELLING or f"{record.get('agent')}:{record.get('session')}" not in incident.sessions:
        return None
    args = record.get("args")
    words = describe(
        str(record.get("tool") or event.replace("_", " ")), args if isinstance(args, Mapping) else {}
    )
    return Moment(ts=ts, what=words, decision=str(record.get("decision") or ""), by="agent")


def _of_journal(
    record: Mapping[str, Any], intents: dict[str, Mapping[str, Any]], incident: Incident, done: set[str]
) -> Moment | None:
    """An act's end, joined with what was meant; acts that the incident lists itself are left out."""
    ident = str(record.get("id"))
    if record.get("record") == "intent":
        intents[ident] = record
        return None
    meant = intents.get(ident, {})
    act, target = str(meant.get("act", "")), str(meant.get("target", ""))
    ts = _time(record.get("ts"))
    if ts is None or not act or act in done or (target and target not in {*incident.sessions, "*"}):
        return None
    result, reason = str(record.get("result", "")), str(record.get("reason", ""))
    return Moment(ts=ts, what=act, decision=result, detail=reason, source="journal")


def _time(value: Any) -> float | None:
    """A record's time, as a number or as RFC 3339."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value) if abs(value) < 1e11 else None
    try:
        return from_iso(str(value))
    except (ValueError, OverflowError):
        return None
