# SPDX-License-Identifier: Apache-2.0
"""Between the person's terminal and the session's own: bytes, window size, signals, job control, exit code.

Rules:
- The person's terminal is never held inside; what it gets is what the session's terminal says, unchanged.
- Raw only while this process is in the foreground; put back in every case in which Python still runs.
- Ctrl-Z of a command that lets itself be stopped stops the wrapper too, and `fg` continues both. What irkit froze is
  never continued by that (threat T4): the person is told, and can leave the terminal.
- Nothing here waits for the inside: what it does not read is kept, up to a bound.
"""

import _signal as signal  # type: ignore[import-not-found]  # `signal` brings enum, and that costs
import _socket
import array
import fcntl
import os
import select
import termios

from irkit.confine.tolerate import Tolerate
from irkit.confine.walls import SAID_MAX, Contained

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

CHUNK = 64 * 1024
WAITING_MAX = 256 * 1024
"""Typed or pasted bytes that the inside has not read yet."""
BACKGROUND_LOOK_MS = 1000
_TO_COMMAND = (signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2, signal.SIGCONT)
_TO_GROUP = (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGTSTP)
_TYPED = {signal.SIGINT: b"\x03", signal.SIGQUIT: b"\x1c", signal.SIGTSTP: b"\x1a"}
_HELD = "irkit: this session is frozen: `irkit status` shows why, `irkit resume` or `irkit kill` answers; Ctrl-Z leaves\r\n"


