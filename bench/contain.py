# SPDX-License-Identifier: Apache-2.0
"""Frozen and dead: irkit with and without a control group, the kernel's own switches, and what peers do.

Times are an observer's, a process of its own that only reads (`/proc`, or the group's `cgroup.events`); a kill's is
irkit's own, to the end of the verification. Each round has a tree of its own; what is compared is measured in turn.
"""

import contextlib
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import psutil

from bench import herd
from bench.measure import QUICK, Figure, median
from bench.stage import require_inside, staged
from irkit.respond import procfs, signals, stop
from irkit.respond.census import Key
from irkit.respond.cgroup import Group
from irkit.respond.finder import Target
from irkit.respond.scene import Scene

SIZES = (10, 100, 1000)
FROZEN_MS = {100: 3.0, 1000: 10.0}
DEAD_MS = {100: 3.5, 1000: 22.0}
ROUNDS = 3 if QUICK else 9
STORM = 200
STORM_MS = 60.0
WAIT_S = 30.0
STOPPED_S, CLEAN_S, FACTOR = 5.0, 60.0, 10
_TOPS = ("/sys/fs/cgroup/unified", "/sys/fs/cgroup")


def figures() -> list[Figure]:
    """Run on a stage."""
    return staged("contain")


def measure() -> list[Figure]:
    """All rows."""
    require_inside()
    rows = [row for size in SIZES for row in _sizes(size)]
    return [*rows, _storm(), *_survivors(), *_one_key()]


