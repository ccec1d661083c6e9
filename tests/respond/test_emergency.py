# SPDX-License-Identifier: Apache-2.0
"""`irkit freeze|kill|latch` as a person runs them: real processes, in a namespace, with things broken."""

import json
import os
import pty
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from irkit import exit_codes
from irkit.home import Home
from irkit.respond import procfs
from irkit.respond.journal import records
from irkit.respond.roster import HEAD, Entry, write_roster
from tests.respond.trees import Agent, agent, bystander, claude, state, until

pytestmark = pytest.mark.namespace
ROOT = Path(__file__).parents[2]


@pytest.fixture
def home() -> Home:
    made = Home()
    if "IRKIT_TEST_OUTSIDE_NAMESPACE" in os.environ:
        made.make()
    return made


def irkit(*words: str, **env: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "irkit", *words],
        cwd=ROOT,
        env={**os.environ, **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )


def said(done: "subprocess.CompletedProcess[str]") -> Any:
    assert done.stdout.count("\n") == 1, done.stdout + done.stderr
    return json.loads(done.stdout)


def enrol(home: Home, *agents: tuple[Agent, str]) -> None:
    """What the guard writes down of its sessions."""
    write_roster(
        home.sessions,
        [Entry(f"claude-code:{native}", "claude-code", native, roots=(one.key,)) for one, native in agents],
    )


def alive(*pids: int) -> list[int]:
    return [pid for pid in pids if (proc := procfs.look(pid)) and not proc.dead]


def test_freeze_then_kill_with_the_guard_dead(home: Home, tmp_path: Path) -> None:
    tree, beside = agent("plain+setsid+detached", tmp_path, count=6), bystander(CLAUDE_CODE_SESSION_ID="s-2")
    enrol(home, (tree, "s-1"))
    frozen = irkit("freeze", "--json", "--reason", "drill")
    assert frozen.returncode == exit_codes.DONE, frozen.stderr
    assert {one["pid"] for one in said(frozen)["stopped"]} == set(tree.reported())
    assert Path(home.latch).read_text() == "*\n"
    killed = irkit("kill", "--yes", "--json")
    assert killed.returncode == exit_codes.NOT_RULED_OUT
    report = said(killed)
    assert (report["verdict"], report["survivors"], report["unaccounted"]) == (10, [], [])
    assert {row["pid"] for row in report["processes"]} == set(tree.reported())
    assert all(row["why"] and row["final"].startswith("dead") for row in report["processes"])
    assert "arguments)" in report["processes"][0]["command"], "arguments may hold secrets"
    assert not alive(*tree.reported())
    assert state(beside.pid) == "S"
    assert [(r["act"], r["irreversible"]) for r in records(home.journal) if r["record"] == "intent"] == [
        ("latch", False),
        ("freeze", False),
        ("latch", False),
        ("freeze", False),
        ("kill", True),
    ]
    assert records(home.journal)[2]["reason"] == "drill"


def test_one_session_is_stopped_and_latched_and_the_others_are_not(home: Home, tmp_path: Path) -> None:
    first, second = agent("plain", tmp_path, count=4), agent("plain", tmp_path, count=4, session="s-2")
    enrol(home, (first, "s-1"), (second, "s-2"))
    done = irkit("kill", "claude-code:s-2", "--yes", "--json")
    assert done.returncode == exit_codes.NOT_RULED_OUT, done.stderr
    assert not alive(*second.reported())
    assert len(alive(*first.reported())) == 4
    assert {state(pid) for pid in first.reported()} == {"S"}
    assert Path(home.latch).read_text() == "claude-code s-2\n"


def test_without_a_terminal_a_kill_needs_yes_and_freezes_meanwhile(home: Home, tmp_path: Path) -> None:
    tree = agent("plain", tmp_path, count=4)
    enrol(home, (tree, "s-1"))
    done = irkit("kill")
    assert done.returncode == exit_codes.NEEDS_HUMAN
    assert "needs --yes" in done.stderr
    assert "4 of 4 stopped, two scans agree" in done.stdout
    assert {state(pid) for pid in tree.reported()} == {"T"}


def on_terminal(*words: str, answer: bytes = b"", after: bytes = b"") -> tuple[int, str]:
    """Run irkit on a terminal of its own; type `answer` once `after` was shown."""
    pid, master = pty.fork()
    if pid == 0:
        os.chdir(ROOT)
        os.execv(sys.executable, [sys.executable, "-m", "irkit", *words])
    shown = b""
    while True:
        try:
            shown += os.read(master, 4096)
        except OSError:
            break
        if answer and after in shown:
            os.write(master, answer)
            answer = b""
    os.close(master)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode()