class Relay:
    """One session's wrapper, from go to exit code."""

    def __init__(
        self,
        inside: Contained,
        terminals: list[int],
        frozen: "Callable[[], bool]",
        *,
        unattended: bool = False,
    ) -> None:
        self._in = inside
        self._frozen = frozen
        self._unattended = unattended
        """Nobody is there to answer a freeze: it ends the session."""
        self._terminals = terminals
        self._typing = 0 if 0 in terminals else -1
        self._showing = next((number for number in (1, 2, 0) if number in terminals), -1)
        self._raw_wanted = 0 in terminals and 1 in terminals
        self._master = -1
        self._typed = b""
        self._before: Any = None
        self._ended: int | None = None
        self._foreground = False
        self.trouble = ""
        """Why the command could not be started."""
        self._woken, self._wake = os.pipe()
        os.set_blocking(self._wake, False)
        self._handlers()

    def prepare(self) -> None:
        """Take the session's terminal and make it like the person's. Call before `go`."""
        if not self._terminals:
            return
        room = _socket.CMSG_SPACE(4)
        _data, rights, _flags, _address = self._in.control.recvmsg(1, room)
        for _level, _kind, data in rights:
            self._master = array.array("i", data[:4])[0]
        if self._master < 0:
            return
        os.set_blocking(self._master, False)
        os.set_inheritable(self._master, False)
        like = self._typing if self._typing >= 0 else self._showing
        with Tolerate(termios.error):
            termios.tcsetattr(self._master, termios.TCSANOW, termios.tcgetattr(like))
        self._resize()

    def go(self) -> int:
        """Let the command begin, and relay to its end; returns the exit code."""
        self._send(b"g")
        self._enter()
        try:
            while self._ended is None:
                self._turn()
            self._drain()
        finally:
            self._leave()
        self.trouble = self.trouble or self._errors()
        return self._ended

    # --- one turn --------------------------------------------------------------------
    def _turn(self) -> None:
        poll = select.poll()
        poll.register(self._woken, select.POLLIN)
        if self._in.control.fileno() >= 0:
            poll.register(self._in.control.fileno(), select.POLLIN)
        if self._master >= 0:
            poll.register(self._master, select.POLLIN | (select.POLLOUT if self._typed else 0))
        if self._typing >= 0 and self._foreground and len(self._typed) < WAITING_MAX:
            poll.register(self._typing, select.POLLIN)
        away = self._typing >= 0 and not self._foreground
        if self._unattended and self._frozen():
            os.kill(self._in.outer, signal.SIGKILL)
        for file, event in poll.poll(BACKGROUND_LOOK_MS if away or self._unattended else None):
            if file == self._woken:
                self._signalled(os.read(self._woken, 512))
            elif file == self._master:
                self._from_master(event)
            elif file == self._typing:
                self._from_person()
            else:
                self._heard()
        if away and self._ended is None:
            self._enter()

    def _from_master(self, event: int) -> None:
        if event & select.POLLOUT and self._typed:
            try:
                self._typed = self._typed[os.write(self._master, self._typed) :]
            except OSError:
                self._typed = b""
        if event & ~select.POLLOUT:
            try:
                said = os.read(self._master, CHUNK)
            except BlockingIOError:
                return
            except OSError:  # EIO: nobody inside has it open any more
                said = b""
            if said:
                self._show(said)
            else:
                os.close(self._master)
                self._master = -1

    def _from_person(self) -> None:
        try:
            keys = os.read(self._typing, CHUNK)
        except OSError:
            keys = b""
        if not keys:
            if self._raw_wanted:  # the terminal is gone
                self._typing = -1
                self._send(b"k" + bytes((signal.SIGHUP,)))
                return
            keys = b"\x04"
        if keys in (b"\x1a", b"\x03", b"\x1c") and self._raw_wanted and self._frozen():
            self._show(_HELD.encode())
            if keys == b"\x1a":
                self._suspend()
            return
        self._typed += keys

    def _heard(self) -> None:
        try:
            word = self._in.control.recv(1)
            if word == b"t":
                self._in.control.recv(1)
                if (
                    not self._frozen()
                ):  # else it was irkit: the person keeps the terminal, and is told on a key
                    self._suspend()
            elif word == b"x":
                self.trouble = self._in.control.recv(200).decode("utf-8", "replace")
        except OSError:
            word = b""
        if not word:
            self._in.control.close()

    def _signalled(self, numbers: bytes) -> None:
        for number in numbers:
            if number == signal.SIGCHLD:
                self._reap()
            elif number == signal.SIGWINCH:
                self._resize()
            elif number in _TYPED and self._master >= 0 and not self._raw_wanted:
                self._typed += _TYPED[number]
            elif number == signal.SIGCONT:
                self._enter()
            elif number in _TO_GROUP:
                self._send(b"k" + bytes((number,)))
            elif number in _TO_COMMAND:
                self._send(b"s" + bytes((number,)))

    def _reap(self) -> None:
        try:
            pid, status = os.waitpid(self._in.outer, os.WNOHANG)
        except ChildProcessError:
            pid, status = self._in.outer, 0
        if pid:
            code = os.waitstatus_to_exitcode(status)
            self._ended = code if code >= 0 else 128 - code

    # --- the person's terminal -------------------------------------------------------
    def _enter(self) -> None:
        """Raw, when this process has the foreground."""
        if self._typing < 0:
            return
        try:
            self._foreground = os.tcgetpgrp(self._typing) == os.getpgrp()
            if not (self._foreground and self._raw_wanted) or self._before is not None:
                return
            self._before = termios.tcgetattr(self._typing)
            raw = termios.tcgetattr(self._typing)
            raw[0] &= ~(
                termios.IGNBRK | termios.BRKINT | termios.PARMRK | termios.ISTRIP | termios.INLCR
                | termios.IGNCR | termios.ICRNL | termios.IXON
            )  # fmt: skip
            raw[1] &= ~termios.OPOST
            raw[2] = raw[2] & ~(termios.CSIZE | termios.PARENB) | termios.CS8
            raw[3] &= ~(termios.ECHO | termios.ECHONL | termios.ICANON | termios.ISIG | termios.IEXTEN)
            raw[6][termios.VMIN], raw[6][termios.VTIME] = 1, 0
            termios.tcsetattr(self._typing, termios.TCSADRAIN, raw)
        except (OSError, termios.error):
            self._foreground = False

    def _leave(self) -> None:
        if self._before is not None:
            before, self._before = self._before, None
            try:
                termios.tcsetattr(self._typing, termios.TCSADRAIN, before)
            except termios.error:
                return

    def _suspend(self) -> None:
        """Stop as a job does, with the group that this process is in; go on when somebody continues it."""
        self._leave()
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(0, signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, _noted)
        self._enter()
        self._resize()
        if self._frozen():
            self._show(_HELD.encode())
        else:
            self._send(b"c")

    def _resize(self) -> None:
        if self._master < 0:
            return
        like = self._showing if self._showing >= 0 else self._typing
        try:
            size = fcntl.ioctl(like, termios.TIOCGWINSZ, bytes(8))
            fcntl.ioctl(self._master, termios.TIOCSWINSZ, size)
        except OSError:
            return

    def _show(self, said: bytes) -> None:
        try:
            while said:
                said = said[os.write(self._showing, said) :]
        except OSError:
            return

    # --- ends ------------------------------------------------------------------------
    def _drain(self) -> None:
        """What the session's terminal still holds."""
        while self._master >= 0:
            poll = select.poll()
            poll.register(self._master, select.POLLIN)
            if not poll.poll(0):
                break
            self._from_master(select.POLLIN)

    def _errors(self) -> str:
        os.set_blocking(self._in.said, False)
        try:
            return os.read(self._in.said, SAID_MAX).decode("utf-8", "replace").strip()
        except OSError:
            return ""

    def _send(self, word: bytes) -> None:
        try:
            self._in.control.sendall(word)
        except OSError:
            return

    def _handlers(self) -> None:
        signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
        for number in (*_TO_COMMAND, *_TO_GROUP, signal.SIGWINCH, signal.SIGCHLD):
            signal.signal(number, _noted)
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)


def _noted(_number: int, _frame: object) -> None:
    """The byte in the pipe is what counts."""
