# SPDX-License-Identifier: Apache-2.0
"""The guard as its users meet it: a real process, the real hook, real sessions; each test in a namespace of its own."""

import hashlib
import json
import os
import random
import signal
import string
import subprocess
import time
from pathlib import Path

import pytest

from irkit import exit_codes
from irkit.drill.stage import end
from irkit.respond import procfs
from tests.guard.running import IRKIT, ROOT, Running, call, until
from tests.sim.seat import seat

pytestmark = pytest.mark.namespace


def test_one_guard_a_home_and_the_second_says_who_holds_it(tmp_path: Path) -> None:
    on = Running(tmp_path)
    second = on.stage.irkit("guard")
    assert second.returncode == exit_codes.BAD_INPUT
    assert f"pid {on.guard.pid} already guards this home".encode() in second.stderr
    for path in (on.home.hook_socket, on.home.guard_socket):
        assert os.stat(path).st_mode & 0o777 == 0o600
    assert on.stop() < 2
    assert on.guard.returncode == 0
    assert [one["event"] for one in on.log()] == ["guard_start", "guard_stop"]
    assert on.json("log", "verify")["ok"]


def test_it_refuses_to_start_inside_an_agent(tmp_path: Path) -> None:
    environ = {
        "PATH": os.defpath,
        "HOME": str(tmp_path),
        "IRKIT_HOME": str(tmp_path / "h"),
        "CLAUDECODE": "1",
    }
    done = subprocess.run(
        [*IRKIT, "guard"], env=environ, cwd=ROOT, capture_output=True, timeout=20, check=False
    )
    assert done.returncode == exit_codes.NOT_PERMITTED
    assert b"which it is meant to watch" in done.stderr
    assert b"env -i" in done.stderr


def test_whatever_a_payload_is_it_is_recorded_and_answered(tmp_path: Path) -> None:
    on = Running(tmp_path)
    junk = bytes(range(256)) * 10
    for data in (junk, b"", b"[1,2]", b'{"session_id":7}', b"{" * 5000):
        assert on.hook(data).returncode == 2, data[:20]
        assert on.hook(data, "PostToolUse").returncode == 0
    assert on.hook(call("s", "ls"), "NoSuchEvent").returncode in {0, 2}
    malformed = on.log("malformed")
    assert len(malformed) >= 10
    assert hashlib.sha256(junk).hexdigest() in {one["args"].get("payload_sha256") for one in malformed}
    oversize = b'{"session_id":"s","tool_input":{"command":"' + b"x" * (17 << 20) + b'"}}'
    assert on.hook(oversize).returncode == 2
    (record,) = on.log("oversize")
    assert record["args"]["payload_sha256"] == hashlib.sha256(oversize).hexdigest()
    assert on.hook(call("s", "ls")).returncode == 0
    assert on.json("log", "verify")["ok"]


def test_no_secret_rests_anywhere_below_the_home(tmp_path: Path) -> None:
    rng = random.Random(7)
    letters = string.ascii_letters + string.digits
    token = "gh" + "p_" + "".join(rng.choices(letters, k=36))
    key = "AK" + "IA" + "".join(rng.choices(string.ascii_uppercase + "234567", k=16))
    word = "".join(rng.choices(letters, k=18))
    on = Running(tmp_path)
    on.hook(call("s", f"curl -H 'Authorization: token {token}' https://example.org"))
    on.hook(call("s", f"export AWS_ACCESS_KEY_ID={key} DB_PASSWORD={word}"))
    on.hook(call(f"s-{token}", "ls", call_id=key))
    on.hook(
        json.dumps({"session_id": "s", "prompt": f"use {token}", "cwd": f"/x/{token}"}).encode(),
        "UserPromptSubmit",
    )
    time.sleep(2.5)  # the database is written after a moment
    on.stop()
    for path in Path(on.home.path).rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert token.encode() not in data, path
            assert word.encode() not in data, path
            assert key.encode() not in data, path


