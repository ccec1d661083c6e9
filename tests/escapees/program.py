# SPDX-License-Identifier: Apache-2.0
"""One program, many ways to outlive a kill. Each shape is what a tool call of an agent may leave behind.

    python -I -S program.py SHAPE LEDGER FOLDER

Rules:
- Harmless: it computes nothing, writes only below FOLDER and to LEDGER, connects to nothing.
- Bounded: no process lives longer than LIFETIME_S, no shape starts more than BIRTHS_MAX at one time.
- Each process writes `PID START` to LEDGER when it is what it is meant to be: after its last exec.
- It runs in a PID namespace that a test made, nowhere else. Standard library only, nothing of irkit.
"""

import contextlib
import ctypes
import functools
import os
import pty
import shutil
import signal
import sys
import time
from collections.abc import Callable

LIFETIME_S = 60
BIRTHS_MAX = 150
HOPS_MAX = 2000
TOLD: list[str] = []
"""The ledger and the folder, as given."""
ORDINARY = {"PATH": "/usr/bin:/bin", "HOME": "/", "LANG": "C.UTF-8"}
MARKED = dict(os.environ)
BARE: dict[str, str] = {}
Act = Callable[[], object]

_SELF = os.path.abspath(__file__)
_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_DUMPABLE, _PR_SET_NAME = 4, 15


def main(shape: str, ledger: str, folder: str) -> None:
    """Become that shape."""
    TOLD.extend((ledger, folder))
    if os.readlink("/proc/self/ns/pid") == os.environ.get("IRKIT_TEST_OUTSIDE_NAMESPACE"):
        sys.exit("not in a PID namespace of its own")
    signal.alarm(LIFETIME_S)
    SHAPES[shape]()


# --- the pieces ------------------------------------------------------------------------
def born() -> None:
    """Write down who this is; the descriptor is closed again."""
    signal.alarm(LIFETIME_S)
    with open("/proc/self/stat", "rb") as stat:
        line = stat.read()
    start = line[line.rindex(b")") + 2 :].split()[19].decode()
    ledger = os.open(TOLD[0], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    os.write(ledger, f"{os.getpid()} {start}\n".encode())
    os.close(ledger)


def rest() -> None:
    """Be there."""
    born()
    while True:
        time.sleep(LIFETIME_S)


def child(act: Act) -> int:
    """A child that does `act` and ends."""
    pid = os.fork()
    if pid == 0:
        signal.alarm(LIFETIME_S)
        try:
            act()
        finally:
            os._exit(0)
    return pid


def detached(act: Act, *, session: bool = True) -> None:
    """The daemon's way: two forks, a session of its own, no descriptor, no parent."""

    def last() -> None:
        os.closerange(0, 64)
        act()

    def between() -> None:
        if session:
            os.setsid()
        child(last)

    os.waitpid(child(between), 0)


def become(role: str, env: dict[str, str], *, name: str = "worker", exe: str = sys.executable) -> None:
    """Exec this program anew in that role, with exactly that environment, under that name."""
    os.execve(exe, [name, "-I", "-S", _SELF, role, *TOLD], env)


def copied(path: str, of: str = "/bin/sleep") -> str:
    """A copy of an executable below FOLDER; a new one each time."""
    whole = os.path.join(TOLD[1], f"copies-{os.getpid()}", path)
    os.makedirs(os.path.dirname(whole), exist_ok=True)
    shutil.copy(os.path.realpath(of), whole)
    return whole


def sleep_as(exe: str, name: str) -> None:
    """Another program altogether."""
    born()
    os.execve(exe, [name, str(LIFETIME_S)], MARKED)


def stays(act: Act) -> None:
    """The tool's own process does it, and stays."""
    act()
    rest()


# --- roles and shapes --------------------------------------------------------------------
def _nohup() -> None:
    if os.fork() == 0:
        os.execvp("nohup", ["nohup", sys.executable, "-I", "-S", _SELF, "rest", *TOLD])


def _setsid() -> None:
    os.execvp("setsid", ["setsid", "-f", sys.executable, "-I", "-S", _SELF, "rest", *TOLD])


def _overwrite() -> None:
    """Wipe the environment where the kernel reads it, without an exec."""
    with open("/proc/self/stat", "rb") as stat:
        field = stat.read().rpartition(b") ")[2].split()
    begin, end = int(field[47]), int(field[48])
    ctypes.memset(begin, 0, end - begin)
    rest()


def _rename(name: bytes) -> None:
    _LIBC.prctl(_PR_SET_NAME, name, 0, 0, 0)


def _like_init() -> None:
    _rename(b"systemd")
    rest()


def _odd_name() -> None:
    _rename(b") Z 1 1 (\n\x1b[31m")
    rest()


def _ignore() -> None:
    for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP, signal.SIGALRM}:
        with contextlib.suppress(OSError, ValueError):
            signal.signal(number, signal.SIG_IGN)
    rest()


