# SPDX-License-Identifier: Apache-2.0
"""Where there is no bubblewrap: Landlock's scopes and two reapers, live where this kernel has them."""

import os
import signal
from pathlib import Path

import pytest

from irkit.confine import landlock
from irkit.confine.subreaper import writable_of
from irkit.confine.view import view_of
from irkit.respond import procfs
from tests.confine.inside import Place, without_bubblewrap
from tests.respond.trees import until


def need_scopes() -> None:
    if landlock.abi() < landlock.ABI_SCOPES:
        pytest.skip(f"Landlock ABI {landlock.abi()} has no scopes (Linux 6.12 has)")
    if os.getuid():
        pytest.skip("needs root, to take bubblewrap away in this body")


def sleeping() -> list[int]:
    table = procfs.snapshot()
    argvs = {pid: procfs.argv(pid) or [] for pid, proc in table.items() if not proc.dead}
    return [pid for pid, argv in argvs.items() if len(argv) == 2 and argv[1] in {"631", "632", "633"}]


@pytest.mark.namespace
def test_it_runs_and_cannot_signal_what_is_outside(namespace_folder: Path) -> None:
    need_scopes()
    without_bubblewrap(namespace_folder)
    place = Place(namespace_folder)
    done = place.shell(
        f"kill -0 {os.getpid()} 2>/dev/null && echo REACHED; kill -9 $PPID; sleep 0.2; echo on; exit 6"
    )
    assert done.returncode in {6, 137}, done  # the inner program is inside: killing it ends the session
    assert "REACHED" not in done.stdout
    done = place.shell(f"kill -0 {os.getpid()} 2>/dev/null && echo REACHED; exit 6")
    assert (done.returncode, done.stdout) == (6, ""), done


@pytest.mark.namespace
def test_state_and_start_files_cannot_be_written(namespace_folder: Path) -> None:
    need_scopes()
    without_bubblewrap(namespace_folder)
    place = Place(namespace_folder)
    (place.irkit / "gate" / "spool").mkdir(parents=True)
    (place.irkit / "audit").mkdir()
    home = f"'{place.irkit}'"
    attempts = (
        "echo x >> ~/.bashrc",
        "rm ~/.bashrc",
        "echo x > ~/.config/systemd/user/a.service",
        "echo x > .git/hooks/post-commit",
        "echo x >> .git/config",
        f"echo x > {home}/audit/a",
        f"echo x > {home}/gate/KILL",
    )
    script = "\n".join(f"( {one} ) 2>/dev/null && echo 'DONE: {one}'" for one in attempts)
    done = place.shell(f"{script}\necho x > {home}/gate/spool/a && echo spooled")
    assert done.stdout == "spooled\n", done


@pytest.mark.namespace
@pytest.mark.parametrize("whom", ["wrapper", "keeper"])
def test_whoever_is_killed_from_outside_everything_inside_ends(namespace_folder: Path, whom: str) -> None:
    need_scopes()
    without_bubblewrap(namespace_folder)
    place = Place(namespace_folder)
    script = "setsid sleep 631 & (setsid setsid env -i sleep 632 &) ; trap '' TERM HUP; sleep 633"
    wrapper = place.start("--", "sh", "-c", script)
    until(lambda: len(sleeping()) == 3, "three sleeps inside")
    keepers = [
        proc.pid for proc in procfs.snapshot().values() if proc.ppid == wrapper.pid and proc.sid == proc.pid
    ]
    os.kill(wrapper.pid if whom == "wrapper" else keepers[0], signal.SIGKILL)
    until(lambda: not sleeping(), "everything inside ended")
    assert wrapper.wait(20) != 0


def test_the_file_rules_name_the_neighbours(tmp_path: Path) -> None:
    for name in (".bashrc", "notes", "code/a", "code/b"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    (tmp_path / "latest").symlink_to(tmp_path / "code")
    closed = [str(tmp_path / ".bashrc"), str(tmp_path / "code" / "a")]
    found = landlock.around(str(tmp_path), closed)
    assert found == [str(tmp_path / "code" / "b"), str(tmp_path / "notes")]
    assert landlock.around(str(tmp_path / "notes"), closed) == [str(tmp_path / "notes")]
    assert landlock.around(closed[0], closed) == []


def test_a_views_covers_are_closed(tmp_path: Path) -> None:
    home = tmp_path / "p"
    (home / "x" / ".git").mkdir(parents=True)
    (home / ".bashrc").write_text("")
    view = view_of(
        home="/nowhere", user_home=str(home), cwd=str(home / "x"), binds=[], hides=[], own=[], user=1
    )
    allowed = writable_of(view)
    assert str(home / ".bashrc") not in allowed
    assert str(home) not in allowed