def test_a_latch_refuses_every_call_and_comes_back_when_it_is_removed(tmp_path: Path) -> None:
    on = Running(tmp_path)
    assert on.hook(call("s", "ls")).returncode == 0
    assert on.stage.irkit("latch", "--all").returncode == 0
    assert on.hook(call("s", "ls")).returncode == 2
    assert on.hook(call("s", "ls"), "PostToolUse").returncode == 0
    os.unlink(on.home.latch)
    assert on.hook(call("s", "ls")).returncode == 2, "the guard refuses from memory"
    until(lambda: os.path.exists(on.home.latch), 60)
    until(lambda: "latch removed" in {one["args"].get("what") for one in on.log("tampering")}, 60)
    denied = on.stage.irkit("unlatch", "--all")
    assert denied.returncode == exit_codes.NEEDS_HUMAN
    assert on.hook(call("s", "ls")).returncode == 2


def test_what_was_spooled_is_ingested_in_order_while_the_socket_answers(tmp_path: Path) -> None:
    on = Running(tmp_path)
    on.stop()
    for number in range(20):
        assert on.hook(call("s", f"echo {number}")).returncode == 2, "without a guard it is refused"
    _spool_more(on, 2000)
    on.guard = on.stage.start_guard()
    assert on.hook(call("live", "ls")).returncode == 0
    until(lambda: len(on.log("before_tool")) >= 2021, 60)
    spooled = [one["args"]["command"] for one in on.log("before_tool") if one["source"] == "spool"]
    assert spooled == [f"echo {number}" for number in range(2020)]
    assert os.listdir(on.home.spool) == []
    assert on.json("log", "verify")["ok"]


@pytest.mark.long
def test_a_hundred_thousand_spooled_calls_lose_nothing(tmp_path: Path) -> None:
    on = Running(tmp_path)
    on.stop()
    _spool_more(on, 100_000, first=0)
    on.guard = on.stage.start_guard()
    assert on.hook(call("live", "ls")).returncode == 0
    until(lambda: os.listdir(on.home.spool) == [], 90)
    assert len(on.log("before_tool")) == 100_001


def test_a_crash_while_frozen_loses_nothing_and_tells_nobody_twice(tmp_path: Path) -> None:
    on = Running(tmp_path)
    waits = on.frozen()
    told = len(on.log("notify"))
    on.restart()
    again = on.json("status")["waiting"]
    assert [one["incident"] for one in again] == [waits["incident"]]
    assert again[0]["stopped"] >= waits["stopped"]
    session = on.json("sessions")["sessions"][0]
    assert (session["state"], session["latched"]) == ("frozen", True)
    assert all(procfs.look(pid).state in "Tt" for pid, _ in session["processes"])  # type: ignore[union-attr]
    time.sleep(0.5)
    assert len(on.log("notify")) == told
    killed = on.stage.irkit("kill", waits["session"], "--yes")
    assert killed.returncode == exit_codes.NOT_RULED_OUT
    assert on.json("incident", "show", waits["incident"])["state"] == "killed"
    assert on.json("log", "verify")["ok"]


def test_a_person_resumes_with_the_code_and_nobody_else_does(tmp_path: Path) -> None:
    on = Running(tmp_path)
    waits = on.frozen()
    stopped = [tuple(process) for process in on.json("sessions")["sessions"][0]["processes"]]
    assert on.stage.irkit("resume").returncode == exit_codes.NEEDS_HUMAN
    assert _typed(on, "wrong00") == exit_codes.NEEDS_HUMAN
    assert all(procfs.look(pid).state in "Tt" for pid, _ in stopped)  # type: ignore[union-attr]
    assert _typed(on, "") == exit_codes.DONE
    assert on.json("status")["waiting"] == []
    shown = on.json("incident", "show", waits["incident"])
    assert shown["state"] == "resumed"
    assert all(procfs.look(pid) is None or procfs.look(pid).state not in "Tt" for pid, _ in stopped)  # type: ignore[union-attr]
    assert not on.json("sessions", "--all")["sessions"][0]["latched"]


