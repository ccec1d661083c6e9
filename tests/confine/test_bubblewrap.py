# SPDX-License-Identifier: Apache-2.0
"""What holds inside bubblewrap's walls (threat T9), with real processes, files and sockets."""

import os
import signal
import socket
from pathlib import Path

import pytest

from irkit.respond import procfs
from tests.confine.inside import Place, need_bubblewrap
from tests.respond.trees import until


@pytest.mark.namespace
def test_its_output_and_its_exit_code_pass_through(namespace_folder: Path) -> None:
    need_bubblewrap()
    place = Place(namespace_folder)
    done = place.shell("echo out; echo err >&2; exit 5")
    assert (done.returncode, done.stdout, done.stderr) == (5, "out\n", "err\n")
    assert place.shell("kill -KILL $$").returncode == 137
    assert place.run("--", "no-such-program").returncode == 127


@pytest.mark.namespace
def test_nothing_that_runs_later_can_be_written(namespace_folder: Path) -> None:
    need_bubblewrap()
    place = Place(namespace_folder)
    attempts = (
        "echo x >> ~/.bashrc",
        "rm -f ~/.bashrc",
        "mv ~/.bashrc ~/other",
        "cp /dev/null ~/new && mv ~/new ~/.bashrc",
        "echo x > ~/.config/systemd/user/a.service",
        "mv ~/.config ~/.config-2",
        "mv ~/.config/systemd ~/.config/away",
        "echo x > .git/hooks/post-commit",
        "echo x >> .git/config",
        "mv .git .git-2",
        "mv ~/code ~/code-2",
        "echo x > ~/.ssh/authorized_keys",
        "echo x > /etc/x",
    )
    script = "\n".join(f"( {one} ) 2>/dev/null && echo 'DONE: {one}'" for one in attempts)
    done = place.shell(f"{script}\necho x > work.txt; echo x > ~/note.txt; echo ok")
    assert done.stdout == "ok\n", done
    assert (place.project / "work.txt").exists()
    assert (place.home / "note.txt").exists()
    assert (place.home / ".bashrc").read_text() == "# mine\n"


@pytest.mark.namespace
def test_what_was_put_there_to_be_covered_is_taken_away(namespace_folder: Path) -> None:
    need_bubblewrap()
    place = Place(namespace_folder)
    before = sorted(str(path) for path in place.home.rglob("*"))
    assert place.shell("test -d ~/.ssh").returncode == 0
    assert sorted(str(path) for path in place.home.rglob("*")) == before


@pytest.mark.namespace
def test_what_cannot_be_covered_is_told_when_it_appears(namespace_folder: Path) -> None:
    need_bubblewrap()
    place = Place(namespace_folder)
    done = place.shell("echo evil > ~/.bash_profile")
    assert done.returncode == 0
    assert ".bash_profile changed while this session ran" in done.stderr


@pytest.mark.namespace
def test_bind_opens_and_hide_closes(namespace_folder: Path) -> None:
    need_bubblewrap()
    place = Place(namespace_folder)
    (place.home / "private").mkdir()
    (place.home / "private" / "key").write_text("secret")
    hooks = str(place.project / ".git" / "hooks")
    done = place.shell(
        "echo x > .git/hooks/ours; ls ~/private", "--bind", hooks, "--hide", str(place.home / "private")
    )
    assert (done.returncode, done.stdout) == (0, ""), done
    assert (place.project / ".git" / "hooks" / "ours").exists()


@pytest.mark.namespace
def test_irkits_home_is_not_seen_but_for_the_gate(namespace_folder: Path) -> None:
    need_bubblewrap()
    place = Place(namespace_folder)
    (place.irkit / "audit").mkdir(parents=True)
    (place.irkit / "gate" / "spool").mkdir(parents=True)
    (place.irkit / "audit" / "day.jsonl").write_text("line\n")
    (place.irkit / "gate" / "answers").write_text("answers\n")
    home = f"'{place.irkit}'"
    done = place.shell(
        f"ls {home}; ls {home}/gate; echo x > {home}/gate/spool/a && echo spooled;"
        f" ( echo x > {home}/gate/KILL ) 2>/dev/null || echo refused;"
        f" ( echo x > {home}/audit ) 2>/dev/null || echo refused"
    )
    assert done.stdout.split() == ["gate", "answers", "spool", "spooled", "refused", "refused"], done
    assert (place.irkit / "audit" / "day.jsonl").read_text() == "line\n"


