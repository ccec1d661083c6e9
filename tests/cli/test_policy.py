# SPDX-License-Identifier: Apache-2.0
"""`irkit policy`: a passphrase set at a real terminal; showing and approving, before a real RPC server.

The terminal's tests run in a PID namespace: whoever runs the tests may itself be below an agent, and would be refused.
"""

import asyncio
import json
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from irkit import exit_codes
from irkit.cli.main import main
from irkit.guard.passphrase import check_passphrase, set_passphrase
from irkit.guard.rpc import Caller, RpcServer
from irkit.home import Home
from tests.sim.seat import Seat, seat

RUN = (
    "import sys\nfrom irkit.cli.main import main\n"
    "print('ended with', main(sys.argv[1:]), '.', flush=True)\nsys.stdin.readline()\n"
)
SET = ("policy", "set-passphrase")
WORDS = "four plain words"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("IRKIT_HOME", str(tmp_path))
    home = Home(str(tmp_path))
    home.make()
    return home


def answer(person: Seat, question: str, text: str) -> None:
    person.until(question)
    person.type(text + "\n")


def type_the_code(person: Seat) -> None:
    shown = person.until("To confirm, type ").rpartition("To confirm, type ")[2]
    code = shown if ": " in shown else person.until(": ").rpartition("type ")[2]
    person.type(code.partition(":")[0] + "\n")


def choose(person: Seat, words: str) -> None:
    answer(person, "The new operator passphrase: ", words)
    answer(person, "Once more: ", words)


@pytest.mark.namespace
def test_a_first_passphrase_needs_a_typed_code(home: Home) -> None:
    with seat(RUN, *SET, env={"IRKIT_HOME": home.path}) as person:
        choose(person, WORDS)
        assert "irkit will set the first operator passphrase" in person.until("To confirm, type ")
        type_the_code(person)
        shown = person.until("ended with 0 .")
    assert "the operator passphrase is set\r\n" in shown
    assert WORDS not in shown
    assert check_passphrase(home.at("keys", "operator"), WORDS)


@pytest.mark.namespace
def test_a_second_one_needs_the_first(home: Home) -> None:
    set_passphrase(home.at("keys", "operator"), WORDS)
    for said, ended in (("a guess of somebody", "3"), (WORDS, "0")):
        with seat(RUN, *SET, env={"IRKIT_HOME": home.path}) as person:
            choose(person, "another few words")
            answer(person, "Operator passphrase: ", said)
            shown = person.until(f"ended with {ended} .")
        assert ("that is not the passphrase; try again" in shown) == (ended == "3")
        assert check_passphrase(home.at("keys", "operator"), WORDS) == (ended == "3")
    assert check_passphrase(home.at("keys", "operator"), "another few words")


@pytest.mark.namespace
def test_two_that_differ_are_not_set(home: Home) -> None:
    with seat(RUN, *SET, env={"IRKIT_HOME": home.path}) as person:
        answer(person, "The new operator passphrase: ", WORDS)
        answer(person, "Once more: ", "four plain wrods")
        assert "the two differ; try again" in person.until("ended with 2 .")
    assert not Path(home.at("keys", "operator")).exists()