def test_a_changed_policy_has_no_effect_until_a_person_approves_it(tmp_path: Path) -> None:
    on = Running(tmp_path)
    config = Path(on.home.config)
    config.write_text(config.read_text() + '[rules]\nshadow = ["destroy.home"]\n')
    assert on.hook(call("s", "rm -rf ~/")).returncode == 2, "the approved policy holds"
    shown = on.json("policy", "show")
    assert [change["name"] for change in shown["changes"]] == ["irkit.toml"]
    config.write_text("this = is [not toml")
    on.restart()
    assert on.hook(call("s", "rm -rf ~/")).returncode == 2
    assert any("irkit.toml" in problem for problem in on.json("status")["problems"])
    assert on.stage.irkit("policy", "approve").returncode == exit_codes.NEEDS_HUMAN


def test_a_first_start_refuses_a_policy_that_does_not_parse(tmp_path: Path) -> None:
    home = tmp_path / "h"
    home.mkdir()
    (home / "irkit.toml").write_text('\nwhen_guard_downn = "ask"\n')
    environ = {"PATH": os.defpath, "HOME": str(tmp_path), "IRKIT_HOME": str(home)}
    done = subprocess.run(
        [*IRKIT, "guard"], env=environ, cwd=ROOT, capture_output=True, timeout=20, check=False
    )
    assert done.returncode == exit_codes.BAD_INPUT
    assert b"irkit.toml:2: unknown key 'when_guard_downn'; did you mean when_guard_down?" in done.stderr


def test_a_loader_variable_in_a_hooks_environment_is_a_finding(tmp_path: Path) -> None:
    on = Running(tmp_path)
    on.hook(call("s", "ls"), LD_PRELOAD="/nonexistent/evil.so")
    found = [one["args"] for one in on.log("tampering")]
    assert any("LD_PRELOAD" in args.get("why", "") for args in found)


def test_a_stopped_guard_makes_hooks_refuse_at_their_deadline(tmp_path: Path) -> None:
    on = Running(tmp_path)
    on.guard.send_signal(signal.SIGSTOP)
    late = on.hook(call("s", "ls"))
    on.guard.send_signal(signal.SIGCONT)
    assert late.returncode == 2
    assert b"did not answer" in late.stderr
    until(lambda: len(on.log("before_tool")) >= 1)
    until(lambda: os.listdir(on.home.spool) == [], 40)
    assert len(on.log("before_tool")) == 1, "what was spooled late is the call that the guard heard"
    end(on.guard)


def _typed(on: Running, answer: str) -> int:
    """`irkit resume` on a terminal; types `answer`, or the code that is shown."""
    code = "import sys; from irkit.__main__ import main; sys.argv = ['irkit', 'resume']; raise SystemExit(main())"
    with seat(code, env={"IRKIT_HOME": on.home.path, "HOME": on.stage.folder}) as person:
        shown = person.until("type ") + person.until(": ")
        word = answer or shown.rsplit("type ", 1)[1].split(":")[0].strip()
        person.type(word + "\n")
        return person.child.wait(40)


def _spool_more(on: Running, count: int, first: int = 20) -> None:
    base = time.time_ns()
    for number in range(count):
        data = call("s", f"echo {first + number}", f"c{number}")
        name = f"{base + number:020d}-{4000 + number % 999}-{number:016x}"
        head = f"irkit-spool/1 claude-code PreToolUse {number:016x} {4000 + number % 999} {len(data)}\n"
        path = os.path.join(on.home.spool, name)
        with open(path, "wb") as file:
            file.write(head.encode() + data)


def test_a_freeze_made_while_no_guard_ran_is_taken_over_and_can_be_resumed(tmp_path: Path) -> None:
    on = Running(tmp_path)
    on.decoy(calls=190, interval="0.3")  # it works on for a minute, below every threshold
    until(lambda: len(on.log("before_tool")) > 5, 40)
    session = on.json("sessions")["sessions"][0]["id"]
    until(lambda: session in Path(on.home.sessions).read_text())
    on.guard.kill()
    on.guard.wait(5)
    for left in (on.home.hook_socket, on.home.guard_socket):
        os.unlink(left)
    froze = on.stage.irkit("freeze", session)
    assert froze.returncode == exit_codes.DONE, froze
    on.guard = on.stage.start_guard()
    until(lambda: bool(on.json("status").get("waiting")))
    (waits,) = on.json("status")["waiting"]
    assert waits["session"] == session
    assert waits["stopped"] >= 1
    assert _typed(on, "") == exit_codes.DONE
    assert on.json("status")["waiting"] == []
