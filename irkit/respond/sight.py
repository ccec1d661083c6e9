# SPDX-License-Identifier: Apache-2.0
"""What this machine keeps from a scan: said in each report, and never a reason to look less.

Kill path: standard library only. Never signals anything.
"""

from __future__ import annotations

import os
import sys

from irkit.respond import procfs

HIDDEN = "other users' processes are hidden from irkit (/proc is mounted with hidepid)"


def kept_from_us() -> list[str]:
    """One sentence for each class of processes that this user cannot see. Empty when the whole table is seen.

    Pid 1 always exists, so whoever cannot read of it what everybody may is kept from more than that.
    """
    if sys.platform != "linux" or (os.path.exists("/proc/1/stat") and procfs.look(1) is not None):
        return []
    return [HIDDEN]
