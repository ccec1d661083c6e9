# SPDX-License-Identifier: Apache-2.0
"""The journal: what irkit was about to do, and how it ended. Append-only, one JSON object a line.

An intent without an outcome is an act that was interrupted; `unfinished` finds them after a restart.

Kill path: standard library only; the JSON is written by hand, because importing json costs as much as the act.

Rules:
- The file is opened before it is needed. One record is one write with O_APPEND: two writers never mix.
- An intent is synced only when the act cannot be undone, and for 200 ms at the most; latch and stop wait for
  nothing. The record says whether it reached the disk.
- Writing never raises: a journal that cannot be written is reported (`trouble`), and never delays an act.
- A torn line is closed by a newline before the next record, and is skipped when read.
"""

from __future__ import annotations

import _thread
import os
import time

from irkit import limits


class Journal:
    """An open journal, or one that could not be opened: then it keeps the reason and writes nothing."""

    __slots__ = ("_file", "_torn", "path", "trouble")

    def __init__(self, path: str) -> None:
        self.path = path
        self.trouble = ""
        """Why a record could not be written, empty while all went well."""
        self._file = -1
        self._torn = False
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            self._file = os.open(path, flags, 0o600)
            size = os.fstat(self._file).st_size
            self._torn = size > 0 and os.pread(self._file, 1, size - 1) != b"\n"
        except OSError as error:
            self.trouble = f"{path}: {error.strerror}"

    def intent(
        self, ident: str, act: str, target: str = "", *, irreversible: bool = False, **more: object
    ) -> bool:
        """Write down what is about to be done. Returns whether the record is where it has to be.

        An irreversible act's record has to be on the disk, and that is waited for `JOURNAL_FSYNC_MAX_S`; every
        other record has only to be in the file.
        """
        fields = {"id": ident, "record": "intent", "act": act, "target": target, "irreversible": irreversible}
        written = self._write({**fields, **more})
        return written and (not irreversible or self._synced())

    def outcome(self, ident: str, result: str, reason: str = "", **more: object) -> bool:
        """Write down how it ended: `done`, `refused`, `unverified` or `failed`, and why."""
        return self._write({"id": ident, "record": "outcome", "result": result, "reason": reason, **more})

    def close(self) -> None:
        """Let go of the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _write(self, fields: dict[str, object]) -> bool:
        if self._file < 0:
            return False
        stamp = f'{{"v":1,"ts":{time.time():.6f},"by":{os.getpid()},'
        line = (("\n" if self._torn else "") + stamp + to_json(fields)[1:] + "\n").encode()
        try:
            written = os.write(self._file, line)
        except OSError as error:
            self.trouble = f"{self.path}: {error.strerror}"
            return False
        self._torn = written < len(line)
        if self._torn:
            self.trouble = f"{self.path}: a record was cut short (disk full?)"
        return not self._torn

    def _synced(self) -> bool:
        """Wait for the disk, within the bound; a sync that takes longer goes on beside us."""
        finished = _thread.allocate_lock()
        finished.acquire()
        failed: list[str] = []
        try:
            held = os.dup(self._file)  # its own descriptor: `close` must not take it away from the thread
            _thread.start_new_thread(_sync, (held, finished, failed))
        except (OSError, RuntimeError) as error:  # no descriptor or no thread to be had: never wait unbounded
            self.trouble = f"{self.path}: not synced ({error})"
            return False
        if not finished.acquire(timeout=limits.JOURNAL_FSYNC_MAX_S):
            self.trouble = f"{self.path}: the disk took longer than {limits.JOURNAL_FSYNC_MAX_S} s"
            return False
        if failed:
            self.trouble = f"{self.path}: {failed[0]}"
        return not failed


def new_id() -> str:
    """An id for one act, unique on this machine."""
    return f"{time.time_ns():x}-{_thread.get_native_id():x}"


def to_json(value: object) -> str:
    """Compact JSON of plain values: what json.dumps writes, without its import. Unknown types become text."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return repr(value) if value - value == 0 else "null"  # JSON knows no infinity
    if isinstance(value, dict):
        return "{" + ",".join(f"{_string(str(k))}:{to_json(v)}" for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(to_json(item) for item in value) + "]"
    return _string(str(value))


def unfinished(path: str) -> list[dict[str, object]]:
    """The intents without an outcome, oldest first, from the journal's newest `JOURNAL_READ_MAX_BYTES`.

    Raises OSError when a journal is there and cannot be read.
    """
    waiting: dict[str, dict[str, object]] = {}
    for record in records(path):
        ident = str(record.get("id"))
        if record.get("record") == "intent":
            waiting.setdefault(ident, record)
        elif record.get("record") == "outcome":
            waiting.pop(ident, None)
    return list(waiting.values())


def records(path: str) -> list[dict[str, object]]:
    """Every record that can be read; torn and foreign lines are skipped. For after the act: imports json.

    Raises OSError when a journal is there and cannot be read.
    """
    import json

    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return []
    with open(file, "rb") as text:
        size = os.fstat(text.fileno()).st_size
        text.seek(max(0, size - limits.JOURNAL_READ_MAX_BYTES))
        lines = text.read(limits.JOURNAL_READ_MAX_BYTES).split(b"\n")
    found = []
    for line in lines:
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(record, dict):
            found.append(record)
    return found


def _sync(file: int, finished: _thread.LockType, failed: list[str]) -> None:
    try:
        os.fsync(file)
    except OSError as error:
        failed.append(str(error.strerror))
    finally:
        os.close(file)
        finished.release()


def _string(text: str) -> str:
    """A JSON string in ASCII."""
    found = ['"']
    for char in text:
        code = ord(char)
        if char in '"\\':
            found.append("\\" + char)
        elif 0x20 <= code < 0x7F:
            found.append(char)
        elif code < 0x10000:
            found.append(f"\\u{code:04x}")
        else:
            code -= 0x10000
            found.append(f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}")
    found.append('"')
    return "".join(found)
