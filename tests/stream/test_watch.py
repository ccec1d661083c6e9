# SPDX-License-Identifier: Apache-2.0
import asyncio
import contextlib
import os
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from irkit.stream.tail import Tail
from irkit.stream.watch import Watch

WAIT_S = 40


class Woken:
    """What `wake` sets; a test waits for it."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def __call__(self) -> None:
        self._event.set()

    def wait(self) -> None:
        """Until somebody woke us; the next wait waits for the next time."""
        assert self._event.wait(WAIT_S), "nobody woke us"
        self._event.clear()

    def is_quiet(self) -> bool:
        return not self._event.wait(0.1)


@contextlib.contextmanager
def _watching(*patterns: str | Path) -> Iterator[tuple[Watch, Woken]]:
    woken = Woken()
    watch = Watch(map(str, patterns), woken)
    watch.start()
    try:
        yield watch, woken
    finally:
        watch.stop()


def _until(watch: Watch, woken: Woken, holds: Callable[[tuple[str, ...]], bool]) -> None:
    """Look after each wake-up until what changed is what we wait for."""
    for _ in range(50):
        woken.wait()
        if holds(watch.changed()):
            return
    pytest.fail("it was never told")


def _append(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(text)


def test_a_line_wakes_and_only_its_file_is_named(tmp_path: Path) -> None:
    for name in ("a.jsonl", "b.jsonl", "c.txt"):
        (tmp_path / name).touch()
    with _watching(tmp_path / "*.jsonl") as (watch, woken):
        assert set(watch.changed()) == {str(tmp_path / "a.jsonl"), str(tmp_path / "b.jsonl")}
        _append(tmp_path / "b.jsonl", "x\n")
        woken.wait()
        assert watch.changed() == (str(tmp_path / "b.jsonl"),)


def test_reading_and_strangers_files_wake_nobody(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("x\n")
    (tmp_path / "c.txt").touch()
    with _watching(tmp_path / "*.jsonl") as (watch, woken):
        for path in watch.paths():
            Tail(path).read()
        _append(tmp_path / "c.txt", "x\n")
        assert woken.is_quiet()


def test_events_are_gathered_until_somebody_looks(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.touch()
    with _watching(path) as (watch, woken):
        watch.changed()
        _append(path, "x\n")
        woken.wait()
        for _ in range(100):
            _append(path, "x\n")
        assert woken.is_quiet()
        assert watch.changed() == (str(path),)


def test_a_new_file_is_named(tmp_path: Path) -> None:
    with _watching(tmp_path / "**" / "*.jsonl") as (watch, woken):
        assert watch.changed() == ()
        _append(tmp_path / "new.jsonl", "x\n")
        _until(watch, woken, lambda paths: paths == (str(tmp_path / "new.jsonl"),))


def test_folders_that_appear_one_after_the_other_are_taken_up(tmp_path: Path) -> None:
    deep = tmp_path / "not" / "yet" / "there" / "x.jsonl"
    with _watching(deep, tmp_path / "else" / "**" / "*.jsonl") as (watch, woken):
        assert watch.changed() == ()
        deep.parent.mkdir(parents=True)
        _append(deep, "x\n")
        _until(watch, woken, lambda paths: str(deep) in paths)
        _append(deep, "y\n")
        _until(watch, woken, lambda paths: paths == (str(deep),))
        (tmp_path / "else" / "a" / "b").mkdir(parents=True)
        other = tmp_path / "else" / "a" / "b" / "y.jsonl"
        _append(other, "x\n")
        _until(watch, woken, lambda paths: str(other) in paths)


@pytest.mark.parametrize("looked", [True, False])
def test_a_folder_that_is_removed_and_made_anew_is_watched_again(tmp_path: Path, looked: bool) -> None:
    """Without a look in between, the new folder may well have the old one's inode."""
    folder = tmp_path / "logs"
    path = folder / "x.jsonl"
    folder.mkdir()
    path.touch()
    with _watching(path) as (watch, woken):
        watch.changed()
        for _ in range(3):
            shutil.rmtree(folder)
            if looked:
                _until(watch, woken, lambda _: not path.exists())
            folder.mkdir()
            _append(path, "x\n")
            _until(watch, woken, lambda paths: str(path) in paths)
            _append(path, "x\n")
            _until(watch, woken, lambda paths: paths == (str(path),))


