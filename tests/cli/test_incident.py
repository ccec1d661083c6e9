# SPDX-License-Identifier: Apache-2.0
"""`irkit incident`: from the guard where one answers, else from the files; writing needs the guard."""

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from irkit import exit_codes
from irkit.cli.main import main
from irkit.clock import iso
from irkit.guard.rpc import Caller, RpcServer
from irkit.home import Home
from irkit.incident.incident import Incident
from irkit.incident.inputs import CloseAsked, Noted, OpenAsked
from irkit.incident.state import advance
from tests.incident.cases import STAYS, T0, detected, subject


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """An empty home without a guard."""
    monkeypatch.setenv("IRKIT_HOME", str(tmp_path))
    home = Home(str(tmp_path))
    home.make()
    return home


def frozen() -> Incident:
    made = advance(None, detected(), STAYS).incident
    assert made is not None
    return made


def write(home: Home, incident: Incident) -> None:
    folder = Path(home.at("incidents", incident.id))
    folder.mkdir()
    (folder / "incident.json").write_bytes(msgspec.json.encode(incident))


@pytest.fixture
def guard(home: Home) -> Iterator[list[tuple[str, dict[str, Any]]]]:
    """A real RPC server on the home's socket, with one incident; it lists what it was asked."""
    asked: list[tuple[str, dict[str, Any]]] = []
    kept = [frozen()]

    def answering(name: str, act: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any], Caller], Any]:
        def method(params: dict[str, Any], _caller: Caller) -> Any:
            asked.append((name, params))
            return msgspec.to_builtins(act(params))

        return method

    def step(given: Any, incident: Incident | None = None) -> Any:
        return advance(incident, given, STAYS).incident

    methods = {
        "incident.list": lambda _: kept,
        "incident.open": lambda p: step(OpenAsked(at=T0, subject=subject(), by="ada", reason=p["reason"])),
        "incident.note": lambda p: step(Noted(at=T0, text=p["text"], by="ada"), kept[0]),
        "incident.close": lambda p: step(CloseAsked(at=T0, by="ada", reason=p["reason"]), kept[0]),
    }
    loop = asyncio.new_event_loop()
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(home.guard_socket)
    server = RpcServer({name: answering(name, act) for name, act in methods.items()})
    loop.run_until_complete(server.start(listening))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield asked
    asyncio.run_coroutine_threadsafe(_down(server), loop).result(5)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(5)
    loop.close()


async def _down(server: RpcServer) -> None:
    await server.stop()
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
    await asyncio.sleep(0)


def test_without_a_guard_the_files_are_read_and_it_is_said(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    write(home, frozen())
    assert main(["incident", "list"]) == exit_codes.DONE
    out, err = capsys.readouterr()
    assert err == "no guard answers; this is what the files say\n"
    assert "INC-2026-014  frozen (waits)  high" in out
    assert main(["incident", "show", "14", "--json"]) == exit_codes.DONE
    assert msgspec.json.decode(capsys.readouterr().out, type=Incident) == frozen()


def test_a_broken_file_is_named_and_the_others_are_shown(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    write(home, frozen())
    Path(home.at("incidents", "INC-2026-015")).mkdir()
    Path(home.at("incidents", "INC-2026-015", "incident.json")).write_text("{", encoding="utf-8")
    assert main(["incident", "list", "--json"]) == exit_codes.DONE
    out, err = capsys.readouterr()
    assert [one["id"] for one in json.loads(out)["incidents"]] == ["INC-2026-014"]
    assert "INC-2026-015/incident.json: cannot be read" in err


def test_writing_without_a_guard_is_refused(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["note", "14", "x"], ["open", "x"], ["close", "14", "x"]):
        assert main(["incident", *words]) == exit_codes.GUARD_UNREACHABLE
        assert capsys.readouterr().err.count("\n") == 1


def test_what_is_not_there_is_one_line(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["incident", "show", "99"]) == exit_codes.BAD_INPUT
    assert "irkit: no incident 99; `irkit incident list`" in capsys.readouterr().err
    assert main(["incident", "list"]) == exit_codes.DONE
    assert capsys.readouterr().out == "no incidents\n"


def test_the_guards_answer_is_shown(
    guard: list[tuple[str, dict[str, Any]]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["incident", "show"]) == exit_codes.DONE
    out, err = capsys.readouterr()
    assert out.startswith("INC-2026-014  FROZEN  high\n")
    assert err == ""
    assert main(["incident", "note", "14", "the vendor confirms", "--json"]) == exit_codes.DONE
    assert json.loads(capsys.readouterr().out)["notes"][0]["text"] == "the vendor confirms"
    assert main(["incident", "open", "they called"]) == exit_codes.DONE
    assert capsys.readouterr().out == "INC-2026-014 open\n"
    assert [name for name, _ in guard] == ["incident.list", "incident.note", "incident.open"]
    assert guard[1][1] == {"id": "14", "text": "the vendor confirms"}


def test_the_guards_refusal_is_one_line_with_its_exit_code(
    guard: list[tuple[str, dict[str, Any]]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["incident", "close", "14", "over"]) == exit_codes.BAD_INPUT
    assert capsys.readouterr().err == "irkit: INC-2026-014 is still frozen; answer it first: resume or kill\n"


def test_the_timeline_comes_from_the_log_and_the_journal(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    write(home, frozen())
    call = {
        "event": "before_tool",
        "agent": "claude-code",
        "session": "8f0c",
        "tool": "Bash",
        "decision": "deny",
    }
    lines = [
        json.dumps({**call, "ts": iso(T0 - 3), "args": {"command": "rm -rf ~"}}),
        "{torn",
        json.dumps({**call, "ts": iso(T0 - 9999), "args": {"command": "hours before"}}),
    ]
    Path(home.at("audit", f"{iso(T0)[:10]}.jsonl")).write_text("\n".join(lines), encoding="utf-8")
    assert main(["incident", "show", "INC-2026-014", "--timeline"]) == exit_codes.DONE
    shown = capsys.readouterr().out
    assert "DENY       Bash rm -rf ~" in shown
    assert "+3.000 » freeze     rule burst" in shown
    assert "hours before" not in shown
    assert main(["incident", "show", "14", "--timeline", "--json"]) == exit_codes.DONE
    assert json.loads(capsys.readouterr().out)["timeline"][0]["what"] == "Bash rm -rf ~"
