# SPDX-License-Identifier: Apache-2.0
"""Playbooks: what is done about a detection, in which order, and what waits for a person. Plans as data, pure.

Rules:
- The safe order holds everywhere, because another one has made real malware wipe a disk:
  freeze → keep → disarm → kill → seal-a → suspend, revoke → seal-b. A playbook in another order is refused.
- Freeze comes first, by itself, and nothing waits before it; people are always told; a kill has a keep before it.
- One-way revocation always asks. A kill step of mode `auto` holds for `contain` detections only.
- A step that this version cannot carry out yet is accepted, kept in its place, and shown as `supported: false`.
- An unknown key, a wrong type, a step twice: refused, with the line and what to write instead.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from irkit import limits
from irkit.detect.detection import Detection
from irkit.errors import BadInputError
from irkit.yaml_text import load as load_yaml

SCHEMA = "irkit.playbook/v1"
LineOf = Callable[[tuple[str | int, ...]], int]
"""A place in the document (`("steps", 2, "mode")`) -> its line, counted from 1."""


class Deed(StrEnum):
    """What a step does. The values are the words of the file."""

    FREEZE = "freeze"
    NOTIFY = "notify"
    KEEP = "keep"
    DISARM = "disarm"
    KILL = "kill"
    SEAL_A = "seal-a"
    SUSPEND = "suspend"
    REVOKE = "revoke"
    SEAL_B = "seal-b"


_PLACE = {
    Deed.FREEZE: 1,
    Deed.KEEP: 2,
    Deed.DISARM: 3,
    Deed.KILL: 4,
    Deed.SEAL_A: 5,
    Deed.SUSPEND: 6,
    Deed.REVOKE: 6,
    Deed.SEAL_B: 7,
}
"""The safe order. `notify` may stand anywhere after the freeze."""
SAFE_ORDER = "freeze → keep → disarm → kill → seal-a → suspend, revoke → seal-b"
SUPPORTED = frozenset({Deed.FREEZE, Deed.NOTIFY, Deed.KEEP, Deed.DISARM, Deed.KILL})
"""What this version carries out."""
MEANING = {
    Deed.FREEZE: "latch the session, then stop its processes; undone by resume",
    Deed.NOTIFY: "tell the owner, and the deputy when nobody answers",
    Deed.KEEP: "write down what is gone after the exit; sign the log",
    Deed.DISARM: "take out autostart entries planted since the session began",
    Deed.KILL: "kill every process of the session and verify each death",
    Deed.SEAL_A: "seal the evidence",
    Deed.SUSPEND: "make touched credentials inactive; can be undone",
    Deed.REVOKE: "revoke touched credentials and probe them dead; one way",
    Deed.SEAL_B: "seal proofs and custody",
}

Duration = Annotated[
    str,
    Meta(pattern=r"^[0-9]{1,6}(ms|s|m|h|d)$", description="A whole number and ms, s, m, h or d, such as 5m."),
]
Glob = Annotated[str, Meta(min_length=1, max_length=100, description="A name, or a pattern with * and ?.")]
Line = Annotated[str, Meta(min_length=1, max_length=200)]
_FIXES = {
    "schema": f"write `schema: {SCHEMA}`",
    "id": "use a-z, 0-9 and dashes",
    "version": "use a whole number from 1",
    "do": f"use one of {', '.join(Deed)}",
    "mode": "write `auto` or `ask`",
    "deadline": "write a whole number and ms, s, m, h or d, such as `5m`",
    "on_unanswered": "write `stay` or `kill`",
}
"""What to write instead, by the last key of the place."""
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


class PlaybookStep(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One step."""

    do: Deed
    mode: Literal["auto", "ask"]
    """`auto`: at once. `ask`: after a person answered."""
    deadline: Duration = ""
    """For `auto`: what the step may take. For a kill that asks: how long one round of telling waits for an answer."""
    on_unanswered: Literal["stay", "kill"] = "stay"
    """For a kill that asks: what holds when nobody answered the last round."""
    deputy: Annotated[str, Meta(max_length=100)] = ""
    """Who the last round goes to, by the name they have in `irkit.toml`; empty: the same people."""
    note: Annotated[str, Meta(max_length=400)] = ""
    """For the person who reads the plan."""

    @property
    def supported(self) -> bool:
        """Whether this version carries it out; if not, it is a person's step."""
        return self.do in SUPPORTED

    @property
    def deadline_s(self) -> float | None:
        """The deadline in seconds, None when there is none."""
        return seconds(self.deadline) if self.deadline else None


