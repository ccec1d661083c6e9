# SPDX-License-Identifier: Apache-2.0
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from irkit import exit_codes
from irkit.evidence.keys import ensure_key
from irkit.home import Home
from tests.evidence.logs import DAY_TWO, write_log


def _run(*args: str, home: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "IRKIT_HOME": home, "NO_COLOR": "1"}
    command = [sys.executable, "-m", "irkit", "verify", *args]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=30, check=False)


def test_a_copy_on_another_machine_verifies_against_a_key_that_came_another_way(tmp_path: Path) -> None:
    home = Home(str(tmp_path / "home"))
    write_log(home, signed_at=(6, 12))
    copy, signers = tmp_path / "copy", tmp_path / "team_signers"
    shutil.copytree(home.audit, copy)
    shutil.copy(Path(home.keys) / "allowed_signers", signers)
    nowhere = str(tmp_path / "nowhere")
    done = _run(str(copy), "--signers", str(signers), "--json", home=nowhere)
    assert (done.returncode, json.loads(done.stdout)["vouched"]) == (0, True)
    unknown = _run(str(copy), home=nowhere)
    assert unknown.returncode == 0
    assert "compare the fingerprint" in unknown.stdout
    one = _run(str(copy / DAY_TWO), "--signers", str(signers), home=nowhere)
    assert one.returncode == 0, one.stdout
    assert not Path(nowhere).exists()

    signers.write_text(ensure_key(Home(str(tmp_path / "stranger"))).signers_line)
    other = _run(str(copy), "--signers", str(signers), home=nowhere)
    assert other.returncode == 1
    assert "other key" in other.stdout


def test_nothing_to_verify_is_one_clear_line(tmp_path: Path) -> None:
    done = _run(str(tmp_path / "nowhere"), home=str(tmp_path))
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1


def test_nothing_is_no_good_verdict(tmp_path: Path) -> None:
    empty = tmp_path / "home" / "audit"
    empty.mkdir(parents=True)
    argv = [sys.executable, "-m", "irkit"]
    environ = {"PATH": os.defpath, "HOME": str(tmp_path), "IRKIT_HOME": str(tmp_path / "home")}
    unused = subprocess.run(
        [*argv, "log", "verify"], env=environ, capture_output=True, timeout=30, check=False
    )
    assert unused.returncode == exit_codes.BAD_INPUT
    (tmp_path / "home" / "irkit.db").touch()
    emptied = subprocess.run(
        [*argv, "log", "verify"], env=environ, capture_output=True, timeout=30, check=False
    )
    assert emptied.returncode == exit_codes.NEGATIVE
    assert b"its whole log is gone" in emptied.stderr
