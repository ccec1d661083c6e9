# SPDX-License-Identifier: Apache-2.0
"""A tree to be stopped, run as a file: `python -I -S herd.py SHAPE COUNT`. Prints the pids as they come; ends by itself.

`still`: COUNT sleepers, every tenth in a session of its own. `storm`: forks COUNT processes, 1 ms apart, each of which
forks once. `escapees`: children, own sessions, double forks, ignored signals. Standard library only.
"""

import os
import signal
import sys
import time

LIFETIME_S = 60


def _idle() -> None:
    signal.alarm(LIFETIME_S)
    os.write(1, b"%d\n" % os.getpid())
    while True:
        time.sleep(LIFETIME_S)


def _child(then: "list[object]") -> None:
    """Fork; the child does these and then idles."""
    if os.fork():
        return
    for act in then:
        act()  # type: ignore[operator]
    _idle()


def _away() -> None:
    """Leave the session, and the parent with it."""
    if os.fork():
        os._exit(0)
    os.setsid()


def _deaf() -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def _twin() -> None:
    _child([])


def main() -> None:
    """Grow to COUNT processes, this one included."""
    shape, count = sys.argv[1], int(sys.argv[2])
    signal.alarm(LIFETIME_S)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for number in range(count - 1 if shape != "storm" else count // 2):
        if shape == "storm":
            _child([_twin])
            time.sleep(0.001)
        elif shape == "escapees":
            _child([[], [os.setsid], [_away], [_deaf]][number % 4])  # type: ignore[arg-type]
        else:
            _child([os.setsid] if number % 10 == 0 else [])
    _idle()


if __name__ == "__main__":
    main()
