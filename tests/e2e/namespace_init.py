# SPDX-License-Identifier: Apache-2.0
"""The first process of a test's own PID namespace: reaps orphans, and takes everything with it when it ends.

Usage:  unshare --pid --mount --fork --mount-proc --kill-child python -I namespace_init.py PRIVATE_TMP KEEP…

The file system is the machine's, but for /tmp: PRIVATE_TMP is mounted over it, and those of the KEEP folders
that lie below /tmp are mounted back where they were. It ends when its stdin does, so that a test that dies
leaves nothing behind. Standard library only.
"""

import contextlib
import os
import select
import subprocess
import sys

LOOK_EVERY_S = 0.05


def mount_private_tmp(private: str, keep: list[str]) -> None:
    """Hide the machine's /tmp; what is needed of it stays in sight through descriptors opened before."""
    inside = [os.path.realpath(path) for path in keep if os.path.realpath(path).startswith("/tmp/")]
    held = {path: os.open(path, os.O_PATH) for path in inside}
    mount("--make-rprivate", "/")
    mount("--bind", private, "/tmp")
    os.chmod("/tmp", 0o1777)
    for path, descriptor in held.items():
        os.makedirs(path, exist_ok=True)
        mount("--no-canonicalize", "--bind", f"/proc/self/fd/{descriptor}", path, keep=descriptor)
        os.close(descriptor)


def mount(*arguments: str, keep: int | None = None) -> None:
    """Raises CalledProcessError with mount's own words on stderr."""
    subprocess.run(["mount", *arguments], check=True, pass_fds=() if keep is None else (keep,))


def reap() -> None:
    """Take in every child that has ended."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def main() -> None:
    """Say `ready`, then reap until stdin ends."""
    mount_private_tmp(sys.argv[1], sys.argv[2:])
    print("ready", flush=True)
    while True:
        readable, _, _ = select.select([0], [], [], LOOK_EVERY_S)
        if readable and not os.read(0, 4096):
            return
        reap()


main()
