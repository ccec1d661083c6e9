# SPDX-License-Identifier: Apache-2.0
"""The harness by itself: the same agents and scripts without irkit. It is also the control of the other tests:
what irkit must stop does happen when irkit is not there.
"""

from functools import partial

import pytest

from tests.e2e.agents import CLAUDE_CODE, CODEX, AgentCli
from tests.e2e.conftest import OpenStage
from tests.e2e.harness import wait_for
from tests.sim import scripts

pytestmark = [pytest.mark.agents, pytest.mark.timeout(180)]

both = pytest.mark.parametrize("agent", [CLAUDE_CODE, CODEX], ids=lambda agent: agent.name)


@both
def test_benign_work_reaches_every_hook(stage: OpenStage, agent: AgentCli) -> None:
    on = stage(agent, scripts.benign)
    on.record_hooks()
    ran = on.run_agent()
    assert ran.exit == 0, ran
    assert on.server.errors == []
    assert on.server.calls_wanted == 7
    assert len(on.recorded("PreToolUse")) == 7
    assert len(on.recorded("UserPromptSubmit")) == 1
    assert (on.work / "note.txt").read_text().strip() == "one line"
    assert len({line["payload"]["session_id"] for line in on.recorded()}) == 1


@both
@pytest.mark.parametrize("batch", [1, 20])
def test_without_irkit_a_burst_runs_to_its_end(stage: OpenStage, agent: AgentCli, batch: int) -> None:
    script = partial(scripts.serial_burst, calls=250)
    on = stage(agent, script if batch == 1 else partial(scripts.parallel_burst, calls=250, batch=batch))
    ran = on.run_agent()
    assert ran.exit == 0, ran
    assert sorted(on.ledger()) == list(range(1, 251))


@both
def test_without_irkit_the_escaped_outlive_the_agent(stage: OpenStage, agent: AgentCli) -> None:
    on = stage(agent, scripts.escapee)
    on.record_hooks()
    started = on.start_agent()
    last = scripts.ESCAPES[-1]
    assert wait_for(lambda: bool(on.sleeping(last.seconds)), 60), started.ended(1)
    session = on.recorded("SessionStart")[0]["payload"]["session_id"]
    there = [escape.name for escape in scripts.ESCAPES if on.sleeping(escape.seconds)]
    assert {"setsid", "daemon", "foreground"} <= set(there)
    marked = {process.argv for process in on.marked(session)}
    assert ("sleep", "113") in marked
    assert ("sleep", "114") not in marked


def test_a_claude_sub_agent_plays_its_own_part(stage: OpenStage) -> None:
    on = stage(CLAUDE_CODE, scripts.delegating)
    on.record_hooks()
    ran = on.run_agent()
    assert ran.exit == 0, ran
    assert sorted(path.name for path in on.ledger_folder.iterdir()) == ["main", "scout"]
    assert any(line["payload"].get("agent_id") for line in on.recorded("PreToolUse"))