def test_on_a_terminal_it_counts_down_and_then_kills(home: Home, tmp_path: Path) -> None:
    tree = agent("plain", tmp_path, count=4)
    enrol(home, (tree, "s-1"))
    began = time.monotonic()
    code, shown = on_terminal("kill")
    assert code == exit_codes.NOT_RULED_OUT, shown
    assert 5 <= time.monotonic() - began < 9
    assert "killing in 5 s; Ctrl-C leaves it frozen" in shown
    assert "4 of 4 dead, verified" in shown
    assert max(len(line) for line in shown.replace("\r", "\n").splitlines()) <= 100
    assert not alive(*tree.reported())


def test_ctrl_c_during_the_countdown_leaves_it_frozen(home: Home, tmp_path: Path) -> None:
    tree = agent("plain", tmp_path, count=4)
    enrol(home, (tree, "s-1"))
    code, shown = on_terminal("kill", answer=b"\x03", after=b"killing in 5 s")
    assert code == exit_codes.NEEDS_HUMAN, shown
    assert "left frozen, not killed" in shown
    assert {state(pid) for pid in tree.reported()} == {"T"}


def test_all_reaches_agents_that_no_roster_names_but_never_what_only_carries_a_mark(tmp_path: Path) -> None:
    unlisted = claude(tmp_path, "sleep 600 & wait")
    marked = bystander(CLAUDECODE="1", CLAUDE_CODE_SESSION_ID="nobody-knows")
    until(
        lambda: any(p.ppid == unlisted.pid and p.comm == "sleep" for p in procfs.snapshot().values()),
        "child runs",
    )
    report = said(irkit("kill", "--yes", "--json"))
    assert report["sessions"] == [
        {"id": f"claude-code:{unlisted.pid}:{_start(report, unlisted.pid)}", "tier": "attached"}
    ]
    assert report["dead"] == 2
    assert alive(marked.pid) == [marked.pid]


def test_all_never_reaches_an_editors_window(tmp_path: Path) -> None:
    window = tmp_path / "share" / "code" / "code"
    window.parent.mkdir(parents=True)
    shutil.copy("/bin/sleep", window)
    editor = subprocess.Popen([str(window), "600"], start_new_session=True)
    until(lambda: procfs.snapshot()[editor.pid].comm == "code", "the editor runs")
    assert said(irkit("kill", "--yes", "--json"))["sessions"] == []
    assert alive(editor.pid) == [editor.pid]


def test_all_never_reaches_another_users_agent(tmp_path: Path) -> None:
    others = claude(tmp_path, "sleep 600 & wait", user=65534)
    until(lambda: procfs.snapshot()[others.pid].comm == "claude", "the other's agent runs")
    assert said(irkit("kill", "--yes", "--json"))["sessions"] == []
    assert alive(others.pid) == [others.pid]


def _start(report: Any, pid: int) -> int:
    return next(int(row["start"]) for row in report["processes"] if row["pid"] == pid)


