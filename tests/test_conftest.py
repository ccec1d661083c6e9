# SPDX-License-Identifier: Apache-2.0
"""The namespace that dangerous tests run in."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.namespace
def test_the_body_sees_only_its_own_processes() -> None:
    pids = {int(name) for name in os.listdir("/proc") if name.isdigit()}
    assert os.getpid() in pids
    assert len(pids) <= 3


@pytest.mark.namespace
def test_the_body_has_homes_of_its_own_and_a_clean_environment(tmp_path: Path) -> None:
    assert os.environ["HOME"] != os.environ["IRKIT_HOME"]
    assert Path(os.environ["IRKIT_HOME"]).is_dir()
    assert str(tmp_path).startswith(os.environ["TMPDIR"])
    assert not [name for name in os.environ if name.startswith(("CLAUDE", "CODEX", "LD_"))]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("assert 1 == 2, 'as planned'", "as planned"),
        ("import pytest; pytest.skip('not today')", "not today"),
        ("import os; os._exit(3)", "failed"),
        ("pass", "1 passed"),
    ],
)
def test_what_happens_inside_is_reported_outside(tmp_path: Path, body: str, said: str) -> None:
    here = Path(__file__).parent
    (tmp_path / "conftest.py").write_text((here / "conftest.py").read_text())
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\nmarkers = namespace: inside\naddopts = -rsf -p no:cacheprovider\n"
    )
    (tmp_path / "test_it.py").write_text(
        f"import pytest\n@pytest.mark.namespace\ndef test_it():\n    {body}\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", "test_it.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert said in done.stdout, done.stdout
    assert (done.returncode == 0) == (said in {"not today", "1 passed"})


def test_a_marked_body_refuses_to_run_outside(tmp_path: Path) -> None:
    ours = os.readlink("/proc/self/ns/pid")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "pytest_timeout",
        f"{__file__}::test_the_body_sees_only_its_own_processes",
    ]
    done = subprocess.run(
        command,
        cwd=Path(__file__).parents[1],
        env={**os.environ, "IRKIT_TEST_OUTSIDE_NAMESPACE": ours, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "not in a PID namespace of its own" in done.stdout
    assert done.returncode == 1
