# SPDX-License-Identifier: Apache-2.0
"""`irkit hotkey` against a program that keeps settings as gsettings does, and against none."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
OTHER = "/org/gnome/settings-daemon/plugins/media-keys/custom-keybindings/custom0/"
_GSETTINGS = """#!{python} -IS
import json, os, sys
path = {store!r}
store = json.load(open(path)) if os.path.exists(path) else {{}}
act, schema, key, *value = sys.argv[1:]
if not schema.startswith("org.gnome.settings-daemon.plugins.media-keys"):
    sys.exit("No such schema " + schema)
name = schema + " " + key
empty = "@as []" if key == "custom-keybindings" else "''"
if act == "get":
    print(store.get(name, empty))
elif act == "set":
    store[name] = value[0]
else:
    store.pop(name, None)
json.dump(store, open(path, "w"))
"""


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A gsettings of the test's own."""
    program = tmp_path / "gsettings"
    program.write_text(_GSETTINGS.format(python=sys.executable, store=str(tmp_path / "store.json")))
    program.chmod(0o755)
    return program


def _hotkey(desk: Path, *words: str, desktop: str = "ubuntu:GNOME") -> "subprocess.CompletedProcess[str]":
    env = {
        "PATH": os.defpath,
        "HOME": str(desk.parent),
        "IRKIT_HOME": str(desk.parent / "it's a home"),
        "XDG_CURRENT_DESKTOP": desktop,
        "PYTHONPATH": str(ROOT),
    }
    argv = [sys.executable, "-m", "irkit", "hotkey", *words, "--gsettings", str(desk)]
    return subprocess.run(argv, env=env, capture_output=True, text=True, timeout=30, check=False)


def _said(done: "subprocess.CompletedProcess[str]") -> dict[str, Any]:
    assert done.stdout, done.stderr
    return dict(json.loads(done.stdout))


def test_it_is_set_beside_the_others_and_taken_away_again(desk: Path) -> None:
    store = desk.parent / "store.json"
    theirs = {"org.gnome.settings-daemon.plugins.media-keys custom-keybindings": f"['{OTHER}']"}
    store.write_text(json.dumps(theirs))
    assert _hotkey(desk, "status", "--json").returncode == 1
    done = _hotkey(desk, "install", "--json", "--key", "<Super>F12")
    assert done.returncode == 0, done.stderr
    said = _said(done)
    assert (said["installed"], said["key"], said["current"]) == (True, "<Super>F12", True)
    again = _said(_hotkey(desk, "install", "--json", "--key", "<Super>F12"))
    assert again == said
    paths = json.loads(store.read_text())["org.gnome.settings-daemon.plugins.media-keys custom-keybindings"]
    assert paths.count("irkit") == 1
    assert OTHER in paths
    assert _hotkey(desk, "remove").returncode == 0
    assert json.loads(store.read_text()) == theirs


def test_the_command_is_absolute_in_every_word(desk: Path) -> None:
    words = shlex.split(_said(_hotkey(desk, "install", "--json"))["command"])
    assert words[0] == "/usr/bin/env"
    assert words[1] == f"IRKIT_HOME={desk.parent}/it's a home"
    assert words[2] == os.path.abspath(sys.executable)
    assert words[3:] == ["-I", "-m", "irkit", "freeze", "--reason=hotkey"]


@pytest.mark.parametrize("desktop", ["KDE", "sway", ""])
def test_elsewhere_the_steps_are_printed_and_nothing_is_claimed(desk: Path, desktop: str) -> None:
    done = _hotkey(desk, "install", desktop=desktop)
    assert done.returncode == 3
    assert all(word in done.stdout for word in ("KDE", "Sway", "i3", "macOS", "-m irkit freeze"))
    assert not (desk.parent / "store.json").exists()


def test_bad_input_is_one_line(desk: Path) -> None:
    for words, code in ((("install", "--key", ""), 2), (("install", "--key", "a\nb"), 2)):
        done = _hotkey(desk, *words)
        assert (done.returncode, len(done.stderr.splitlines())) == (code, 1)
    (desk.parent / "store.json").write_text(
        json.dumps({"org.gnome.settings-daemon.plugins.media-keys custom-keybindings": "open('x')"})
    )
    done = _hotkey(desk, "install")
    assert "cannot be read" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    desk.write_text("#!/bin/sh\necho 'no bus here' >&2; exit 1\n")
    done = _hotkey(desk, "install")
    assert (done.returncode, "no bus here" in done.stderr) == (4, True)
