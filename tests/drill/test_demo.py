# SPDX-License-Identifier: Apache-2.0
"""The demo as a newcomer runs it: the real guard, in a namespace that it makes itself."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from irkit.drill import namespace

IRKIT = [sys.executable, "-m", "irkit", "demo"]
STARTED_MAX_S = 20


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    if not namespace.prefix():
        pytest.skip("no PID namespace can be made here")
    (tmp_path / "tmp").mkdir()
    return {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TMPDIR": str(tmp_path / "tmp")}


def test_the_decoy_is_contained_and_nothing_is_left(env: dict[str, str]) -> None:
    ran = subprocess.run(
        [*IRKIT, "--json"], env=env, capture_output=True, text=True, timeout=100, check=False
    )
    shown = json.loads(ran.stdout)
    assert ran.returncode == 0, shown
    assert (shown["contained"], shown["unaccounted"], shown["problems"]) == (True, [], [])
    assert shown["verdict"] in {0, 10}
    assert (shown["home"], shown["bundle"]) == (None, None)
    assert os.listdir(env["TMPDIR"]) == []
    assert sorted(os.listdir(env["HOME"])) == ["tmp"]


def test_an_interrupted_demo_takes_everything_away(env: dict[str, str]) -> None:
    demo = subprocess.Popen(IRKIT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        folder = Path(env["TMPDIR"])
        deadline = time.monotonic() + STARTED_MAX_S
        while not list(folder.glob("irkit-demo-*/work/decoy.jsonl")) and time.monotonic() < deadline:
            time.sleep(0.02)
        demo.send_signal(signal.SIGTERM)
        assert demo.wait(30) == 128 + signal.SIGTERM
    finally:
        demo.kill()
        demo.wait()
    assert os.listdir(folder) == []
    assert not [path for path in Path("/proc").glob("[0-9]*/cmdline") if _mentions(path, str(folder))]


def _mentions(cmdline: Path, folder: str) -> bool:
    try:
        return folder.encode() in cmdline.read_bytes()
    except OSError:
        return False
