# SPDX-License-Identifier: Apache-2.0
"""Being woken when a watched file changes. watchdog wakes; offsets and inodes decide what is new (`tail`).

No debounce and no polling here: every event below a watched folder, and an overflow of the kernel's queue, wakes.
"""

import glob
import os
import stat
from collections.abc import Callable, Iterable

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

FILES_MAX = 1000


class Watch(FileSystemEventHandler):
    """Watches the folders of some absolute paths or patterns (`**` crosses folders). `wake` runs in another thread."""

    def __init__(self, patterns: Iterable[str], wake: Callable[[], object]) -> None:
        self._patterns = tuple(patterns)
        self._wake = wake
        self._observer = Observer()
        self._folders: set[tuple[str, bool]] = set()

    def start(self) -> None:
        """Begin to watch."""
        self._observer.daemon = True
        self._follow()
        self._observer.start()

    def stop(self) -> None:
        """Watch no more."""
        self._observer.stop()
        if self._observer.is_alive():
            self._observer.join(1)

    def paths(self) -> tuple[str, ...]:
        """The regular files that match now."""
        self._follow()
        found: list[str] = []
        for pattern in self._patterns:
            for path in [pattern] if not glob.has_magic(pattern) else glob.iglob(pattern, recursive=True):
                try:
                    if stat.S_ISREG(os.lstat(path).st_mode):
                        found.append(path)
                except OSError:
                    continue
                if len(found) >= FILES_MAX:
                    return tuple(found)
        return tuple(found)

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Something happened below a watched folder. Opening and reading is no change."""
        if event.event_type not in {"opened", "closed_no_write"}:
            self._wake()

    def _follow(self) -> None:
        """Watch the nearest folder that exists of each pattern; a folder that appears wakes, and is taken up."""
        for pattern in self._patterns:
            fixed = pattern.split("*")[0].split("?")[0].split("[")[0]
            folder = fixed if fixed.endswith("/") else os.path.dirname(fixed)
            deep = "**" in pattern or glob.has_magic(os.path.dirname(pattern))
            while not os.path.isdir(folder):
                folder, deep = os.path.dirname(folder), False
            key = (folder.rstrip("/") or "/", deep and folder != "/")
            if key not in self._folders:
                self._folders.add(key)
                self._observer.schedule(self, key[0], recursive=key[1])
