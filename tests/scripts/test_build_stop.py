# SPDX-License-Identifier: Apache-2.0
"""irkit-stop.pyz: the same bytes each time, and it stops a real agent where nothing of irkit is installed."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from irkit import exit_codes
from irkit.home import Home
from tests.respond.trees import agent, claude, state, until

ROOT = Path(__file__).parents[2]
FORKS = "trace=fork,vfork,clone,clone3,execve,execveat"


def _build(target: Path, **env: str) -> Path:
    argv = [sys.executable, "-I", str(ROOT / "scripts" / "build_stop.py"), str(target)]
    done = subprocess.run(
        argv, env=env, cwd=target.parent, capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout == f"{hashlib.sha256(target.read_bytes()).hexdigest()}  {target}\n"
    return target


def _stop(stop: Path, *words: str, **env: str) -> "subprocess.CompletedProcess[str]":
    """Run it as a person would: an interpreter without its site-packages, and a broken irkit in the way."""
    broken = stop.parent / "broken" / "irkit"
    broken.mkdir(parents=True, exist_ok=True)
    (broken / "__init__.py").write_text("raise RuntimeError('a broken installation')\n")
    argv = [sys.executable, "-I", "-S", str(stop), *words]
    variables = {"PATH": os.defpath, "PYTHONPATH": str(broken.parent), **_homes(), **env}
    return subprocess.run(
        argv, cwd=broken.parent, env=variables, capture_output=True, text=True, timeout=60, check=False
    )


def _homes() -> dict[str, str]:
    return {name: os.environ[name] for name in ("HOME", "IRKIT_HOME")}


def test_the_same_sources_give_the_same_bytes(tmp_path: Path) -> None:
    first = _build(tmp_path / "a.pyz", TZ="Asia/Tokyo").read_bytes()
    assert _build(tmp_path / "b.pyz", PYTHONHASHSEED="7", SOURCE_DATE_EPOCH="1").read_bytes() == first
    assert first.startswith(b"#!/usr/bin/env -S python3 -I -S\n")


def test_it_holds_the_kill_path_and_nothing_that_has_to_be_installed(tmp_path: Path) -> None:
    names = zipfile.ZipFile(_build(tmp_path / "a.pyz")).namelist()
    assert {"__main__.py", "irkit/respond/emergency.py", "irkit/respond/stop.py"} <= set(names)
    assert not [name for name in names if name.startswith(("irkit/guard", "irkit/cli", "irkit/detect"))]


def test_its_help_needs_nothing_and_stops_nobody(tmp_path: Path) -> None:
    stop = _build(tmp_path / "a.pyz")
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(stop), "--help"],
        env={},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert "freeze | kill | latch" in done.stdout
    assert done.stderr == ""


@pytest.mark.namespace
def test_it_freezes_and_kills_with_a_broken_installation_and_says_what_it_is(tmp_path: Path) -> None:
    Home().make()
    stop = _build(tmp_path / "irkit-stop.pyz")
    shown = hashlib.sha256(stop.read_bytes()).hexdigest()[:8]
    victim = claude(tmp_path, "sleep 600 & wait")
    done = _stop(stop)
    assert done.returncode == exit_codes.NEEDS_HUMAN, done.stderr
    assert state(victim.pid) == "T"
    assert "frozen, not killed" in done.stderr
    assert done.stderr.endswith(f"irkit-stop {shown}\n")
    assert os.path.exists(Home().latch)
    done = _stop(stop, "kill", "--yes", "--json")
    assert done.returncode == exit_codes.NOT_RULED_OUT, done.stderr
    assert json.loads(done.stdout)["dead"] == 2
    assert victim.wait(10) == -9


@pytest.mark.namespace
@pytest.mark.parametrize("broken", ["no home", "read-only home", "full disk"])
def test_it_stops_all_the_same_without_a_usable_home(tmp_path: Path, broken: str) -> None:
    home = Home()
    home.make()
    stop = _build(tmp_path / "irkit-stop.pyz")
    victim = claude(tmp_path, "sleep 600 & wait")
    env = {}
    if broken == "no home":
        env = {"HOME": "/nonexistent", "IRKIT_HOME": ""}
    elif broken == "read-only home":
        _mount("--bind", home.path, home.path)
        _mount("-o", "remount,ro,bind", home.path)
    else:
        shutil.rmtree(home.path)
        os.mkdir(home.path)
        _mount("-t", "tmpfs", "-o", "size=64k", "tmpfs", home.path)
        home.make()
        with open(home.at("ballast"), "wb", buffering=0) as ballast:
            while os.statvfs(home.path).f_bavail:
                ballast.write(b"x" * 4096)
    done = _stop(stop, "kill", "--yes", "--json", **env)
    assert done.returncode == exit_codes.NOT_RULED_OUT, done.stderr
    report = json.loads(done.stdout)
    assert report["dead"] == 2
    assert report["latched"] is (broken == "full disk"), "a rename needs no block"
    assert report["journal_trouble"], "what could not be written is said"
    assert victim.wait(10) == -9


@pytest.mark.namespace
@pytest.mark.parametrize("by", ["the zipapp", "the command"])
def test_a_freeze_starts_no_process(tmp_path: Path, by: str) -> None:
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")
    Home().make()
    tree = agent("plain", tmp_path, count=4)
    claude(tmp_path, "sleep 600 & wait")
    stop = _build(tmp_path / "irkit-stop.pyz")
    whole = [str(stop)] if by == "the zipapp" else ["-m", "irkit"]
    isolated = ["-I", "-S"] if by == "the zipapp" else []
    argv = [
        "strace",
        "-f",
        "-qq",
        "-e",
        FORKS,
        "-o",
        str(tmp_path / "trace"),
        sys.executable,
        *isolated,
        *whole,
    ]
    env = {"PATH": os.defpath, "PYTHONPATH": str(ROOT), **_homes()}
    done = subprocess.run(
        [*argv, "freeze", "--json"], env=env, capture_output=True, text=True, timeout=60, check=False
    )
    traced = (tmp_path / "trace").read_text().splitlines()
    if not traced:
        pytest.skip(f"strace cannot trace here: {done.stderr[:200]}")
    assert len(json.loads(done.stdout)["stopped"]) >= 2
    calls = [line.split("(")[0].split()[-1] for line in traced if "(" in line]
    assert [one for one in calls if one != "execve"] == []
    assert calls.count("execve") == 1, "strace starts it, and that is all"
    until(lambda: tree.process.poll() is None, "the tree is only stopped")


def _mount(*words: str) -> None:
    done = subprocess.run(["mount", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"cannot mount here: {done.stderr.strip()}")