def test_by_process_number_and_never_the_callers_own_shell(tmp_path: Path) -> None:
    tree = agent("plain", tmp_path, count=4)
    script = f"{sys.executable} -m irkit kill --yes --pid $$; echo code $?"
    done = subprocess.run(
        ["sh", "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=20, check=True
    )
    assert done.stdout == f"code {exit_codes.NOT_PERMITTED}\n"
    assert "runs below it" in done.stderr
    assert irkit("kill", "--pid", "4000000", "--yes").returncode == exit_codes.BAD_INPUT
    done = irkit("kill", "--pid", str(tree.key[0]), "--yes", "--json")
    assert done.returncode == exit_codes.NOT_RULED_OUT
    assert not alive(*tree.reported())


def test_an_unknown_session_is_one_line_and_latches_nothing(home: Home) -> None:
    done = irkit("freeze", "claude-code:none")
    assert done.returncode == exit_codes.BAD_INPUT
    assert done.stdout == ""
    assert done.stderr == (
        "irkit: irkit freeze: no session 'claude-code:none'; see `irkit sessions`, or stop all with --all\n"
    )
    assert not os.path.exists(home.latch)


def test_a_session_that_the_torn_roster_lost_is_found_by_its_childrens_mark(
    home: Home, tmp_path: Path
) -> None:
    tree = agent("detached", tmp_path, count=2)
    Path(home.sessions).write_bytes(HEAD.encode() + b"\nclaude-code:s-1\tclau\x00\xff")
    done = irkit("kill", "claude-code:s-1", "--yes", "--json")
    assert done.returncode == exit_codes.NOT_RULED_OUT, done.stderr
    assert not alive(*tree.reported())
    assert any("not a session, skipped" in note for note in said(done)["notes"])


@pytest.mark.parametrize("broken", ["no home", "read-only home", "full disk", "everything a folder"])
def test_it_works_with_the_home_broken_and_says_what_failed(home: Home, tmp_path: Path, broken: str) -> None:
    unlisted = claude(tmp_path, "sleep 600 & wait")
    env = {}
    if broken == "no home":
        shutil.rmtree(home.path)
        env = {"HOME": "/nonexistent", "IRKIT_HOME": ""}
    elif broken == "full disk":
        _fill(home)
    elif broken == "read-only home":
        _read_only(home)
    else:
        for path in (home.journal, home.sessions, home.latch, home.lock):
            os.makedirs(path)
    done = irkit("kill", "--yes", "--json", **env)
    assert done.returncode == exit_codes.NOT_RULED_OUT, done.stderr
    report = said(done)
    assert report["dead"] >= 1
    unlisted.wait(5)
    assert report["latched"] is (broken in {"full disk", "everything a folder"}), report["notes"]
    assert report["journal_trouble"], "a kill without a record on disk is said"
    assert any("record on disk" in note for note in report["notes"])


def _mount(*words: str) -> None:
    done = subprocess.run(["mount", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"cannot mount here: {done.stderr.strip()}")


def _fill(home: Home) -> None:
    """A home on a disk of its own, without a free block."""
    shutil.rmtree(home.path)
    os.mkdir(home.path)
    _mount("-t", "tmpfs", "-o", "size=64k", "tmpfs", home.path)
    home.make()
    with open(home.at("ballast"), "wb", buffering=0) as ballast:
        while os.statvfs(home.path).f_bavail:
            ballast.write(b"x" * 4096)


def _read_only(home: Home) -> None:
    _mount("--bind", home.path, home.path)
    _mount("-o", "remount,ro,bind", home.path)


def test_site_packages_may_be_broken(home: Home, tmp_path: Path) -> None:
    broken = tmp_path / "site"
    for name in ("msgspec", "psutil", "platformdirs", "cryptography", "watchdog"):
        (broken / name).mkdir(parents=True)
        (broken / name / "__init__.py").write_text("raise RuntimeError('broken')")
    tree = agent("plain", tmp_path, count=4)
    enrol(home, (tree, "s-1"))
    done = irkit("kill", "--yes", PYTHONPATH=str(broken))
    assert done.returncode == exit_codes.NOT_RULED_OUT, done.stderr
    assert not alive(*tree.reported())


_FIRST_SIGNAL = """
import sys
sys.path.insert(0, sys.argv.pop(1))
import _signal, posix
def first(*_):
    sys.stdout.write(" ".join(sorted(sys.modules)))
    sys.stdout.flush()
    posix._exit(0)
_signal.pidfd_send_signal = first
from irkit.__main__ import main
main()
"""


def test_nothing_dear_is_imported_before_the_first_signal(home: Home, tmp_path: Path) -> None:
    tree = agent("plain", tmp_path, count=4)
    enrol(home, (tree, "s-1"))
    command = [sys.executable, "-I", "-S", "-c", _FIRST_SIGNAL, str(ROOT), "kill", "--yes"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    modules = set(done.stdout.split())
    assert "irkit.respond.stop" in modules
    dear = {
        "argparse asyncio collections contextlib dataclasses datetime enum functools inspect json logging pathlib",
        "re selectors shutil signal socket subprocess tempfile threading typing msgspec psutil platformdirs",
    }
    assert not modules & set(" ".join(dear).split())
    foreign = {
        m for m in modules if not m.startswith("irkit") and m.partition(".")[0] not in sys.stdlib_module_names
    }
    assert foreign <= {"__main__"}


def test_a_kill_from_inside_its_own_target_is_complete_and_reports(home: Home, tmp_path: Path) -> None:
    log = tmp_path / "inside.txt"
    script = f"cd {ROOT}; sleep 600 & {sys.executable} -m irkit kill --yes >{log} 2>&1; echo survived >>{log}"
    inside = claude(tmp_path, script)
    assert inside.wait(20) == -9
    until(lambda: "dead (" in log.read_text(), "the detached process reports")
    text = log.read_text()
    assert "verdict    10" in text
    assert "3 of 3 dead, verified" in text
    assert "survived" not in text
    assert not [p for p in procfs.snapshot().values() if p.comm in {"claude", "sleep"} and not p.dead]


def test_a_person_who_only_inherited_the_mark_gets_the_verdict_too(home: Home, tmp_path: Path) -> None:
    tree = agent("plain", tmp_path, count=4)
    enrol(home, (tree, "s-1"))
    done = irkit("kill", "--yes", "--json", CLAUDE_CODE_SESSION_ID="s-1", CLAUDECODE="1")
    assert not alive(*tree.reported())
    assert done.returncode in {exit_codes.NOT_RULED_OUT, -9}


def test_two_kills_at_once_both_end_and_both_are_honest(home: Home, tmp_path: Path) -> None:
    tree = agent("hundred", tmp_path, count=100)
    enrol(home, (tree, "s-1"))
    command = [sys.executable, "-m", "irkit", "kill", "--yes", "--json"]
    both = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    ends = [(one.communicate(timeout=30)[0], one.returncode) for one in both]
    assert [code for _, code in ends] == [exit_codes.NOT_RULED_OUT] * 2
    assert not alive(*tree.reported())
    for text, _ in ends:
        report = json.loads(text)
        assert not report["survivors"]
        assert not report["unaccounted"]
    assert max(json.loads(text)["dead"] for text, _ in ends) == 100


def test_a_hundred_processes_are_frozen_by_a_cold_command_soon(home: Home, tmp_path: Path) -> None:
    tree = agent("hundred", tmp_path, count=100)
    enrol(home, (tree, "s-1"))
    report = said(irkit("freeze", "--json"))
    assert len(report["stopped"]) == 100
    assert report["settled"]


def test_the_guard_is_told_and_a_silent_guard_holds_nothing_up(home: Home, tmp_path: Path) -> None:
    tree = agent("plain", tmp_path, count=4)
    enrol(home, (tree, "s-1"))
    heard: list[bytes] = []
    os.chdir(home.path)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind("guard.sock")
    listening.listen()

    def serve() -> None:
        for answer in (b'{"jsonrpc":"2.0","id":1,"result":{}}\n', b""):
            caller, _ = listening.accept()
            heard.append(caller.makefile("rb").readline())
            if answer:
                caller.sendall(answer)
                caller.close()
            else:
                silent.append(caller)

    silent: list[socket.socket] = []
    guard = threading.Thread(target=serve)
    guard.start()
    irkit("freeze", "claude-code:s-1")
    began = time.monotonic()
    done = irkit("kill", "claude-code:s-1", "--yes")
    assert time.monotonic() - began < 5
    guard.join(5)
    assert done.returncode == exit_codes.NOT_RULED_OUT
    frozen, killed = (json.loads(line)["params"] for line in heard)
    assert (frozen["act"], frozen["sessions"], frozen["all"]) == ("freeze", ["claude-code:s-1"], False)
    assert frozen["stopped"][0] == list(tree.key)
    assert (killed["act"], killed["verdict"], killed["survivors"]) == ("kill", 10, [])
    assert len(killed["dead"]) == 4
    for one in [*silent, listening]:
        one.close()


def test_latch_alone_stops_nobody(home: Home, tmp_path: Path) -> None:
    tree = agent("plain", tmp_path, count=4)
    enrol(home, (tree, "s-1"))
    done = irkit("latch", "s-1")
    assert (done.returncode, done.stdout) == (
        0,
        "  latched    no tool call of claude-code:s-1 passes a hook\n",
    )
    assert Path(home.latch).read_text() == "claude-code s-1\n"
    assert {state(pid) for pid in tree.reported()} == {"S"}
    shutil.rmtree(home.gate)
    done = irkit("latch", "--all")
    assert done.returncode == exit_codes.NOT_PERMITTED
    assert "not latched: No such file or directory" in done.stderr


def test_nobody_to_stop_is_said_and_is_no_proof() -> None:
    done = irkit("kill", "--yes")
    assert done.returncode == exit_codes.NOT_RULED_OUT
    assert "no process of a session or of a known agent was found" in done.stdout
