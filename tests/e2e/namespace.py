# SPDX-License-Identifier: Apache-2.0
"""A PID namespace of a test's own, seen from outside.

Whatever runs in it can see, signal and outlive only what is in it; when it closes, the kernel ends all of it.
The test stays outside and reads `/proc`, so that what it observes does not depend on what it tests.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, NamedTuple, Self

INIT = Path(__file__).with_name("namespace_init.py")
REPOSITORY = Path(__file__).resolve().parents[2]
READY_MAX_S = 20.0
CLOSE_MAX_S = 10.0


class Process(NamedTuple):
    """A process in the namespace, as the kernel shows it outside."""

    pid: int
    """Its number outside."""
    inner: int
    """Its number in the namespace."""
    start: int
    """Clock ticks since boot."""
    state: str
    """`R S D T Z …`."""
    comm: str
    argv: tuple[str, ...]
    environ: Mapping[str, str]


def cannot() -> str:
    """Why no namespace can be made here; empty when one can."""
    if sys.platform != "linux":
        return "PID namespaces need Linux"
    for tool in ("unshare", "nsenter", "mount"):
        if not shutil.which(tool):
            return f"{tool} is not installed (util-linux)"
    tried = subprocess.run([*_unshare(), "true"], capture_output=True, text=True, timeout=20, check=False)
    return tried.stderr.strip() if tried.returncode else ""


class Namespace:
    """Open while its `with` block runs. `private_tmp` becomes /tmp inside; folders of `keep` stay where they are."""

    def __init__(self, private_tmp: Path, keep: Sequence[Path]) -> None:
        private_tmp.mkdir(exist_ok=True)
        kept = [REPOSITORY, Path(sys.prefix), Path(sys.base_prefix), *keep]
        self._argv = [*_unshare(), sys.executable, "-I", str(INIT), str(private_tmp), *map(str, kept)]
        self._init: subprocess.Popen[bytes] | None = None
        self._started: list[subprocess.Popen[bytes]] = []
        self.init_pid = 0
        """The namespace's first process, by its number outside."""

    def __enter__(self) -> Self:
        self._init = subprocess.Popen(
            self._argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={"PATH": os.environ["PATH"]}
        )
        if _stdout(self._init).readline() != b"ready\n":
            self._init.wait(READY_MAX_S)
            raise RuntimeError(f"the namespace did not start: {' '.join(self._argv)}")
        (self.init_pid,) = children(self._init.pid)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End everything in it, and see that it ended."""
        init = self._init
        if init is None:
            return
        # Held open, so that the namespace's number is not given to another one before it was looked for.
        held = os.open(f"/proc/{self.init_pid}/ns/pid", os.O_RDONLY)
        identity = os.readlink(f"/proc/{self.init_pid}/ns/pid")
        for pipe in (init.stdin, init.stdout):
            if pipe:
                pipe.close()
        for started in self._started:
            started.kill()  # nsenter stops itself with its child, and would then never collect it
        init.wait(CLOSE_MAX_S)
        for started in self._started:
            started.wait(CLOSE_MAX_S)
        left = [process.pid for process in _members(identity)]
        os.close(held)
        if left:
            raise RuntimeError(f"processes {left} outlived their PID namespace")

    def start(
        self, argv: Sequence[str], env: Mapping[str, str], cwd: Path, stdout: IO[bytes], stderr: IO[bytes]
    ) -> "subprocess.Popen[bytes]":
        """Start a program inside, in a session of its own, with exactly that environment and no terminal."""
        clean = [f"{name}={value}" for name, value in env.items()]
        enter = ["nsenter", "--target", str(self.init_pid), "--pid", "--mount"]
        if os.getuid():
            enter += ["--user", "--preserve-credentials"]
        process = subprocess.Popen(
            [*enter, "setsid", "env", "-i", f"--chdir={cwd}", *clean, *argv],
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
        )
        self._started.append(process)
        return process

    def processes(self) -> list[Process]:
        """Everything alive inside but its first process, also what it has not reaped yet (state Z)."""
        identity = os.readlink(f"/proc/{self.init_pid}/ns/pid")
        return [process for process in _members(identity) if process.pid != self.init_pid]

    def signal(self, process: Process, signum: int) -> None:
        """Signal one process that `processes` named, and no later one of the same number."""
        handle = os.pidfd_open(process.pid)
        try:
            if _read(process.pid).start == process.start:
                signal.pidfd_send_signal(handle, signum)
        finally:
            os.close(handle)


def children(pid: int) -> list[int]:
    """The children of a process, by their numbers outside."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _unshare() -> list[str]:
    user = ["--user", "--map-root-user"] if os.getuid() else []
    return ["unshare", *user, "--pid", "--mount", "--fork", "--mount-proc", "--kill-child"]


def _stdout(process: "subprocess.Popen[bytes]") -> IO[bytes]:
    if process.stdout is None:
        raise RuntimeError("started without a pipe")
    return process.stdout


def _members(identity: str) -> Iterator[Process]:
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError, ValueError):
                if os.readlink(f"/proc/{name}/ns/pid") == identity:
                    yield _read(int(name))


def _read(pid: int) -> Process:
    stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    comm, fields = stat[stat.index("(") + 1 : stat.rindex(")")], stat[stat.rindex(")") + 2 :].split()
    status = Path(f"/proc/{pid}/status").read_text(errors="replace")
    numbers = next(line for line in status.splitlines() if line.startswith("NSpid:")).split()
    return Process(
        pid=pid,
        inner=int(numbers[-1]),
        start=int(fields[19]),
        state=fields[0],
        comm=comm,
        argv=tuple(_strings(pid, "cmdline")),
        environ=dict(pair.split("=", 1) for pair in _strings(pid, "environ") if "=" in pair),
    )


def _strings(pid: int, name: str) -> list[str]:
    return Path(f"/proc/{pid}/{name}").read_bytes().decode(errors="replace").split("\0")[:-1]
