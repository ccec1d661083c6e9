# SPDX-License-Identifier: Apache-2.0
"""`irkit log`, as a process of its own, over logs that the real writer wrote."""

import json
import os
import queue
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import msgspec
import pytest

from irkit.cli.commands.log import line_of
from irkit.clock import SystemClock
from irkit.home import Home
from irkit.stream.log import AuditLog
from irkit.stream.record import OwnEvent, own_record
from tests.evidence.logs import DAY_ONE, RECORDS, write_log
from tests.hostile_strings import HOSTILE
from tests.stream.hand_clock import NOON

PROGRAM = [sys.executable, "-m", "irkit", "log"]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(str(tmp_path / "home"))
    write_log(made, signed_at=(3, 6, 12))
    return made


def _run(home: Home, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *args], env=_env(home), capture_output=True, text=True, timeout=30, check=False
    )


def _env(home: Home) -> dict[str, str]:
    return {**os.environ, "IRKIT_HOME": home.path, "NO_COLOR": "1"}


def _seqs(done: subprocess.CompletedProcess[str]) -> list[int]:
    assert done.returncode == 0, done.stderr
    return [json.loads(line)["seq"] for line in done.stdout.splitlines()]


def test_tail_shows_the_newest(home: Home) -> None:
    assert _seqs(_run(home, "tail", "-n", "8", "--json")) == list(range(5, 13))


def test_people_see_time_words_and_where_a_day_begins(home: Home) -> None:
    shown = _run(home, "tail", "-n", "8").stdout.splitlines()
    assert [line for line in shown if line.endswith("UTC")] == ["2026-11-23 UTC", "2026-11-24 UTC"]
    assert shown[1].startswith("12:00:00.000  -")
    assert "text=call 5" in shown[1]


def test_show_filters_by_time_event_and_session(home: Home) -> None:
    assert _seqs(_run(home, "show", "--json", "--since", "2026-11-24T00:00:00Z")) == list(range(7, 13))
    assert _seqs(_run(home, "show", "--json", "--until", "2026-11-24T00:00:00+00:00")) == list(range(1, 7))
    assert _seqs(_run(home, "show", "--json", "--event", "freeze")) == []
    log = AuditLog.open(home.audit, SystemClock())
    log.append(own_record("freeze", agent="codex", session="5572b661-7", ts=NOON))
    log.close()
    for session in ("5572", "codex:5572b661-7"):
        assert _seqs(_run(home, "show", session, "--json", "--event", "freeze")) == [log.seq]
    assert log.seq in _seqs(_run(home, "show", "--json", "--until", "0s"))
    assert log.seq not in _seqs(_run(home, "show", "--json", "--since", "1s", "--event", "freeze"))


@pytest.mark.parametrize("time", ["yesterday", "5 minutes", "99999-01-01", "1y", "٣m"])
def test_what_is_no_time_is_one_clear_line(home: Home, time: str) -> None:
    done = _run(home, "show", "--since", time)
    assert done.returncode == 2
    assert "is no time; write it as" in done.stderr
    assert done.stderr.count("\n") == 1


def test_follow_prints_each_new_record_over_the_end_of_a_day(home: Home) -> None:
    with subprocess.Popen(
        [*PROGRAM, "tail", "-n", "1", "-f", "--json"], env=_env(home), stdout=subprocess.PIPE
    ) as tail:
        assert tail.stdout is not None
        heard: queue.Queue[int] = queue.Queue()

        def listen() -> None:
            assert tail.stdout is not None
            for line in tail.stdout:
                heard.put(json.loads(line)["seq"])

        listening = threading.Thread(target=listen)
        listening.start()
        try:
            assert heard.get(timeout=20) == RECORDS
            log = AuditLog.open(home.audit, SystemClock())
            for _ in range(3):
                written = log.append(own_record("incident_note"))
                assert heard.get(timeout=20) == written.seq
            log.close()
        finally:
            tail.terminate()
            listening.join()


def test_verify_says_that_it_holds(home: Home) -> None:
    done = _run(home, "verify")
    assert done.returncode == 0, done.stderr
    assert f"{RECORDS} lines in 2 file(s)" in done.stdout
    assert "signed up to record 12" in done.stdout
    assert json.loads(_run(home, "verify", "--json").stdout)["ok"] is True


def test_verify_names_the_first_broken_line_and_exits_1(home: Home) -> None:
    file = Path(home.audit) / DAY_ONE
    file.write_bytes(file.read_bytes().replace(b"call 2", b"call 7"))
    done = _run(home, "verify")
    assert done.returncode == 1
    assert f"edited at {DAY_ONE}:2 (seq 2)" in done.stdout
    broken = json.loads(_run(home, "verify", "--json").stdout)["broken"]
    assert (broken["kind"], broken["file"], broken["line"], broken["seq"]) == ("edited", DAY_ONE, 2, 2)


@pytest.mark.skipif(not shutil.which("ssh-keygen"), reason="ssh-keygen is not installed")
def test_the_printed_stock_commands_check_it_without_irkit(home: Home) -> None:
    script = _run(home, "verify", "--stock").stdout
    good = subprocess.run(["sh"], input=script, capture_output=True, text=True, timeout=30, check=False)
    assert good.returncode == 0, good.stderr
    assert good.stdout.count('Good "irkit-audit" signature') == 2
    file = Path(home.audit) / DAY_ONE
    file.write_bytes(file.read_bytes().replace(b"call 2", b"call 7"))
    assert (
        subprocess.run(
            ["sh"], input=script, capture_output=True, text=True, timeout=30, check=False
        ).returncode
        != 0
    )


def test_without_a_log_there_is_one_clear_line(tmp_path: Path) -> None:
    for args in (("tail",), ("tail", "-n", "-1"), ("show",), ("verify",), ("verify", "--stock")):
        done = _run(Home(str(tmp_path / "none")), *args)
        assert done.returncode == 2, args
        assert done.stderr.count("\n") == 1, done.stderr


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_no_field_of_a_record_reaches_the_terminal_alive(text: str) -> None:
    plain = own_record(OwnEvent.FREEZE, args={"x": text, text: "y"})
    record = msgspec.structs.replace(
        plain, ts=text, event=text, decision=text, cwd=f"/{text}", session=text, agent=text, tool=text, risk=3
    )
    for one in (
        record,
        msgspec.structs.replace(record, tool=""),
        msgspec.structs.replace(record, event="detection"),
    ):
        shown = line_of(one)
        assert not [char for char in shown if ord(char) < 32 or 0x7F <= ord(char) < 0xA0]
        assert "\u202e" not in shown
