# SPDX-License-Identifier: Apache-2.0
"""A process table with holes is said to have them, and proves nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from irkit import exit_codes
from irkit.respond import sight
from irkit.respond.killreport import KillReport, Row
from irkit.respond.stop import Frozen, Killed

_AS_NOBODY = """
import os, sys
sys.path.insert(0, sys.argv[1])
from irkit.respond import procfs, sight
os.setgroups([])
os.setresgid(65534, 65534, 65534)
os.setresuid(65534, 65534, 65534)
print(len(procfs.snapshot()), sight.kept_from_us())
"""


def as_nobody(options: str) -> str:
    """What a plain user sees of a private /proc that was mounted so."""
    script = f'mount -t proc -o {options} proc /proc && exec "$@"'
    program = [sys.executable, "-I", "-S", "-c", _AS_NOBODY, str(Path(__file__).parents[2])]
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, "sh", *program],
        capture_output=True,
        text=True,
        check=False,
    )
    if "mount:" in done.stderr:
        pytest.skip(f"no private /proc here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.namespace
@pytest.mark.parametrize("hidepid", ["1", "2"])
def test_a_hidepid_proc_is_noticed(hidepid: str) -> None:
    if os.getuid() or Path("/proc/self/uid_map").read_text().split()[2] == "1":
        pytest.skip("needs a plain user beside root: root outside a user namespace")
    assert as_nobody(f"hidepid={hidepid}") == f"1 {[sight.HIDDEN]}"
    assert as_nobody("hidepid=0").endswith(" []")


def test_whoever_sees_all_is_told_nothing() -> None:
    if os.path.exists("/proc/1/stat"):
        assert sight.kept_from_us() == []


def test_what_is_hidden_is_in_the_report_and_no_proof_stands_beside_it() -> None:
    frozen = Frozen()
    frozen.settled = True
    report = KillReport(Killed(frozen))
    report.proof = "empty"
    assert report.verdict == exit_codes.DONE
    report.kept_from_us = [sight.HIDDEN]
    assert report.verdict == exit_codes.NOT_RULED_OUT
    assert report.to_dict()["kept_from_us"] == [sight.HIDDEN]
    report.dead = [Row((2, 3), "sleep", "child of 1", "killed", "dead (gone)")]
    assert any("hidepid" in line for line in report.lines())
    assert all(len(line) <= 100 for line in report.lines())
