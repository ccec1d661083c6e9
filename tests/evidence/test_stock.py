# SPDX-License-Identifier: Apache-2.0
"""The commands that people are told to type, run by a real shell."""

import shutil
import subprocess
from pathlib import Path

import pytest

from irkit.evidence.keys import SIGNERS, ensure_key
from irkit.evidence.stock import stock_check
from irkit.home import Home
from tests.evidence.logs import DAY_ONE, DAY_TWO, write_log

pytestmark = pytest.mark.skipif(not shutil.which("ssh-keygen"), reason="ssh-keygen is not installed")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(str(tmp_path / "it's a home"))
    write_log(made, signed_at=(3, 6, 12))
    return made


def _check(home: Home, whose: Home | None = None) -> subprocess.CompletedProcess[str]:
    signers = str(Path((whose or home).keys) / SIGNERS)
    script = stock_check(home.audit, signers, ensure_key(home).identity)
    return subprocess.run(["sh"], input=script, capture_output=True, text=True, timeout=30, check=False)


def test_what_was_signed_holds(home: Home) -> None:
    done = _check(home)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count('Good "irkit-audit" signature') == 2
    assert "seq 12" in done.stdout


@pytest.mark.parametrize("day", [DAY_ONE, DAY_TWO])
def test_an_edited_byte_does_not(home: Home, day: str) -> None:
    file = Path(home.audit) / day
    file.write_bytes(file.read_bytes().replace(b"/src/", b"/SRC/", 1))
    assert _check(home).returncode != 0


@pytest.mark.parametrize("day", [DAY_ONE, DAY_TWO])
def test_an_edited_checkpoint_does_not(home: Home, day: str) -> None:
    file = Path(home.audit) / day.replace("jsonl", "checkpoints")
    content = file.read_bytes()
    at = content.rindex(b"\nseq ") + 5
    file.write_bytes(content[:at] + b"9" + content[at + 1 :])
    assert _check(home).returncode != 0


def test_a_truncated_log_does_not(home: Home) -> None:
    file = Path(home.audit) / DAY_TWO
    file.write_bytes(file.read_bytes()[:-1])
    assert _check(home).returncode != 0


def test_another_key_does_not(home: Home, tmp_path: Path) -> None:
    stranger = Home(str(tmp_path / "stranger"))
    ensure_key(stranger)
    assert _check(home, stranger).returncode != 0


def test_more_records_after_the_signature_are_no_harm(home: Home) -> None:
    with (Path(home.audit) / DAY_TWO).open("ab") as file:
        file.write(b"{}\n")
    assert _check(home).returncode == 0


def test_without_a_checkpoint_there_is_nothing_to_type(tmp_path: Path) -> None:
    home = Home(str(tmp_path / "new"))
    write_log(home)
    assert stock_check(home.audit, "signers", "irkit@x") == ""
