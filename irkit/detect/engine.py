# SPDX-License-Identifier: Apache-2.0
"""The engine: events in, detections out. No clock, no file; the same for live hooks, watched files and replay.

Rules:
- Only calls that are about to happen (`before_tool`) are judged and counted. What the guard saw done to what it needs
  (`tampering`) is asked of the rules about tampering alone, and never counted.
- A twin (`twins`) is not counted again. One that comes by the hook is judged all the same, because it is the
  call that will run; a forged line that was there first must not hide it.
- What is decided by a tool's name alone is decided once for each name. A call that performs no act that rules
  speak of costs a few lookups.
- Detections of an event are looked at by rules about detections (three refusals in five minutes) afterwards.
- An exception silences a detection; the call keeps counting.
"""

from collections.abc import Iterable
from typing import NamedTuple

from irkit import limits
from irkit.detect.act import Act
from irkit.detect.acts import Deriver, deriver_of
from irkit.detect.correlate import Matches, See, Watch, session_key
from irkit.detect.detection import Detection
from irkit.detect.exception import RuleException
from irkit.detect.facts import ACT_FIELDS, STATIC_FIELDS, Facts
from irkit.detect.groups import Groups
from irkit.detect.memory import Memory
from irkit.detect.rule import Rule, RuleSet, Verdict
from irkit.detect.twins import Twins
from irkit.stream.event import Event, Kind

Found = tuple[Verdict, Facts]
_PLANS_MAX = 4096
_ACT_KIND = frozenset({"act", "target", "to", "detail"})
_NOBODY = Event(ts=0, agent="", session="", event="")


class _Plan(NamedTuple):
    """What a call of one tool needs."""

    kind: Kind
    rules: tuple[Rule, ...]
    """Matched by the name alone, and reported."""
    watches: tuple[tuple[See, Verdict], ...]
    """Correlations that count it by the name alone."""
    derive: Deriver | None
    parts: frozenset[str]
    """Names of rules matched by the name alone that correlations use together with others."""


class _Session:
    """What is remembered of one session."""

    __slots__ = ("call_ids", "calls", "memory")

    def __init__(self) -> None:
        self.calls = 0
        self.call_ids: dict[str, dict[str, str]] = {}
        """By source: call id -> hash of its arguments."""
        self.memory = Memory()


