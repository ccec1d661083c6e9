# SPDX-License-Identifier: Apache-2.0
"""A desktop notification, through whatever this system has for it. Text travels as an argument, never as a command."""

import os
import shutil
import subprocess
import sys

from irkit import limits
from irkit.incident.commands import AnyOutcome, Done, Failed, Unverified
from irkit.incident.incident import Incident
from irkit.report.incident_text import notice

_APPLE = "on run argv\ndisplay notification (item 2 of argv) with title (item 1 of argv)\nend run"


class DesktopNotifier:
    """freedesktop's notifications over D-Bus, or macOS's. macOS: not run here."""

    name = "desktop"

    def tell(self, incident: Incident, number: int) -> AnyOutcome:
        """Done when the desktop's service took it."""
        text = notice(incident, number)
        argv = self._command(text.title, text.body)
        if argv is None:
            return Unverified("no desktop here")
        environ = {
            "PATH": os.defpath,
            "DBUS_SESSION_BUS_ADDRESS": bus_address(),
            "HOME": os.path.expanduser("~"),
        }
        try:
            done = subprocess.run(
                argv,
                env=environ,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=limits.NOTIFY_MAX_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return Failed(f"{argv[0]}: {error}"[:200])
        if done.returncode:
            return Failed(
                f"{argv[0]} ended with {done.returncode}: {done.stderr.decode('utf-8', 'replace').strip()[:200]}"
            )
        return Done(os.path.basename(argv[0]))

    def _command(self, title: str, body: str) -> list[str] | None:
        if sys.platform == "darwin":
            return ["osascript", "-e", _APPLE, title, body]
        if not bus_address():
            return None
        if program := shutil.which("notify-send"):
            return [program, "--urgency=critical", "--app-name=irkit", "--", title, body]
        if program := shutil.which("gdbus"):
            return [
                program,
                "call",
                "--session",
                "--dest=org.freedesktop.Notifications",
                "--object-path=/org/freedesktop/Notifications",
                "--method=org.freedesktop.Notifications.Notify",
                "irkit",
                "0",
                "",
                _variant(title),
                _variant(body),
                "[]",
                "{'urgency': <byte 2>}",
                "0",
            ]
        return None


def bus_address() -> str:
    """This user's session bus: from the environment, else where systemd puts it; empty when there is none."""
    known = os.environ.get("DBUS_SESSION_BUS_ADDRESS", "")
    path = f"/run/user/{os.getuid()}/bus"
    return known or (f"unix:path={path}" if os.path.exists(path) else "")


def _variant(text: str) -> str:
    """A string in GVariant's text form."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
