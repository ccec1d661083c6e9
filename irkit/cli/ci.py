# SPDX-License-Identifier: Apache-2.0
"""`irkit run --ci`: a guard of its own for one command, no service, evidence left as an artifact.

Rules:
- The home is IRKIT_HOME where that is set and no guard runs there, else a throw-away one; the guard is a child of
  this process, outside the walls, and ends with it.
- The artifact is what an examiner needs: the audit log with its checkpoints, the incidents, the journal. Bundles
  come later.
- Nobody is there to answer: a session that a rule freezes is ended at once.
- The exit code is the command's; 10 or 11 when a rule stopped the session, whatever the command said.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time

from irkit import exit_codes
from irkit.cli.commands.run import Wanted, contain
from irkit.cli.contained import ask
from irkit.errors import GuardUnreachableError
from irkit.guard import client
from irkit.home import Home

READY_MAX_S = 15.0
END_MAX_S = 5.0
KEPT = ("audit", "incidents", "journal.jsonl", "sessions.tsv")


def run_ci(wanted: Wanted) -> int:
    """Guard, command, artifact; returns the exit code. Raises IrkitError."""
    given = os.environ.get("IRKIT_HOME", "")
    folder = given or tempfile.mkdtemp(prefix="irkit-ci-")
    home = Home(folder)
    guard = None
    try:
        if not ask(home, "ping", {}):
            guard = _guard(home)
        code = contain(wanted, home)
        stopped = _stopped(home)
    finally:
        if guard is not None:
            _end(guard)
        _keep(home, wanted.artifact or "irkit-evidence")
        if not given:
            shutil.rmtree(folder, ignore_errors=True)
    return stopped if stopped is not None else code


def _guard(home: Home) -> "subprocess.Popen[bytes]":
    """A guard of this home, ready. Raises GuardUnreachableError."""
    home.make()
    with open(home.at("guard.out"), "wb") as out:
        guard = subprocess.Popen(
            [sys.executable, "-m", "irkit", "guard"],
            env={**os.environ, "IRKIT_HOME": home.path},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    end_at = time.monotonic() + READY_MAX_S
    while not ask(home, "ping", {}):
        if guard.poll() is not None or time.monotonic() > end_at:
            _end(guard)
            with open(home.at("guard.out"), encoding="utf-8", errors="replace") as said:
                last = said.read(4000).strip().rpartition("\n")[2]
            raise GuardUnreachableError(f"the guard did not start: {last or 'it said nothing'}")
        time.sleep(0.02)
    return guard


def _stopped(home: Home) -> int | None:
    """10 or 11 when an incident of this home froze or killed something, None when nothing did."""
    acts = [act for one in client.call(home, "incident.list") for act in one["acts"]]
    froze = [act for act in acts if str(act.get("command", {}).get("type", "")).lower() in {"freeze", "kill"}]
    if not froze:
        return None
    failed = any((act.get("outcome") or {}).get("type") == "Failed" for act in froze)
    return exit_codes.SURVIVOR if failed else exit_codes.NOT_RULED_OUT


def _keep(home: Home, artifact: str) -> None:
    """Copy what an examiner needs. A folder that cannot be written is said, and hides no exit code."""
    try:
        os.makedirs(artifact, exist_ok=True)
        for name in KEPT:
            source, target = home.at(name), os.path.join(artifact, name)
            if os.path.isdir(source):
                shutil.copytree(source, target, dirs_exist_ok=True)
            elif os.path.exists(source):
                shutil.copy(source, target)
    except OSError as error:
        sys.stderr.write(f"irkit: {artifact}: {error.strerror}: the evidence was not kept\n")


def _end(guard: "subprocess.Popen[bytes]") -> None:
    guard.terminate()
    try:
        guard.wait(END_MAX_S)
    except subprocess.TimeoutExpired:
        guard.kill()
        guard.wait(END_MAX_S)
