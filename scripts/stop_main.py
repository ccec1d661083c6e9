# SPDX-License-Identifier: Apache-2.0
"""The entry point of irkit-stop.pyz: latches, freezes and kills with nothing else installed.

    python3 -I -S irkit-stop.pyz                  freeze everything, then ask whether to kill
    python3 -I -S irkit-stop.pyz freeze | kill | latch [TARGET …]      as `irkit` does

It finds the home by itself: IRKIT_HOME, else the system service's when it runs, else the user's. What it is (the first
8 digits of its SHA-256) is said after the act, never before it.
"""

import os
import sys

SYSTEM_HOME = "/var/lib/irkit"


def main() -> int:
    """Carry out; returns the exit code."""
    words = sys.argv[1:] or ["kill"]
    if words[0] in ("-h", "--help"):
        sys.stdout.write(__doc__ or "")
        return 0
    if not os.environ.get("IRKIT_HOME") and os.path.isdir(SYSTEM_HOME + "/gate") and os.geteuid() == 0:
        os.environ["IRKIT_HOME"] = SYSTEM_HOME
    from irkit.respond.emergency import main as emergency

    code = emergency(words)
    try:
        import hashlib

        with open(sys.path[0], "rb") as file:
            said = hashlib.sha256(file.read()).hexdigest()[:8]
        os.write(2, f"irkit-stop {said}\n".encode())
    except (OSError, ImportError):  # a file that was taken away, or a Python without its own library
        pass
    return code


if __name__ == "__main__":
    raise SystemExit(main())
