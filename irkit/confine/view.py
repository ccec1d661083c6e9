# SPDX-License-Identifier: Apache-2.0
"""What a contained session sees of the file system: computed from the tables and from what is there.

Rules:
- Everything is read-only but the user's home and the project; persistence places in these are read-only again.
- A mount can be walked around by renaming a folder above it. So each folder on the way from the home (or the
  project) to a covered place is mounted on itself: the kernel renames no mount point.
- A link cannot be covered: its target is, and the link itself is looked at again when the session ends.
- The person's own `--bind` and `--hide` come last, and win.
- Nothing is made or changed here, but for `Placeholders`, which the caller makes from `View.missing`.
"""

import os

from irkit.confine.places import BROKERS, IN_GIT, IN_HOME, IN_PROJECT, RUN_KEPT, SYSTEM, WATCH, Place

_PRIVATE = ("/tmp", "/var/tmp")  # noqa: S108 - empty ones of the session's own
_PROGRAMS = ("/usr/bin", "/bin", "/usr/local/bin")


class View:
    """The outcome: which paths are writable, read-only, hidden, and which can only be watched."""

    __slots__ = ("_pinned", "binds", "hidden", "missing", "notes", "readonly", "watched", "writable")

    def __init__(self) -> None:
        self.binds: list[tuple[str, ...]] = []
        """bubblewrap's arguments, in order."""
        self.writable: list[str] = []
        self.readonly: list[tuple[str, str]] = []
        """(path, why)."""
        self.hidden: list[str] = []
        self.missing: list[tuple[str, str]] = []
        """(path, folder or file) to be there while the session runs."""
        self.watched: list[tuple[str, str]] = []
        """(path, why) of what no mount can cover."""
        self.notes: list[str] = []
        self._pinned: set[str] = set()

    def write(self, path: str) -> None:
        """Make it writable."""
        self._add("--bind", path)
        self.writable.append(path)

    def cover(self, path: str, why: str) -> None:
        """Make it read-only."""
        self._add("--ro-bind", path)
        self.readonly.append((path, why))

    def hide(self, path: str) -> None:
        """Nothing of it is seen: an empty folder, or a file without content."""
        if os.path.isdir(path):
            self.binds += [("--tmpfs", path), ("--remount-ro", path)]
        else:
            self.binds.append(("--ro-bind", "/dev/null", path))
        self.hidden.append(path)

    def pin(self, path: str, below: str) -> None:
        """Mount every folder between `below` and `path` on itself."""
        folder, line = os.path.dirname(path), []
        while folder.startswith(below.rstrip("/") + "/"):
            line.append(folder)
            folder = os.path.dirname(folder)
        for one in reversed(line):
            if one not in self._pinned:
                self._add("--bind", one)

    def _add(self, how: str, path: str) -> None:
        self.binds.append((how, path, path))
        self._pinned.add(path)


def view_of(
    *,
    home: str,
    user_home: str,
    cwd: str,
    binds: list[str],
    hides: list[str],
    own: list[str],
    user: int | None = None,
) -> View:
    """What a session started in `cwd` sees. `home` is irkit's, `own` are irkit's own files, read-only as well.

    All paths absolute and real.
    """
    view = View()
    view.binds += [("--ro-bind", "/", "/"), ("--dev", "/dev"), ("--proc", "/proc")]
    view.binds += [("--tmpfs", one) for one in _PRIVATE]
    _run(view)
    user_home = user_home if user_home != "/" and os.path.isdir(user_home) else ""
    project, git = project_of(cwd)
    if user_home:
        view.write(user_home)
    _project(view, project, user_home)
    if user_home:
        _covered(view, IN_HOME, user_home, user_home)
        for name in BROKERS:
            if os.path.lexists(path := os.path.join(user_home, name)):
                view.pin(path, user_home)
                view.hide(path)
    if project in view.writable:
        _covered(view, IN_PROJECT, project, project)
    if git:
        _covered(view, IN_GIT, git, user_home if git.startswith(user_home + "/") else project)
    for path in own:
        if any(path.startswith(one + "/") for one in view.writable):
            view.pin(path, next(one for one in view.writable if path.startswith(one + "/")))
            view.cover(path, "irkit's own program")
        elif _masked(path):  # installed below /tmp: it must be there all the same
            view.cover(path, "irkit's own program")
    _state(view, home, user_home)
    for path in binds:
        view.write(path)
    for path in hides:
        view.hide(path)
    _tmux(view, user if user is not None else os.getuid())
    return view


