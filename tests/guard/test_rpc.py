# SPDX-License-Identifier: Apache-2.0
"""The guard API over a real socket, with the real client."""

import asyncio
import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from irkit import exit_codes
from irkit.errors import GuardUnreachableError, IrkitError, NeedsHumanError
from irkit.guard import client
from irkit.guard.rpc import Caller, RpcServer
from irkit.home import Home


def echo(params: dict[str, Any], caller: Caller) -> dict[str, Any]:
    return {"params": params, "uid": caller.uid, "pid": caller.pid}


def refuse(params: dict[str, Any], caller: Caller) -> None:
    raise NeedsHumanError("prove it", fix="type the code")


async def slow(params: dict[str, Any], caller: Caller) -> str:
    await asyncio.sleep(0.01)
    return "later"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """A home so deep that its socket's path is longer than an address."""
    deep = tmp_path.joinpath(*["a-folder-with-a-long-name"] * 5)
    deep.mkdir(parents=True)
    home = Home(str(deep))
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.getcwd()
    os.chdir(deep)
    listening.bind("guard.sock")
    os.chdir(before)
    listening.listen()
    ready, done = threading.Event(), threading.Event()

    async def serve() -> None:
        server = RpcServer({"echo": echo, "refuse": refuse, "slow": slow})
        await server.start(listening)
        ready.set()
        while not done.is_set():
            await asyncio.sleep(0.01)
        await server.stop()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    ready.wait(5)
    yield home
    done.set()
    thread.join(5)


def test_a_call_goes_there_and_back_from_the_depth_of_a_home(home: Home) -> None:
    assert client.call(home, "echo", {"a": [1, None, "ü"]}) == {
        "params": {"a": [1, None, "ü"]},
        "uid": os.getuid(),
        "pid": os.getpid(),
    }
    assert client.call(home, "slow") == "later"


def test_an_error_keeps_its_exit_code_and_its_fix(home: Home) -> None:
    with pytest.raises(IrkitError, match="prove it") as caught:
        client.call(home, "refuse")
    assert caught.value.exit_code == exit_codes.NEEDS_HUMAN
    assert caught.value.fix == "type the code"
    with pytest.raises(IrkitError, match="no method 'nonsense'"):
        client.call(home, "nonsense")


def test_the_protocol_before_is_accepted_and_another_is_not(home: Home) -> None:
    assert client.call(home, "echo", {"protocol": client.PROTOCOL - 1})["params"] == {}
    with pytest.raises(IrkitError, match="protocol 99"):
        client.call(home, "echo", {"protocol": 99})


@pytest.mark.parametrize(
    "junk", [b"\x00\xff\n", b"[]\n", b'{"method":"echo","params":3}\n', b"{" * 3000 + b"\n"]
)
def test_junk_is_answered_with_an_error_and_the_server_goes_on(home: Home, junk: bytes) -> None:
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as one:
        before = os.getcwd()
        os.chdir(home.path)
        one.connect("guard.sock")
        os.chdir(before)
        one.settimeout(5)
        one.sendall(junk)
        assert b'"error"' in one.recv(65536)
    assert client.call(home, "slow") == "later"


def test_without_a_guard_the_error_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(GuardUnreachableError) as caught:
        client.call(Home(str(tmp_path)), "status")
    assert caught.value.exit_code == exit_codes.GUARD_UNREACHABLE
    assert "irkit guard" in caught.value.diagnostics()