class AppliesTo(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Which detections it is for: one of the rules' names, or one of the tags."""

    rules: Annotated[tuple[Glob, ...], Meta(max_length=100)] = ()
    tags: Annotated[tuple[Glob, ...], Meta(max_length=100)] = ()


class Playbook(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One plan."""

    schema: Literal["irkit.playbook/v1"]
    id: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
    title: Line
    version: Annotated[int, Meta(ge=1, le=1_000_000)]
    about: Annotated[str, Meta(max_length=2000)] = ""
    applies_to: AppliesTo
    steps: Annotated[tuple[PlaybookStep, ...], Meta(min_length=1, max_length=limits.PLAYBOOK_STEPS_MAX)]

    @property
    def name(self) -> str:
        """Id and version, as an incident remembers what plan it followed."""
        return f"{self.id} {self.version}"

    def step(self, deed: Deed) -> PlaybookStep | None:
        """The first step that does this."""
        return next((step for step in self.steps if step.do is deed), None)

    @property
    def question(self) -> PlaybookStep | None:
        """The kill step where it asks: its deadline and its order for silence hold for the whole freeze."""
        step = self.step(Deed.KILL)
        return step if step and step.mode == "ask" else None

    @property
    def wait_s(self) -> float:
        """How long one round of telling waits."""
        wait = self.question.deadline_s if self.question else None
        return wait if wait is not None else limits.ANSWER_WAIT_S

    @property
    def on_unanswered(self) -> Literal["stay", "kill"]:
        """What holds when nobody answered."""
        return self.question.on_unanswered if self.question else "stay"

    @property
    def deputy(self) -> str:
        """Who the last round goes to."""
        return next((step.deputy for step in self.steps if step.deputy), "")

    @property
    def disarms(self) -> bool:
        """Whether a kill that no person asked for disarms before it."""
        return self.step(Deed.DISARM) is not None

    @property
    def kills_unasked(self) -> bool:
        """Whether a `contain` detection is killed without waiting for an answer."""
        step = self.step(Deed.KILL)
        return step is not None and step.mode == "auto"


def seconds(duration: str) -> float:
    """`90s` -> 90.0. Takes what the schema's pattern lets through."""
    unit = duration.lstrip("0123456789")
    return int(duration.removesuffix(unit)) * _UNITS[unit]


def parse(text: str, where: str) -> Playbook:
    """Read one playbook. `where` names the file in errors. Raises BadInputError on the first problem."""
    data, line_of = load_yaml(text, where)
    playbook = _convert(data, where, line_of)
    for problem in _problems(playbook, where, line_of):
        raise problem
    return playbook


def lint(text: str, where: str) -> tuple[BadInputError, ...]:
    """Everything that is wrong with a playbook, in the order of the file; empty: it can be used."""
    try:
        data, line_of = load_yaml(text, where)
        playbook = _convert(data, where, line_of)
    except BadInputError as problem:
        return (problem,)
    return tuple(_problems(playbook, where, line_of))


def choose(playbooks: Iterable[Playbook], detection: Detection) -> Playbook | None:
    """The playbook that says most precisely that it is for this rule; at equal precision, the first.

    Precision is the number of characters that the pattern fixes, so a name beats a pattern and `*` comes last.
    """
    best: Playbook | None = None
    best_score = -1
    for playbook in playbooks:
        for pattern in _matching(playbook, detection):
            score = len(pattern.replace("*", "").replace("?", ""))
            if score > best_score:
                best, best_score = playbook, score
    return best


def json_schema() -> dict[str, Any]:
    """The JSON Schema of `irkit.playbook/v1`. The safe order is beyond what it can say: `lint` checks that."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **msgspec.json.schema(Playbook)}


def _matching(playbook: Playbook, detection: Detection) -> Iterator[str]:
    yield from (glob for glob in playbook.applies_to.rules if fnmatchcase(detection.rule, glob))
    yield from (
        glob for glob in playbook.applies_to.tags if any(fnmatchcase(tag, glob) for tag in detection.tags)
    )


def _convert(data: Any, where: str, line_of: LineOf) -> Playbook:
    try:
        return msgspec.convert(data, Playbook)
    except msgspec.ValidationError as error:
        what, _, path = str(error).partition(" - at `")
        place = _place(path.rstrip("`"))
        what = what[:1].lower() + what[1:].partition(" matching regex")[0]
        last = next((part for part in reversed(place) if isinstance(part, str)), "")
        dotted = ".".join(str(part) for part in place) or "the document"
        fix = _FIXES.get(last, "docs/incidents.md has the form")
        raise BadInputError(f"`{dotted}`: {what}", where=f"{where}:{line_of(place)}", fix=fix) from error


def _place(path: str) -> tuple[str | int, ...]:
    """`$.steps[2].mode` -> ("steps", 2, "mode")."""
    parts = re.findall(r"\.([A-Za-z_]+)|\[([0-9]+)\]", path)
    return tuple(name or int(index) for name, index in parts)


def _problems(playbook: Playbook, where: str, line_of: LineOf) -> Iterator[BadInputError]:
    """What the schema cannot say, in the order of the file."""

    def at(index: int, what: str, fix: str) -> BadInputError:
        return BadInputError(what, where=f"{where}:{line_of(('steps', index))}", fix=fix)

    if not playbook.applies_to.rules and not playbook.applies_to.tags:
        yield BadInputError(
            "it applies to nothing",
            where=f"{where}:{line_of(('applies_to',))}",
            fix='name rules or tags, or write `rules: ["*"]`',
        )
    latest: PlaybookStep | None = None
    seen: set[Deed] = set()
    for index, step in enumerate(playbook.steps):
        if index == 0 and (step.do is not Deed.FREEZE or step.mode != "auto"):
            yield at(
                0,
                "the first step must be `freeze` with `mode: auto`",
                "nothing is as urgent, and it can be undone",
            )
        if step.do in seen and step.do is not Deed.NOTIFY:
            yield at(index, f"`{step.do}` comes twice", "keep the first one")
        elif latest and step.do in _PLACE and _PLACE[step.do] < _PLACE[latest.do]:
            yield at(index, f"`{step.do}` after `{latest.do}` breaks the safe order", f"write {SAFE_ORDER}")
        yield from (at(index, what, fix) for what, fix in _step_problems(step))
        if step.do is Deed.KILL and Deed.KEEP not in seen:
            yield at(
                index,
                "`kill` has no `keep` before it",
                "what a process knows is gone after its exit: keep first",
            )
        seen.add(step.do)
        if step.do in _PLACE:
            latest = step
    if Deed.NOTIFY not in seen:
        yield at(
            len(playbook.steps) - 1, "nobody is told", "add `- {do: notify, mode: auto}` after the freeze"
        )


def _step_problems(step: PlaybookStep) -> Iterator[tuple[str, str]]:
    if step.do is Deed.REVOKE and step.mode == "auto":
        yield "`revoke` cannot be undone and must ask", "write `mode: ask`, or use `suspend`"
    if step.do in {Deed.KEEP, Deed.NOTIFY} and step.mode == "ask":
        yield f"`{step.do}` must not wait for an answer", "write `mode: auto`"
    if step.mode == "auto" and step.on_unanswered != "stay":
        yield (
            f"`{step.do}` asks nobody, so `on_unanswered` means nothing",
            "leave it out, or write `mode: ask`",
        )
    if step.mode == "ask" and step.do is not Deed.KILL and (step.deadline or step.on_unanswered != "stay"):
        yield (
            f"`{step.do}` waits for the same answer as `kill`",
            "set `deadline` and `on_unanswered` on the kill step",
        )
    if step.deadline and not 0 < seconds(step.deadline) <= limits.PLAYBOOK_WAIT_MAX_S:
        yield f"a deadline of {step.deadline} cannot be used", "choose more than nothing and at most 7d"
