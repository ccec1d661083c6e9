# SPDX-License-Identifier: Apache-2.0
"""A real terminal around `irkit run`: job control, window size, the terminal put back, nothing typed into it."""

import fcntl
import os
import pty
import select
import struct
import sys
import termios
import time
from pathlib import Path

import pytest

from tests.confine.inside import Place, need_bubblewrap

WAIT_S = 40.0
PROMPT = b"ready> "


class Terminal:
    """A shell with job control on a terminal of 33 lines and 101 columns."""

    def __init__(self, place: Place, shell: list[str]) -> None:
        pid, self.file = pty.fork()
        if pid == 0:
            os.chdir(place.project)
            # irkit by a short name: what the shell echoes of a stopped job stays on one line
            place.home.joinpath("irkit").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m irkit "$@"\n')
            place.home.joinpath("irkit").chmod(0o755)
            environ = place.environ(PS1="ready> ", HISTFILE="")
            environ["PATH"] = f"{place.home}:{environ['PATH']}"
            os.execvpe(shell[0], shell, environ)
        self.pid = pid
        fcntl.ioctl(self.file, termios.TIOCSWINSZ, struct.pack("4H", 33, 101, 0, 0))
        self.seen = b""

    def type(self, keys: bytes, wanted: bytes) -> str:
        """Type, and wait for that output; returns what came."""
        self.seen = b""
        os.write(self.file, keys)
        return self.wait(wanted)

    def wait(self, wanted: bytes) -> str:
        """Wait for that output."""
        deadline = time.monotonic() + WAIT_S
        while wanted not in self.seen:
            assert time.monotonic() < deadline, f"{wanted!r} never came: {self.seen!r}"
            if select.select([self.file], [], [], 0.2)[0]:
                self.seen += os.read(self.file, 65536)
        return self.seen.decode("utf-8", "replace")

    def quiet(self) -> str:
        """What came until nothing did for a moment."""
        while select.select([self.file], [], [], 0.3)[0]:
            self.seen += os.read(self.file, 65536)
        return self.seen.decode("utf-8", "replace")


def bash(place: Place) -> Terminal:
    terminal = Terminal(place, ["bash", "--norc", "--noprofile", "-i"])
    terminal.wait(PROMPT)
    terminal.type(b"bind 'set enable-bracketed-paste off' 2>/dev/null; echo a''way\n", b"away\r\n" + PROMPT)
    return terminal


@pytest.mark.namespace
def test_size_and_exit_code_pass_through_and_the_terminal_comes_back(namespace_folder: Path) -> None:
    need_bubblewrap()
    at = bash(Place(namespace_folder))
    came = at.type(b"irkit run -- sh -c 'tty; stty size; exit 3'; echo code''=$?\n", b"code=3\r\n" + PROMPT)
    assert "/dev/pts/0\r\n33 101\r\n" in came
    assert "icanon" in at.type(b"stty -a | tr ';' '\\n' | grep -o '.icanon'; echo d''one\n", b"done\r\n")
    assert "-icanon" not in at.seen.decode()


@pytest.mark.namespace
def test_ctrl_z_stops_it_and_fg_goes_on(namespace_folder: Path) -> None:
    need_bubblewrap()
    at = bash(Place(namespace_folder))
    script = b"echo be''gun; read line; echo got''-\\$line; exit 4"
    at.type(b'irkit run -- sh -c "' + script + b"\"; echo code''=$?\n", b"begun\r\n")
    at.type(b"\x1a", PROMPT)
    assert "Stopped" in at.seen.decode()
    at.type(b"echo in''-shell\n", b"in-shell\r\n")
    at.type(b"fg; echo code''=$?\n", b"irkit run")
    at.quiet()
    at.type(b"word\n", b"code=4\r\n")
    assert "got-word" in at.seen.decode()


@pytest.mark.namespace
def test_a_shell_inside_keeps_its_own_job_control(namespace_folder: Path) -> None:
    need_bubblewrap()
    at = bash(Place(namespace_folder))
    at.type(b"irkit run --env PS1 -- bash --norc --noprofile -i; echo code''=$?\n", PROMPT)
    at.type(b"sleep 641; echo ne''xt\n", b"\n")
    at.quiet()
    assert "Stopped" in at.type(b"\x1a", b"Stopped")
    at.quiet()
    at.type(b"disown %1; exit 9\n", b"code=9\r\n")


@pytest.mark.namespace
def test_ctrl_c_reaches_the_command_alone(namespace_folder: Path) -> None:
    need_bubblewrap()
    at = bash(Place(namespace_folder))
    script = b"trap 'echo caught; exit 8' INT; echo be''gun; while :; do sleep 0.05; done"
    at.type(b'irkit run -- sh -c "' + script + b"\"; echo code''=$?\n", b"begun\r\n")
    assert "caught" in at.type(b"\x03", b"code=8\r\n")


@pytest.mark.namespace
def test_nothing_inside_can_type_into_the_persons_shell(namespace_folder: Path) -> None:
    need_bubblewrap()
    place = Place(namespace_folder)
    at = bash(place)
    (place.project / "typer.py").write_text(
        "import fcntl, os, termios\n"
        "for path in ['/dev/tty', *('/proc/%s/fd/%s' % (p, n) for p in '123' for n in '012')]:\n"
        "    try:\n"
        "        file = os.open(path, os.O_RDWR | os.O_NOCTTY)\n"
        "        for key in b'echo pwned\\n': fcntl.ioctl(file, termios.TIOCSTI, bytes([key]))\n"
        "        print('TYPED', path)\n"
        "    except OSError: pass\n"
        "print('tr' + 'ied')\n"
    )
    at.type(b"irkit run -- python3 typer.py; echo code''=$?\n", b"code=0\r\n" + PROMPT)
    at.quiet()
    assert "tried" in at.seen.decode()
    assert "TYPED" not in at.seen.decode()
    assert "pwned" not in at.seen.decode()


@pytest.mark.namespace
def test_pipes_stay_pipes(namespace_folder: Path) -> None:
    need_bubblewrap()
    place = Place(namespace_folder)
    import subprocess

    data = bytes(range(256)) * 300
    done = subprocess.run(
        place.argv("--", "cat"), cwd=place.project, env=place.environ(), input=data, capture_output=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, data)
