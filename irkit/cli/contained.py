# SPDX-License-Identifier: Apache-2.0
"""A contained session and the guard: told before anything runs inside, asked whether it is frozen, told the end.

Rules:
- The guard believes the kernel, not this call. It is asked for at most `TELL_MAX_S`, while the walls go up.
- Without a guard the session is written into the roster here, so that `irkit kill` finds it and the next guard takes
  it over; and it is said that nobody watches.
- Standard library only: it runs before the agent's first word.
"""

import _socket
import os

from irkit.agents.facts import recognise
from irkit.confine.walls import Contained
from irkit.home import Home
from irkit.respond import procfs
from irkit.respond.journal import to_json
from irkit.respond.latch import latched
from irkit.respond.roster import Entry, read_roster, write_roster

TELL_MAX_S = 2.0
_SOCKETS = ("/run/", "/var/run/", "/var/lib/docker/")
_ANYBODYS = ("/", "/tmp", "/var", "/var/tmp")  # noqa: S108 - looked at, not used
_ANSWER_MAX = 64 * 1024


class Link:
    """What is known of this session outside."""

    def __init__(self, home: Home, inside: Contained, agent: str) -> None:
        self._home = home
        self._inside = inside
        self.guarded = False
        first = inside.init or inside.outer
        self.first = (first, procfs.start_of(first))
        self.agent = agent or "unknown"
        self.native = f"{self.first[0]}:{self.first[1]}"
        self.words = ""

    def frozen(self) -> bool:
        """Whether irkit holds it: a session that stands in these walls is latched."""
        if latched(self._home, self.agent, self.native):
            return True
        pidns = _namespace(self.first[0])
        entries, _problems = read_roster(self._home.sessions)
        mine = [one for one in entries if pidns and one.pidns == pidns]
        return any(latched(self._home, one.agent, one.native) for one in mine)

    def ended(self, appeared: list[str]) -> None:
        """It is over: what appeared where nothing could be covered is told; a roster entry of ours goes."""
        if self._inside.marks is not None:
            self._inside.marks.remove()
        if not self.guarded:
            _rewrite(self._home, f"{self.agent}:{self.native}", None)
        elif appeared:
            ask(self._home, "contained.ended", {"appeared": appeared})


def announce(home: Home, inside: Contained, command: list[str], cwd: str, binds: list[str]) -> Link:
    """Tell the guard, or write it down where there is none. `binds` are the person's own: one may be a broker's."""
    opened = any(_lets_out(path) for path in binds)
    link = Link(home, inside, recognise(_path_of(command[0]), command))
    told = {
        "first": link.first[0],
        "agent": link.agent,
        "cwd": cwd,
        "cgroup": inside.cgroup,
        "opened": opened,
    }
    if ask(home, "contained", told):
        link.guarded = True
        link.words = "guarded"
        return link
    link.words = "NOBODY WATCHES (no guard runs: `irkit guard`); `irkit kill` finds it"
    entry = Entry(
        f"{link.agent}:{link.native}",
        link.agent,
        link.native,
        tier="contained, opened" if opened else "contained",
        since=_now(),
        cwd=cwd,
        roots=(link.first,),
        pidns=_namespace(link.first[0]) if inside.init else 0,
        cgroup=inside.cgroup,
    )
    if not _rewrite(home, entry.session, entry):
        link.words = (
            "NOBODY WATCHES (no guard runs, and the roster cannot be written): end it with this command"
        )
    return link


def ask(home: Home, method: str, params: dict[str, object]) -> bool:
    """One call of the guard API; whether it was answered with a result. `json` would cost milliseconds here."""
    request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {"protocol": 1, **params}}
    try:
        folder = os.open(home.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return False
    guard = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        guard.settimeout(TELL_MAX_S)
        guard.connect(f"/proc/self/fd/{folder}/guard.sock")
        guard.sendall(to_json(request).encode() + b"\n")
        line = b""
        while not line.endswith(b"\n") and len(line) < _ANSWER_MAX and (part := guard.recv(_ANSWER_MAX)):
            line += part
        return b'"result":' in line and not line.startswith(b'{"jsonrpc":"2.0","id":1,"error"')
    except OSError:
        return False
    finally:
        guard.close()
        os.close(folder)


def _rewrite(home: Home, session: str, entry: Entry | None) -> bool:
    """Put our entry into the roster, or take it out. Only where no guard owns it."""
    entries, _problems = read_roster(home.sessions)
    rest = [one for one in entries if one.session != session]
    if entry is None and len(rest) == len(entries):
        return True
    try:
        os.makedirs(home.path, mode=0o700, exist_ok=True)
        write_roster(home.sessions, [*rest, *([entry] if entry else [])])
    except OSError:
        return False
    return True


def _namespace(pid: int) -> int:
    try:
        return os.stat(f"/proc/{pid}/ns/pid").st_ino
    except OSError:
        return 0


def _path_of(name: str) -> str:
    if "/" in name:
        return os.path.realpath(name)
    places = os.environ.get("PATH", os.defpath).split(":")
    found = next((path for one in places if os.access(path := os.path.join(one, name), os.X_OK)), "")
    return os.path.realpath(found) if found else ""


def _lets_out(path: str) -> bool:
    """Whether somebody may be behind it who acts outside: a socket, or a folder in which sockets are."""
    real = os.path.realpath(path)
    if os.path.isfile(real):
        return False
    if not os.path.isdir(real) or f"{real}/".startswith(_SOCKETS) or real in _ANYBODYS:
        return True
    with os.scandir(real) as inside:
        return any(not one.is_symlink() and not one.is_file() and not one.is_dir() for one in inside)


def _now() -> float:
    import time

    return time.time()
