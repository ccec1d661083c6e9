# SPDX-License-Identifier: Apache-2.0
"""`irkit run`: its command line, its refusal where nothing can be contained, and a run in CI."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from irkit.cli import walls_here, wrapping
from irkit.cli.commands import run
from irkit.confine import landlock
from irkit.errors import BadInputError
from irkit.home import Home
from tests.confine.inside import Place, need_bubblewrap, without_bubblewrap


def test_the_command_begins_after_two_dashes_or_with_the_first_plain_word(tmp_path: Path) -> None:
    read = run.read(["--bind", str(tmp_path), "--env=A", "--hide", "/", "--", "claude", "--bind", "x"])
    assert (read.binds, read.env, read.hides) == ([str(tmp_path)], ["A"], ["/"])
    assert read.command == ["claude", "--bind", "x"]
    assert run.read(["--env", "A", "codex", "--ci"]).command == ["codex", "--ci"]
    assert run.read(["--ci", "--artifact", "out", "--", "x"]).artifact == "out"


@pytest.mark.parametrize(
    ("argv", "word"),
    [([], "no command"), (["--"], "no command"), (["--bind"], "needs a value"), (["--nope", "x"], "no option --nope"),
     (["--bind", "/no/such/path", "x"], "no such path")],
)  # fmt: skip
def test_bad_input_is_one_clear_line(argv: list[str], word: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(BadInputError, match=word):
        run.read(argv)
    assert run.main(argv) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_help_shows_examples(capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(["--help"]) == 0
    assert "irkit run -- claude" in capsys.readouterr().out


@pytest.mark.namespace
def test_show_starts_nothing(namespace_folder: Path) -> None:
    place = Place(namespace_folder)
    done = place.run("--show")
    assert done.returncode == 0, done
    assert f"  {place.home}/.bashrc" in done.stdout
    assert not (place.home / ".ssh").exists()


@pytest.mark.namespace
def test_where_nothing_can_be_contained_it_says_so_and_ends_with_4(namespace_folder: Path) -> None:
    if os.getuid():
        pytest.skip("needs root, to take bubblewrap away in this body")
    without_bubblewrap(namespace_folder)
    place = Place(namespace_folder)
    # A kernel without scopes, for the processes that this body starts: sitecustomize is read before irkit.
    site = namespace_folder / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text("from irkit.confine import landlock\nlandlock.abi = lambda: 5\n")
    path = f"{site}:{place.environ()['PYTHONPATH']}"
    done = place.shell("echo RAN", PYTHONPATH=path)
    assert (done.returncode, done.stdout) == (4, ""), done
    assert "apt install bubblewrap" in done.stderr
    done = place.shell("echo ran; exit 3", "--attached", PYTHONPATH=path)
    assert (done.returncode, done.stdout) == (3, "ran\n")
    assert "not contained" in done.stderr


@pytest.mark.namespace
def test_ci_brings_its_own_guard_and_leaves_the_evidence(namespace_folder: Path) -> None:
    need_bubblewrap()
    place = Place(namespace_folder)
    artifact = namespace_folder / "out"
    done = place.run("--ci", "--artifact", str(artifact), "--", "sh", "-c", "exit 7")
    assert done.returncode == 7, done
    (day,) = (artifact / "audit").glob("*.jsonl")
    records = [json.loads(line) for line in day.read_text().splitlines()]
    assert [one["args"].get("how") for one in records if one["event"] == "acted"] == ["bubblewrap"]
    assert not any(argv[-1:] == ["guard"] for argv in _others())


@pytest.mark.namespace
def test_ci_ends_a_session_that_is_frozen(namespace_folder: Path) -> None:
    need_bubblewrap()
    place = Place(namespace_folder)
    running = place.start("--ci", "--artifact", str(namespace_folder / "out"), "--", "sleep", "651")
    from tests.respond.trees import until

    home = Home(str(place.irkit))

    def sessions() -> list[str]:
        from irkit.errors import IrkitError
        from irkit.guard import client

        try:
            return [one["id"] for one in client.call(home, "sessions")["sessions"]]
        except IrkitError:
            return []

    until(sessions, "the session is known")
    from irkit.guard import client

    client.call(home, "session.freeze", {"session": sessions()[0], "reason": "test"})
    assert running.wait(60) == 10


def test_wrapping_shows_writes_once_and_goes(tmp_path: Path) -> None:
    home = Home(str(tmp_path / "home"))
    wanted = wrapping.texts("/opt/ir kit/irkit", ["claude"])
    assert "claude() { '/opt/ir kit/irkit' run -- claude \"$@\"; }" in wanted["bash"]
    assert "+claude()" in wrapping.diff(home, wanted)
    assert len(wrapping.write(home, wanted)) == 3
    assert (wrapping.diff(home, wanted), wrapping.write(home, wanted)) == ("", [])
    script = f". {wrapping.path_of(home, 'bash')}; type claude"
    said = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=20, check=True)
    assert "run -- claude" in said.stdout
    assert len(wrapping.remove(home)) == 3
    assert wrapping.remove(home) == []


def test_doctor_says_which_walls_there_are() -> None:
    found = walls_here.best()
    assert found.verdict in {"ok", "limit", "fix"}
    assert (found.verdict == "fix") == ("nothing can be contained" in found.detail)
    assert f"Landlock ABI {landlock.abi()}" in found.detail or found.verdict == "fix"


def _others() -> list[list[str]]:
    from irkit.respond import procfs

    return [
        procfs.argv(pid) or []
        for pid, proc in procfs.snapshot().items()
        if not proc.dead and pid != os.getpid()
    ]
