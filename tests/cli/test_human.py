# SPDX-License-Identifier: Apache-2.0
"""`prove` asks at the terminal, whatever stdin is. The guard's side is a real RPC server in a thread."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from irkit.errors import NeedsHumanError
from irkit.guard.rpc import Caller, RpcServer
from irkit.home import Home
from tests.sim.seat import seat

PROVE = (
    "import os, sys\n"
    "os.dup2(os.open('/dev/null', os.O_RDONLY), 0)\n"
    "from irkit.cli.human import prove\n"
    "from irkit.errors import IrkitError\n"
    "from irkit.home import Home\n"
    "try:\n"
    "    print('got', prove(Home(sys.argv[1]), 'resume \\x1b[2Jit'), flush=True)\n"
    "except IrkitError as error:\n"
    "    print('got', type(error).__name__, error, flush=True)\n"
    "os.read(1, 100)\n"
)


class AskingGuard:
    """Answers `proof.challenge` and nothing else."""

    def __init__(self, home: Home) -> None:
        self.kind = "code"
        self.home = home
        self.asked: list[int] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    def challenge(self, _params: dict[str, Any], caller: Caller) -> dict[str, Any]:
        self.asked.append(caller.pid)
        code = "A7K3XW" if self.kind == "code" else ""
        return {"kind": self.kind, "code": code, "ident": "i-1", "expires_s": 60.0}

    def start(self) -> None:
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(self.home.guard_socket)
        listening.listen()
        self._thread.start()
        server = RpcServer({"proof.challenge": self.challenge})
        asyncio.run_coroutine_threadsafe(server.start(listening), self._loop).result(10)
        self._server = server

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._server.stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@pytest.fixture
def guard(tmp_path: Path) -> Iterator[AskingGuard]:
    asking = AskingGuard(Home(str(tmp_path)))
    asking.start()
    yield asking
    asking.stop()


def test_the_person_reads_what_will_be_done_and_types_the_code(guard: AskingGuard) -> None:
    with seat(PROVE, guard.home.path) as person:
        shown = person.until("type A7K3XW: ")
        assert "irkit will resume ␛[2Jit" in shown
        person.type("a7k3xw\n")
        assert "got {'proof': {'id': 'i-1', 'answer': 'a7k3xw'}}" in person.until("}}")
        assert guard.asked == [person.pid]


def test_a_passphrase_is_not_seen_as_it_is_typed(guard: AskingGuard) -> None:
    guard.kind = "passphrase"
    with seat(PROVE, guard.home.path) as person:
        person.until("Operator passphrase: ")
        person.type("four plain words\n")
        shown = person.until("}}")
        assert shown.count("four plain words") == 1, "once, in what the test prints"


def test_without_a_terminal_nobody_proves_anything(guard: AskingGuard) -> None:
    with seat(PROVE, guard.home.path, own_tty=False) as nobody:
        shown = nobody.until("terminal of yours")
        assert f"got {NeedsHumanError.__name__} nobody is there to prove it" in shown
        assert guard.asked == []
