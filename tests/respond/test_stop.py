# SPDX-License-Identifier: Apache-2.0
"""Freeze, thaw and kill on real trees."""

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from irkit.respond import procfs, signals, stop
from irkit.respond.census import Key
from irkit.respond.finder import Member, Target
from irkit.respond.scene import Scene
from tests.respond.trees import agent, bystander, state, until

# name of the shape, processes that report before the freeze (the agent included)
SHAPES = (
    ("plain", 4),
    ("deep", 4),
    ("setsid", 2),
    ("group", 2),
    ("ignoring", 2),
    ("detached", 2),
    ("zombie_leader", 2),
    ("plain+deep+setsid+detached+ignoring", 10),
)


@pytest.mark.namespace
def test_every_shape_freezes_completely_and_dies_completely(tmp_path: Path) -> None:
    for shape, count in SHAPES:
        beside = bystander()
        tree = agent(shape, tmp_path, count=count)
        pids = tree.reported()
        scene = tree.scene()
        frozen = stop.freeze(scene)
        assert frozen.complete, shape
        assert {pid for pid, _ in frozen.stopped} >= set(pids), shape
        assert not [pid for pid in pids if (proc := procfs.look(pid)) and proc.runnable], shape
        killed = stop.kill(scene)
        assert not killed.survivors, shape
        assert {pid for pid, _ in killed.dead} >= set(pids), shape
        assert not [pid for pid in pids if (proc := procfs.look(pid)) and not proc.dead], shape
        assert state(beside.pid) == "S", "a bystander was hit"
        beside.kill()
        beside.wait()
        tree.process.wait()


@pytest.mark.namespace
def test_a_tree_of_a_hundred_is_stopped_in_one_pass(tmp_path: Path) -> None:
    tree = agent("hundred", tmp_path, count=100)
    frozen = stop.freeze(tree.scene())
    assert len(frozen.stopped) == 100
    assert frozen.stopped[0] == tree.key, "the agent goes first"
    assert frozen.rounds <= 6
    assert not stop.kill(tree.scene()).survivors


@pytest.mark.namespace
@pytest.mark.parametrize("shape", ["breeder", "comet"])
def test_a_tree_that_forks_while_it_is_frozen_ends_in_a_fixpoint(tmp_path: Path, shape: str) -> None:
    tree = agent(shape, tmp_path, count=1)
    scene = tree.scene()
    frozen = stop.freeze(scene)
    assert frozen.complete
    assert not [m for m in scene.walk() if m.proc.runnable]
    before = len(tree.reported())
    killed = stop.kill(scene)
    assert not killed.survivors
    assert len(tree.reported()) == before, "something ran after the freeze"
    assert not [p for p in procfs.snapshot().values() if p.sid == tree.key[0] and not p.dead]


@pytest.mark.namespace
def test_thaw_continues_what_irkit_stopped_and_nothing_else(tmp_path: Path) -> None:
    tree = agent("plain+stopper", tmp_path, count=5)
    until(lambda: "T" in map(state, tree.reported()), "one of them stopped itself")
    stopper = next(pid for pid in tree.reported() if state(pid) == "T")
    frozen = stop.freeze(tree.scene())
    assert frozen.complete
    assert [pid for pid, _ in frozen.already] == [stopper]
    thawed = stop.thaw(frozen.stopped)
    assert set(thawed.continued) == set(frozen.stopped)
    until(lambda: state(tree.key[0]) == "S", "the agent runs again")
    assert state(stopper) == "T", "what somebody else stopped stays stopped"
    stop.kill(tree.scene())


@pytest.mark.namespace
def test_another_process_of_the_same_number_is_never_signalled(tmp_path: Path) -> None:
    beside = bystander()
    pid, start = procfs.snapshot()[beside.pid].key
    later: Key = (pid, start + 1)
    thawed = stop.thaw([later])
    assert thawed.gone == [later]
    tree = agent("none", tmp_path, count=1)
    target = tree.target(known={later})
    target.roots.append(later)
    killed = stop.kill(Scene([target]))
    assert list(killed.dead) == [tree.key]
    assert state(pid) == "S"
    assert signals.send(pid, start + 1, signals.KILL) == signals.GONE
    assert state(pid) == "S"
    assert signals.send(pid, start, signals.KILL) == signals.SENT


@pytest.mark.namespace
def test_pending_hooks_are_spared_until_the_caller_stops_them(tmp_path: Path) -> None:
    tree = agent("plain", tmp_path, count=4)
    hook = procfs.snapshot()[tree.reported()[0]].key
    scene = tree.scene()
    frozen = stop.freeze(scene, spare=frozenset([hook]))
    assert frozen.complete
    assert hook not in frozen.stopped
    assert state(hook[0]) == "S"
    assert stop.freeze(scene).stopped == [hook]
    stop.kill(scene)


@pytest.mark.namespace
def test_whoever_continues_a_member_during_the_freeze_is_caught_again(tmp_path: Path) -> None:
    tree = agent("plain", tmp_path, count=4)
    scene = tree.scene()
    stop.freeze(scene)
    os.kill(tree.reported()[0], signal.SIGCONT)
    again = stop.freeze(scene)
    assert [pid for pid, _ in again.stopped] == [tree.reported()[0]]
    assert again.complete
    stop.kill(scene)


