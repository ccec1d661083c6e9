# SPDX-License-Identifier: Apache-2.0
"""What both agents' tests do with irkit around them, said once."""

import signal
from functools import partial
from typing import NamedTuple

from tests.e2e.agents import AgentCli
from tests.e2e.conftest import OpenStage
from tests.e2e.harness import Json, Stage, Started, wait_for
from tests.sim import scripts

LINE = 200
"""The attempt that the shipped burst rule refuses."""
CALLS = 250
FREEZE_MAX_S = 90.0
SETTLE_S = 2.0
"""How long a frozen session is watched for a call that still runs."""
PENDING_S = 4.0
"""Longer than the hook's own clock."""


class Guarded(NamedTuple):
    """A stage on which irkit guards."""

    stage: Stage
    guard: Started
    initiated: Json


def guarded(open_stage: OpenStage, agent: AgentCli, script: scripts.Maker) -> Guarded:
    """Guard first, so that `init` can prove the hooks through it."""
    stage = open_stage(agent, script)
    guard = stage.start_guard()
    return Guarded(stage, guard, stage.install_hooks())


def burst_of(batch: int) -> scripts.Maker:
    """The burst, `batch` calls an answer."""
    if batch == 1:
        return partial(scripts.serial_burst, calls=CALLS)
    return partial(scripts.parallel_burst, calls=CALLS, batch=batch)


def check_benign_work(on: Guarded) -> None:
    """Untouched: the work is done, and every attempt is in the log with its outcome."""
    stage = on.stage
    ran = stage.run_agent()
    assert ran.exit == 0, ran
    assert stage.server.errors == []
    assert (stage.work / "note.txt").read_text().strip() == "one line"
    before, after = stage.log("before_tool"), stage.log("after_tool") + stage.log("tool_failed")
    assert len(before) == stage.server.calls_wanted == 7
    assert {record["decision"] for record in before} == {"allow"}
    assert sorted(r["call_id"] for r in after) == sorted(r["call_id"] for r in before)
    (prompt,) = stage.log("prompt")
    assert {record["session"] for record in (*before, *after)} == {prompt["session"]}
    assert [r["session"] for r in stage.log("session_start")].count(prompt["session"]) == 1
    assert stage.irkit("log", "verify").exit == 0


def check_burst(on: Guarded) -> None:
    """Refused at the 200th attempt, frozen, and no later call ever touches the file system."""
    stage = on.stage
    started = stage.start_agent()
    assert wait_for(lambda: stage.agents_stopped() or not started.running, FREEZE_MAX_S)
    assert started.running, started.ended(1)
    session = stage.session()
    assert (session["state"], session["latched"]) == ("frozen", True)
    attempts = stage.log("before_tool")
    decisions = [record["decision"] for record in attempts]
    assert decisions[: LINE - 1] == ["allow"] * (LINE - 1)
    assert len(decisions) >= LINE
    assert set(decisions[LINE - 1 :]) == {"deny"}
    ran = stage.ledger()
    allowed = {number_of(record) for record in attempts[: LINE - 1]}
    assert set(ran) <= allowed
    assert not wait_for(lambda: stage.ledger() != ran, SETTLE_S)
    assert stage.agents_stopped()


def check_kill(on: Guarded) -> None:
    """Whoever escaped and carries a mark of the session is dead; the rest is dead or in the report's list."""
    stage = on.stage
    stage.start_agent()
    last = scripts.ESCAPES[-1]
    assert wait_for(lambda: bool(stage.sleeping(last.seconds)), 60)
    native = stage.session()["native"]
    there = {escape: stage.sleeping(escape.seconds) for escape in scripts.ESCAPES}
    marked = stage.marked(native)
    assert len(marked) >= 3
    ran = stage.irkit("kill", f"{stage.agent.name}:{native}", "--yes", "--json")
    assert ran.exit in {0, 10, 11}, ran
    assert stage.marked(native) == []
    survivors = [process for found in there.values() for process in found if process in stage.alive()]
    for process in survivors:
        assert process.environ == {}, process
        assert ran.exit == 11
        assert str(process.inner) in ran.stdout, (process, ran)


def check_latch(on: Guarded) -> None:
    """With the latch set beforehand the agent may talk, but no tool call of it runs."""
    stage = on.stage
    assert stage.irkit("latch", "--all", "--json").exit == 0
    stage.run_agent()
    assert stage.ledger() == {}


def check_latch_without_guard(on: Guarded) -> None:
    """The latch is a file: it holds with the guard gone."""
    stage = on.stage
    assert stage.irkit("latch", "--all", "--json").exit == 0
    stage.signal(on.guard, signal.SIGTERM)
    on.guard.ended(5)
    stage.run_agent()
    assert stage.ledger() == {}


def check_pending(on: Guarded) -> None:
    """A call whose hook was waiting when the session was frozen does not run when somebody continues it.

    The guard is held still, so that the hook waits for it; the freeze then goes the way that needs no guard.
    """
    stage = on.stage
    started = stage.start_agent()
    assert wait_for(lambda: bool(stage.server.seen), 60), started.ended(1)  # its prompt has passed the hook
    stage.signal(on.guard, signal.SIGSTOP)
    hook = str(stage.irkit_home / "gate" / "hook.py")
    asks = ("PreToolUse",)
    assert wait_for(lambda: any(hook in p.argv and p.argv[-1:] == asks for p in stage.alive()), 60), (
        started.ended(1)
    )
    assert stage.irkit("freeze", "--all", "--json").exit in {0, 10, 12}
    assert wait_for(stage.agents_stopped, 10)
    assert not wait_for(lambda: bool(stage.ledger()), PENDING_S)
    stage.signal(on.guard, signal.SIGCONT)
    stage.thaw()
    assert not wait_for(lambda: bool(stage.ledger()), PENDING_S)


def number_of(record: Json) -> int:
    """The burst's call number, from the command line that the record holds."""
    command = record["args"].get("command") or record["args"].get("cmd")
    return int(command.split()[1])
