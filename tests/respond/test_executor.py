# SPDX-License-Identifier: Apache-2.0
"""Intent, act, outcome; and what a crash leaves."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from irkit.incident.commands import (
    AnyOutcome,
    Done,
    Failed,
    Freeze,
    Kill,
    Latch,
    Notify,
    Outcome,
    Refused,
    SessionId,
    Unverified,
)
from irkit.respond.executor import Executor
from irkit.respond.journal import Journal, new_id, records, unfinished

S = SessionId("codex:a")


def noted(acted: list[Any], outcome: AnyOutcome) -> Callable[[Any], AnyOutcome]:
    """A handler that notes what it was given."""

    def handler(command: Any) -> AnyOutcome:
        acted.append(command)
        return outcome

    return handler


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "journal.jsonl")


def test_the_intent_is_written_before_the_act_and_the_outcome_after(path: str) -> None:
    seen: list[list[object]] = []

    def freeze(command: Freeze) -> AnyOutcome:
        seen.append([(r["record"], r["act"], r["target"], r["irreversible"]) for r in records(path)])
        return Done(f"{command.session} stopped")

    assert Executor({Freeze: freeze}, Journal(path)).run(Freeze(session=S)) == Done("codex:a stopped")
    assert seen == [[("intent", "freeze", "codex:a", False)]]
    assert [(r["record"], r.get("result")) for r in records(path)] == [("intent", None), ("outcome", "done")]
    assert unfinished(path) == []


@pytest.mark.parametrize(
    ("outcome", "word"),
    [(Done(), "done"), (Refused("no"), "refused"), (Unverified("?"), "unverified"), (Failed("x"), "failed")],
)
def test_every_kind_of_end_is_recorded_with_its_reason(path: str, outcome: AnyOutcome, word: str) -> None:
    Executor({Kill: lambda _: outcome}, Journal(path)).run(Kill(session=S))
    ended = records(path)[-1]
    assert (ended["result"], ended["reason"]) == (word, outcome.reason)
    assert records(path)[0]["irreversible"] is True


def test_a_handler_that_raises_is_a_failure_that_is_recorded(path: str) -> None:
    def broken(_: Latch) -> AnyOutcome:
        raise KeyError("surprise " * 200)

    outcome = Executor({Latch: broken}, Journal(path)).run(Latch())
    assert isinstance(outcome, Failed)
    assert outcome.reason.startswith("KeyError: 'surprise")
    assert len(outcome.reason) == 500
    assert records(path)[-1]["result"] == "failed"


def test_a_dry_run_does_nothing_and_writes_nothing(path: str) -> None:
    acted: list[object] = []
    executor = Executor({Kill: noted(acted, Done())}, Journal(path), dry_run=True)
    assert executor.run(Kill(session=S)) == Refused("dry run")
    assert not acted
    assert records(path) == []


def test_what_nobody_handles_is_refused(path: str) -> None:
    assert isinstance(Executor({}, Journal(path)).run(Latch()), Refused)


def test_a_journal_that_cannot_be_written_does_not_stop_the_act(tmp_path: Path) -> None:
    executor = Executor({Freeze: lambda _: Done()}, Journal(str(tmp_path / "gone" / "journal")))
    assert executor.run(Freeze(session=S)) == Done()


_CRASH = """
import os, sys
from irkit.incident.commands import Freeze, Kill, Notify, SessionId
from irkit.respond.executor import Executor
from irkit.respond.journal import Journal
kind = {"freeze": Freeze, "kill": Kill, "notify": Notify}[sys.argv[2]]
Executor({kind: lambda c: os._exit(9)}, Journal(sys.argv[1])).run(kind(session=SessionId("codex:a")))
"""


def crashed(path: str, act: str) -> None:
    done = subprocess.run([sys.executable, "-c", _CRASH, path, act], check=False, timeout=20)
    assert done.returncode == 9


def test_after_a_crash_what_can_be_repeated_is_repeated_once(path: str) -> None:
    crashed(path, "freeze")
    acted: list[Freeze] = []
    executor = Executor({Freeze: noted(acted, Done())}, Journal(path))
    assert executor.resume() == [(Freeze(session=S), Done())]
    assert executor.resume() == []
    assert acted == [Freeze(session=S)]
    assert records(path)[-1]["resumed"] is True


@pytest.mark.parametrize(("act", "command"), [("kill", Kill(session=S)), ("notify", Notify(session=S))])
def test_after_a_crash_a_kill_or_a_message_is_never_repeated_blindly(
    path: str, act: str, command: Kill | Notify
) -> None:
    crashed(path, act)
    acted: list[object] = []
    executor = Executor({type(command): noted(acted, Done())}, Journal(path))
    ((resumed, outcome),) = executor.resume()
    assert resumed == command
    assert isinstance(outcome, Unverified)
    assert not acted


@pytest.mark.parametrize(
    ("found", "acts", "end"), [(Done("all dead"), 0, Done("all dead")), (None, 1, Done("killed now"))]
)
def test_after_a_crash_a_kill_is_looked_at_first(
    path: str, found: AnyOutcome | None, acts: int, end: Outcome
) -> None:
    crashed(path, "kill")
    acted: list[object] = []
    executor = Executor(
        {Kill: noted(acted, Done("killed now"))},
        Journal(path),
        recheck={Kill: lambda _: found},
    )
    assert [outcome for _, outcome in executor.resume()] == [end]
    assert len(acted) == acts


def test_an_emergency_kills_own_records_are_left_alone(path: str) -> None:
    journal = Journal(path)
    journal.intent(new_id(), "kill", "codex:a", irreversible=True)
    journal.intent(new_id(), "kill", "codex:a", command='{"type":"Nonsense"}')
    assert Executor({}, journal).resume() == []
    assert len(unfinished(path)) == 2


def test_the_record_of_an_intent_can_be_read_by_anyone(path: str) -> None:
    Executor({Latch: lambda _: Done()}, Journal(path)).run(Latch())
    first = json.loads(Path(path).read_text().splitlines()[0])
    assert (first["v"], first["act"], first["target"], first["by"]) == (1, "latch", "*", os.getpid())


def test_what_ended_before_a_crash_is_told_with_its_beginning_and_the_unfinished_is_not(path: str) -> None:
    journal = Journal(path)
    executor = Executor({Freeze: lambda _c: Done("stopped"), Latch: lambda _c: Refused("no")}, journal)
    executor.run(Freeze(session=S))
    executor.run(Latch(session=S))
    journal.intent("cut-off", "kill", "codex:a", command=msgspec.json.encode(Kill(session=S)).decode())
    journal.intent("by-hand", "freeze", "*")
    journal.outcome("by-hand", "done")
    told = executor.ended_before()
    assert [(command, outcome) for command, _, outcome in told] == [
        (Freeze(session=S), Done("stopped")),
        (Latch(session=S), Refused("no")),
    ]
    assert told[0][1] <= told[1][1] <= time.time()
