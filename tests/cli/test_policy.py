# SPDX-License-Identifier: Apache-2.0
"""`irkit policy set-passphrase`, at a real terminal."""

from pathlib import Path

from irkit.guard.passphrase import check_passphrase, set_passphrase
from tests.sim.seat import Seat, seat

RUN = (
    "import sys\nfrom irkit.cli.main import main\n"
    "print('ended with', main(['policy', 'set-passphrase']), '.', flush=True)\nsys.stdin.readline()\n"
)


def answer(person: Seat, question: str, text: str) -> None:
    person.until(question)
    person.type(text + "\n")


def test_a_first_passphrase_is_asked_for_twice_and_says_when_it_holds(tmp_path: Path) -> None:
    with seat(RUN, env={"IRKIT_HOME": str(tmp_path)}) as person:
        answer(person, "the new operator passphrase: ", "four plain words")
        answer(person, "once more: ", "four plain words")
        shown = person.until("ended with 0 .")
    assert "takes it at its next start" in shown
    assert "four plain words" not in shown
    assert check_passphrase(str(tmp_path / "keys" / "operator"), "four plain words")


def test_a_second_one_needs_the_first(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    path = str(tmp_path / "keys" / "operator")
    set_passphrase(path, "four plain words")
    with seat(RUN, env={"IRKIT_HOME": str(tmp_path)}) as person:
        answer(person, "the passphrase until now: ", "a guess of somebody")
        assert "not the passphrase until now" in person.until("ended with 3 .")
    assert check_passphrase(path, "four plain words")
