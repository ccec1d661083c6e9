# SPDX-License-Identifier: Apache-2.0
"""The command line as a newcomer meets it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from irkit import exit_codes
from irkit.cli.main import COMMANDS

ROOT = Path(__file__).parents[2]


def irkit(*argv: str, **env: str) -> subprocess.CompletedProcess[str]:
    environ = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "IRKIT_HOME": "/nonexistent/irkit", **env}
    return subprocess.run(
        [sys.executable, "-m", "irkit", *argv],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
        check=False,
    )


def test_the_overview_names_every_command() -> None:
    done = irkit()
    assert done.returncode == 0
    assert all(f"  {name} " in done.stdout for name in COMMANDS)
    assert irkit("--help").stdout == done.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself_with_examples(name: str) -> None:
    done = irkit(name, "--help")
    assert done.returncode == 0, done.stderr
    assert "examples:" in done.stdout
    assert f"irkit {name}" in done.stdout


def test_a_command_that_is_not_there_is_one_line_with_the_nearest() -> None:
    done = irkit("satus")
    assert done.returncode == exit_codes.BAD_INPUT
    assert done.stderr == "irkit: no command 'satus'; did you mean `irkit status`?\n"


@pytest.mark.parametrize(
    "argv", [("status", "--nonsense"), ("incident",), ("log", "tail", "-n", "x"), ("completion", "tcsh")]
)
def test_bad_arguments_are_one_line_and_exit_2(argv: tuple[str, ...]) -> None:
    done = irkit(*argv)
    assert done.returncode == exit_codes.BAD_INPUT
    assert done.stderr.count("\n") == 1
    assert "--help" in done.stderr


@pytest.mark.parametrize("argv", [("sessions",), ("resume",), ("policy", "show"), ("unlatch", "--all")])
def test_what_needs_a_guard_says_so(argv: tuple[str, ...]) -> None:
    done = irkit(*argv)
    assert done.returncode in {exit_codes.GUARD_UNREACHABLE, exit_codes.NEEDS_HUMAN}
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr


def test_the_table_of_exit_codes_is_the_programs() -> None:
    rows = [
        line for line in (ROOT / "docs" / "exit-codes.md").read_text().splitlines() if line.startswith("| ")
    ][1:]
    written = {int(row.split("|")[1]): row.split("|")[2].strip() for row in rows}
    assert written == exit_codes.MEANING


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_a_script_that_its_shell_reads(shell: str) -> None:
    done = irkit("completion", shell)
    assert done.returncode == 0, done.stderr
    assert "rules" in done.stdout
    assert "--json" in done.stdout or "-l json" in done.stdout
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not installed")
    checked = subprocess.run(
        [program, "-n"], input=done.stdout, capture_output=True, text=True, timeout=20, check=False
    )
    assert checked.returncode == 0, checked.stderr