# --- trees -------------------------------------------------------------------------
@contextlib.contextmanager
def _herd(shape: str, count: int, group: str = "", whole: bool = True) -> Iterator[list[Key]]:
    """A tree of that shape, in that group; its agent process first. Killed afterwards, each by identity."""
    enter = ["/bin/sh", "-c", 'echo $$ > "$0/cgroup.procs"; exec "$@"', group] if group else []
    process = subprocess.Popen(
        [*enter, sys.executable, "-I", "-S", herd.__file__, shape, str(count)],
        env={
            "PATH": os.defpath,
            "CLAUDECODE": "1",
            "CLAUDE_CODE_SESSION_ID": f"bench-{secrets.token_hex(4)}",
        },
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout is not None
    keys = [key] if (key := _key(process.pid)) else []
    try:
        for _ in range(count if whole else count // 4):
            pid = int(process.stdout.readline())
            if pid != process.pid and (found := _key(pid)):
                keys.append(found)
        yield keys
    finally:
        for pid, start in keys:
            signals.send(pid, start, signals.KILL)
        for proc in procfs.snapshot().values():
            if (procfs.argv(proc.pid) or [])[3:4] == [herd.__file__]:
                signals.send(proc.pid, proc.start, signals.KILL)
        process.stdout.close()
        process.wait()


def _key(pid: int) -> Key | None:
    proc = procfs.look(pid)
    return proc.key if proc else None


@contextlib.contextmanager
def _group() -> Iterator[Group | None]:
    """A group of version 2 of one's own, removed afterwards; None where none can be made."""
    for top in _TOPS:
        path = f"{top}/irkit-bench-{secrets.token_hex(6)}"
        with contextlib.suppress(OSError):
            os.mkdir(path)
            if os.path.exists(f"{path}/cgroup.kill"):
                break
            os.rmdir(path)
    else:
        yield None
        return
    group = Group(path, unified=True)
    try:
        yield group
    finally:
        group.kill()
        group.thaw()
        deadline = time.monotonic() + WAIT_S
        while os.path.isdir(path) and time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                os.rmdir(path)
            time.sleep(0.005)


def _scene(keys: list[Key], group: str = "") -> Scene:
    environ = (procfs.environ(keys[0][0]) or b"").split(b"\0")
    native = next((one[23:].decode() for one in environ if one.startswith(b"CLAUDE_CODE_SESSION_ID=")), "")
    return Scene([Target(f"claude-code:{native}", "claude-code", native, roots=keys[:1], cgroup=group)])


# --- the observer --------------------------------------------------------------------
def _observed(holds: Callable[[], bool], act: Callable[[], object]) -> float:
    """Milliseconds from the act's start to when another process saw that it holds. Raises RuntimeError if never."""
    inward, outward = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(outward, b"ready\n")
        deadline = time.monotonic() + WAIT_S
        while not (true := holds()) and time.monotonic() < deadline:
            time.sleep(0.0001)
        os.write(outward, b"%.9f\n" % (time.monotonic() if true else -1))
        os._exit(0)
    os.close(outward)
    with os.fdopen(inward, "rb", buffering=0) as told:
        told.read(6)
        began = time.monotonic()
        act()
        ended = float(told.read(64))
    os.waitpid(child, 0)
    if ended < 0:
        raise RuntimeError("never seen")
    return (ended - began) * 1000


def _all(keys: list[Key], states: str) -> Callable[[], bool]:
    """Whether all are in one of these states, or gone: asked of each until it is."""
    left = list(keys)

    def holds() -> bool:
        while left:
            proc = procfs.look(left[-1][0])
            if proc is not None and proc.start == left[-1][1] and proc.state not in states:
                return False
            left.pop()
        return True

    return holds


# --- frozen and dead, by size -----------------------------------------------------------
def _sizes(size: int) -> list[Figure]:
    times: dict[str, list[float]] = {}
    failed = 0
    with _group() as group:
        for _ in range(ROUNDS if size < 1000 else max(3, ROUNDS // 2)):
            failed += _round(size, group, times)
    rows = []
    frozen, dead = times.get("bare frozen"), times.get("bare dead")
    for way, most in (("with a control group", (2.0, 1.5)), ("by signals", (4.0, 4.0))):
        for what, bare, times_bare, absolute in (
            ("frozen", frozen, most[0], FROZEN_MS),
            ("dead", dead, most[1], DEAD_MS),
        ):
            if not (found := times.get(f"{way} {what}")):
                continue
            ms = median(found)
            base = median(bare) if bare else 0.0
            limit = absolute.get(size) if way == "with a control group" else None
            goal = f"≤ {times_bare:g}x the kernel's own" + (f", ≤ {limit:g} ms" if limit else "")
            met = (ms <= times_bare * base and (limit is None or ms <= limit)) if base else None
            name = "stopped, seen from outside" if what == "frozen" else "verified dead"
            rows.append(
                Figure(
                    f"{size} processes {name}, {way}",
                    f"{ms:.1f} ms" + (f" ({ms / base:.1f}x of {base:.1f} ms)" if base else ""),
                    goal,
                    met if not failed else False,
                    f"{len(found)} rounds, {failed} survivors",
                )
            )
    return rows


def _round(size: int, group: Group | None, times: dict[str, list[float]]) -> int:
    """One tree for each way; how many outlived irkit."""
    failed = 0
    if group is not None:
        with _herd("still", size, group.path):
            taken = _observed(group.frozen, group.freeze)
            times.setdefault("bare frozen", []).append(taken)
            group.thaw()
        _empty(group)
        with _herd("still", size, group.path):
            times.setdefault("bare dead", []).append(_observed(group.empty, group.kill))
        with _herd("still", size, group.path) as keys:
            scene = _scene(keys, group.path)
            taken = _observed(group.frozen, lambda: stop.freeze(scene))
            times.setdefault("with a control group frozen", []).append(taken)
            killed = stop.kill(scene)
            times.setdefault("with a control group dead", []).append(killed.seconds * 1000)
            failed += len(_alive(keys))
        _empty(group)
    with _herd("still", size) as keys:
        scene = _scene(keys)
        taken = _observed(_all(keys, "TtZX"), lambda: stop.freeze(scene))
        times.setdefault("by signals frozen", []).append(taken)
        times.setdefault("by signals dead", []).append(stop.kill(scene).seconds * 1000)
        failed += len(_alive(keys))
    return failed


def _empty(group: Group) -> None:
    group.kill()
    group.thaw()
    deadline = time.monotonic() + WAIT_S
    while not group.empty() and time.monotonic() < deadline:
        time.sleep(0.001)


def _alive(keys: list[Key]) -> list[Key]:
    return [key for key in keys if procfs.alive(*key)]


def _herds_alive() -> int:
    """How many processes of any herd are alive, whoever their parent is."""
    return sum(
        1
        for proc in procfs.snapshot().values()
        if not proc.dead and (procfs.argv(proc.pid) or [])[3:4] == [herd.__file__]
    )


def _storm() -> Figure:
    times, left = [], 0
    for _ in range(ROUNDS):
        with _herd("storm", STORM, whole=False) as keys:
            began = time.monotonic()
            stop.kill(_scene(keys))
            times.append((time.monotonic() - began) * 1000)
            left += _herds_alive()
    ms = median(times)
    return Figure(
        f"a storm of {STORM} forks frozen, killed and verified while it grows, by signals",
        f"{ms:.1f} ms, {left} survivors",
        f"≤ {STORM_MS:g} ms, 0 survivors",
        ms <= STORM_MS and not left,
        f"{ROUNDS} rounds",
    )


# --- survivors, beside peers ---------------------------------------------------------------
def _survivors() -> list[Figure]:
    def by_psutil(keys: list[Key]) -> None:
        root = psutil.Process(keys[0][0])
        for one in [*root.children(recursive=True), root]:
            with contextlib.suppress(psutil.Error):
                one.kill()

    ways: dict[str, Callable[[list[Key]], object]] = {
        "irkit": lambda keys: stop.kill(_scene(keys)),
        "psutil's children(recursive=True) and kill": by_psutil,
        "kill -- -PGID": lambda keys: os.killpg(keys[0][0], signal.SIGKILL),
    }
    rows = []
    for name, way in ways.items():
        with _herd("escapees", 21) as keys:
            way(keys)
            deadline = time.monotonic() + 2
            while _alive(keys) and time.monotonic() < deadline:
                time.sleep(0.01)
            left = len(_alive(keys))
        mine = name == "irkit"
        goal, met = ("0", left == 0) if mine else ("", None)
        rows.append(Figure(f"survivors of 21 processes that detach and ignore: {name}", str(left), goal, met))
    return rows


# --- APTS-SC-009 ---------------------------------------------------------------------------
def _one_key() -> list[Figure]:
    """`irkit kill` as typed, from its start; stopped and dead as the observer sees it."""
    found: dict[str, list[float]] = {"stopped": [], "clean": []}
    for _ in range(3):
        for what, states in (("stopped", "TtZX"), ("clean", "ZX")):
            with _herd("escapees", 100) as keys:
                name = _scene(keys).searches[0].target.session
                argv = [sys.executable, "-m", "irkit", "kill", name, "--yes"]
                act = lambda argv=argv: subprocess.run(argv, capture_output=True, check=False)  # noqa: E731
                found[what].append(_observed(_all(keys, states), act) / 1000)
    rows = []
    for what, most in (("stopped", STOPPED_S), ("clean", CLEAN_S)):
        worst = max(found[what])
        rows.append(
            Figure(
                f"APTS-SC-009: `irkit kill` typed to 100 processes {what}, independent observer",
                f"{worst:.2f} s, factor {most / worst:.0f}",
                f"≤ {most:g} s with a factor of {FACTOR}",
                worst * FACTOR <= most,
                "the worst of 3",
            )
        )
    return rows


if __name__ == "__main__":
    for row in figures():
        print(*row, sep=" | ")
