# SPDX-License-Identifier: Apache-2.0
"""`irkit disarm`: what is shown, what runs unasked, and what waits for a person; with and without a guard."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from irkit import exit_codes
from irkit.cli.main import main
from irkit.errors import IrkitError
from irkit.guard.disarming import Disarmer
from irkit.home import Home
from tests.cli.test_policy import RUN, type_the_code
from tests.guard.test_disarming import EVIL, Desk
from tests.sim.seat import seat


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """The desk's user is who runs the command."""
    (tmp_path / "desk").mkdir(exist_ok=True)
    desk = Desk(tmp_path / "desk")
    monkeypatch.setenv("IRKIT_HOME", desk.home.path)
    monkeypatch.setenv("HOME", str(desk.user))
    desk.disarmer = Disarmer(desk.home, time.time)
    return desk


def planted(desk: Desk) -> Path:
    bashrc = desk.put(".bashrc", "mine\n")
    desk.disarmer.begin()
    desk.call("Bash", command=f"echo '{EVIL}' >> ~/.bashrc")
    bashrc.write_text(f"mine\n{EVIL}\n")
    desk.put(".zshrc", "whose \x1b[31m is this?\n")
    return bashrc


def test_without_a_baseline_it_says_what_takes_one(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["disarm", "list"]) == exit_codes.BAD_INPUT
    assert "no persistence baseline was taken yet; run `irkit init`" in capsys.readouterr().err


def test_what_is_shown_is_safe_and_says_why(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    planted(desk)
    assert main(["disarm", "list"]) == exit_codes.NEGATIVE
    shown = capsys.readouterr().out
    assert "moves by itself; tied to claude-code:s-1 by ledger, time, content; a shell or a login" in shown
    assert "asked about; tied to no session" in shown
    assert "taken, reviewed by nobody" in shown
    assert "\x1b[31m" not in shown
    assert main(["disarm", "list", "--json", "--session", "claude-code:s-1"]) == exit_codes.NEGATIVE
    (row,) = json.loads(capsys.readouterr().out)["changes"]
    assert (row["moves_by_itself"], row["text"]) == (True, EVIL + "\n")


def test_run_takes_out_what_is_tied_and_leaves_the_rest(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    bashrc = planted(desk)
    assert main(["disarm", "run", "--json"]) == exit_codes.DONE
    done = json.loads(capsys.readouterr().out)
    assert ([one["outcome"] for one in done["moved"]], done["asked"]) == (["Done"], 1)
    assert bashrc.read_text() == "mine\n"
    assert (desk.user / ".zshrc").exists()


@pytest.mark.parametrize("words", [["undo", "D-1"], ["accept"], ["run", "--entry", "ffff"]])
def test_what_lowers_protection_or_could_harm_needs_a_person(desk: Desk, words: list[str]) -> None:
    """In a process without a terminal, whoever runs the tests."""
    bashrc = planted(desk)
    moved = desk.disarmer.run([])["moved"][0]["id"]
    done = subprocess.run(
        [sys.executable, "-m", "irkit", "disarm", *(moved if word == "D-1" else word for word in words)],
        env={**os.environ},
        capture_output=True,
        timeout=60,
        check=False,
        start_new_session=True,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == exit_codes.NEEDS_HUMAN, done
    assert bashrc.read_text() == "mine\n"
    assert desk.disarmer.disarming.look().baseline.accepted == 0


@pytest.mark.namespace
@pytest.mark.parametrize("action", ["undo", "accept"])
def test_a_person_at_a_terminal_undoes_and_accepts(
    desk: Desk, action: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bashrc = planted(desk)
    moved = desk.disarmer.run([])["moved"][0]["id"]
    argv = ["disarm", "undo", moved] if action == "undo" else ["disarm", "accept"]
    env = {"IRKIT_HOME": desk.home.path, "HOME": str(desk.user)}
    with seat(RUN, *argv, env=env) as person:
        type_the_code(person)
        person.until("ended with 0 .")
    if action == "undo":
        assert bashrc.read_text() == f"mine\n{EVIL}\n"
    else:
        look = desk.disarmer.disarming.look()
        assert look.changes == ()
        assert look.baseline.accepted_by


def test_an_undo_of_nothing_ends_in_one_line(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    planted(desk)
    assert main(["disarm", "undo", "../../etc/passwd"]) == exit_codes.BAD_INPUT
    assert "nothing was disarmed under" in capsys.readouterr().err


def test_a_damaged_baseline_or_record_is_said_and_nothing_replaces_it(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    planted(desk)
    record = Path(desk.home.at("evidence", "disarmed", "D-0.json"))
    record.parent.mkdir(exist_ok=True)
    record.write_text("{")
    assert main(["disarm", "list"]) == exit_codes.BAD_INPUT
    assert "D-0.json: cannot be read" in capsys.readouterr().err
    baseline = Path(desk.home.at("evidence", "persistence.json"))
    baseline.write_text("not json")
    with pytest.raises(IrkitError, match="the persistence baseline cannot be read"):
        desk.disarmer.begin()
    assert baseline.read_text() == "not json"
    assert Home(desk.home.path).path == desk.home.path
