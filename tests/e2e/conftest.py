# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.e2e import namespace
from tests.e2e.agents import AgentCli, unavailable
from tests.e2e.harness import Stage
from tests.sim import scripts

OpenStage = Callable[[AgentCli, scripts.Maker], Stage]


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[OpenStage]:
    """(agent, script made from the ledger's folder) -> an open stage; skips, saying why, where it cannot be had."""
    with ExitStack() as opened:

        def open_stage(agent: AgentCli, script: scripts.Maker) -> Stage:
            if why := namespace.cannot() or unavailable(agent):
                pytest.skip(why)
            return opened.enter_context(Stage(tmp_path, agent, script))

        yield open_stage
