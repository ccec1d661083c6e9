# SPDX-License-Identifier: Apache-2.0
"""Rule files to a `RuleSet`.

Rules:
- A broken document is quarantined with its line and the fix; the rest run. Nothing here raises on what a file says.
- A rule that can be reported does not load without a hit and a miss sample.
- A correlation uses documents of its own file only; when one of these is broken, so is the correlation.
- A name is used once; the second rule of that name is quarantined.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, TypeVar

import msgspec

from irkit import limits
from irkit.detect.condition import ConditionError, compile_condition
from irkit.detect.documents import CorrelationDocument, DetectionDocument, Document
from irkit.detect.facts import ACT_FIELDS, DETECTION_FIELDS, getter
from irkit.detect.rule import Correlation, Predicate, Quarantined, Rule, RuleSet, Sampled, Verdict
from irkit.detect.selection import SelectionError, compile_selection
from irkit.errors import BadInputError
from irkit.yaml_text import LineOf, Place, load

_SEPARATOR = re.compile(r"^---[ \t]*$", re.MULTILINE)
_HOW = "docs/rules-format.md has the form"
D = TypeVar("D", bound=Document)


class _Written(NamedTuple):
    """One document as YAML gave it."""

    data: Any
    line_of: LineOf
    where: str

    def problem(self, what: str, place: Place = (), fix: str = _HOW) -> BadInputError:
        return BadInputError(what, where=f"{self.where}:{self.line_of(place)}", fix=fix)


class _Made(NamedTuple):
    """What one file holds that runs."""

    rules: list[Rule]
    correlations: list[Correlation]
    samples: list[Sampled]


def load_rules(sources: Iterable[tuple[str, str]]) -> RuleSet:
    """Compile rule files, given as (name, text)."""
    whole = _Made([], [], [])
    quarantined: list[Quarantined] = []
    taken: set[str] = set()
    for name, text in sources:
        for made in _file(name, text, taken, quarantined):
            whole.rules.extend(made.rules)
            whole.correlations.extend(made.correlations)
            whole.samples.extend(made.samples)
    return RuleSet(tuple(whole.rules), tuple(whole.correlations), tuple(whole.samples), tuple(quarantined))


def _file(name: str, text: str, taken: set[str], quarantined: list[Quarantined]) -> Iterator[_Made]:
    made = _Made([], [], [])
    correlations: list[_Written] = []
    for written in _documents(name, text, quarantined):
        if isinstance(written.data, dict) and "correlation" in written.data:
            correlations.append(written)
            continue
        try:
            _add_rule(written, taken, made)
        except BadInputError as error:
            quarantined.append(_quarantined(name, error))
    for written in correlations:
        try:
            _add_correlation(written, taken, made)
        except BadInputError as error:
            quarantined.append(_quarantined(name, error))
    yield made


def _documents(name: str, text: str, quarantined: list[Quarantined]) -> Iterator[_Written]:
    """The documents of a file, each read for itself, so that one that is not YAML leaves the others."""
    if len(text) > limits.YAML_MAX_BYTES:
        quarantined.append(Quarantined(name, 1, f"more than {limits.YAML_MAX_BYTES} bytes", "split the file"))
        return
    line = 0
    for part in _SEPARATOR.split(text):
        if part.strip() and any(
            row.strip() and not row.lstrip().startswith("#") for row in part.splitlines()
        ):
            try:
                data, line_of = load("\n" * line + part, name)
                yield _Written(data, line_of, name)
            except BadInputError as error:
                quarantined.append(_quarantined(name, error))
        line += part.count("\n")


def _quarantined(name: str, error: BadInputError) -> Quarantined:
    line = error.where.rpartition(":")[2]
    return Quarantined(name, int(line) if line.isdecimal() else 1, error.what, error.fix)


def _convert(written: _Written, form: type[D]) -> D:
    """The typed document. Raises BadInputError, which names the line of the first wrong key or value."""
    if not isinstance(written.data, dict):
        raise written.problem("a rule must be a mapping")
    try:
        return msgspec.convert(written.data, form)
    except msgspec.ValidationError as error:
        what, _, path = str(error).partition(" - at `")
        place: Place = tuple(key or int(at) for key, at in re.findall(r"\.([\w-]+)|\[(\d+)\]", path))
        unknown = re.search(r"unknown field `([^`]*)`", what)
        if unknown:
            place, what = (*place, unknown[1]), f"the key `{unknown[1]}` is not known here"
        if "missing required field `samples`" in what or "missing required field `hit`" in what:
            what = "a rule needs samples: at least one `hit` and one `miss`"
        raise written.problem(what[:1].lower() + what[1:], place) from error
    except RecursionError as error:
        raise written.problem("too many levels") from error


def _claim(written: _Written, document: Document, taken: set[str]) -> None:
    if document.name in taken:
        raise written.problem(f"the name `{document.name}` is used twice", ("name",), "give it another name")
    taken.add(document.name)


def _verdict(document: Document) -> Verdict | None:
    block = document.irkit
    if block is None:
        return None
    why = " ".join((block.why or document.title).split())
    return Verdict(
        document.name, document.title, document.level, block.response, block.risk, why, tuple(document.tags)
    )


def _samples(written: _Written, document: Document, made: _Made) -> None:
    if document.irkit:
        samples = document.irkit.samples
        made.samples.append(Sampled(document.name, written.where, tuple(samples.hit), tuple(samples.miss)))


def _add_rule(written: _Written, taken: set[str], made: _Made) -> None:
    document = _convert(written, DetectionDocument)
    fields: set[str] = set()
    predicate = _predicate(written, document.detection, fields)
    about = document.logsource.service == "detection"
    tampering = document.logsource.service == "tampering"
    wrong = fields & (set(ACT_FIELDS) if about else set(DETECTION_FIELDS))
    if wrong:
        source = "irkit's own detections" if about else "events"
        raise written.problem(f"the field `{min(wrong)}` does not exist for {source}", ("detection",))
    _claim(written, document, taken)
    made.rules.append(Rule(document.name, predicate, frozenset(fields), _verdict(document), about, tampering))
    _samples(written, document, made)


def _predicate(written: _Written, detection: dict[str, Any], fields: set[str]) -> Predicate:
    condition = detection.get("condition")
    if not isinstance(condition, str):
        raise written.problem("`detection` needs a `condition`, one text", ("detection",))
    selections: dict[str, Predicate] = {}
    for key, selection in detection.items():
        if key == "condition":
            continue
        try:
            selections[key] = compile_selection(selection, fields)
        except SelectionError as error:
            raise written.problem(str(error), ("detection", key)) from error
    try:
        return compile_condition(condition, selections)
    except ConditionError as error:
        raise written.problem(str(error), ("detection", "condition")) from error


def _add_correlation(written: _Written, taken: set[str], made: _Made) -> None:
    document = _convert(written, CorrelationDocument)
    block, verdict = document.correlation, _verdict(document)
    if verdict is None:
        raise written.problem("a correlation needs an `irkit` block")
    here = {rule.name for rule in made.rules}
    for at, part in enumerate(block.rules):
        if part not in here:
            raise written.problem(
                f"there is no working rule `{part}` in this file", ("correlation", "rules", at),
                "a correlation uses rules of its own file",
            )  # fmt: skip
    for at, name in enumerate(block.group_by):
        if getter(name) is None:
            raise written.problem(f"there is no field `{name}`", ("correlation", "group-by", at))
    _check_condition(written, document)
    _claim(written, document, taken)
    condition = block.condition
    made.correlations.append(
        Correlation(
            name=document.name,
            type=block.type,
            parts=tuple(block.rules),
            group_by=tuple(block.group_by),
            timespan=block.seconds,
            gte=condition.gte if condition else len(block.rules),
            verdict=verdict,
            field=condition.field if condition else "",
            per=condition.per if condition else "",
            cap=condition.cap if condition else 0,
        )
    )
    _samples(written, document, made)


def _check_condition(written: _Written, document: CorrelationDocument) -> None:
    block = document.correlation
    place: Place = ("correlation", "condition")
    if not 0 < block.seconds <= limits.RULE_TIMESPAN_MAX_S:
        raise written.problem(
            "the timespan must be more than nothing and at most 7d", ("correlation", "timespan")
        )
    if block.type.startswith("temporal"):
        if len(block.rules) < 2:
            raise written.problem(f"`{block.type}` needs two rules or more", ("correlation", "rules"))
        if block.condition:
            raise written.problem(f"`{block.type}` has no condition: all its rules must match", place)
        return
    if block.condition is None:
        raise written.problem(f"`{block.type}` needs a condition such as `gte: 200`", ("correlation",))
    field, per = block.condition.field, block.condition.per
    if (field != "") is (block.type == "event_count"):
        word = "has no" if field else "needs a"
        raise written.problem(f"`{block.type}` {word} field to count", place)
    for name in (field, per):
        if name and getter(name) is None:
            raise written.problem(f"there is no field `{name}`", place)
    if per and block.type != "event_count":
        raise written.problem("`per` is for event_count", place)
