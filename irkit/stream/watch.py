# SPDX-License-Identifier: Apache-2.0
"""Being woken when a watched file changes. watchdog wakes; offsets and inodes decide what is new (`tail`).

Rules:
- No debounce and no polling here: the first event after a look wakes at once, further ones until the next look are
  gathered. A caller looks every 15 s or slower besides, in case a wake-up was missed.
- Each look says which files may have changed; when the kernel's queue ran over, that is all of them.
- Folders need not exist yet, and may be removed and made anew.
"""

import contextlib
import glob
import logging
import os
import stat
import threading
from collections.abc import Callable, Iterable, Iterator

from watchdog.events import (
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer
from watchdog.observers.api import ObservedWatch

from irkit import limits

_CHANGES: list[type[FileSystemEvent]] = [
    FileModifiedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileMovedEvent,
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
]
"""Opening and reading, which a tail does itself, is no change."""
_OVERFLOW_LOGGER = "watchdog.observers.inotify_c"
_OVERFLOW_WORDS = "queue overflowed"
_DEPTH_MAX = 32
"""Folders of a path that may appear one after the other during one look."""


class Watch(FileSystemEventHandler):
    """Watches the folders of absolute paths or patterns (`**` crosses folders).

    `wake` runs in a thread of watchdog's; on an asyncio loop it is `loop.call_soon_threadsafe(…)`. The rest belongs
    to one thread of the caller's.
    """

    def __init__(self, patterns: Iterable[str], wake: Callable[[], object]) -> None:
        self._patterns = tuple(patterns)
        self._wake = wake
        self._observer = Observer()
        self._folders: dict[tuple[str, bool], tuple[int, ObservedWatch]] = {}
        """(path, with all below) -> its inode, and the watch on it."""
        self._lock = threading.Lock()
        self._touched: set[str] = set()
        self._others = True
        """Files may have come or gone."""
        self._all = True
        """Anything may have changed."""
        self._woken = False
        """`wake` was called since the last look."""
        self._lost: set[str] = set()
        """Watched folders that were deleted."""
        self._taken_up = False
        """The last look put a folder under watch: what happened in it just before was seen by nobody."""
        self._known: dict[str, str] = {}
        """Real path -> path as it matches, as of the last look."""
        self._overflow = _OverflowListener(self.overflowed)

    def start(self) -> None:
        """Begin to watch."""
        logging.getLogger(_OVERFLOW_LOGGER).addHandler(self._overflow)
        self._observer.daemon = True
        self._observer.start()
        self._follow()

    def stop(self) -> None:
        """Watch no more."""
        logging.getLogger(_OVERFLOW_LOGGER).removeHandler(self._overflow)
        self._observer.stop()
        if self._observer.is_alive():
            self._observer.join(1)

    def paths(self) -> tuple[str, ...]:
        """The regular files that match now, at most `WATCH_FILES_MAX`."""
        self._take()
        return self._look()

    def changed(self) -> tuple[str, ...]:
        """Those that may have changed since the last look, files that were removed included."""
        touched, others, everything = self._take()
        if not (others or everything):
            return tuple(self._known[path] for path in touched if path in self._known)
        before = self._known
        now = self._look()
        if everything or self._taken_up:
            return tuple(dict.fromkeys([*before.values(), *now]))
        found = {
            path: matching for path, matching in self._known.items() if path in touched or path not in before
        }
        found |= {
            path: matching for path, matching in before.items() if path in touched or path not in self._known
        }
        return tuple(found.values())

    def overflowed(self) -> None:
        """The kernel's queue ran over: events were lost, so that anything may have changed."""
        with self._lock:
            self._all = True
            woken, self._woken = self._woken, True
        if not woken:
            self._wake()

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Something changed below a watched folder (in watchdog's thread)."""
        paths = {os.fsdecode(path) for path in (event.src_path, event.dest_path) if path}
        known = not paths.isdisjoint(self._known)
        grown = isinstance(event, FileModifiedEvent)
        if grown and not known:
            return  # a stranger's file, or one whose creation is gathered already
        with self._lock:
            self._touched |= paths if known else set()
            self._others = self._others or not grown
            if isinstance(event, DirDeletedEvent):
                self._lost |= paths
            woken, self._woken = self._woken, True
        if not woken:
            self._wake()

    def _take(self) -> tuple[set[str], bool, bool]:
        """What was gathered since the last look."""
        with self._lock:
            taken = self._touched, self._others, self._all
            self._touched, self._others, self._all, self._woken = set(), False, False, False
        return taken

    # --- what there is to watch -------------------------------------------------------
    def _look(self) -> tuple[str, ...]:
        self._follow()
        self._known = {os.path.realpath(path): path for path in self._matching()}
        return tuple(self._known.values())

    def _matching(self) -> Iterator[str]:
        left = limits.WATCH_FILES_MAX
        for pattern in self._patterns:
            for path in [pattern] if not glob.has_magic(pattern) else glob.iglob(pattern, recursive=True):
                if left > 0 and _is_regular(path):
                    left -= 1
                    yield path

    def _follow(self) -> None:
        """Watch the nearest folder that exists of each pattern; one that appears, or is made anew, is taken up."""
        self._taken_up = False
        for _ in range(_DEPTH_MAX):  # a deeper folder may appear while the one above it is taken up
            wanted = {_folder_of(pattern) for pattern in self._patterns}
            with self._lock:
                lost, self._lost = self._lost, set()
            for key in [key for key in self._folders if key not in wanted or self._is_another(key, lost)]:
                self._observer.unschedule(self._folders.pop(key)[1])
            missing = wanted - self._folders.keys()
            for path, deep in missing:
                with contextlib.suppress(
                    OSError
                ):  # gone again, or no inotify watch left: the slow look finds it
                    watch = self._observer.schedule(self, path, recursive=deep, event_filter=_CHANGES)
                    self._folders[path, deep] = _inode(path), watch
                    self._taken_up = True
            if not missing:
                return

    def _is_another(self, key: tuple[str, bool], lost: set[str]) -> bool:
        """Whether the folder that is watched is no longer the one of this name."""
        return key[0] in lost or self._folders[key][0] != _inode(key[0])


class _OverflowListener(logging.Handler):
    """Hears what watchdog (7.1) tells of a full queue in its log only."""

    def __init__(self, heard: Callable[[], None]) -> None:
        super().__init__(logging.WARNING)
        self._heard = heard

    def emit(self, record: logging.LogRecord) -> None:
        """One line of watchdog's log."""
        if _OVERFLOW_WORDS in record.getMessage():
            self._heard()


def _folder_of(pattern: str) -> tuple[str, bool]:
    """The nearest folder of a pattern that exists, its real path, and whether all below it matters."""
    fixed = pattern
    while glob.has_magic(fixed):
        fixed = os.path.dirname(fixed)
    deep = fixed != pattern and os.path.dirname(pattern) != fixed
    folder = fixed if fixed != pattern else os.path.dirname(pattern)
    while not os.path.isdir(folder):
        folder, deep = os.path.dirname(folder), False
    folder = os.path.realpath(folder)
    return folder, deep and folder != "/"


def _inode(folder: str) -> int:
    try:
        return os.stat(folder).st_ino
    except OSError:
        return 0


def _is_regular(path: str) -> bool:
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except OSError:
        return False
