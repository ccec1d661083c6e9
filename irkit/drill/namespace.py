# SPDX-License-Identifier: Apache-2.0
"""A PID namespace for an exercise, where this machine lets us make one: what runs in it can neither see nor
outlive anything outside.
"""

import os
import shutil
import subprocess

PROBE_MAX_S = 10.0
_INIT = '"$@"; exit $?'
"""The namespace's first process: a shell, which reaps whoever loses its parent. The second command keeps it there."""


def prefix() -> list[str]:
    """What to put before a command so that it runs in a PID namespace of its own; empty where none can be made.

    As root directly, else through a user namespace. Everything in it ends when its first process does.
    """
    if not shutil.which("unshare"):
        return []
    user = ["--user", "--map-root-user"] if os.getuid() else []
    command = ["unshare", *user, "--pid", "--fork", "--mount-proc", "--kill-child"]
    try:
        tried = subprocess.run([*command, "true"], capture_output=True, timeout=PROBE_MAX_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [*command, "/bin/sh", "-c", _INIT, "exercise"] if tried.returncode == 0 else []
