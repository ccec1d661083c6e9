# SPDX-License-Identifier: Apache-2.0
"""Which walls this machine lets `irkit run` build: tried, not guessed. Nothing is left behind."""

import os
import subprocess
from typing import NamedTuple

from irkit.confine import bubblewrap, landlock
from irkit.confine.marks import Marks

TRY_MAX_S = 10


class Walls(NamedTuple):
    """What can be promised."""

    verdict: str
    """ok, limit or fix, as doctor says it."""
    detail: str


def best() -> Walls:
    """The best walls, and what else a session gets of its own."""
    problem = _bubblewrap()
    scopes = landlock.abi() >= landlock.ABI_SCOPES
    about = f"Landlock ABI {landlock.abi()}, {_group()}"
    if not problem:
        open_end = "" if scopes else "; abstract sockets stay open (Linux 6.12 has the scope)"
        return Walls("ok", f"bubblewrap: a kill of `irkit run` is proved; {about}{open_end}")
    if scopes:
        return Walls("limit", f"{problem}; Landlock's scopes instead: a kill's verdict stays 10; {about}")
    return Walls(
        "fix", f"{problem}, and no Landlock scopes: nothing can be contained; apt install bubblewrap"
    )


def _bubblewrap() -> str:
    """Why bubblewrap cannot build walls, empty when it can."""
    program = bubblewrap.program()
    if not program:
        return "bubblewrap is not installed"
    argv = [program, "--ro-bind", "/", "/", "--unshare-pid", "--die-with-parent", "true"]
    try:
        tried = subprocess.run(argv, capture_output=True, text=True, timeout=TRY_MAX_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"bubblewrap does not run ({error})"
    return f"bubblewrap cannot ({tried.stderr.strip()[:120]})" if tried.returncode else ""


def _group() -> str:
    own = Marks()
    own.remove()
    group = "a control group of its own" if own.cgroup else "no control group of its own"
    return (
        f"{group}, {'an audit id of its own' if os.geteuid() == 0 else 'no audit id of its own (needs root)'}"
    )
