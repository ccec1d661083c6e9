# SPDX-License-Identifier: Apache-2.0
"""Who belongs to a session, and who never does."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irkit.respond import fences, procfs
from irkit.respond.census import Census, Key, Marks
from irkit.respond.finder import Member, Protected, Search, Target, find
from irkit.respond.procfs import Proc
from irkit.respond.scene import Scene
from tests.respond.trees import agent, bystander, until


def whys(members: list[Member]) -> dict[int, str]:
    return {member.proc.pid: member.why for member in members}


# --- tables written by hand: no process of this machine is looked at -----------------
FAR = 10_000_000  # beyond any pid_max: reading its /proc entry finds nothing
CALLER = FAR + 99


def proc(pid: int, ppid: int, start: int = 100, *, pgrp: int = 0, sid: int = 0, tty: int = 0) -> Proc:
    return Proc(FAR + pid, FAR + ppid if ppid > 1 else ppid, start, FAR + pgrp, FAR + sid, tty)


def look(
    target: Target, *procs: Proc, marks: dict[int, list[tuple[str, str]]] | None = None
) -> dict[int, str]:
    """What the finder says of a table in which `marks` are the environments' marks."""
    table = {p.pid: p for p in (Proc(1, 0, 0), Proc(CALLER, 1, 0), *procs)}
    known: Marks = {p.key: (marks or {}).get(p.pid - FAR, []) for p in table.values()}
    found = Search(target).look(Census(table, known, 0), Protected(table, CALLER))
    return {member.proc.pid - FAR: member.why.replace(str(FAR)[:-2], "") for member in found}


def claude(known: set[Key] | None = None) -> Target:
    return Target("claude-code:s-1", "claude-code", "s-1", roots=[(FAR + 10, 100)], known=known)


MARK = [("claude-code", "s-1")]
OTHER = [("claude-code", "s-2")]
NAMELESS = [("claude-code", "")]
SHELL = proc(5, 1, 1, pgrp=5, sid=5, tty=7)
ROOT = proc(10, 5, pgrp=10, sid=5, tty=7)


def test_the_tree_below_the_agent_belongs_and_the_shell_above_does_not() -> None:
    assert set(look(claude(), SHELL, ROOT, proc(11, 10), proc(12, 11), proc(20, 5))) == {10, 11, 12}


def test_what_was_known_stays_known_without_its_parent() -> None:
    orphan = proc(30, 1, sid=30)
    assert 30 not in look(claude(), ROOT, orphan)
    assert 30 in look(claude(known={orphan.key}), ROOT, orphan)
    assert 30 not in look(claude(known={(orphan.pid, orphan.start - 1)}), ROOT, orphan), (
        "another of its number"
    )


@pytest.mark.parametrize(
    ("case", "candidate", "marks", "member"),
    [
        ("its own mark, parent gone", proc(30, 1, sid=30), MARK, True),
        ("another session's mark", proc(30, 1, sid=30), OTHER, False),
        ("born before the session", proc(30, 1, start=99, sid=30), MARK, False),
        ("a terminal's session leader", proc(30, 1, sid=30, tty=8), MARK, False),
        ("a mark without an id, unrelated", proc(30, 1, sid=30), NAMELESS, False),
        ("a mark without an id, in the agent's group", proc(30, 1, sid=5, pgrp=10), NAMELESS, True),
        ("a mark without an id, in the user's terminal only", proc(30, 1, sid=5, pgrp=31), NAMELESS, False),
        ("no mark, in the agent's group", proc(30, 1, sid=5, pgrp=10), [], True),
        ("no mark, in the user's terminal", proc(30, 1, sid=5, pgrp=30), [], False),
    ],
)
def test_marks_and_groups_count_only_as_the_contract_says(
    case: str, candidate: Proc, marks: list[tuple[str, str]], member: bool
) -> None:
    assert (30 in look(claude(), SHELL, ROOT, candidate, marks={30: marks})) is member, case


def test_a_mark_without_an_id_counts_in_the_session_of_a_shell_that_is_gone() -> None:
    shell, orphan = (FAR + 40, 150), proc(41, 1, start=151, pgrp=40, sid=40)
    gemini = Target("gemini-cli:g", "gemini-cli", "g", roots=[ROOT.key], known={shell})
    assert 41 in look(gemini, ROOT, orphan, marks={41: [("gemini-cli", "")]})
    assert 41 not in look(gemini, ROOT, orphan), "a group's number alone is no proof"


