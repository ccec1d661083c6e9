# SPDX-License-Identifier: Apache-2.0
"""An upgrade under load: the guard is replaced while hooks of an earlier irkit, and of this one, keep asking."""

import os
import shutil
import subprocess
import threading
from collections import Counter
from pathlib import Path

import pytest

from tests.guard.running import ROOT, Running, call, until

pytestmark = pytest.mark.namespace

OLD = Path(ROOT) / "tests" / "fixtures" / "hooks"
CALLS = 40
"""Of each of the callers."""


def _old_gate(on: Running) -> str:
    """A folder from which the earlier hook's text runs against this gate; its path."""
    folder = Path(on.stage.folder) / "old"
    folder.mkdir()
    for name in ("hook.py", "hook_slow.py"):
        shutil.copy(OLD / f"{name}.txt", folder / name)
    for name in ("hook.sock", "spool", "answers"):
        (folder / name).symlink_to(os.path.join(on.home.gate, name))
    return str(folder / "hook.py")


def test_no_call_is_lost_or_counted_twice_while_the_guard_is_replaced(tmp_path: Path) -> None:
    on = Running(tmp_path)
    old = _old_gate(on)
    answers: dict[str, int] = {}

    def ask(hook: str, name: str) -> None:
        for number in range(CALLS):
            command = f"echo {name} {number}"
            done = subprocess.run(
                [on.home.python, "-I", "-S", hook, "claude-code", "PreToolUse"],
                input=call(f"s-{name}-{number}", command),  # a session each: no burst
                capture_output=True,
                env={},
                timeout=60,
                check=False,
            )
            answers[command] = done.returncode

    callers = [
        threading.Thread(target=ask, args=(hook, name))
        for hook, name in ((old, "old"), (old, "old-too"), (on.home.hook, "new"))
    ]
    for caller in callers:
        caller.start()
    for _ in range(3):
        before = len(answers)
        on.stop()
        on.guard = on.stage.start_guard()
        until(lambda seen=before: len(answers) > seen + 3 or len(answers) == 3 * CALLS, 60)  # type: ignore[misc]
    for caller in callers:
        caller.join(90)
    assert len(answers) == 3 * CALLS
    assert set(answers.values()) <= {0, 2}, "allowed, or refused: never anything else"
    assert 0 in answers.values()
    until(lambda: len(on.log("before_tool")) >= 3 * CALLS, 60)
    until(lambda: os.listdir(on.home.spool) == [], 40)
    seen = Counter(one["args"]["command"] for one in on.log("before_tool"))
    assert seen == Counter(dict.fromkeys(answers, 1))
    assert on.json("log", "verify")["ok"]
