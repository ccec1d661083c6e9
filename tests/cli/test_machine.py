# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import pytest

from irkit.cli.machine import Machine


def _limits(
    root: Path, *programs: str, uid: int = 1000, environ: dict[str, str] | None = None
) -> dict[str, str]:
    have = {"notify-send", *programs}
    machine = Machine(
        environ or {}, uid, str(root), lambda name: f"/usr/bin/{name}" if name in have else None
    )
    return dict(machine.limits())


def test_a_plain_machine_has_nothing_to_say(tmp_path: Path) -> None:
    assert _limits(tmp_path) == {}


def test_root_is_told_first(tmp_path: Path) -> None:
    assert list(_limits(tmp_path, "tmux", uid=0)) == ["user", "brokers"]


@pytest.mark.parametrize(
    ("path", "text", "what"),
    [
        ("etc/sudoers.d/x", "me ALL=(ALL) NOPASSWD: ALL\n", "user"),
        ("proc/mounts", "proc /proc proc rw,hidepid=invisible 0 0\n", "/proc"),
        ("proc/mounts", "proc /proc proc rw,nosuid,hidepid=2 0 0\n", "/proc"),
        (".dockerenv", "", "container"),
        ("run/.containerenv", "", "container"),
    ],
)
def test_what_a_file_tells(tmp_path: Path, path: str, text: str, what: str) -> None:
    file = tmp_path / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    assert list(_limits(tmp_path)) == [what]


def test_hidepid_0_hides_nothing(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc" / "mounts").write_text("proc /proc proc rw,hidepid=0 0 0\n")
    assert _limits(tmp_path) == {}


@pytest.mark.parametrize(
    ("name", "value", "what"),
    [
        ("SSH_CONNECTION", "10.0.0.1 1 10.0.0.2 22", "ssh"),
        ("WSL_DISTRO_NAME", "Debian", "WSL"),
        ("container", "podman", "container"),
    ],
)
def test_what_the_environment_tells(tmp_path: Path, name: str, value: str, what: str) -> None:
    assert list(_limits(tmp_path, environ={name: value})) == [what]


def test_editors_and_brokers_are_named_in_one_line_each(tmp_path: Path) -> None:
    found = _limits(tmp_path, "code", "cursor", "docker", "ssh")
    assert found["editors"].startswith("code, cursor: a session in its window is latched")
    assert found["brokers"].startswith("docker, ssh: what an agent starts through it")