def test_the_ancestors_of_the_agent_are_never_reached_by_a_mark() -> None:
    late_shell = proc(5, 1, start=200, pgrp=5, sid=5)
    assert set(look(claude(), late_shell, ROOT, marks={5: MARK})) == {10}


def test_the_session_of_a_member_is_followed_only_from_a_leader_born_in_it() -> None:
    leader = proc(11, 10, pgrp=11, sid=11)
    job, older = proc(30, 1, pgrp=30, sid=11), proc(31, 1, start=99, pgrp=31, sid=11)
    found = look(claude(), ROOT, leader, job, older)
    assert 30 in found
    assert 31 not in found


def test_caller_and_its_ancestors_and_pid_one_are_never_touched() -> None:
    table = {p.pid: p for p in (Proc(1, 0, 0), Proc(CALLER, FAR + 11, 100), ROOT, proc(11, 10), proc(12, 11))}
    found = Search(claude()).look(
        Census(table, {p.key: [] for p in table.values()}), Protected(table, CALLER)
    )
    assert not {m.proc.pid for m in found} & {1, CALLER, FAR + 10, FAR + 11}
    pid_one = Target("claude-code:x", "claude-code", "x", roots=[(1, 0)])
    assert not look(pid_one, proc(12, 1))


def test_the_guard_is_not_reached_by_a_mark_but_is_as_a_child() -> None:
    guard = proc(30, 1, sid=30)
    table = {p.pid: p for p in (Proc(1, 0, 0), ROOT, guard)}
    census = Census(table, {p.key: MARK for p in table.values()})
    found = Search(claude()).look(census, Protected(table, CALLER, guard=guard.pid))
    assert guard.pid not in {m.proc.pid for m in found}
    guard.ppid = ROOT.pid
    found = Search(claude()).look(Census(table, {}), Protected(table, CALLER, guard=guard.pid))
    assert guard.pid in {m.proc.pid for m in found}


def test_a_number_that_was_given_to_a_stranger_brings_nobody_in() -> None:
    search = Search(claude())
    leader = proc(11, 10, pgrp=11, sid=11)
    first = {p.pid: p for p in (ROOT, leader)}
    search.look(Census(first, {p.key: [] for p in first.values()}), Protected(first, CALLER))
    stranger, job = proc(11, 1, start=500, pgrp=11, sid=11), proc(50, 11, start=501, pgrp=11, sid=11)
    second = {p.pid: p for p in (ROOT, stranger, job)}
    found = search.look(Census(second, {p.key: [] for p in second.values()}), Protected(second, CALLER))
    assert {m.proc.pid for m in found} == {ROOT.pid}


@given(
    st.lists(
        st.tuples(
            st.integers(2, 30),
            st.integers(0, 30),
            st.integers(0, 200),
            st.integers(2, 30),
            st.integers(2, 30),
        ),
        max_size=30,
    )
)
def test_no_table_makes_it_loop_or_touch_the_protected(rows: list[tuple[int, int, int, int, int]]) -> None:
    procs = [proc(pid, ppid, start, pgrp=pgrp, sid=sid) for pid, ppid, start, pgrp, sid in rows]
    found = look(claude(), *procs)
    assert not set(found) & {1 - FAR, CALLER - FAR}


def test_what_a_session_alone_has_brings_in_who_is_inside_and_the_callers_own_is_not_believed() -> None:
    own = fences.pid_namespace("self")
    target = Target("codex:a", "codex", "a", roots=[ROOT.key], pidns=own, audit=fences.audit_session("self"))
    assert not Search(target).look(Census(procfs.snapshot(), {}), Protected(procfs.snapshot()))


# --- real processes -----------------------------------------------------------------
@pytest.mark.namespace
def test_a_real_escape_is_found_by_its_mark_and_says_so(tmp_path: Path) -> None:
    tree = agent("detached", tmp_path, count=2)
    beside = bystander(CLAUDE_CODE_SESSION_ID="s-2", CLAUDECODE="1")
    escaped = next(pid for pid in tree.reported() if pid != tree.key[0])
    until(
        lambda: procfs.snapshot()[escaped].ppid == 1 or procfs.snapshot()[escaped].comm == "sleep",
        "it escaped",
    )
    found = whys(find(tree.target(), procfs.snapshot()))
    assert found == {tree.key[0]: "agent process", escaped: "marked as claude-code session s-1"}
    assert beside.pid not in found


