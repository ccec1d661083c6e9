# SPDX-License-Identifier: Apache-2.0
"""What a session did before, as far as it changes what a later call means. Bounded; the oldest leaves first.

A folder that the session made itself may be removed by it; a script that it wrote or fetched is judged when it runs.
"""

from typing import TypeVar

from irkit import limits
from irkit.detect.act import Act

T = TypeVar("T")


class Memory:
    """Of one session."""

    __slots__ = ("fetched", "made", "project", "remotes", "scripts")

    def __init__(self) -> None:
        self.project = ""
        """The first working directory, in canonical form: what the session is about; `-` where that is no project."""
        self.made: dict[str, None] = {}
        """Folders that it made or cloned."""
        self.fetched: dict[str, str] = {}
        """Files that it downloaded -> host."""
        self.scripts: dict[str, tuple[Act, ...]] = {}
        """Files that it wrote -> the acts that running them performs; only those that perform some."""
        self.remotes: dict[str, str] = {}
        """Names of git remotes that it added -> address."""

    def begin(self, cwd: str) -> None:
        """The session is about this working directory; about none in particular where that is the home or the root."""
        from irkit.detect.places import canonical

        path = canonical(cwd)
        self.project = path if path not in {"~", "/"} else "-"

    def note_made(self, path: str) -> None:
        """It made this folder."""
        _put(self.made, path, None)

    def note_fetched(self, path: str, host: str) -> None:
        """It downloaded this file."""
        _put(self.fetched, path, host)

    def note_script(self, path: str, acts: tuple[Act, ...]) -> None:
        """It wrote this file, which performs these acts when run; none: what was known of it is void."""
        if acts:
            _put(self.scripts, path, acts[: limits.ACTS_MAX])
        else:
            self.scripts.pop(path, None)

    def note_remote(self, name: str, address: str) -> None:
        """It added a git remote."""
        _put(self.remotes, name, address)

    def made_it(self, path: str) -> bool:
        """Whether the path is a folder that the session made, or lies in one."""
        if not self.made:
            return False
        while path and path not in self.made:
            path = path.rpartition("/")[0]
        return bool(path)


def _put(into: dict[str, T], key: str, value: T) -> None:
    into.pop(key, None)
    into[key] = value
    if len(into) > limits.MEMORY_PATHS_MAX:
        del into[next(iter(into))]
