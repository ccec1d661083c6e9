# SPDX-License-Identifier: Apache-2.0
"""Agents' settings, sockets and what `irkit` means: what is a finding, and what is only its owner's."""

import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from irkit.guard.install import apply, plan_install, specs
from irkit.guard.tamper_looks import Looks, disables_hooks
from irkit.home import Home
from irkit.incident.session import ProcessId, Session, SessionTable, session_id


class Heard:
    """Keeps what was found."""

    def __init__(self) -> None:
        self.kinds: list[str] = []
        self.suspects: tuple[str, ...] = ()

    def found(self, kind: str, args: dict[str, Any], moment: float, *, words: tuple[str, ...]) -> None:
        assert moment > 0
        assert args["path"] in words
        self.kinds.append(kind)

    def of_sessions(self, kind: str, args: dict[str, Any], suspects: tuple[str, ...]) -> None:
        self.kinds.append(kind)
        self.suspects = suspects


class Place:
    """A user's home with Claude Code's settings, hooks installed, and a session in a project."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.user = folder / "user"
        (self.user / ".claude").mkdir(parents=True)
        (self.user / "bin").mkdir()
        self.project = folder / "shop"
        (self.project / ".claude").mkdir(parents=True)
        monkeypatch.setenv("HOME", str(self.user))
        monkeypatch.setenv("PATH", f"{self.user}/early:{self.user}/bin")
        self.program(self.user / "bin" / "irkit")
        self.home = Home(str(folder / "irkit home"))
        self.home.make()
        Path(self.home.hook_socket).write_text("")
        self.settings = self.user / ".claude" / "settings.json"
        self.settings.write_text('{\n  "model": "opus"\n}\n')
        self.init()
        ident = session_id("claude-code", "one")
        self.session = Session(
            id=ident, agent="claude-code", native="one", processes=(ProcessId(2, 3),), cwd=str(self.project)
        )
        self.heard = Heard()
        guard = SimpleNamespace(home=self.home, table=SessionTable([self.session]), tamper=self.heard)
        self.looks = Looks(guard)  # type: ignore[arg-type]  # what a look needs of a guard
        self.looks.begin()

    def init(self) -> None:
        (spec,) = specs(["claude-code"])
        apply(self.home, plan_install(self.home, spec, str(self.user), {}), installing=True)

    def program(self, path: Path) -> None:
        path.parent.mkdir(exist_ok=True)
        path.write_text("#!/bin/sh\n")
        path.chmod(0o755)

    def kinds(self) -> list[str]:
        self.looks.look()
        self.looks.look()
        return self.heard.kinds


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    return Place(tmp_path, monkeypatch)


def test_nothing_changed_and_nothing_is_found(place: Place) -> None:
    assert place.kinds() == []


def test_other_settings_another_form_and_init_again_are_their_owners(place: Place) -> None:
    value = json.loads(place.settings.read_text())
    value["model"] = "haiku"
    value["hooks"].setdefault("Stop", []).append({"hooks": [{"type": "command", "command": "say done"}]})
    place.settings.write_text(json.dumps(value))
    (place.project / ".claude" / "settings.json").write_text('{"permissions": {"allow": ["Bash(ls)"]}}')
    (place.user / ".bashrc").write_text("alias ll='ls -l'\n# irkit status\n")
    assert place.kinds() == []
    place.settings.unlink()
    place.init()
    assert place.kinds() == []


@pytest.mark.parametrize("how", ["removed", "emptied", "one event gone", "command changed"])
def test_hooks_that_are_gone_or_changed_are_found_once(place: Place, how: str) -> None:
    text = place.settings.read_text()
    if how == "removed":
        place.settings.unlink()
    elif how == "emptied":
        place.settings.write_text("{}")
    elif how == "one event gone":
        value = json.loads(text)
        del value["hooks"]["PreToolUse"]
        place.settings.write_text(json.dumps(value))
    else:
        value = json.dumps(json.loads(text)).replace(
            "claude-code PreToolUse", "claude-code PreToolUse || true"
        )
        assert "|| true" in value
        place.settings.write_text(value)
    assert place.kinds() == ["hooks-edited"]


def test_all_hooks_off_in_the_users_or_the_projects_settings_is_found(place: Place) -> None:
    for name in ("settings.json", "settings.local.json"):
        (place.project / ".claude" / name).write_text('{"disableAllHooks": true}')
    assert place.kinds() == ["hooks-disabled"] * 2
    assert place.heard.suspects == (place.session.id,)
    value = json.loads(place.settings.read_text())
    place.settings.write_text(json.dumps(value | {"disableAllHooks": True}))
    assert place.kinds() == ["hooks-disabled"] * 3


@pytest.mark.parametrize(
    ("text", "off"),
    [
        ('{"disableAllHooks": true}', True),
        ('{"disableAllHooks": false}', False),
        ('{"note": "disableAllHooks: true"}', False),
        ('["disableAllHooks"]', False),
        ('{"disableAllHooks": tr', False),
        ('"disableAllHooks \ud800"', False),
        ("[" * 100_000 + "disableAllHooks", False),
    ],
)
def test_what_turns_hooks_off(text: str, off: bool) -> None:
    assert disables_hooks(text) is off


def test_a_socket_that_is_replaced_or_gone_is_found_once_each(place: Place) -> None:
    beside = f"{place.home.hook_socket}.new"
    Path(beside).write_text("")
    os.replace(beside, place.home.hook_socket)
    assert place.kinds() == ["socket-replaced"]
    os.unlink(place.home.hook_socket)
    assert place.kinds() == ["socket-replaced"] * 2


def test_an_irkit_that_comes_first_and_an_alias_are_found(place: Place) -> None:
    place.program(place.user / "early" / "irkit")
    assert place.kinds() == ["irkit-resolves"]
    (place.user / ".bashrc").write_text("alias ll='ls -l'\nirkit () { echo contained; }\n")
    assert place.kinds() == ["irkit-resolves"] * 2


def test_a_settings_file_that_would_make_a_reader_wait_is_not_waited_for(place: Place) -> None:
    os.mkfifo(place.project / ".claude" / "settings.json")
    assert place.kinds() == []
