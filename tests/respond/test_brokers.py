# SPDX-License-Identifier: Apache-2.0
"""What was left with somebody else is named, with the command that looks and the one that stops; nothing is touched."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irkit import limits
from irkit.respond import procfs, stop
from irkit.respond.brokers import NOT_PROVEN, Step, find, quoted, ssh_target
from irkit.respond.finder import Target
from irkit.respond.killreport import report_of
from irkit.respond.scene import Scene
from tests.respond import trees


def steps(found: list[Step], broker: str) -> list[Step]:
    return [one for one in found if one.broker == broker]


def now() -> int:
    me = procfs.look(os.getpid())
    assert me is not None
    return me.start


@pytest.mark.namespace
def test_a_pane_of_tmux_and_a_server_are_named_with_commands_that_work(tmp_path: Path) -> None:
    tmux = shutil.which("tmux")
    if not tmux:
        pytest.skip("tmux is not installed")
    socket = tempfile.mkdtemp(dir="/tmp") + "/with space"  # a socket's address is short

    def run(*words: str) -> str:
        done = subprocess.run(
            [tmux, "-S", socket, *words], capture_output=True, text=True, timeout=30, check=False
        )
        assert done.returncode == 0, done
        return done.stdout.strip()

    run("-f", "/dev/null", "new-session", "-d", "-s", "main", "sleep 600")
    server = int(run("display-message", "-p", "#{pid}"))
    trees.until(
        lambda: (found := procfs.look(server)) and found.comm.startswith("tmux: server"), "tmux's server"
    )
    agent = trees.agent("plain", tmp_path, count=4)
    run("split-window", "-d", "-t", "main", "sleep 700")
    pane = int(run("list-panes", "-t", "main", "-F", "#{pane_pid}").splitlines()[-1])
    trees.until(lambda: procfs.argv(pane) == ["sleep", "700"], "the pane")
    scene = agent.scene()
    report = report_of(scene, stop.kill(scene))
    found = steps(report.brokers, "tmux")
    assert [one.what for one in found] == [f"tmux pane %1: sleep (+1 arguments), process {pane}"]
    assert (found[0].why, found[0].stop) == (NOT_PROVEN, f"tmux -S '{socket}' kill-pane -t %1")
    assert "not proven to be its own" in report.text()
    assert found[0].stop in report.text()
    assert report.to_dict()["human_steps"][0]["broker"] == "tmux"  # type: ignore[index]  # plain values
    assert procfs.look(pane) is not None  # named, never touched
    assert steps(find(0, {}), "tmux")[0].stop == f"tmux -S '{socket}' kill-server"
    subprocess.run(["sh", "-c", found[0].stop], check=True, timeout=30)
    trees.until(lambda: procfs.look(pane) is None, "the pane's end")
    run("kill-server")


@pytest.mark.namespace
def test_a_name_proves_nothing_and_spares_nobody(tmp_path: Path) -> None:
    """A process called conmon outside the tree is a question; one inside the tree is a member and dies."""
    conmon = tmp_path / "conmon"
    shutil.copy(os.path.realpath("/bin/sleep"), conmon)
    agent = trees.agent("plain", tmp_path, count=4)
    outside = subprocess.Popen([conmon, "600"], env={}, start_new_session=True)
    trees.until(lambda: (found := procfs.look(outside.pid)) and found.comm == "conmon", "its name")
    scene = agent.scene()
    report = report_of(scene, stop.kill(scene))
    found = steps(report.brokers, "podman")
    assert [(one.why, one.look, one.stop) for one in found] == [
        (NOT_PROVEN, "podman ps --no-trunc", "podman kill ID")
    ]
    assert f"a process that calls itself conmon ({outside.pid})" in found[0].what
    assert outside.poll() is None
    inside = trees.claude(tmp_path, f"{conmon} 600 & wait")
    trees.until(
        lambda: [
            one for one in procfs.snapshot().values() if one.ppid == inside.pid and one.comm == "conmon"
        ],
        "the one inside",
    )
    member = next(one for one in procfs.snapshot().values() if one.ppid == inside.pid)
    started = procfs.look(inside.pid)
    assert started is not None
    second = Scene([Target("claude-code:x", "claude-code", "x", roots=[started.key])])
    report = report_of(second, stop.kill(second))
    assert member.key in {(row.pid, row.start) for row in report.dead}
    assert f"({member.pid})" not in " ".join(one.what for one in report.brokers)
    outside.kill()


def test_containers_are_asked_about_by_the_id_they_were_started_with(tmp_path: Path) -> None:
    shim = tmp_path / "containerd-shim-runc-v2"
    shutil.copy(os.path.realpath(sys.executable), shim)
    since = now()
    script = "import time; time.sleep(600)"
    argv = [str(shim), "-c", script, "-namespace", "moby", "-id", "0123abcd" * 8]
    process = subprocess.Popen(argv, env={"PYTHONHOME": sys.base_prefix}, start_new_session=True)
    try:
        trees.until(
            lambda: (found := procfs.look(process.pid)) and found.comm.startswith("containerd-shim"), "it"
        )
        trees.until(lambda: len(procfs.argv(process.pid) or []) == len(argv), "its arguments")
        mine = {pid: one for pid, one in procfs.snapshot().items() if pid == process.pid}
        found = steps(find(since, {}, mine, root=str(tmp_path)), "docker")
        assert [(one.look, one.stop) for one in found] == [
            (f"docker ps --no-trunc --filter id={'0123abcd' * 8}", f"docker kill {'0123abcd' * 8}")
        ]
        later = mine[process.pid].start + 1
        assert steps(find(later, {}, mine, root=str(tmp_path)), "docker") == []
    finally:
        process.kill()
        process.wait()


def test_jobs_of_at_crontabs_and_units_by_their_spools(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in (
        "var/spool/cron/atjobs/a0001f01ab34cd",
        "var/spool/cron/atjobs/.SEQ",
        "var/spool/cron/crontabs/ann",
        f"run/user/{os.getuid()}/systemd/transient/run-u7.service",
        "home/.config/systemd/user/evil.timer",
        "home/.config/systemd/user/notes.txt",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    found = find(procfs.ticks_of(os.stat(tmp_path / "home").st_ctime), {}, {}, root=str(tmp_path))
    assert [(one.broker, one.stop.rpartition(";")[2].strip()) for one in found] == [
        ("at", "atrm 31"),
        ("cron", "crontab -u ann -e" if os.getuid() == 0 else "crontab -e"),
        ("systemd", "systemctl --user kill --kill-whom=all -s KILL run-u7.service"),
        ("systemd", "systemctl --user kill --kill-whom=all -s KILL evil.timer"),
    ]
    assert {one.why for one in found} == {NOT_PROVEN}
    ahead = procfs.ticks_of(os.stat(tmp_path / "home").st_ctime + 60)
    assert find(ahead, {}, {}, root=str(tmp_path)) == []


def test_a_spool_that_may_not_be_read_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    real = os.listdir

    def refused(path: str) -> list[str]:
        if "atjobs" in str(path):
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "listdir", refused)  # root may read everything, and tests run as root too
    found = find(now(), {}, {}, root=str(tmp_path))
    assert [(one.broker, one.why, one.look) for one in found] == [("at", "not looked at", "atq")]


@pytest.mark.parametrize(
    ("argv", "host"),
    [
        (["ssh", "-p", "22", "-o", "A=b", "ann@build.invalid", "make"], "ann@build.invalid"),
        (["/usr/bin/ssh", "-tt", "host"], "host"),
        (["ssh"], ""),
        (["ssh", "-p"], ""),
        (["sshd", "host"], ""),
        ([], ""),
    ],
)
def test_where_the_sessions_own_ssh_went(argv: list[str], host: str) -> None:
    assert ssh_target(argv) == host
    found = find(now(), {(2**22 - 1, 5): argv}, {}, root="/nonexistent")
    assert [one.stop for one in steps(found, "ssh")] == ([f"ssh {host} kill -9 PID"] if host else [])


@given(st.text(max_size=40))
def test_foreign_words_are_one_word_for_a_shell_and_move_no_terminal(word: str) -> None:
    made = quoted(word)
    assert made.isprintable()
    done = subprocess.run(["/bin/sh", "-c", f"printf %s {made}"], capture_output=True, check=True, timeout=20)
    assert done.stdout.decode() == "".join(char if char.isprintable() else "?" for char in word)


def test_the_list_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "BROKERS_LISTED_MAX", 2)
    members = {(number, 1): ["ssh", f"host-{number}"] for number in range(9)}
    assert len(find(now(), dict(members), {}, root="/nonexistent")) == 2
