# SPDX-License-Identifier: Apache-2.0
"""The first minute of a newcomer whose machine lacks something: what `make` then says or does."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

BOOTSTRAP = Path(__file__).parents[2] / "scripts" / "bootstrap.sh"

WITHOUT_VENV = """#!/bin/sh
case "$*" in
*ensurepip*) exit 1 ;;
*python%d.%d-venv*) echo python3.12-venv ;;
"-m venv "*) echo "venv $*" >> "$0.calls"; exit 9 ;;
--version) echo Python 3.12.1 ;;
esac
"""
OLD = "#!/bin/sh\nexit 1\n"


class Machine:
    """A PATH of our own making."""

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "bin"
        self.bin.mkdir()
        for tool in ("sh", "env"):
            (self.bin / tool).symlink_to(shutil.which(tool) or "")
        self.folder = folder

    def has(self, name: str, text: str) -> None:
        path = self.bin / name
        path.write_text(text)
        path.chmod(0o755)

    def bootstrap(self, *, root: bool) -> "subprocess.CompletedProcess[str]":
        self.has("id", f"#!/bin/sh\necho {0 if root else 1000}\n")
        env = {"PATH": str(self.bin), "HOME": str(self.folder)}
        argv = [str(BOOTSTRAP), str(self.folder / "venv")]
        return subprocess.run(argv, env=env, capture_output=True, text=True, check=False, timeout=30)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_without_a_new_enough_python_it_says_what_to_get(machine: Machine) -> None:
    machine.has("python3", OLD)
    ran = machine.bootstrap(root=True)
    assert ran.returncode == 1
    assert "Python 3.11 or newer is needed" in ran.stderr
    assert "brew install python" in ran.stderr


def test_a_plain_user_is_told_the_one_line_to_type(machine: Machine) -> None:
    machine.has("python3", WITHOUT_VENV)
    machine.has("apt-get", "#!/bin/sh\nexit 66\n")
    ran = machine.bootstrap(root=False)
    assert ran.returncode == 1
    assert "sudo apt-get install -y python3.12-venv" in ran.stderr


def test_root_gets_the_package_and_it_goes_on(machine: Machine) -> None:
    machine.has("python3", WITHOUT_VENV)
    machine.has("apt-get", '#!/bin/sh\necho "$*" >> "$0.calls"\n')
    ran = machine.bootstrap(root=True)
    assert (machine.bin / "apt-get.calls").read_text() == "install -y python3.12-venv\n"
    assert "-m venv --clear" in (machine.bin / "python3.calls").read_text()
    assert ran.returncode == 9


def test_where_there_is_no_apt_it_says_so(machine: Machine) -> None:
    machine.has("python3", WITHOUT_VENV)
    ran = machine.bootstrap(root=True)
    assert ran.returncode == 1
    assert "package manager" in ran.stderr


def test_a_python_that_has_venv_goes_before_a_newer_one_without(machine: Machine) -> None:
    machine.has("python3.14", WITHOUT_VENV)
    machine.has("python3.11", WITHOUT_VENV.replace("exit 1", "exit 0"))
    machine.bootstrap(root=True)
    assert not (machine.bin / "python3.14.calls").exists()
    assert (machine.bin / "python3.11.calls").exists()


def test_the_script_is_executable() -> None:
    assert os.access(BOOTSTRAP, os.X_OK)
