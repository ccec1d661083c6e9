# SPDX-License-Identifier: Apache-2.0
"""Eyes of the proof's own: what lives, by /proc alone. Shares no code with what it judges, and signals nobody."""

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

Key = tuple[int, int]
"""(pid, start time in clock ticks since boot)."""
WAIT_S = 30.0


class Seen(NamedTuple):
    """One process at one moment."""

    pid: int
    start: int
    ppid: int
    states: str
    """One letter for each thread."""
    comm: str
    uid: int

    @property
    def key(self) -> Key:
        """Who it is."""
        return self.pid, self.start

    @property
    def lives(self) -> bool:
        """Whether any thread of it may ever run again."""
        return any(state not in "ZXx" for state in self.states)

    @property
    def stopped(self) -> bool:
        """Whether every living thread is stopped."""
        return self.lives and all(state in "TtZXx" for state in self.states)


def look(pid: int) -> Seen | None:
    """One process, None when nobody has that number."""
    try:
        head, rest = _stat(f"/proc/{pid}/stat")
        states = [rest[0]]
        with contextlib.suppress(OSError):
            states = [_stat(f"/proc/{pid}/task/{thread}/stat")[1][0] for thread in _threads(pid)] or states
        return Seen(
            pid, int(rest[19]), int(rest[1]), "".join(states), head, Path(f"/proc/{pid}").stat().st_uid
        )
    except (OSError, ValueError, IndexError):
        return None


def table() -> dict[Key, Seen]:
    """Everything that lives, threads counted."""
    found = (look(int(name)) for name in os.listdir("/proc") if name.isdigit())
    return {seen.key: seen for seen in found if seen is not None and seen.lives}


def runs(key: Key) -> tuple[int, int]:
    """How much this process has run so far: ticks, and switches of all its threads."""
    switches = 0
    with contextlib.suppress(OSError):
        for thread in _threads(key[0]):
            text = Path(f"/proc/{key[0]}/task/{thread}/status").read_text(errors="replace")
            switches += sum(int(line.split()[1]) for line in text.splitlines() if "ctxt_switches" in line)
    with contextlib.suppress(OSError, ValueError, IndexError):
        rest = _stat(f"/proc/{key[0]}/stat")[1]
        return int(rest[11]) + int(rest[12]), switches
    return 0, switches


def until(holds: Callable[[], object], what: str) -> None:
    """Wait for others to get somewhere; a sound run never reaches the bound."""
    deadline = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < deadline, f"never happened: {what}"
        time.sleep(0.005)


class Watching:
    """Looks at some processes again and again while its `with` block runs; notes who was seen stopped."""

    def __init__(self, keys: Iterable[Key]) -> None:
        self._keys = list(keys)
        self.stopped: set[Key] = set()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._end.wait(0.003):
            for key in self._keys:
                with contextlib.suppress(OSError, ValueError, IndexError):
                    if _stat(f"/proc/{key[0]}/stat")[1][0] in "Tt":
                        self.stopped.add(key)


def _stat(path: str) -> tuple[str, list[str]]:
    """(name, the fields after it)."""
    text = Path(path).read_bytes().decode(errors="replace")
    return text[text.index("(") + 1 : text.rindex(")")], text[text.rindex(")") + 2 :].split()


def _threads(pid: int) -> list[str]:
    return os.listdir(f"/proc/{pid}/task")
