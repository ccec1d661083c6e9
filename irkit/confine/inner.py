# SPDX-License-Identifier: Apache-2.0
"""The first program inside: gives the command a terminal of its own and a group of its own, and tells how it fares.

Run by path as `python -I -S inner.py CONTROL TERMINALS CMD…`, so it imports nothing of irkit and nothing slow.
CONTROL is the number of a stream socket to the wrapper, TERMINALS lists which of 0, 1, 2 are to be the terminal.

From the wrapper: `g` begin · `sN` signal the command · `kN` signal its group · `c` continue it.
To the wrapper: `p` with the terminal's other end · `tN` the command was stopped by signal N · `x` it could not start.
Its own end is the session's end: whoever kills it inside ends everything inside.
"""

import _signal as signal  # type: ignore[import-not-found]  # `signal` brings enum, and that costs
import _socket
import array
import fcntl
import os
import select
import sys
import termios

NOT_FOUND, NOT_RUN = 127, 126


def main(argv: list[str]) -> int:
    """Run the command to its end; returns its exit code, 128 and the signal's number when one ended it."""
    control = _socket.socket(fileno=int(argv[0]))
    os.set_inheritable(control.fileno(), False)
    terminals = [int(digit) for digit in argv[1] if digit.isdigit()]
    slave = _terminal(control) if terminals else -1
    if control.recv(1) != b"g":
        return NOT_RUN
    os.setsid()
    if slave >= 0:
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for name in (
        signal.SIGTTOU,
        signal.SIGTTIN,
        signal.SIGTSTP,
        signal.SIGINT,
        signal.SIGQUIT,
        signal.SIGHUP,
    ):
        signal.signal(name, signal.SIG_IGN)
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    child, failing = _start(argv[2:], terminals, slave)
    code = _stay(control, child, slave, woken)
    said = os.read(failing, 16)  # empty since the exec, or why there was none
    if said:
        control.sendall(b"x" + os.strerror(int(said)).encode())
        return NOT_FOUND if int(said) == 2 else NOT_RUN
    return code


def _terminal(control: _socket.socket) -> int:
    """A pair from this side's own devpts; its other end goes to the wrapper."""
    master, slave = os.openpty()
    rights = [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, array.array("i", [master]).tobytes())]
    control.sendmsg([b"p"], rights)
    os.close(master)
    return slave


def _start(command: list[str], terminals: list[int], slave: int) -> tuple[int, int]:
    """The command's pid, in a group of its own that has the terminal; and where it says why it could not start."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setpgid(0, 0)
            for number in terminals:
                os.dup2(slave, number)
            if slave >= 0:
                os.tcsetpgrp(slave, os.getpid())
            for number in range(1, signal.NSIG):
                if number not in (signal.SIGKILL, signal.SIGSTOP):
                    try:
                        signal.signal(number, signal.SIG_DFL)
                    except (OSError, ValueError):  # the C library's own
                        continue
            os.execvp(command[0], command)  # noqa: S606 - no shell
        except OSError as error:
            os.write(writing, b"%d" % (error.errno or 5))
        os._exit(NOT_RUN)
    os.close(writing)
    return child, reading


def _stay(control: _socket.socket, child: int, slave: int, woken: int) -> int:
    poll = select.poll()
    poll.register(control.fileno(), select.POLLIN)
    poll.register(woken, select.POLLIN)
    while True:
        pid, status = os.waitpid(child, os.WNOHANG | os.WUNTRACED)
        if pid:
            if not os.WIFSTOPPED(status):
                return (
                    os.waitstatus_to_exitcode(status) % 256
                    if os.WIFEXITED(status)
                    else 128 + os.WTERMSIG(status)
                )
            control.sendall(b"t" + bytes((os.WSTOPSIG(status),)))
        for file, _event in poll.poll():
            if file == woken:
                os.read(woken, 512)
            elif not _told(control, child, slave):
                return NOT_RUN  # the wrapper is gone: so is the session


def _told(control: _socket.socket, child: int, slave: int) -> bool:
    word = control.recv(1)
    if word in (b"s", b"k"):
        number = control.recv(1)[0]
        try:
            (os.kill if word == b"s" else os.killpg)(child, number)
        except OSError:
            return True
    elif word == b"c":
        if slave >= 0:
            os.tcsetpgrp(slave, os.getpgid(child))
        os.killpg(child, signal.SIGCONT)
    return bool(word)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
