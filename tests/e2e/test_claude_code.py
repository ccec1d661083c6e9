# SPDX-License-Identifier: Apache-2.0
"""irkit around the real Claude Code, offline, in a PID namespace: what must pass untouched, and what must stop."""

import pytest

from tests.e2e import irkit_session
from tests.e2e.agents import CLAUDE_CODE
from tests.e2e.conftest import OpenStage
from tests.sim import scripts

pytestmark = [pytest.mark.agents, pytest.mark.timeout(180)]


def test_benign_work_runs_untouched_and_is_logged_completely(stage: OpenStage) -> None:
    irkit_session.check_benign_work(irkit_session.guarded(stage, CLAUDE_CODE, scripts.benign))


@pytest.mark.parametrize("batch", [1, 20], ids=["serial", "parallel"])
def test_a_burst_is_refused_at_the_200th_attempt_and_frozen(stage: OpenStage, batch: int) -> None:
    irkit_session.check_burst(irkit_session.guarded(stage, CLAUDE_CODE, irkit_session.burst_of(batch)))


def test_a_kill_leaves_nothing_that_carries_a_mark_and_lists_the_rest(stage: OpenStage) -> None:
    irkit_session.check_kill(irkit_session.guarded(stage, CLAUDE_CODE, scripts.escapee))


def test_with_the_latch_set_no_tool_call_runs(stage: OpenStage) -> None:
    irkit_session.check_latch(irkit_session.guarded(stage, CLAUDE_CODE, scripts.one_call))


def test_the_latch_holds_without_a_guard(stage: OpenStage) -> None:
    irkit_session.check_latch_without_guard(irkit_session.guarded(stage, CLAUDE_CODE, scripts.one_call))


def test_a_hook_pending_during_a_freeze_does_not_run_on_thaw(stage: OpenStage) -> None:
    irkit_session.check_pending(irkit_session.guarded(stage, CLAUDE_CODE, scripts.call_after_thought))
