# SPDX-License-Identifier: Apache-2.0
"""A kill inside its own target starts anew outside of it."""

import os
import subprocess
import sys

import pytest

_PROGRAM = """
import os, sys
from irkit.agents.facts import marker_of
from irkit.respond import handover, procfs
if not handover.handed_over():
    print("before", marker_of(procfs.environ(os.getpid())), flush=True)
    sys.exit(handover.hand_over())
print("after", marker_of(procfs.environ(os.getpid())), os.getsid(0) == int(os.environ["OUTER"]), flush=True)
print("kept", os.environ["KEPT"], flush=True)
handover.report_back(10)
"""


@pytest.mark.namespace
def test_it_leaves_the_session_and_the_marks_and_sends_its_code_back() -> None:
    env = {**os.environ, "CLAUDE_CODE_SESSION_ID": "s-1", "KEPT": "yes", "OUTER": str(os.getsid(0))}
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM], env=env, capture_output=True, text=True, timeout=20, check=False
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["before [('claude-code', 's-1')]", "after [] False", "kept yes"]
    assert done.returncode == 10


_DIES = """
import os
from irkit.respond import handover
if not handover.handed_over():
    raise SystemExit(handover.hand_over())
os._exit(0)
"""


@pytest.mark.namespace
def test_a_detached_process_that_ends_without_a_word_is_no_success() -> None:
    done = subprocess.run([sys.executable, "-c", _DIES], capture_output=True, timeout=20, check=False)
    assert done.returncode == 11


_NO_PROCESS = """
import resource
from irkit.respond import handover
import os
os.setresuid(65534, 65534, 65534)
resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
print(handover.hand_over())
"""


@pytest.mark.namespace
def test_without_a_process_to_be_had_it_goes_on_here() -> None:
    if os.getuid():
        pytest.skip("changes its uid: needs root")
    done = subprocess.run(
        [sys.executable, "-c", _NO_PROCESS], capture_output=True, text=True, timeout=20, check=False
    )
    if "PermissionError" in done.stderr or "OSError" in done.stderr:
        pytest.skip("no other uid in this user namespace")
    assert done.stdout == "None\n", done.stderr