class Engine:
    """Judges events. One owner."""

    def __init__(self, ruleset: RuleSet, *, exceptions: Iterable[RuleException] = ()) -> None:
        self.exceptions = tuple(exceptions)
        """In force; the owner may replace them."""
        events = [r for r in ruleset.rules if not (r.about_detections or r.about_tampering)]
        self._static = tuple(rule for rule in events if rule.fields <= STATIC_FIELDS)
        self._act_rules = tuple(rule for rule in events if rule.fields & set(ACT_FIELDS))
        self._kind_rules = tuple(rule for rule in self._act_rules if rule.fields <= _ACT_KIND)
        self._close_rules = tuple(rule for rule in self._act_rules if not rule.fields <= _ACT_KIND)
        self._by_act: dict[tuple[str, str, str, tuple[str, ...]], tuple[str, ...]] = {}
        known = {*self._static, *self._act_rules}
        self._event_rules = tuple(rule for rule in events if rule not in known)
        self._about = tuple(rule for rule in ruleset.rules if rule.about_detections)
        self._tampering = tuple(rule for rule in ruleset.rules if rule.about_tampering and rule.verdict)
        static = {rule.name for rule in self._static}
        watches = tuple(Watch(one) for one in ruleset.correlations)
        self._static_watches = tuple(
            w
            for w in watches
            if w.correlation.type == "event_count" and static.issuperset(w.correlation.parts)
        )
        self._watches = tuple(w for w in watches if w not in self._static_watches)
        self._burst = next((w for w in watches if w.correlation.name == "burst"), None)
        self._plans: dict[str, _Plan] = {}
        self._sessions: Groups[_Session] = Groups(_Session, limits.SESSIONS_MAX)
        self.reads_all = bool(self._event_rules) or any(
            not rule.fields <= _ACT_KIND | {"secrets", "path", "host", "program"} for rule in self._act_rules
        )
        """Whether a rule looks at more of a call than its tool, its acts and the kinds of secret in it."""
        self.any_remembers = False
        """Whether any session wrote or fetched something that a later call may run."""
        self._twins = Twins()

    def feed(self, event: Event) -> tuple[Detection, ...]:  # noqa: C901, PLR0912 - flat: every call runs through here
        """Judge one event. Detections come in the order of the rules; most events have none."""
        if event.event != "before_tool":
            return self._tampered(event) if event.event == "tampering" else ()
        key = session_key(event)
        state = self._sessions.touch(key)
        twin = event.source != "replay" and self._twins.is_twin(event)
        if twin and event.source != "hook":
            return ()
        if not twin:
            state.calls += 1
        plan = self._plans.get(event.tool)
        if plan is None or plan.kind != event.kind:
            plan = self._plan(event)
        found: list[Found] = []
        if plan.rules:
            found = [(rule.verdict, Facts(event)) for rule in plan.rules if rule.verdict]
        if not twin:
            for see, verdict in plan.watches:
                if see(key, event, ()):
                    found.append((verdict, Facts(event)))
        memory = state.memory
        if not memory.project and event.cwd:
            memory.begin(event.cwd)
        acts: tuple[Act, ...] = ()
        if event.args and plan.derive is not None:
            acts = plan.derive(event, memory)
            if memory.scripts or memory.fetched:
                self.any_remembers = True
        if event.call_id and self._reused(state, event):
            acts = (*acts, Act("reuse-call-id", program=event.tool))
        if acts or self._event_rules or plan.parts:
            self._ask(key, event, acts, found, None if twin else plan.parts)
        return self._detections(key, event, state.calls, found) if found else ()

    def _tampered(self, event: Event) -> tuple[Detection, ...]:
        facts = Facts(event)
        found = [(rule.verdict, facts) for rule in self._tampering if rule.verdict and rule.predicate(facts)]
        state = self._sessions.peek(session_key(event))
        return self._detections(session_key(event), event, state.calls if state else 0, found)

    def remembers(self, agent: str, session: str) -> bool:
        """Whether the session wrote or fetched something that a later call may run."""
        if not self.any_remembers:
            return False
        state = self._sessions.peek(f"{agent}:{session}")
        return state is not None and bool(state.memory.scripts or state.memory.fetched)

    def calls_in_window(self, agent: str, session: str) -> int:
        """Calls of a session that the burst window counts now, at the time of its newest call."""
        return self._burst.calls(f"{agent}:{session}") if self._burst else 0

    def forget(self, session: str) -> None:
        """Empty the windows of `AGENT:native_id`, as after a person released it."""
        for watch in (*self._static_watches, *self._watches):
            watch.forget(session)

    def _plan(self, event: Event) -> _Plan:
        facts = Facts(event)
        matched = {rule.name for rule in self._static if rule.predicate(facts)}
        plan = _Plan(
            event.kind,
            tuple(rule for rule in self._static if rule.name in matched and rule.verdict),
            tuple(
                (w.see, w.correlation.verdict)
                for w in self._static_watches
                if matched.intersection(w.correlation.parts)
            ),
            deriver_of(event.kind) if self._act_rules else None,
            frozenset(name for name in matched if any(name in w.correlation.parts for w in self._watches)),
        )
        if len(self._plans) >= _PLANS_MAX:
            self._plans.clear()
        self._plans[event.tool] = plan
        return plan

    @staticmethod
    def _reused(state: _Session, event: Event) -> bool:
        """Whether this source gave the call id to other arguments before."""
        source, call_id = event.source, event.call_id
        known = state.call_ids.get(source)
        if known is None:
            known = state.call_ids[source] = {}
        before = known.get(call_id)
        if before is None:
            if len(known) >= limits.CALL_IDS_MAX:
                known.clear()
            known[call_id] = event.args_sha256
            return False
        return before != event.args_sha256

    def _ask(
        self, key: str, event: Event, acts: tuple[Act, ...], found: list[Found], parts: frozenset[str] | None
    ) -> None:
        """Ask the rules that look at more than the tool's name, then the correlations that use them.

        `parts` is None for a twin, which is not counted.
        """
        whole = Facts(event)
        matched: dict[str, Facts] = dict.fromkeys(parts or (), whole)
        for rule in self._event_rules:
            if rule.predicate(whole):
                matched[rule.name] = whole
        for act in acts[: limits.ACTS_MAX]:
            facts = Facts(event, act)
            for name in self._rules_of(act):
                matched.setdefault(name, facts)
            for rule in self._close_rules:
                if rule.name not in matched and rule.predicate(facts):
                    matched[rule.name] = facts
        if not matched:
            return
        for rule in (*self._event_rules, *self._act_rules):
            if rule.verdict and rule.name in matched:
                found.append((rule.verdict, matched[rule.name]))
        if parts is not None:
            self._correlate(key, event, matched, found)

    def _rules_of(self, act: Act) -> tuple[str, ...]:
        """Rules that the act alone decides, whoever performs it: decided once for each kind of act."""
        key = (act.act, act.target, act.to, act.detail)
        names = self._by_act.get(key)
        if names is None:
            facts = Facts(_NOBODY, act)
            names = tuple(rule.name for rule in self._kind_rules if rule.predicate(facts))
            if len(self._by_act) >= _PLANS_MAX:
                self._by_act.clear()
            self._by_act[key] = names
        return names

    def _correlate(self, key: str, event: Event, matched: dict[str, Facts], found: list[Found]) -> None:
        for watch in self._watches:
            matches: Matches = tuple(
                (at, matched[name]) for at, name in enumerate(watch.correlation.parts) if name in matched
            )
            if matches and watch.see(key, event, matches):
                found.append((watch.correlation.verdict, matches[-1][1]))

    def _detections(self, key: str, event: Event, index: int, found: list[Found]) -> tuple[Detection, ...]:
        made = self._allowed(event, index, found)
        if made and self._about:
            matched: dict[str, Facts] = {}
            for rule in self._about:
                for one in made:
                    facts = Facts(event, None, one)
                    if rule.predicate(facts):
                        matched.setdefault(rule.name, facts)
            late: list[Found] = [
                (r.verdict, matched[r.name]) for r in self._about if r.verdict and r.name in matched
            ]
            if matched:
                self._correlate(key, event, matched, late)
            made += self._allowed(event, index, late)
        return tuple(made)

    def _allowed(self, event: Event, index: int, found: list[Found]) -> list[Detection]:
        made = []
        for verdict, facts in found:
            one = _detection(verdict, event, index, facts.act)
            if not any(exception.covers(one, facts) for exception in self.exceptions):
                made.append(one)
        return made


def _detection(verdict: Verdict, event: Event, index: int, act: Act | None) -> Detection:
    return Detection(
        rule=verdict.name,
        title=verdict.title,
        level=verdict.level,
        response=verdict.response,
        agent=event.agent,
        session=event.session,
        call_id=event.call_id or "",
        ts=event.ts,
        index=index,
        why=_sentence(verdict.why, act),
        risk=verdict.risk,
        tags=verdict.tags,
    )


def _sentence(why: str, act: Act | None) -> str:
    """Fill in what the act has. Never `format`: what it has is foreign text."""
    if "{" not in why:
        return why
    words = {
        "{path}": act.path[:120] if act and act.path else "a path",
        "{host}": act.host[:100] if act and act.host else "another machine",
        "{program}": act.program[:60] if act and act.program else "a program",
        "{target}": act.target if act and act.target else "something",
    }
    for name, word in words.items():
        if name in why:
            why = why.replace(name, word.replace("{", "(").replace("}", ")"))
    return why