def _trap() -> None:
    """Each polite signal, and each continue, gives birth."""
    left = [20]

    def another(*_: object) -> None:
        if left[0]:
            left[0] -= 1
            child(rest)

    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGCONT):
        signal.signal(number, another)
    rest()


def _stop_self() -> None:
    born()
    while True:
        os.kill(os.getpid(), signal.SIGSTOP)


def _thaw(siblings: list[int]) -> None:
    born()
    while True:
        for sibling in siblings:
            with contextlib.suppress(OSError):
                os.kill(sibling, signal.SIGCONT)
        time.sleep(0.0005)


def _thawers() -> None:
    sleepers = [child(rest) for _ in range(3)]
    child(lambda: _thaw([*sleepers, os.getppid()]))
    child(lambda: _thaw([*sleepers, os.getppid()]))
    rest()


def _watch(left: int = 25) -> None:
    """Two that restart each other, however either of them ends."""
    born()
    other = 0
    parent = os.getppid()
    while left:
        if other == 0 or os.waitpid(other, os.WNOHANG)[0]:
            left -= 1
            other = child(functools.partial(_watched, left))
        if os.getppid() != parent:
            parent = os.getppid()
        time.sleep(0.001)
    rest()


def _watched(left: int) -> None:
    """The second of them: when the first ends, it takes its place."""
    born()
    first = os.getppid()
    while os.getppid() == first:
        time.sleep(0.001)
    os.setsid()
    _watch(left)


def _zombie_leader() -> None:
    import _thread

    born()
    _thread.start_new_thread(time.sleep, (LIFETIME_S,))
    time.sleep(0.05)
    _LIBC.syscall({"x86_64": 60, "aarch64": 93}[os.uname().machine], 0)


def _comet() -> None:
    """A new process every 2 ms, the old one gone. Not each of them is written down."""
    born()
    for _ in range(HOPS_MAX):
        if os.fork():
            os._exit(0)
        signal.alarm(LIFETIME_S)
        time.sleep(0.002)


def _breed() -> None:
    born()
    for _ in range(BIRTHS_MAX):
        child(lambda: time.sleep(LIFETIME_S))
        time.sleep(0.0005)
    time.sleep(LIFETIME_S)


def _hide() -> None:
    _LIBC.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    born()
    time.sleep(LIFETIME_S)


def _spawn_chain() -> None:
    left = int(os.environ.get("LEFT", "12"))
    if left:
        argv = [sys.executable, "-I", "-S", _SELF, "spawn_chain", *TOLD]
        os.posix_spawn(sys.executable, argv, {**os.environ, "LEFT": str(left - 1)})
    else:
        rest()


def _deleted() -> None:
    exe = copied("gone")

    def unlink_soon() -> None:
        time.sleep(0.1)
        os.unlink(exe)

    child(unlink_soon)
    sleep_as(exe, "gone")


def _memfd() -> None:
    handle = os.memfd_create("nowhere", 0)
    with open("/bin/sleep", "rb") as whole:
        os.write(handle, whole.read())
    sleep_as(f"/proc/self/fd/{handle}", "nowhere")


def _on_terminal() -> None:
    """Holds a terminal on which a child leads a session."""
    pid, _ = pty.fork()
    rest() if pid else become("rest", MARKED)


def _lead_terminal() -> None:
    """The same, and neither of them has a mark."""
    pty.fork()
    rest()


def _tmux() -> None:
    born()
    inner = f"exec {sys.executable} -I -S {_SELF} rest {TOLD[0]} {TOLD[1]}"
    argv = ["tmux", "-S", os.path.join(TOLD[1], f"own-{os.getpid()}"), "-f", "/dev/null"]
    os.execvpe("tmux", [*argv, "new-session", "-d", inner], {**MARKED, "TERM": "dumb"})


def _nested(env: dict[str, str]) -> None:
    argv = ["unshare", "--pid", "--fork"] + (["--user"] if os.getuid() else [])
    inner = [sys.executable, "-I", "-S", _SELF, "nested_init", *TOLD]
    os.execve(shutil.which("unshare") or "unshare", [*argv, *inner], env)


def _nested_init() -> None:
    detached(lambda: become("rest", BARE))
    rest()


def _other_user() -> None:
    os.setgroups([])
    os.setresgid(1000, 1000, 1000)
    os.setresuid(1000, 1000, 1000)
    _LIBC.prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)


def _as_other_user(env: dict[str, str]) -> None:
    _other_user()
    detached(lambda: become("rest", env))