@pytest.mark.namespace
def test_brokers_cannot_be_reached(namespace_folder: Path) -> None:
    need_bubblewrap()
    place = Place(namespace_folder)
    agent = place.home / ".gnupg" / "S.gpg-agent"
    agent.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as listening, socket.socket(socket.AF_UNIX) as abstract:
        before = os.getcwd()
        os.chdir(agent.parent)
        listening.bind(agent.name)
        os.chdir(before)
        listening.listen()
        abstract.bind(f"\0irkit-test-{os.getpid()}")
        abstract.listen()
        script = (
            "import os, socket\n"
            "for name in (os.path.expanduser('~/.gnupg/S.gpg-agent'), "
            f"'\\0irkit-test-{os.getpid()}'):\n"
            "    try:\n        socket.socket(socket.AF_UNIX).connect(name)\n        print('REACHED', repr(name))\n"
            "    except OSError as error: print('refused')\n"
            "print(*os.listdir('/run'), *os.listdir('/tmp'))\n"
        )
        done = place.run("--", "python3", "-c", script)
    lines = done.stdout.splitlines()
    assert lines[0] == "refused", done
    from irkit.confine import landlock

    if landlock.abi() >= landlock.ABI_SCOPES:
        assert lines[1] == "refused", done
    seen = lines[2].split()
    assert not {"user", "dbus", "docker.sock", "systemd"}.intersection(seen), done
    assert not any(name.startswith("tmux") for name in seen), done


@pytest.mark.namespace
def test_the_environment_is_a_list(namespace_folder: Path) -> None:
    need_bubblewrap()
    place = Place(namespace_folder)
    fake = "wJal" + "0" * 20
    given = {"AWS_SECRET_ACCESS_KEY": fake, "ANTHROPIC_API_KEY": "k", "SSH_AUTH_SOCK": "/x", "MINE": "1"}
    done = place.run("--env", "MINE", "--", "env", **given)
    names = {line.partition("=")[0] for line in done.stdout.splitlines()}
    assert {"HOME", "PATH", "ANTHROPIC_API_KEY", "MINE"} <= names
    assert not names & {"AWS_SECRET_ACCESS_KEY", "SSH_AUTH_SOCK", "IRKIT_HOME", "PYTHONPATH"}


@pytest.mark.namespace
def test_whoever_kills_the_wrapper_ends_everything_inside(namespace_folder: Path) -> None:
    need_bubblewrap()
    place = Place(namespace_folder)
    script = (
        "setsid sleep 611 & (setsid setsid env -i sleep 612 &) ; trap '' TERM HUP; echo x > up; sleep 613"
    )
    wrapper = place.start("--", "sh", "-c", script)
    until(lambda: len(_sleeping()) == 3, "three sleeps inside")
    wrapper.send_signal(signal.SIGKILL)
    wrapper.wait(10)
    until(lambda: not _sleeping(), "everything inside ended")


@pytest.mark.namespace
def test_signals_pass_through(namespace_folder: Path) -> None:
    need_bubblewrap()
    place = Place(namespace_folder)
    script = "trap 'exit 33' TERM; echo x > up; while :; do sleep 0.05; done"
    wrapper = place.start("--", "sh", "-c", script)
    until((place.project / "up").exists, "it runs")
    wrapper.terminate()
    assert wrapper.wait(20) == 33


@pytest.mark.namespace
def test_a_plain_user_is_contained_as_well(namespace_folder: Path) -> None:
    need_bubblewrap()
    alone = Path("/proc/self/uid_map").read_text().split()[2] == "1"
    if os.getuid() or alone or not os.path.exists("/usr/bin/setpriv"):
        pytest.skip("needs root outside a user namespace, to become a plain user")
    place = Place(namespace_folder)
    _reachable(namespace_folder)
    argv = ["setpriv", "--reuid", "61234", "--regid", "61234", "--clear-groups", *place.argv("--")]
    script = "id -u; echo $$; ( echo x >> ~/.bashrc ) 2>/dev/null || echo refused; ps -e | wc -l"
    import subprocess

    done = subprocess.run(
        [*argv, "sh", "-c", script],
        cwd=place.project,
        env=place.environ(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if done.returncode == 4:
        pytest.skip(f"no user namespaces for plain users here: {done.stderr}")
    if "annot open file" in done.stderr or "Permission denied" in done.stderr:
        pytest.skip(f"this Python or checkout is not readable for others: {done.stderr[-200:]}")
    assert done.stdout.split()[:3] == ["61234", "3", "refused"], done


def _reachable(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            os.chown(path, 61234, 61234)
    for above in folder.parents:
        if str(above) != "/":
            os.chmod(above, above.stat().st_mode | 0o011)


def _sleeping() -> list[int]:
    """The sleeps of this body's own namespace."""
    return [
        pid
        for pid, proc in procfs.snapshot().items()
        if not proc.dead and (procfs.argv(pid) or ["", ""])[-1] in {"611", "612", "613"}
        and (procfs.argv(pid) or [""])[0].endswith("sleep")
    ]  # fmt: skip
