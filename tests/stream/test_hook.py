# SPDX-License-Identifier: Apache-2.0
"""The hook client as agents start it: a real process, a real socket, a real folder."""

import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from irkit.guard.hooksock import parse_header

SOURCE = Path(__file__).parents[2] / "irkit" / "stream"
PAYLOAD = (
    b'{"session_id":"s-1","hook_event_name":"PreToolUse","tool_name":"Bash","permission_mode":"default"}'
)


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    folder = tmp_path / "a home with spaces" / "gate"
    (folder / "spool").mkdir(parents=True)
    for name in ("hook.py", "hook_slow.py"):
        shutil.copy(SOURCE / name, folder / name)
    return folder


class FakeGuard:
    """Obeys the same protocol as the guard: reads one whole request, gives one answer (or none)."""

    def __init__(self, gate: Path, answer: Callable[[bytes], bytes | None]) -> None:
        self.requests: list[bytes] = []
        self._answer = answer
        self._listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        before = os.getcwd()
        os.chdir(gate)
        try:
            self._listening.bind("hook.sock")
        finally:
            os.chdir(before)
        self._listening.listen(8)
        self._open: list[socket.socket] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            data = b""
            while True:
                head, newline, body = data.partition(b"\n")
                parsed = parse_header(head) if newline else None
                if parsed and len(body) >= parsed[3]:
                    break
                data += connection.recv(1 << 20)
            self.requests.append(data)
            answer = self._answer(data)
            if answer is None:
                self._open.append(connection)
                continue
            connection.sendall(answer)
            connection.close()

    def close(self) -> None:
        self._listening.close()
        for connection in self._open:
            connection.close()


@pytest.fixture
def guard(gate: Path) -> Iterator[Callable[[Callable[[bytes], bytes | None]], FakeGuard]]:
    started: list[FakeGuard] = []

    def start(answer: Callable[[bytes], bytes | None]) -> FakeGuard:
        started.append(FakeGuard(gate, answer))
        return started[-1]

    yield start
    for one in started:
        one.close()


def hook(gate: Path, event: str = "PreToolUse", data: bytes = PAYLOAD) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-I", "-S", str(gate / "hook.py"), "claude-code", event],
        input=data,
        capture_output=True,
        timeout=20,
        check=False,
        env={"IRKIT_HOME": "/nonexistent"},
    )


def spooled(gate: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted((gate / "spool").iterdir())]


def test_the_answer_is_repeated_word_for_word(gate: Path, guard: Callable[..., FakeGuard]) -> None:
    fake = guard(lambda _: b"2 3 6\noutreason")
    done = hook(gate)
    assert (done.returncode, done.stdout, done.stderr) == (2, b"out", b"reason")
    head, _, body = fake.requests[0].partition(b"\n")
    parsed = parse_header(head)
    assert parsed is not None
    assert parsed[:2] == ("claude-code", "PreToolUse")
    assert body == PAYLOAD
    assert spooled(gate) == []


def test_an_answer_in_pieces_is_waited_for(gate: Path, guard: Callable[..., FakeGuard]) -> None:
    guard(lambda _: b"0 200000 0\n" + b"x" * 200000)
    assert hook(gate).stdout == b"x" * 200000


def test_binary_and_empty_payloads_arrive_as_they_are(gate: Path, guard: Callable[..., FakeGuard]) -> None:
    fake = guard(lambda _: b"0 0 0\n")
    for data in (b"", bytes(range(256)) * 300):
        assert hook(gate, data=data).returncode == 0
        assert fake.requests[-1].partition(b"\n")[2] == data


@pytest.mark.parametrize(
    ("event", "code"),
    [("PreToolUse", 2), ("UserPromptSubmit", 2), ("PostToolUse", 0), ("Stop", 0), ("SessionEnd", 0)],
)
def test_without_guard_it_spools_and_refuses_only_what_can_be(gate: Path, event: str, code: int) -> None:
    done = hook(gate, event)
    assert done.returncode == code
    assert (b"guard does not run" in done.stderr) == (code == 2)
    (item,) = spooled(gate)
    head, _, body = item.partition(b"\n")
    assert head.split()[:3] == [b"irkit-spool/1", b"claude-code", event.encode()]
    assert body == PAYLOAD
    (path,) = (gate / "spool").iterdir()
    assert path.stat().st_mode & 0o777 == 0o600


def test_without_guard_the_baked_answer_of_the_mode_is_given(gate: Path) -> None:
    (gate / "answers").write_text(
        "claude-code PreToolUse down * 2 - cmVmdXNlZAo=\nclaude-code PreToolUse down default 0 eyJhc2siOjF9 -\n"
    )
    assert hook(gate).stdout == b'{"ask":1}'
    other = hook(gate, data=PAYLOAD.replace(b"default", b"bypassPermissions"))
    assert (other.returncode, other.stderr) == (2, b"refused\n")


