# SPDX-License-Identifier: Apache-2.0
"""Make this process unreadable to others of the same user: no core dump, no ptrace, no /proc/PID/environ (threat T7)."""

import sys

PR_SET_DUMPABLE = 4


def be_undumpable() -> bool:
    """Whether it worked; Linux only."""
    if sys.platform != "linux":
        return False
    import ctypes

    done: int = ctypes.CDLL(None, use_errno=True).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    return done == 0