@pytest.mark.namespace
def test_a_running_guard_takes_the_passphrase_at_once(home: Home) -> None:
    """The real guard: a code for the first one, from then on the passphrase."""
    guard = [sys.executable, "-m", "irkit", "guard", "--json"]
    with subprocess.Popen(guard, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert "ready" in running.stdout.readline()
        with seat(RUN, *SET, env={"IRKIT_HOME": home.path}) as person:
            choose(person, WORDS)
            person.until("To confirm, type ")
            type_the_code(person)
            person.until("ended with 0 .")
        with seat(RUN, *SET, env={"IRKIT_HOME": home.path}) as person:
            choose(person, "another few words")
            answer(person, "Operator passphrase: ", "a guess of somebody")
            person.until("ended with 3 .")
        Path(home.config).write_text("when_guard_down = 'allow'\n")
        with seat(RUN, "policy", "approve", env={"IRKIT_HOME": home.path}) as person:
            answer(person, "Operator passphrase: ", WORDS)
            shown = person.until("ended with 0 .")
            assert "+when_guard_down = 'allow'" in shown
            assert "approved by" in shown
        running.terminate()
    assert WORDS not in "".join(path.read_text() for path in Path(home.audit).glob("*.jsonl"))


@pytest.mark.namespace
def test_an_agents_child_sets_no_passphrase(home: Home) -> None:
    with seat(RUN, *SET, env={"IRKIT_HOME": home.path, "CLAUDECODE": "1"}) as agent:
        choose(agent, WORDS)
        assert "this runs inside an agent's session" in agent.until("ended with 3 .")
    assert not Path(home.at("keys", "operator")).exists()


@pytest.mark.namespace
def test_a_child_of_a_process_known_as_an_agent_sets_no_passphrase(home: Home, tmp_path: Path) -> None:
    """Known by its executable alone: it wiped the environment of its child."""
    codex = str(tmp_path / "codex")
    shutil.copy("/bin/sh", codex)
    start = (
        "import os, sys; os.execv(sys.argv[1], [sys.argv[1], '-c', '\"$@\"; exit $?', 'sh', *sys.argv[2:]])"
    )
    irkit = [sys.executable, "-c", RUN, *SET]
    with seat(start, codex, *irkit, env={"IRKIT_HOME": home.path}) as agent:
        choose(agent, WORDS)
        assert "this runs inside an agent's session" in agent.until("ended with 3 .")


def test_without_a_terminal_it_is_3(home: Home) -> None:
    with seat(RUN, *SET, env={"IRKIT_HOME": home.path}, own_tty=False) as nobody:
        assert "nobody is there to prove it" in nobody.until("ended with 3 .")


class ShowingGuard:
    """Answers `policy.show`, as a guard whose policy was changed."""

    def __init__(self, home: Home) -> None:
        self.changes: list[dict[str, str]] = []
        self.asked: list[str] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(home.guard_socket)
        listening.listen()
        self._thread.start()
        self._server = RpcServer({"policy.show": self._show})
        asyncio.run_coroutine_threadsafe(self._server.start(listening), self._loop).result(10)

    def _show(self, _params: dict[str, Any], _caller: Caller) -> dict[str, Any]:
        self.asked.append("policy.show")
        return {
            "approved": "a" * 64,
            "digest": "b" * 64,
            "files": ["irkit.toml"],
            "changes": self.changes,
            "quarantined": [],
        }

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._server.stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@pytest.fixture
def guard(home: Home) -> Iterator[ShowingGuard]:
    showing = ShowingGuard(home)
    yield showing
    showing.stop()


CHANGE = {"name": "irkit.toml", "kind": "edited", "problem": "", "diff": "-a = 1\n+a = 2 \x1b[2J"}


def test_an_approved_policy_is_0(guard: ShowingGuard, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "show"]) == exit_codes.DONE
    assert capsys.readouterr().out == "approved  aaaaaaaaaaaaaaaa  (irkit.toml)\n"


def test_a_change_is_shown_with_its_diff_and_is_1(
    guard: ShowingGuard, capsys: pytest.CaptureFixture[str]
) -> None:
    guard.changes = [CHANGE]
    assert main(["policy", "show"]) == exit_codes.NEGATIVE
    shown = capsys.readouterr().out
    assert (
        "EDITED  irkit.toml  without effect until `irkit policy approve`\n  -a = 1\n  +a = 2 ␛[2J\n" in shown
    )
    assert main(["policy", "show", "--json"]) == exit_codes.NEGATIVE
    assert json.loads(capsys.readouterr().out)["changes"] == [CHANGE]


def test_nothing_changed_is_nothing_to_approve(
    guard: ShowingGuard, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["policy", "approve", "--json"]) == exit_codes.DONE
    assert json.loads(capsys.readouterr().out) == {"approved": "a" * 64, "changed": False}


def test_without_a_guard_it_is_5(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "show"]) == exit_codes.GUARD_UNREACHABLE
    assert capsys.readouterr().err.count("\n") == 1