@pytest.mark.namespace
def test_an_escape_without_a_mark_is_found_when_it_was_known(tmp_path: Path) -> None:
    tree = agent("scrubbed", tmp_path, count=2)
    escaped = next(pid for pid in tree.reported() if pid != tree.key[0])
    until(lambda: procfs.snapshot()[escaped].comm == "sleep", "it wiped its environment")
    key = procfs.snapshot()[escaped].key
    assert escaped not in whys(find(tree.target(), procfs.snapshot()))
    assert escaped in whys(find(tree.target(known={key}), procfs.snapshot()))


@pytest.mark.namespace
def test_a_wrapper_of_the_same_agent_is_part_of_it_and_a_shell_is_not(tmp_path: Path) -> None:
    for name in ("claude", "sh"):
        shutil.copy(os.path.realpath("/bin/sh"), tmp_path / name)
    script = f"{tmp_path}/claude -c '{tmp_path}/claude -c \"sleep 600; :\"; :'; :"
    top = subprocess.Popen(
        [str(tmp_path / "sh"), "-c", script],
        start_new_session=True,
        env={"PATH": os.environ["PATH"], "DISPLAY": ":9"},
    )
    until(lambda: any(p.comm == "sleep" for p in procfs.snapshot().values()), "all three run")
    inner, wrapper = sorted(
        (p for p in procfs.snapshot().values() if p.comm == "claude"), key=lambda p: -p.pid
    )
    target = Target("claude-code:x", "claude-code", "x", roots=[inner.key])
    found = whys(find(target, procfs.snapshot()))
    assert found[wrapper.pid] == f"starts the agent {inner.pid}"
    assert top.pid not in found


@pytest.mark.namespace
def test_an_editor_in_the_tree_is_left_alone_and_mentioned(tmp_path: Path) -> None:
    editor = tmp_path / "share" / "code" / "code"
    editor.parent.mkdir(parents=True)
    shutil.copy(os.path.realpath("/bin/sleep"), editor)
    top = subprocess.Popen(
        [sys.executable, "-c", f"import subprocess; subprocess.run(['{editor}', '600'])"],
        start_new_session=True,
    )
    until(lambda: any(p.comm == "code" for p in procfs.snapshot().values()), "the editor runs")
    scene = Scene([Target("x:y", "x", "y", roots=[procfs.snapshot()[top.pid].key])])
    found = {member.proc.pid for member in scene.walk()}
    window = next(p.pid for p in procfs.snapshot().values() if p.comm == "code")
    assert found == {top.pid}
    assert [p.pid for p in scene.spared()] == [window]


NATIVE = "0f8f7c1e-1111-4222-8333-444455556666"


@pytest.mark.namespace
@pytest.mark.parametrize(("mode", "belongs"), [("wb", True), ("rb", False)])
def test_an_orphan_that_writes_into_the_sessions_scratch_belongs_and_a_reader_of_it_does_not(
    tmp_path: Path, mode: str, belongs: bool
) -> None:
    tree = agent("none", tmp_path, count=1, session=NATIVE)
    output = tmp_path / "claude-0" / "work" / NATIVE / "tasks" / "a.output"
    output.parent.mkdir(parents=True)
    output.touch()
    fork = "import os\nif os.fork() == 0:\n os.setsid()\n os.execve('/bin/sleep', ['sleep', '600'], {})"
    with open(output, mode) as file:
        subprocess.run([sys.executable, "-I", "-S", "-c", fork], stdout=file, check=True)
    until(lambda: [p for p in procfs.snapshot().values() if p.comm == "sleep"], "the orphan runs")
    [orphan] = [p.pid for p in procfs.snapshot().values() if p.comm == "sleep"]
    found = whys(find(tree.target(NATIVE), procfs.snapshot()))
    assert found.get(orphan, "") == ("its output goes into the session's scratch" if belongs else "")


@pytest.mark.namespace
def test_a_process_in_the_sessions_own_pid_namespace_belongs_whatever_it_wiped(tmp_path: Path) -> None:
    tree = agent("none", tmp_path, count=1)
    made = subprocess.Popen(
        ["unshare", "--pid", "--fork", "sleep", "600"],
        env={"PATH": os.environ["PATH"]},
        start_new_session=True,
    )
    beside = bystander()
    until(lambda: sum(p.comm == "sleep" for p in procfs.snapshot().values()) == 2, "both sleep")
    [inner] = [p.pid for p in procfs.snapshot().values() if p.ppid == made.pid]
    target = tree.target()
    assert inner not in whys(find(target, procfs.snapshot()))
    target.pidns = fences.pid_namespace(inner)
    found = whys(find(target, procfs.snapshot()))
    assert found.get(inner) == f"in the session's PID namespace {target.pidns}"
    assert not {made.pid, beside.pid} & set(found)
