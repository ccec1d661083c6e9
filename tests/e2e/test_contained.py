# SPDX-License-Identifier: Apache-2.0
"""The real agents started with `irkit run`, offline: their hooks are heard through the walls, a kill is proved."""

import sys

import pytest

from irkit.respond import procfs
from tests.confine.inside import need_bubblewrap
from tests.e2e.agents import BINARIES, CLAUDE_CODE, CODEX, AgentCli
from tests.e2e.conftest import OpenStage
from tests.e2e.harness import Stage, Started, wait_for
from tests.e2e.irkit_session import guarded
from tests.sim import scripts

pytestmark = [pytest.mark.agents, pytest.mark.timeout(180)]
AGENTS = pytest.mark.parametrize("agent", [CLAUDE_CODE, CODEX], ids=lambda one: str(one.name))


def start_contained(stage: Stage, agent: AgentCli) -> Started:
    """The agent inside the walls; its program lies below /tmp, and its variables are named."""
    env = agent.env(stage.server.url)
    named = [word for name in env for word in ("--env", name)]
    run = [sys.executable, "-m", "irkit", "run", "--bind", str(BINARIES), *named, "--env", "NO_PROXY"]
    return stage.start([*run, "--", agent.program(), *agent.argv], **env)


def below(started: Started) -> dict[tuple[int, int], list[str]]:
    """Who runs below the wrapper, seen from outside all namespaces: orphans inside are never anybody else's."""
    table = procfs.snapshot()
    mine = [proc for pid, proc in table.items() if started.process.pid in procfs.ancestors(table, pid)]
    return {proc.key: procfs.argv(proc.pid) or [] for proc in mine if not proc.dead}


def sleeping(started: Started) -> set[int]:
    """Which escapes sleep there, by their seconds."""
    return {
        int(argv[1])
        for argv in below(started).values()
        if len(argv) == 2 and argv[0].endswith("sleep") and argv[1].isdigit()
    }


@AGENTS
def test_benign_work_is_done_and_logged_as_contained(stage: OpenStage, agent: AgentCli) -> None:
    need_bubblewrap()
    on = guarded(stage, agent, scripts.benign)
    ran = start_contained(on.stage, agent).ended(150)
    assert ran.exit == 0, ran
    assert (on.stage.work / "note.txt").read_text().strip() == "one line"
    before = on.stage.log("before_tool")
    assert len(before) == on.stage.server.calls_wanted
    assert {record["decision"] for record in before} == {"allow"}


@AGENTS
def test_a_kill_of_an_escapee_is_proved(stage: OpenStage, agent: AgentCli) -> None:
    need_bubblewrap()
    on = guarded(stage, agent, scripts.escapee)
    started = start_contained(on.stage, agent)
    last = scripts.ESCAPES[-1]
    assert wait_for(lambda: last.seconds in sleeping(started) or not started.running, 60)
    assert started.running, started.ended(5)
    there = {key for key, argv in below(started).items() if argv[:1] and argv[0].endswith("sleep")}
    session = on.stage.session()
    assert session["tier"] == "contained"
    ran = on.stage.irkit("kill", f"{agent.name}:{session['native']}", "--yes", "--json")
    assert (ran.exit, ran.json["verdict"], ran.json["survivors"]) == (0, 0, []), ran
    assert [key for key in there if procfs.alive(*key)] == []
    assert started.ended(20).exit == 137