def test_rotation_and_removal_name_the_file(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.touch()
    with _watching(path) as (watch, woken):
        watch.changed()
        path.rename(tmp_path / "x.1")
        _until(watch, woken, lambda paths: str(path) in paths)
        path.touch()
        _until(watch, woken, lambda paths: str(path) in paths)
        path.unlink()
        _until(watch, woken, lambda paths: str(path) in paths)


def test_a_folder_behind_a_link_is_watched(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    path = tmp_path / "link" / "x.jsonl"
    path.touch()
    with _watching(tmp_path / "link" / "*.jsonl") as (watch, woken):
        assert watch.changed() == (str(path),)
        _append(tmp_path / "real" / "x.jsonl", "x\n")
        woken.wait()
        assert watch.changed() == (str(path),)


def test_only_regular_files_match(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").touch()
    (tmp_path / "b.jsonl").symlink_to(tmp_path / "a.jsonl")
    (tmp_path / "c.jsonl").mkdir()
    os.mkfifo(tmp_path / "d.jsonl")
    with _watching(tmp_path / "*.jsonl") as (watch, _):
        assert watch.paths() == (str(tmp_path / "a.jsonl"),)


@pytest.mark.skipif(sys.platform != "linux", reason="inotify")
def test_when_the_kernels_queue_runs_over_every_file_may_have_changed(tmp_path: Path) -> None:
    """By the library's own path for it: no event tells of this, only its log."""
    from watchdog.observers.inotify_c import InotifyConstants, InotifyEvent, WatchDescriptor

    for number in range(3):
        (tmp_path / f"{number}.jsonl").touch()
    with _watching(tmp_path / "*.jsonl") as (watch, woken):
        assert len(watch.changed()) == 3
        assert watch.changed() == ()
        inotify = watch._observer._inotify_fd  # type: ignore[attr-defined]  # the library's reader
        inotify.handle_event(InotifyEvent(WatchDescriptor(-1), InotifyConstants.IN_Q_OVERFLOW, 0, b""))
        woken.wait()
        assert len(watch.changed()) == 3


def test_many_files_written_at_once_lose_no_line(tmp_path: Path) -> None:
    files = [tmp_path / str(n % 7) / f"{n}.jsonl" for n in range(100)]
    read: dict[str, list[bytes]] = {}
    tails: dict[str, Tail] = {}
    with _watching(tmp_path / "*" / "*.jsonl") as (watch, woken):

        def write() -> None:
            for turn in range(20):
                for file in files:
                    file.parent.mkdir(exist_ok=True)
                    _append(file, f"{turn}\n")

        writer = threading.Thread(target=write)
        writer.start()
        for _ in range(2000):
            woken.wait()
            for path in watch.changed():
                lines = tails.setdefault(path, Tail(path)).read().lines
                read.setdefault(path, []).extend(lines)
            if sum(map(len, read.values())) == 2000:
                break
        writer.join()
    assert read == {str(file): [str(n).encode() for n in range(20)] for file in files}


def test_it_wakes_an_asyncio_loop(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.touch()

    async def main() -> tuple[bytes, ...]:
        loop, heard = asyncio.get_running_loop(), asyncio.Event()
        watch = Watch([str(path)], lambda: loop.call_soon_threadsafe(heard.set))
        watch.start()
        try:
            watch.changed()
            _append(path, "hello\n")
            await asyncio.wait_for(heard.wait(), WAIT_S)
            return Tail(watch.changed()[0]).read().lines
        finally:
            watch.stop()

    assert asyncio.run(main()) == (b"hello",)
