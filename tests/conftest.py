# SPDX-License-Identifier: Apache-2.0
"""Tests marked `namespace` run their body in a PID namespace of their own.

Whatever such a body finds, freezes or kills, it can reach nothing outside: the kernel shows it no other process.
It has a HOME, IRKIT_HOME and TMPDIR of its own and a clean environment, and when it ends, however it ends, the
kernel ends everything that it started. Outside a namespace the body refuses to run.
"""

import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

OUTSIDE = "IRKIT_TEST_OUTSIDE_NAMESPACE"
"""Set inside only: the identity of the PID namespace that the body must not be in."""
OUTCOME = "IRKIT_TEST_OUTCOME"
"""Set inside only: the file that the body's outcome is written to."""
BODY_MAX_S = 100
INIT = ("sh", "-c", '"$@"; exit $?', "init")
"""Pid 1 inside: collects orphans as an init does, so that the body is not their parent."""


def unshare() -> list[str]:
    """The command that makes a PID namespace; a plain user's needs a user namespace around it."""
    ours = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]
    return ours if os.getuid() == 0 else [*ours, "--user", "--map-root-user"]


@functools.cache
def cannot() -> str:
    """Why no namespace can be made here, empty when one can."""
    if sys.platform != "linux":
        return "PID namespaces need Linux"
    if not shutil.which("unshare"):
        return "unshare (util-linux) is not installed"
    tried = subprocess.run([*unshare(), "true"], capture_output=True, text=True, timeout=20, check=False)
    return f"no PID namespace: {tried.stderr.strip()}" if tried.returncode else ""


def pytest_configure() -> None:
    """No example has a deadline (a slow neighbour is not a defect), and none is kept: a checkout may be read-only."""
    if OUTSIDE not in os.environ:  # inside, where nothing is generated, its import would only cost time
        import hypothesis

        hypothesis.settings.register_profile("irkit", deadline=None, database=None)
        hypothesis.settings.load_profile("irkit")


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a marked test's body inside; None lets pytest run it here."""
    if pyfuncitem.get_closest_marker("namespace") is None or OUTSIDE in os.environ:
        return None
    if reason := cannot():
        pytest.skip(reason)
    folder = pyfuncitem.config.rootpath
    private = Path(str(pyfuncitem.funcargs["namespace_folder"]))
    outcome = private / "outcome"
    plugins = [part for name in ("pytest_timeout",) for part in ("-p", name)]
    done = subprocess.run(
        [
            *unshare(),
            *INIT,
            sys.executable,
            "-m",
            "pytest",
            "-q",
            *plugins,
            "-p",
            "no:randomly",
            pyfuncitem.nodeid,
        ],
        cwd=folder,
        env=_environment(private, outcome),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=BODY_MAX_S,
        check=False,
    )
    kind, _, detail = (outcome.read_text() if outcome.exists() else "").partition("\n")
    if kind == "skipped":
        pytest.skip(detail)
    if kind != "passed" or done.returncode:
        pytest.fail(detail or done.stdout + done.stderr, pytrace=False)
    return True


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Inside: write the body's outcome down for the test outside."""
    result = yield
    report = result.get_result()  # type: ignore[attr-defined]  # pluggy sends the result into the generator
    path = os.environ.get(OUTCOME)
    if path and (report.when == "call" or report.outcome != "passed"):
        detail = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longreprtext
        captured = "".join(f"\n--- {name}\n{text}" for name, text in report.sections)
        Path(path).write_text(f"{report.outcome}\n{detail}{captured}")


@pytest.fixture(autouse=True)
def _never_outside(request: pytest.FixtureRequest) -> None:
    """The last line of defence: a marked body never runs where others' processes are."""
    outside = os.environ.get(OUTSIDE)
    if outside and request.node.get_closest_marker("namespace"):
        assert os.readlink("/proc/self/ns/pid") != outside, "not in a PID namespace of its own"
        assert os.getppid() <= 1, "not in a PID namespace of its own"


@pytest.fixture(autouse=True)
def _comes_back(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test that goes elsewhere and stays there breaks the ones that follow it."""
    before = os.getcwd()
    yield
    inside = OUTSIDE in os.environ  # a body has its process to itself
    assert inside or os.getcwd() == before, "the test left its folder"


@pytest.fixture
def namespace_folder(tmp_path: Path) -> Path:
    """Where the body's private folders go; asked for by every marked test, see `pytest_collection_modifyitems`."""
    return tmp_path


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marked tests get `namespace_folder` without naming it."""
    for item in items:
        if isinstance(item, pytest.Function) and item.get_closest_marker("namespace"):
            item.fixturenames.append("namespace_folder")


def _environment(private: Path, outcome: Path) -> dict[str, str]:
    for name in ("home", "irkit", "tmp"):
        (private / name).mkdir(mode=0o700)
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        "HOME": str(private / "home"),
        "IRKIT_HOME": str(private / "irkit"),
        "TMPDIR": str(private / "tmp"),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        OUTSIDE: os.readlink("/proc/self/ns/pid"),
        OUTCOME: str(outcome),
    }
