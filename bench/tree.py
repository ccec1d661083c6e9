# SPDX-License-Identifier: Apache-2.0
"""An agent with a hundred processes, run as a file: `python -I tree.py SHELLS SLEEPS CALLER…`.

It starts SHELLS shells with SLEEPS sleeping children each, then the words CALLER, which make its calls and have its
input and output. All of it ends by itself. Standard library only, nothing of irkit: a guard knows it by its name.
"""

import signal
import subprocess
import sys

LIFETIME_S = 60


def main() -> None:
    """Grow, then have calls made."""
    shells, sleeps = map(int, sys.argv[1:3])
    signal.alarm(LIFETIME_S)
    script = f"i=0; while [ $i -lt {sleeps} ]; do sleep {LIFETIME_S} & i=$((i+1)); done; wait"
    for number in range(shells):
        subprocess.Popen(
            ["/bin/sh", "-c", script], stdin=subprocess.DEVNULL, start_new_session=number % 2 == 1
        )
    if sys.argv[3:]:
        subprocess.Popen(sys.argv[3:])
    signal.pause()


if __name__ == "__main__":
    main()
