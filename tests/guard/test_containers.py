# SPDX-License-Identifier: Apache-2.0
"""Contained sessions and a real guard: registered before they run, kept over a restart, found by a kill without one."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from irkit.respond import procfs
from irkit.respond.roster import read_roster
from tests.confine.inside import Place, need_bubblewrap
from tests.guard.running import Running, until

CALL = '{"session_id": "s-in", "hook_event_name": "PreToolUse", "tool_name": "Bash", "tool_input": {"command": "ls"}}'


def started(running: Running, place: Place, script: str) -> "subprocess.Popen[bytes]":
    """A contained session that runs `script` in an executable called claude."""
    claude = place.home / "claude"
    claude.write_bytes(Path(os.path.realpath("/bin/sh")).read_bytes())
    claude.chmod(0o755)
    wrapper = place.start("--", str(claude), "-c", script)
    until(lambda: bool(rows(running)), 30)
    return wrapper


def rows(running: Running) -> list[dict[str, Any]]:
    """The sessions that people see."""
    return list(running.json("sessions")["sessions"])


@pytest.mark.namespace
def test_a_session_without_hooks_is_known_before_it_runs(namespace_folder: Path) -> None:
    need_bubblewrap()
    running = Running(namespace_folder / "stage")
    place = Place(namespace_folder, running.home.path)
    wrapper = started(running, place, "sleep 621")
    (row,) = rows(running)
    first = row["processes"][0][0]
    assert (row["agent"], row["tier"]) == ("claude-code", "contained")
    assert row["pidns"] == os.stat(f"/proc/{first}/ns/pid").st_ino != os.stat("/proc/self/ns/pid").st_ino
    wrapper.terminate()
    wrapper.wait(20)
    until(lambda: not rows(running), 20)


@pytest.mark.namespace
def test_a_hook_from_inside_joins_its_session_to_the_walls(namespace_folder: Path) -> None:
    need_bubblewrap()
    running = Running(namespace_folder / "stage")
    place = Place(namespace_folder, running.home.path)
    home = running.home
    hook = f"'{home.python}' -I -S '{home.hook}' claude-code PreToolUse"
    wrapper = started(running, place, f"echo '{CALL}' | {hook}; echo $? > answered; sleep 622")
    until((place.project / "answered").exists, 30)
    until(lambda: [row["native"] for row in rows(running)] == ["s-in"], 20)
    assert (place.project / "answered").read_text() == "0\n"
    (row,) = rows(running)
    assert (row["tier"], row["pidns"] > 0) == ("contained", True)
    running.guard.kill()
    running.guard.wait(10)
    entries, problems = read_roster(home.sessions)
    assert (problems, {entry.pidns for entry in entries}) == ([], {row["pidns"]})
    for left in (home.hook_socket, home.guard_socket):
        os.unlink(left)
    running.guard = running.stage.start_guard()
    assert [(one["native"], one["tier"]) for one in rows(running)] == [("s-in", "contained")]
    wrapper.kill()  # a guard that was killed may have frozen it: that is an alarm
    wrapper.wait(20)


@pytest.mark.namespace
def test_a_kill_ends_all_of_it_though_the_guard_is_dead(namespace_folder: Path) -> None:
    need_bubblewrap()
    running = Running(namespace_folder / "stage")
    place = Place(namespace_folder, running.home.path)
    script = "(setsid setsid env -i /bin/sleep 623 &); trap '' TERM; sleep 624"
    wrapper = started(running, place, script)
    until(lambda: len(sleeping()) == 2, 30)
    running.guard.kill()
    running.guard.wait(10)
    done = subprocess.run(
        [sys.executable, "-m", "irkit", "kill", "--all", "--yes", "--json"],
        env=place.environ(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert sleeping() == []
    assert wrapper.wait(20) == 137
    report = json.loads(done.stdout)
    assert {one["tier"] for one in report["sessions"]} == {"contained"}
    assert (report["verdict"], report["survivors"]) == (0, []), report
    assert "namespace is empty" in report["proof"]


@pytest.mark.namespace
def test_without_a_guard_it_stands_in_the_roster_and_the_next_guard_takes_it_over(
    namespace_folder: Path,
) -> None:
    need_bubblewrap()
    running = Running(namespace_folder / "stage")
    place = Place(namespace_folder, running.home.path)
    running.stop()
    wrapper = place.start("--", "sleep", "625")
    until(lambda: bool(read_roster(running.home.sessions)[0]) and bool(sleeping()), 30)
    (entry,) = read_roster(running.home.sessions)[0]
    assert (entry.tier, entry.pidns > 0) == ("contained", True)
    running.guard = running.stage.start_guard()
    assert [(row["tier"], row["pidns"]) for row in rows(running)] == [("contained", entry.pidns)]
    wrapper.terminate()
    wrapper.wait(20)


@pytest.mark.namespace
def test_a_caller_can_register_only_what_is_below_it(namespace_folder: Path) -> None:
    running = Running(namespace_folder / "stage")
    from irkit.guard import client

    for first in (os.getpid(), running.guard.pid + 10_000, 1, "2", None, True):
        with pytest.raises(client.GuardRefusedError):
            client.call(running.home, "contained", {"first": first, "agent": "codex"})
    child = subprocess.Popen(["/bin/sleep", "626"])
    told = client.call(
        running.home, "contained", {"first": child.pid, "agent": "x", "cgroup": "/sys/fs/cgroup"}
    )
    assert (told["pidns"], told["cgroup"], told["audit"]) == (0, "", 0)
    assert told["tier"] == "attached"
    child.kill()
    child.wait()


def sleeping() -> list[int]:
    """This body's sleeps."""
    found = []
    for pid, proc in procfs.snapshot().items():
        argv = procfs.argv(pid) or []
        if not proc.dead and len(argv) == 2 and argv[0].endswith("sleep") and argv[1].startswith("62"):
            found.append(pid)
    return found
