# SPDX-License-Identifier: Apache-2.0
"""`irkit notify test`: a row for each channel, and an exit code that says whether all took it."""

import json
import sys
from pathlib import Path

import pytest

from irkit import exit_codes
from irkit.cli.main import main


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("IRKIT_HOME", str(tmp_path))
    return tmp_path / "irkit.toml"


def toml(*command: str) -> str:
    return f"[notify]\nterminal = false\ndesktop = false\ncommand = {json.dumps(command)}\n"


def test_all_done_is_0_and_the_notice_says_test(settings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = settings.with_name("out")
    code = "import sys; open(sys.argv[1], 'w').write(sys.stdin.read())"
    settings.write_text(toml(sys.executable, "-c", code, str(out)))
    assert main(["notify", "test", "--json"]) == exit_codes.DONE
    told = json.loads(capsys.readouterr().out)
    assert [(one["channel"], one["outcome"]) for one in told["told"]] == [
        ("log", "Done"),
        ("command", "Done"),
    ]
    sent = json.loads(out.read_text())
    assert sent["exercise"] is True
    assert sent["why"].startswith("TEST")


def test_one_that_fails_is_12_and_named(settings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings.write_text(toml("/no/such/pager"))
    assert main(["notify", "test"]) == exit_codes.PARTLY_DONE
    assert "command  failed   /no/such/pager: No such file or directory" in capsys.readouterr().out


@pytest.mark.parametrize(("text", "line"), [(b"[notify]\ndesktp = true\n", 2), (b"# \xff\n", 1)])
def test_a_broken_file_is_one_line(
    settings: Path, capsys: pytest.CaptureFixture[str], text: bytes, line: int
) -> None:
    settings.write_bytes(text)
    assert main(["notify", "test"]) == exit_codes.BAD_INPUT
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"irkit: {settings}:{line}: ")
    assert err.count("\n") == 1
