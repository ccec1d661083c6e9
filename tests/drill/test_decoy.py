# SPDX-License-Identifier: Apache-2.0
"""The decoy against a hook that records, in a PID namespace of its own: it leaves children on purpose."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from irkit.drill import decoy
from tests.e2e.namespace import Namespace, cannot

HOOK = """
import json, os, sys, time
payload = json.load(sys.stdin)
calls = os.environ.get("FAKE_HOOK_RECORD") or os.path.join(os.path.dirname(sys.argv[0]), "calls.jsonl")
with open(calls, "a") as file:
    file.write(json.dumps({"argv": sys.argv[1:], "payload": payload, "sid": os.getsid(0), "pid": os.getpid(),
        "mark": os.environ.get("CLAUDE_CODE_SESSION_ID"), "flags": [sys.flags.isolated, sys.flags.no_site]}) + "\\n")
number = int(payload.get("tool_use_id", "x_0").rpartition("_")[2])
if payload["hook_event_name"] == "PreToolUse" and number in REFUSE:
    sys.stderr.write("no")
    sys.exit(2)
"""

Json = dict[str, Any]


class Play:
    """A decoy that played, and what it left."""

    def __init__(self, folder: Path, refuse: set[int]) -> None:
        self.gate = folder / "the gate"
        self.work = folder / "work"
        self.gate.mkdir()
        self.work.mkdir()
        (self.gate / "python").symlink_to(os.path.realpath(sys.executable))
        (self.gate / "hook.py").write_text(HOOK.replace("REFUSE", repr(refuse)))

    def run(self, on: Namespace, *options: str) -> "subprocess.Popen[bytes]":
        argv = [
            sys.executable,
            "-I",
            decoy.__file__,
            "--gate",
            str(self.gate),
            "--work",
            str(self.work),
            *options,
        ]
        env = {"PATH": os.environ["PATH"], "HOME": str(self.work)}
        with (self.work / "out").open("wb") as out:
            return on.start(argv, env, self.work, out, out)

    def lines(self, path: Path, **where: Any) -> list[Json]:
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        return [row for row in rows if all(row[name] == value for name, value in where.items())]

    def diary(self, **where: Any) -> list[Json]:
        return self.lines(self.work / "decoy.jsonl", **where)

    def hooks(self, event: str) -> list[Json]:
        return [row for row in self.lines(self.gate / "calls.jsonl") if row["argv"][1] == event]

    def ledger(self) -> list[int]:
        return sorted(int(line) for line in (self.work / "ledger").read_text().split())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    if why := cannot():
        pytest.skip(why)
    return tmp_path


@pytest.mark.parametrize("parallel", ["1", "4"])
def test_it_obeys_refusals_and_asks_on(folder: Path, parallel: str) -> None:
    play = Play(folder, refuse={5, 6})
    with Namespace(folder / "tmp", [folder]) as on:
        assert play.run(on, "--calls", "8", "--parallel", parallel).wait(60) == 0, (
            play.work / "out"
        ).read_text()
    assert play.ledger() == [4, 7, 8]
    assert len(play.hooks("PreToolUse")) == 8
    assert len(play.hooks("PostToolUse")) == 3
    asked = {row["number"]: row["monotonic"] for row in play.diary(kind="asked")}
    answered = {row["number"]: row for row in play.diary(kind="answered")}
    assert sorted(number for number, row in answered.items() if row["refused"]) == [5, 6]
    assert all(asked[number] < row["monotonic"] for number, row in answered.items())


def test_hooks_are_started_as_the_real_agent_does(folder: Path) -> None:
    play = Play(folder, refuse=set())
    with Namespace(folder / "tmp", [folder]) as on:
        assert play.run(on, "--calls", "4").wait(60) == 0, (play.work / "out").read_text()
    session = play.diary(kind="session")[0]["session"]
    hooks = play.lines(play.gate / "calls.jsonl")
    assert [row["argv"][1] for row in hooks] == [
        *("SessionStart", "UserPromptSubmit", "PreToolUse", "PreToolUse", "PreToolUse", "PreToolUse"),
        *("PostToolUse", "Stop", "SessionEnd"),
    ]
    assert {row["argv"][0] for row in hooks} == {"claude-code"}
    assert {row["payload"]["session_id"] for row in hooks} == {row["mark"] for row in hooks} == {session}
    assert all(row["argv"][1] == row["payload"]["hook_event_name"] for row in hooks)
    assert all(row["flags"] == [1, 1] for row in hooks)
    assert len({row["sid"] for row in hooks}) == len(hooks), "each hook has a session of its own"


def test_what_stays_has_the_shapes_that_outlive_agents_and_is_written_down(folder: Path) -> None:
    play = Play(folder, refuse=set())
    with Namespace(folder / "tmp", [folder]) as on:
        assert play.run(on, "--calls", "3").wait(60) == 0, (play.work / "out").read_text()
        left = on.processes()
        noted = {(row["pid"], row["start"]) for row in play.diary(kind="process")}
        session = play.diary(kind="session")[0]["session"]
    assert {(process.inner, process.start) for process in left if process.state != "Z"} <= noted
    assert sum(process.argv == ("sleep", str(decoy.LIFETIME_S)) for process in left) == 3
    assert {process.environ.get("CLAUDE_CODE_SESSION_ID") for process in left} == {session}
    assert {process.comm for process in left} == {"sleep", "sh"}


def test_everything_is_bounded() -> None:
    assert decoy.LIFETIME_S <= 120


@pytest.mark.parametrize(
    "options", [["--calls", "1"], ["--parallel", "0"], ["--calls", "9999"], ["--linger", "999"]]
)
def test_numbers_out_of_bounds_are_refused(tmp_path: Path, options: list[str]) -> None:
    argv = [sys.executable, "-I", decoy.__file__, "--gate", "x", "--work", str(tmp_path / "w"), *options]
    ran = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=20)
    assert ran.returncode == 2
    assert "out of its bounds" in ran.stderr
    assert not (tmp_path / "w").exists()
