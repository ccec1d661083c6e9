# SPDX-License-Identifier: Apache-2.0
"""`irkit service` below a private folder: what it writes, that it undoes it, and that it keeps off others' files."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


def _service(root: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    env = {
        "PATH": os.defpath,
        "HOME": str(root / "u"),
        "IRKIT_HOME": str(root / "u" / "irkit"),
        "PYTHONPATH": str(ROOT),
    }
    argv = [sys.executable, "-m", "irkit", "service", *words, "--root", str(root)]
    return subprocess.run(argv, env=env, capture_output=True, text=True, timeout=60, check=False)


def _json(root: Path, *words: str) -> dict[str, Any]:
    done = _service(root, *words, "--json")
    assert done.stdout, done.stderr
    return dict(json.loads(done.stdout))


def _files(root: Path) -> dict[str, str]:
    return {str(path.relative_to(root)): path.read_text() for path in root.rglob("*") if path.is_file()}


def test_a_dry_run_shows_everything_and_writes_nothing(tmp_path: Path) -> None:
    done = _service(tmp_path, "install", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "+Type=notify" in done.stdout
    assert "--linger" in done.stdout
    assert _files(tmp_path) == {}


@pytest.mark.parametrize("tier", [(), ("--system",)], ids=["user", "system"])
def test_it_is_written_once_and_undone(tmp_path: Path, tier: tuple[str, ...]) -> None:
    assert _json(tmp_path, "install", *tier)["changed"]
    written = _files(tmp_path)
    assert _json(tmp_path, "install", *tier)["changed"] is False
    assert _files(tmp_path) == written
    status = _json(tmp_path, "status", *tier)
    assert (status["installed"], status["answers"], status["differs"]) == (True, False, [])
    unit = next(text for name, text in written.items() if name.endswith("irkit-guard.service"))
    assert f'ExecStart="{os.path.abspath(sys.executable)}" "-I" "-m" "irkit" guard' in unit
    assert _json(tmp_path, "remove", *tier)["changed"]
    left = [name for name in _files(tmp_path) if "backups" not in name]
    assert left == []


def test_managed_settings_keep_what_the_administrator_wrote(tmp_path: Path) -> None:
    settings = tmp_path / "etc" / "claude-code" / "managed-settings.json"
    settings.parent.mkdir(parents=True)
    settings.write_text('{\n  "allowManagedHooksOnly": true\n}\n')
    _json(tmp_path, "install", "--system")
    read = json.loads(settings.read_text())
    assert read["allowManagedHooksOnly"] is True
    assert '"/var/lib/irkit/gate/hook.py"' in json.dumps(read["hooks"]["PreToolUse"]).replace('\\"', '"')
    assert settings.stat().st_mode & 0o777 == 0o644
    _json(tmp_path, "remove", "--system")
    assert settings.read_text() == '{\n  "allowManagedHooksOnly": true\n}\n'


def test_anothers_file_of_that_name_is_refused(tmp_path: Path) -> None:
    theirs = tmp_path / "etc" / "systemd" / "system" / "irkit-guard.service"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("[Service]\n")
    done = _service(tmp_path, "install", "--system")
    assert done.returncode == 2
    assert "is not irkit's" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert _files(tmp_path) == {"etc/systemd/system/irkit-guard.service": "[Service]\n"}


def test_every_command_is_named_absolutely(tmp_path: Path) -> None:
    for tier in ((), ("--system",)):
        shown = _json(tmp_path, "install", "--dry-run", *tier)
        assert all(argv[0].startswith("/") for argv in shown["commands"])