def project_of(cwd: str) -> tuple[str, str]:
    """The top of the work tree that holds `cwd`, else `cwd`; and the git folder that its hooks come from, or ""."""
    folder = cwd
    while True:
        git = os.path.join(folder, ".git")
        if os.path.isdir(git):
            return folder, os.path.realpath(git)
        if os.path.isfile(git):
            return folder, _common(folder, git)
        above = os.path.dirname(folder)
        if above == folder:
            return cwd, ""
        folder = above


def _common(folder: str, git: str) -> str:
    """Of a linked work tree: the repository's own git folder."""
    named = os.path.join(folder, _first_line(git).removeprefix("gitdir:").strip())
    shared = _first_line(os.path.join(named, "commondir"))
    found = os.path.realpath(os.path.join(named, shared)) if shared else os.path.realpath(named)
    return found if os.path.isdir(found) else ""


def _first_line(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.readline(4096).strip()
    except OSError:
        return ""


def _masked(path: str) -> bool:
    """Whether a private folder stands where it is: it has to be let in by name."""
    return any(path.startswith(one + "/") for one in (*_PRIVATE, "/run"))


def _run(view: View) -> None:
    """No socket of /run is seen: buses, service managers, container daemons, agents' sockets."""
    if not os.path.isdir("/run"):
        return
    view.binds.append(("--tmpfs", "/run"))
    view.hidden.append("/run")
    for name in RUN_KEPT:
        if os.path.exists(path := f"/run/{name}"):
            view.binds.append(("--ro-bind", path, path))


def _project(view: View, project: str, user_home: str) -> None:
    if project == "/" or (user_home + "/").startswith(project + "/"):
        view.notes.append(
            f"{project} holds more than a project: only your home is writable; --bind PATH names more"
        )
    elif not _masked(project) and any((project + "/").startswith(one + "/") for one in SYSTEM):
        view.notes.append(f"{project} is the system's: read-only; --bind PATH names what is wanted")
    else:
        if user_home:
            view.pin(project, user_home)
        view.write(project)


def _covered(view: View, places: tuple[Place, ...], base: str, below: str) -> None:
    for place in places:
        path = os.path.join(base, place.path)
        if os.path.islink(path):
            real = os.path.realpath(path)
            view.watched.append((path, place.why))
            if os.path.exists(real) and any(real.startswith(one + "/") for one in view.writable):
                view.cover(real, place.why)
        elif os.path.exists(path):
            view.pin(path, below)
            view.cover(path, place.why)
            if (
                place.missing != WATCH
            ):  # perhaps another session's placeholder: it has to stay while this one runs
                view.missing.append((path, place.missing))
        elif place.missing == WATCH:
            view.watched.append((path, place.why))
        elif not place.needs or any(os.path.exists(f"{one}/{place.needs}") for one in _PROGRAMS):
            view.missing.append((path, place.missing))
            view.pin(path, below)
            view.cover(path, place.why)


def _state(view: View, home: str, user_home: str) -> None:
    """Of irkit's home only the gate is seen, and only its spool can be written."""
    if not os.path.isdir(home):
        return
    view.pin(home, user_home or home)
    view.binds.append(("--tmpfs", home))
    gate = os.path.join(home, "gate")
    if os.path.isdir(gate):
        view.cover(gate, "the hook, and the latch")
        view.binds.append(("--bind", os.path.join(gate, "spool"), os.path.join(gate, "spool")))
    view.binds.append(("--remount-ro", home))
    view.hidden.append(home)


def _tmux(view: View, user: int) -> None:
    """Servers of tmux outside /tmp."""
    named = os.environ.get("TMUX_TMPDIR", "")
    folder = os.path.join(named, f"tmux-{user}") if named else ""
    if folder and os.path.isdir(folder) and not folder.startswith("/tmp/"):  # noqa: S108
        view.hide(os.path.realpath(folder))
