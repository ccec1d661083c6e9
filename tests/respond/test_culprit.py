# SPDX-License-Identifier: Apache-2.0
"""What started an agent that no person started, and everybody who stands above one and is left alone (threat T27)."""

import os
import pty
import shutil
import subprocess
from pathlib import Path

import pytest

from irkit.respond import procfs
from irkit.respond.culprit import _is_service, culprit
from irkit.respond.finder import Target
from irkit.respond.scene import Scene
from tests.respond.trees import bystander, until

HERE = frozenset({os.getpid(), os.getppid()})


def program(folder: Path, name: str) -> str:
    """A shell under another name: an executable is known by its path."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        shutil.copy(os.path.realpath("/bin/sh"), path)
    return str(path)


def chain(folder: Path, *names: str, argv0: str = "", **env: str) -> list[int]:
    """Start each below the one before, an agent last; their pids, the first one's first."""
    script = "sleep 600; :"
    for name in reversed((*names[1:], "claude")):
        quoted = script.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
        script = f'{program(folder, name)} -c "{quoted}"; :'
    top = subprocess.Popen(
        [argv0 or names[0], "-c", script],
        executable=program(folder, names[0]),
        env={"PATH": os.environ["PATH"], **env},
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    return below(top.pid, len(names) + 1)


def below(top: int, depth: int) -> list[int]:
    """The pids of a chain, once its end sleeps."""

    def line() -> list[int]:
        table, found = procfs.snapshot(), [top]
        while children := [p.pid for p in table.values() if p.ppid == found[-1]]:
            found.append(children[0])
        return found if len(found) == depth + 1 and table[found[-1]].comm == "sleep" else []

    until(line, "the chain is whole")
    return line()[:depth]


def found_above(pids: list[int], untouchable: frozenset[int] = HERE) -> int:
    top = culprit(procfs.snapshot(), pids[-1], untouchable)
    return top.pid if top else 0


@pytest.mark.namespace
def test_the_highest_that_no_person_started_is_stopped_and_killed_with_the_tree(tmp_path: Path) -> None:
    from irkit.respond import stop

    pids = chain(tmp_path, "npm", "postinstall")
    beside = bystander()
    assert found_above(pids) == pids[0]
    root = procfs.snapshot()[pids[-1]]
    scene = Scene([Target("claude-code:x", "claude-code", "x", roots=[root.key])])
    killed = stop.kill(scene)
    assert {pid for pid, _ in killed.dead} >= set(pids)
    assert [m.why for m in scene.everyone().values() if m.proc.pid == pids[0]] == [
        f"started the agent {pids[-1]}, and no person did"
    ]
    assert procfs.alive(beside.pid, procfs.start_of(beside.pid))
    assert beside.poll() is None


@pytest.mark.namespace
@pytest.mark.parametrize("server", ["cron", "sshd", "systemd", "tmux"])
def test_what_serves_others_is_left_alone_and_what_it_started_is_not(tmp_path: Path, server: str) -> None:
    pids = chain(tmp_path, server, "job")
    assert found_above(pids) == pids[1]
    assert found_above(chain(tmp_path, server)) == 0


@pytest.mark.namespace
@pytest.mark.parametrize(
    ("top", "argv0", "env"),
    [
        ("bash", "-bash", {}),
        ("share/code/code", "", {}),
        ("emacs", "", {}),
        ("anything", "", {"DISPLAY": ":0"}),
        ("anything", "", {"WAYLAND_DISPLAY": "wayland-0"}),
    ],
)
def test_where_a_person_works_nothing_above_the_agent_is_touched(
    tmp_path: Path, top: str, argv0: str, env: dict[str, str]
) -> None:
    assert found_above(chain(tmp_path, top, "npm", argv0=argv0, **env)) == 0


@pytest.mark.namespace
def test_an_npm_install_that_was_typed_in_a_terminal_is_the_persons(tmp_path: Path) -> None:
    pid, master = pty.fork()
    if pid == 0:
        claude = f"{program(tmp_path, 'claude')} -c 'sleep 600; :'"
        os.execv("/bin/sh", ["sh", "-c", f'{program(tmp_path, "npm")} -c "setsid {claude}; :"; :'])
    until(lambda: any(p.comm == "sleep" for p in procfs.snapshot().values()), "the agent runs")
    table = procfs.snapshot()
    agent = next(p for p in table.values() if p.comm == "claude")
    assert pid in procfs.ancestors(table, agent.pid)
    assert agent.tty == 0, "it left the terminal; the shell above it has it still"
    assert culprit(table, agent.pid, HERE) is None
    os.close(master)


@pytest.mark.namespace
def test_the_caller_the_guard_and_those_above_them_are_never_a_culprit(tmp_path: Path) -> None:
    pids = chain(tmp_path, "script", "npm")
    assert found_above(pids, HERE | {pids[0]}) == pids[1]
    assert found_above(pids, HERE | {pids[1]}) == 0


@pytest.mark.parametrize(
    ("own", "parents", "service"),
    [
        ("0::/system.slice/runner.service\n", "0::/init.scope\n", True),
        ("0::/user.slice/u@1/app.slice/x.service/sub\n", "0::/user.slice/u@1/init.scope\n", True),
        ("0::/system.slice/runner.service\n", "0::/system.slice/runner.service\n", False),
        ("0::/user.slice/u@1/app.slice/run-r1a2.service\n", "0::/user.slice/u@1/init.scope\n", False),
        ("1:name=systemd:/system.slice/x.service\n0::/\n", "1:name=systemd:/init.scope\n0::/\n", True),
        ("0::/user.slice/session-2.scope\n", "0::/init.scope\n", False),
        ("", "", False),
    ],
)
def test_a_named_unit_is_a_service_and_what_runs_in_it_is_not(own: str, parents: str, service: bool) -> None:
    assert _is_service(own, parents) is service