def _move_group() -> None:
    """Leave for a control group of its own; the test removes it."""
    folder = os.path.join("/sys/fs/cgroup/pids", os.path.basename(TOLD[1]))
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "cgroup.procs"), "w", encoding="ascii") as procs:
        procs.write("0")
    rest()


def _pose_as_guard() -> None:
    with open(os.path.join(os.environ["IRKIT_HOME"], "guard.lock"), "w", encoding="ascii") as lock:
        lock.write(f"{os.getpid()}\n")
    rest()


def _in_users_group() -> None:
    """Hide in the process group of the user's own job, in the user's terminal."""
    with contextlib.suppress(OSError), open(os.path.join(TOLD[1], "job"), encoding="ascii") as job:
        os.setpgid(0, int(job.read()))
    rest()


def _traced() -> None:
    """A tracer that swallows the stops of what it traces."""
    born()

    def traced() -> None:
        _LIBC.ptrace(0, 0, None, None)
        os.kill(os.getpid(), signal.SIGSTOP)
        rest()

    tracee = child(traced)
    while True:
        os.waitpid(tracee, 0)
        _LIBC.ptrace(7, tracee, None, None)  # go on without the signal


def _respawn() -> None:
    """A supervisor: what it starts is there again when it was killed."""
    born()
    for _ in range(40):
        os.waitpid(child(rest), 0)
    rest()


SHAPES: dict[str, Act] = {
    "rest": rest,
    # children that lose their parent, marked as the agent marked them
    "ampersand": lambda: child(rest),
    "nohup": _nohup,
    "setsid": _setsid,
    "daemon": lambda: detached(lambda: become("rest", MARKED)),
    "spawn_chain": _spawn_chain,
    "renamed": lambda: detached(lambda: sleep_as(copied("helper"), "[kworker/0:1]")),
    "like_init": lambda: detached(lambda: become("like_init_role", MARKED, name="/sbin/init")),
    "odd_name": lambda: detached(_odd_name),
    "ignores": lambda: detached(_ignore),
    "deleted": lambda: detached(_deleted),
    "memfd": lambda: detached(_memfd),
    "watching": lambda: detached(_watch),
    "supervisor": lambda: detached(_respawn),
    "zombie_leader": lambda: detached(_zombie_leader),
    "hides": lambda: detached(_hide),
    "comet": lambda: child(_comet),
    "breeder": lambda: child(_breed),
    "tmux": _tmux,
    "terminal_orphan": lambda: detached(_on_terminal),
    "poses_as_guard": lambda: detached(_pose_as_guard),
    "poses_as_editor": lambda: detached(lambda: sleep_as(copied("code/code"), "code")),
    "other_user": lambda: _as_other_user(MARKED),
    "moves_group": lambda: detached(_move_group),
    # children that keep their parent
    "wiped_child": lambda: stays(lambda: child(lambda: become("rest", BARE))),
    "traps": lambda: stays(lambda: child(_trap)),
    "stops_itself": lambda: stays(lambda: child(_stop_self)),
    "thawers": _thawers,
    "traced": _traced,
    "terminal": _on_terminal,
    "editor_child": lambda: stays(lambda: child(lambda: sleep_as(copied("code/code"), "code"))),
    "nested": lambda: _nested(MARKED),
    # no parent and no mark
    "bare": lambda: detached(lambda: become("rest", BARE)),
    "bare_ignores": lambda: detached(lambda: become("ignores_role", BARE)),
    "bare_in_session": lambda: detached(lambda: become("rest", BARE), session=False),
    "bare_in_group": lambda: detached(lambda: become("in_group_role", BARE), session=False),
    "bare_zombie": lambda: detached(lambda: become("zombie_role", BARE)),
    "bare_comet": lambda: detached(lambda: become("comet_role", BARE)),
    "bare_breeder": lambda: detached(lambda: become("breeder_role", BARE)),
    "bare_nested": lambda: detached(lambda: _nested(BARE)),
    "bare_other_user": lambda: _as_other_user(BARE),
    "bare_terminal": lambda: detached(lambda: become("terminal_role", BARE)),
    "overwrites": lambda: detached(_overwrite),
    "hides_unmarked": lambda: detached(lambda: become("hide_role", ORDINARY)),
    "ordinary": lambda: detached(lambda: become("rest", ORDINARY)),
    # what an exec continues as
    "like_init_role": _like_init,
    "ignores_role": _ignore,
    "in_group_role": _in_users_group,
    "zombie_role": _zombie_leader,
    "comet_role": _comet,
    "breeder_role": _breed,
    "terminal_role": _lead_terminal,
    "hide_role": _hide,
    "nested_init": _nested_init,
}

if __name__ == "__main__":
    main(*sys.argv[1:])
