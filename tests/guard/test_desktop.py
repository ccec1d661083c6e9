# SPDX-License-Identifier: Apache-2.0
"""The desktop notification, on a private session bus where this machine has one."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from irkit.guard.desktop import DesktopNotifier, bus_address
from irkit.incident.commands import Failed, Unverified
from tests.guard.notices import FROZEN


@pytest.mark.skipif(sys.platform != "linux", reason="looks at Linux's session bus")
def test_without_a_session_bus_there_is_no_desktop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    if bus_address():
        pytest.skip("this user has a session bus")
    assert DesktopNotifier().tell(FROZEN, 0) == Unverified("no desktop here")


@pytest.mark.skipif(sys.platform != "linux" or not shutil.which("gdbus"), reason="gdbus is not installed")
def test_a_bus_that_is_not_there_fails(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", f"unix:path={tmp_path}/none")
    assert isinstance(DesktopNotifier().tell(FROZEN, 0), Failed)


NEEDED = ("dbus-run-session", "dbus-monitor")


@pytest.mark.skipif(
    not all(map(shutil.which, NEEDED)) or not (shutil.which("gdbus") or shutil.which("notify-send")),
    reason=f"needs {' and '.join(NEEDED)}, and gdbus or notify-send",
)
def test_the_call_on_the_bus_carries_the_notice(tmp_path: Path) -> None:
    """No service answers there, so the outcome is Failed; what was asked for is seen on the bus itself."""
    script = (
        'dbus-monitor --session "member=\'Notify\'" > "$1" & monitor=$!\n'
        'n=0; until grep -q NameLost "$1" || [ $n -ge 50 ]; do sleep 0.1; n=$((n+1)); done\n'
        f'{sys.executable} -c "$2"\nsleep 0.3; kill $monitor\n'
    )
    tell = (
        "from irkit.guard.desktop import DesktopNotifier\nfrom tests.guard.notices import FROZEN\n"
        "print(type(DesktopNotifier().tell(FROZEN, 0)).__name__)\n"
    )
    seen = tmp_path / "seen"
    done = subprocess.run(
        ["dbus-run-session", "--", "sh", "-c", script, "sh", str(seen), tell],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=Path(__file__).parents[2],
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LANG": "C.UTF-8"},
    )
    assert done.stdout.strip() == "Failed", done.stderr
    call = seen.read_text()
    assert "member=Notify" in call
    assert 'string "irkit: FROZEN shop (INC-2026-014)"' in call
    assert "irkit status" in call
