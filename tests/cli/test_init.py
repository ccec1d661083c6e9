# SPDX-License-Identifier: Apache-2.0
"""`irkit init` and `uninstall` in a throw-away home, with a real guard that sees the probes."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from irkit import exit_codes
from irkit.agents.registry import AGENTS
from irkit.drill.stage import Stage, end

CLAUDE = (
    '{\n  "model": "opus",\n\t"permissions": {"allow": ["Bash(npm test)"]},\n  "hooks": {"Stop": []}\n}\n'
)
FOLDERS = (".claude", ".codex", ".gemini", ".copilot", ".qwen", ".cursor", ".codeium", ".config/opencode")


class Newcomer:
    """A person's home folder, and irkit run in it."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "person"
        for name in FOLDERS:
            (self.home / name).mkdir(parents=True)
        self.settings = self.home / ".claude" / "settings.json"
        self.settings.write_text(CLAUDE)
        self.environ = {"HOME": str(self.home), "PATH": os.defpath, "IRKIT_HOME": str(folder / "home")}

    def irkit(self, *argv: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "irkit", *argv],
            env=self.environ,
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            timeout=90,
            stdin=subprocess.DEVNULL,
            check=False,
        )

    def json(self, *argv: str) -> Any:
        return json.loads(self.irkit(*argv, "--json").stdout)


@pytest.fixture
def person(tmp_path: Path) -> Newcomer:
    return Newcomer(tmp_path)


@pytest.fixture
def guarded(tmp_path: Path, person: Newcomer) -> Iterator[Newcomer]:
    stage = Stage(str(tmp_path), (sys.executable, "-m", "irkit"))
    guard = stage.start_guard()
    yield person
    end(guard)


def test_a_dry_run_shows_the_diff_and_writes_nothing(person: Newcomer) -> None:
    done = person.irkit("init", "--dry-run")
    assert done.returncode == 0
    assert "+" in done.stdout
    assert "claude-code PreToolUse" in done.stdout
    assert person.settings.read_text() == CLAUDE
    assert not Path(person.environ["IRKIT_HOME"]).exists()
    shown = person.json("init", "--dry-run")
    assert (shown["changed"], shown["would_change"]) == (False, True)


def test_without_a_person_it_asks_for_the_flag(person: Newcomer) -> None:
    done = person.irkit("init")
    assert done.returncode == exit_codes.NEEDS_HUMAN
    assert "--non-interactive" in done.stderr
    assert person.settings.read_text() == CLAUDE


def test_each_installed_hook_is_proved_by_a_probe_that_the_guard_sees(guarded: Newcomer) -> None:
    first = guarded.json("init", "--non-interactive")
    assert first["changed"] is True
    assert {row["agent"] for row in first["agents"]} >= {
        "claude-code",
        "codex",
        "gemini-cli",
        "opencode",
        "qwen-code",
        "cursor",
    }
    assert {row["agent"]: row["probe"] for row in first["agents"]} == dict.fromkeys(
        (row["agent"] for row in first["agents"]), "seen by the guard"
    )
    assert {row["agent"]: row["trusted"] for row in first["agents"]}["codex"] is False
    assert first["next"].startswith("start codex once")
    assert guarded.json("sessions", "--all")["sessions"] == [], "a probe is no session"
    again = guarded.json("init", "--non-interactive")
    assert again["changed"] is False
    assert [row["changed"] for row in again["agents"]] == [False] * len(again["agents"])


def test_without_a_guard_it_says_what_to_type_next(person: Newcomer) -> None:
    done = person.json("init", "--non-interactive")
    assert {row["probe"] for row in done["agents"]} == {"no guard runs"}
    assert done["next"] == "irkit guard"


def test_uninstall_gives_back_every_byte(person: Newcomer) -> None:
    person.irkit("init", "--non-interactive")
    assert person.settings.read_text() != CLAUDE
    done = person.json("uninstall", "--yes")
    assert done["changed"] is True
    assert person.settings.read_text() == CLAUDE
    left = [path for path in person.home.rglob("*") if path.is_file()]
    assert left == [person.settings], "files that were irkit's alone are gone"
    assert Path(done["kept"]).is_dir()
    assert person.json("uninstall", "--yes")["changed"] is False


def test_what_somebody_changed_since_stays(person: Newcomer) -> None:
    person.irkit("init", "--non-interactive")
    person.settings.write_text(person.settings.read_text().replace('"opus"', '"sonnet"'))
    person.irkit("uninstall", "--yes")
    assert json.loads(person.settings.read_text()) == json.loads(CLAUDE.replace("opus", "sonnet"))


def test_settings_that_are_not_json_are_named_and_left_alone(person: Newcomer) -> None:
    person.settings.write_text('{\n  "model": oops\n}')
    done = person.irkit("init", "--non-interactive")
    assert done.returncode == exit_codes.PARTLY_DONE
    assert "settings.json" in done.stderr
    assert "line 2" in done.stderr
    assert person.settings.read_text() == '{\n  "model": oops\n}'


def test_an_unknown_agent_is_one_clear_line(person: Newcomer) -> None:
    done = person.irkit("init", "--agent", "claud", "--dry-run")
    assert done.returncode == exit_codes.BAD_INPUT
    assert all(spec.name in done.stderr for spec in AGENTS[:3])
    assert done.stderr.count("\n") == 1
