# SPDX-License-Identifier: Apache-2.0
"""Containing where user namespaces are forbidden: two reapers, and a Landlock domain that cannot signal them.

```
wrapper (reaper) ── keeper (reaper) ── inner ── command and all that it starts
                                        └─ Landlock: no signal out, no abstract socket out, writes by rule
```
Rules:
- Nothing inside can signal wrapper or keeper. Whichever of the two somebody else kills, the other ends everything
  below: orphans come to a reaper, never to pid 1.
- Never without the signal scope: a bare subreaper is lost by one `kill -9` of the wrapper.
- There is no view of its own here: /tmp, sockets by path and other terminals are seen. The report's verdict stays 10.
"""

import _signal as signal  # type: ignore[import-not-found]  # `signal` brings enum, and that costs
import _socket
import os

from irkit.confine import landlock
from irkit.confine.view import View
from irkit.confine.walls import Contained, NotContainedError, inner_command, quiet_ends

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
ROUNDS_MAX = 10_000


def start(
    view: View,
    *,
    environ: dict[str, str],
    cwd: str,
    command: list[str],
    terminals: list[int],
    before: "Callable[[], None]" = lambda: None,
) -> Contained:
    """Start keeper and inner; the command waits. Raises NotContainedError."""
    writable = writable_of(view)
    ours, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_STREAM)
    hearing, saying = os.pipe()
    landlock.call("prctl", _PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    alive, living = os.pipe()
    keeper = os.fork()
    if keeper == 0:
        os.close(living)
        ours.close()
        _keep(
            alive, lambda: _become_inner(writable, environ, cwd, command, terminals, theirs, saying, before)
        )
        os._exit(126)
    for file in (saying, alive):
        os.close(file)
    theirs.close()
    os.set_inheritable(living, False)
    if not landlock.abi() >= landlock.ABI_SCOPES:
        raise NotContainedError("Landlock has no scopes here")
    return Contained("landlock", keeper, 0, ours, hearing)


def writable_of(view: View) -> list[str]:
    """What the file rules allow: the view's writable places without those that it covers or hides, and the devices."""
    closed = [path for path, _why in view.readonly] + [path for path, _why in view.watched] + view.hidden
    places = [*view.writable, "/tmp", "/var/tmp"]  # noqa: S108
    found = [path for one in places for path in landlock.around(one, closed)]
    spool = [bind[1] for bind in view.binds if bind[0] == "--bind" and bind[1].endswith("/gate/spool")]
    return [*dict.fromkeys([*found, *spool]), "/dev", "/proc"]


def end_all() -> None:
    """Kill every child, and every orphan that comes, until there is none."""
    for _ in range(ROUNDS_MAX):
        for pid in _children(os.getpid()):
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                continue
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _keep(alive: int, become: "Callable[[], None]") -> None:
    """The keeper: starts the inner program, waits for its end or the wrapper's, ends what is left. Never returns."""
    import select

    landlock.call("prctl", _PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    os.setsid()
    for number in range(1, signal.NSIG):
        if number not in (signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD):
            try:
                signal.signal(number, signal.SIG_IGN)
            except (OSError, ValueError):
                continue
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    inner = os.fork()
    if inner == 0:
        become()
        os._exit(126)
    code = None
    while code is None:
        poll = select.poll()
        poll.register(alive, select.POLLIN)
        poll.register(woken, select.POLLIN)
        for file, _event in poll.poll():
            if file == woken:
                os.read(woken, 512)
                code = _reaped(inner)
            else:
                code = 137  # the wrapper is gone: so is the session
    end_all()
    os._exit(code)


def _reaped(inner: int) -> int | None:
    """The inner program's exit code, once it ended; orphans are only collected."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return 137
        if pid == 0:
            return None
        if pid == inner:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def _become_inner(
    writable: list[str],
    environ: dict[str, str],
    cwd: str,
    command: list[str],
    terminals: list[int],
    theirs: _socket.socket,
    saying: int,
    before: "Callable[[], None]",
) -> None:
    try:
        before()
        landlock.call("prctl", _PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        quiet_ends(terminals, saying)
        os.chdir(cwd)
        if not landlock.keep_inside(writable):
            os.write(saying, b"Landlock refused")
            os._exit(126)
        os.set_inheritable(theirs.fileno(), True)
        argv = inner_command(theirs.fileno(), terminals, command)
        os.execve(argv[0], argv, environ)  # noqa: S606 - no shell
    except OSError as error:
        os.write(saying, f"{error.filename or ''}: {error.strerror}".encode())


def _children(pid: int) -> list[int]:
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    line = file.read(1024)
            except OSError:
                continue
            if int(line[line.rindex(b")") + 2 :].split()[1]) == pid:
                found.append(int(name))
    return found