@pytest.mark.namespace
def test_what_the_kernel_refuses_is_a_survivor_and_is_not_waited_for(tmp_path: Path) -> None:
    if os.getuid() or Path("/proc/self/uid_map").read_text().split()[2] == "1":
        pytest.skip("needs another user's process: root outside a user namespace")
    tree = agent("plain", tmp_path, count=4)
    done = subprocess.run(
        [sys.executable, "-c", _AS_NOBODY, str(tree.key[0]), str(tree.key[1])],
        capture_output=True,
        text=True,
        check=True,
        timeout=10,
    )
    assert done.stdout.split() == ["False", "4", "4", "True"], "complete, refused, survivors, soon"
    assert state(tree.key[0]) == "S"


_AS_NOBODY = """
import os, sys
from irkit.respond import stop
from irkit.respond.finder import Member, Target
from irkit.respond.scene import Scene
os.setresuid(65534, 65534, 65534)
key = (int(sys.argv[1]), int(sys.argv[2]))
scene = Scene([Target("claude-code:s", "claude-code", "s", roots=[key])])
frozen = stop.freeze(scene)
killed = stop.kill(scene)
print(frozen.complete, len(frozen.refused), len(killed.survivors), killed.seconds < 2)
"""


@pytest.mark.namespace
def test_a_session_whose_shell_took_the_terminal_says_type_fg(tmp_path: Path) -> None:
    pid, master = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-I", "-S", "-c", _JOB, str(tmp_path / "job")])
    until(lambda: (tmp_path / "job").exists() and (tmp_path / "job").read_text(), "the job runs")
    job = int((tmp_path / "job").read_text())
    proc = procfs.snapshot()[job]
    assert proc.tpgid == job, "the job has the foreground"
    frozen = stop.freeze(Scene([Target("claude-code:s", "claude-code", "s", roots=[proc.key])]))
    assert frozen.foreground == [proc.key]
    assert state(pid) != "T", "the shell is nobody's to stop"
    until(lambda: procfs.snapshot()[job].tpgid == pid, "the shell took the terminal")
    thawed = stop.thaw(frozen.stopped, frozen.foreground)
    assert thawed.unverified == f"process {job} lost its terminal to the shell: type fg there"
    os.close(master)


_JOB = """
import os, signal, sys, time
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
job = os.fork()
if job == 0:
    os.setpgid(0, 0)
    os.tcsetpgrp(0, os.getpid())
    with open(sys.argv[1], "w") as told:
        told.write(str(os.getpid()))
    while True:
        time.sleep(60)
os.waitpid(job, os.WUNTRACED)
os.tcsetpgrp(0, os.getpgrp())
time.sleep(60)
"""


_EXECS_LATER = """
import os, sys, time
if os.fork():
    os._exit(0)
os.setsid()
with open(sys.argv[1] + ".pid", "w") as told:
    told.write(str(os.getpid()))
while not os.path.exists(sys.argv[1]):
    time.sleep(0.002)
os.execve("/bin/sleep", ["sleep", "600"], {"CLAUDE_CODE_SESSION_ID": "s-1"})
"""


@pytest.mark.namespace
def test_a_mark_that_an_exec_brought_is_found_before_the_freeze_is_complete(tmp_path: Path) -> None:
    tree = agent("none", tmp_path, count=1)
    go = tmp_path / "go"
    subprocess.run([sys.executable, "-I", "-S", "-c", _EXECS_LATER, str(go)], env={"A": "b"}, check=True)
    pid = Path(f"{go}.pid")
    until(lambda: pid.exists() and pid.read_text(), "it waits")
    scene = tree.scene()
    assert [m.proc.pid for m in scene.walk()] == [tree.key[0]], "not marked yet, and remembered so"
    go.touch()
    until(lambda: procfs.snapshot()[int(pid.read_text())].comm == "sleep", "it is another program")
    frozen = stop.freeze(scene)
    assert int(pid.read_text()) in [one for one, _ in frozen.stopped]


def test_children_are_killed_before_parents_and_session_leaders_last() -> None:
    procs = [procfs.Proc(10, 1, 5, 10, 10), procfs.Proc(11, 10, 5, 11, 11), procfs.Proc(12, 11, 5, 12, 11)]
    procs += [procfs.Proc(13, 12, 5, 12, 11), procfs.Proc(14, 10, 5, 10, 10)]
    depths = (0, 1, 2, 3, 1)
    members = [Member(proc, "", depth) for proc, depth in zip(procs, depths, strict=True)]
    order = [member.proc.pid for member in sorted(members, key=stop._killing_order)]
    assert order == [13, 12, 14, 11, 10]


_BELOW = """
import sys
from irkit.respond import procfs, stop
from irkit.respond.finder import Member, Target
from irkit.respond.killreport import report_of
from irkit.respond.scene import Scene
root = procfs.look(int(sys.argv[1]))
scene = Scene([Target("codex:a", "codex", "a", roots=[root.key])])
report = report_of(scene, stop.kill(scene))
with open(sys.argv[2], "w") as told:
    print(report.verdict, [(row.pid == root.pid, row.final) for row in report.survivors], file=told)
"""


@pytest.mark.namespace
def test_what_the_caller_runs_below_is_a_survivor_and_never_kept_silent(tmp_path: Path) -> None:
    told = tmp_path / "told"
    (tmp_path / "below.py").write_text(_BELOW)
    script = f"sleep 600 & {sys.executable} {tmp_path}/below.py $$ {told}; wait"
    env = {**os.environ, "PYTHONPATH": os.getcwd()}
    root = subprocess.Popen(["sh", "-c", script], start_new_session=True, env=env)
    until(lambda: told.exists() and told.read_text().endswith("\n"), "it reports")
    assert told.read_text() == "11 [(True, 'alive: irkit runs below it')]\n"
    assert root.wait(10) == 0, "its child was killed, itself was not"
