# SPDX-License-Identifier: Apache-2.0
"""Containing by bubblewrap: a PID namespace that dies with the wrapper, and a view of the file system of its own.

Rules:
- `--unshare-pid --die-with-parent`: whoever kills the wrapper, bubblewrap or the first process inside ends them all.
- A session of its own (setsid), no descriptor of the person's terminal, no typing into terminals (`seccomp`).
- The command starts only when the wrapper says so: after the guard has heard of it.
- What bubblewrap cannot do here is an answer (`NotContainedError`), with its own words.
"""

import _socket
import os

from irkit.confine import seccomp
from irkit.confine.view import View
from irkit.confine.walls import Contained, NotContainedError, all_said, inner_command, quiet_ends

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_WALLS = ("--unshare-pid", "--unshare-ipc", "--die-with-parent")


def program() -> str:
    """Where bubblewrap is, empty when it is not installed."""
    places = ("/usr/bin", "/usr/local/bin", *os.environ.get("PATH", "").split(":"))
    return next((path for one in places if os.access(path := f"{one}/bwrap", os.F_OK)), "")


def start(
    view: View,
    *,
    environ: dict[str, str],
    cwd: str,
    command: list[str],
    terminals: list[int],
    before: "Callable[[], None]" = lambda: None,
) -> Contained:
    """Build the walls; the command inside waits. `before` runs in the child first. Raises NotContainedError."""
    found = program()
    if not found:
        raise NotContainedError("bubblewrap is not installed")
    ours, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_STREAM)
    hearing, saying = os.pipe()
    info, informing = os.pipe()
    sieve = _sieve()
    options = [*_WALLS, "--chdir", cwd, "--info-fd", str(informing)]
    options += ["--seccomp", str(sieve)] if sieve >= 0 else []
    flat = [word for bind in view.binds for word in bind]
    argv = [found, *options, *flat, "--", *inner_command(theirs.fileno(), terminals, command)]
    outer = os.fork()
    if outer == 0:
        try:
            before()
            os.setsid()
            quiet_ends(terminals, saying)
            for file in (theirs.fileno(), informing, sieve):
                if file >= 0:
                    os.set_inheritable(file, True)
            os.execve(found, argv, environ)  # noqa: S606 - no shell
        except OSError as error:
            os.write(saying, f"{found}: {error.strerror}".encode())
        finally:
            os._exit(126)
    for file in (saying, informing, *((sieve,) if sieve >= 0 else ())):
        os.close(file)
    theirs.close()
    init = _child_in(info)
    if not init:
        os.waitpid(outer, 0)
        words = all_said(hearing) or "bubblewrap ended at once"
        os.close(hearing)
        ours.close()
        raise NotContainedError(words.splitlines()[-1][:300])
    return Contained("bubblewrap", outer, init, ours, hearing)


def _sieve() -> int:
    """A descriptor with the seccomp program, -1 where it is not known for this machine."""
    program = seccomp.no_typing()
    if not program:
        return -1
    reading, writing = os.pipe()
    os.write(writing, program)
    os.close(writing)
    return reading


def _child_in(info: int) -> int:
    """The first process of the namespace, from what bubblewrap tells; 0 when it told nothing."""
    text = b""
    while len(text) < 4096 and b"}" not in text and (part := os.read(info, 4096)):
        text += part
    os.close(info)
    _, found, rest = text.partition(b'"child-pid":')
    digits = rest.split(b",")[0].split(b"}")[0].strip()
    return int(digits) if found and digits.isdigit() else 0