@pytest.mark.parametrize("answer", [b"", b"2 0", b"nonsense\n", b"0 5 0\nabc"])
def test_a_short_or_broken_answer_is_guard_down(
    gate: Path, guard: Callable[..., FakeGuard], answer: bytes
) -> None:
    guard(lambda _: answer)
    assert hook(gate).returncode == 2
    assert len(spooled(gate)) == 1


def test_at_its_deadline_it_spools_and_refuses(gate: Path, guard: Callable[..., FakeGuard]) -> None:
    guard(lambda _: None)
    done = hook(gate)
    assert done.returncode == 2
    assert b"did not answer" in done.stderr
    assert len(spooled(gate)) == 1
    assert hook(gate, "PostToolUse").returncode == 0


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("*\n", True),
        ("claude-code s-1\n", True),
        ("", True),
        ("\x00\xff garbage", False),
        ("nonsense", True),
        ("claude-code s-2\n", False),
        ("codex s-1\n", True),
    ],
)
def test_the_latch_file_decides_guard_or_no_guard(
    gate: Path, guard: Callable[..., FakeGuard], text: str, *, refused: bool
) -> None:
    (gate / "latch").write_text(text, encoding="utf-8")
    fake = guard(lambda _: b"0 0 0\n")
    assert hook(gate).returncode == (2 if refused else 0)
    assert len(fake.requests) == 1, "the guard is told of the attempt either way"
    fake.close()
    (gate / "hook.sock").unlink()
    (gate / "answers").write_text("claude-code PreToolUse down * 0 - -\n")
    assert hook(gate).returncode == (2 if refused else 0)


def test_a_latched_payload_without_a_session_is_refused(gate: Path, guard: Callable[..., FakeGuard]) -> None:
    (gate / "latch").write_text("claude-code s-2\n")
    guard(lambda _: b"0 0 0\n")
    assert hook(gate, data=b"{}").returncode == 2
    assert hook(gate, data=b"\x00").returncode == 2
    assert hook(gate, "PostToolUse", b"{}").returncode == 0


def test_the_drop_file_latches_all(gate: Path, guard: Callable[..., FakeGuard]) -> None:
    (gate / "KILL").touch()
    guard(lambda _: b"0 0 0\n")
    assert hook(gate).returncode == 2
    assert hook(gate, "SessionStart").returncode == 0


def test_a_latch_set_while_the_guard_said_yes_holds(gate: Path, guard: Callable[..., FakeGuard]) -> None:
    def latch_first(_: bytes) -> bytes:
        (gate / "latch").write_text("claude-code s-1\n")
        return b"0 4 0\ntext"

    guard(latch_first)
    assert hook(gate).returncode == 2
    (gate / "latch").unlink()

    def latch_another(_: bytes) -> bytes:
        (gate / "latch").write_text("claude-code s-2\n")
        return b"0 4 0\ntext"

    (gate / "hook.sock").unlink()
    guard(latch_another)
    done = hook(gate)
    assert (done.returncode, done.stdout) == (0, b"text")


def test_a_latch_set_while_the_guard_died_holds(gate: Path, guard: Callable[..., FakeGuard]) -> None:
    (gate / "answers").write_text("claude-code PreToolUse down * 0 - -\n")

    def latch_and_die(_: bytes) -> bytes:
        (gate / "latch").write_text("*\n")
        return b""

    guard(latch_and_die)
    assert hook(gate).returncode == 2


def test_a_hook_without_memory_refuses(gate: Path, guard: Callable[..., FakeGuard]) -> None:
    guard(lambda _: b"0 0 0\n")
    code = "import resource, os, sys; resource.setrlimit(resource.RLIMIT_AS, (30 << 20, 30 << 20)); os.execv(sys.argv[1], sys.argv[1:])"
    argv = [
        sys.executable,
        "-c",
        code,
        sys.executable,
        "-I",
        "-S",
        str(gate / "hook.py"),
        "claude-code",
        "PreToolUse",
    ]
    done = subprocess.run(argv, input=b"x" * (40 << 20), capture_output=True, timeout=30, check=False)
    assert done.returncode != 1, "exit 1 lets the call run"
    assert done.returncode != 0


def test_a_damaged_gate_refuses_tool_calls_only(gate: Path) -> None:
    (gate / "hook_slow.py").unlink()
    assert hook(gate).returncode == 2
    assert hook(gate, "Stop").returncode == 0


def test_a_deleted_hook_makes_python_refuse_by_itself(gate: Path) -> None:
    (gate / "hook.py").unlink()
    assert hook(gate).returncode == 2


@pytest.mark.skipif(os.getuid() != 0, reason="needs root to be another user's listener")
def test_a_listener_of_another_user_is_no_guard(gate: Path) -> None:
    script = (
        "import os,socket,sys\n"
        "s=socket.socket(socket.AF_UNIX);os.chdir(sys.argv[1]);s.bind('hook.sock');os.chmod('hook.sock',0o777)\n"
        "os.setuid(65534);s.listen(1);print('up',flush=True);c,_=s.accept();c.recv(9);c.sendall(b'0 0 0\\n');c.close()\n"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(gate)], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        done = hook(gate)
        other.kill()
    assert done.returncode == 2
    assert b"guard does not run" in done.stderr
