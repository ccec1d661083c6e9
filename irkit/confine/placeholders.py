# SPDX-License-Identifier: Apache-2.0
"""Empty files and folders where something could be planted: put there for a session, taken away after it.

A mount needs something to stand on. Rules:
- Only where an empty one changes nothing (`places`). What was there is never touched.
- Taken away only when it is still empty, still the same, and no other session stands on it (a shared lock says so):
  removing what another session's mount stands on would open that place there.
- A wrapper that is killed leaves them: empty, and harmless.
"""

import fcntl
import os

from irkit.confine.tolerate import Tolerate


class Placeholders:
    """Those of one session."""

    def __init__(self) -> None:
        self._held: list[tuple[str, int, bool]] = []
        """(path, open descriptor with the lock, whether it was made here)."""
        self._above: list[str] = []
        """Folders that had to be made for them."""
        self.failed: list[str] = []

    def make(self, missing: list[tuple[str, str]]) -> None:
        """Put them there. One that cannot be made is in `failed`."""
        for path, kind in missing:
            made = not os.path.lexists(path)
            try:
                if made:
                    self._make(path, kind)
                flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
                held = os.open(path, flags)
            except OSError:
                self.failed += [path] if made else []
                continue
            with Tolerate(OSError):
                fcntl.flock(held, fcntl.LOCK_SH | fcntl.LOCK_NB)
            self._held.append((path, held, made))

    def remove(self) -> None:
        """Take away what is still empty and nobody else's. Never raises."""
        for path, held, made in reversed(self._held):
            with Tolerate(OSError):
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                mine, now = os.fstat(held), os.lstat(path)
                if made and (mine.st_dev, mine.st_ino) == (now.st_dev, now.st_ino):
                    if os.path.isdir(path):
                        os.rmdir(path)
                    elif now.st_size == 0:
                        os.unlink(path)
            os.close(held)
        for folder in reversed(self._above):
            with Tolerate(OSError):
                os.rmdir(folder)
        self._held.clear()

    def _make(self, path: str, kind: str) -> None:
        self._folders(os.path.dirname(path))
        if kind == "folder":
            os.mkdir(path, 0o700)
        else:
            os.close(
                os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            )

    def _folders(self, folder: str) -> None:
        if not os.path.isdir(folder):
            self._folders(os.path.dirname(folder))
            os.mkdir(folder, 0o700)
            self._above.append(folder)
