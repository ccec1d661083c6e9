# SPDX-License-Identifier: Apache-2.0
"""Control groups of a test's own, for bodies that run in a namespace of their own."""

import contextlib
import os
import secrets
import time
from collections.abc import Iterator

import pytest

from irkit.respond.cgroup import Group

_TOPS = {True: ("/sys/fs/cgroup/unified", "/sys/fs/cgroup"), False: ("/sys/fs/cgroup/freezer",)}
_NEEDS = {True: "cgroup.freeze", False: "freezer.state"}


@contextlib.contextmanager
def own_group(*, unified: bool = True, inside: str = "") -> Iterator[Group]:
    """A new group, killed and removed afterwards; the test is skipped where none can be made."""
    for top in (inside,) if inside else _TOPS[unified]:
        path = f"{top}/irkit-test-{secrets.token_hex(6)}"
        with contextlib.suppress(OSError):
            os.mkdir(path)
            if os.path.exists(f"{path}/{_NEEDS[unified]}"):
                break
            os.rmdir(path)
    else:
        pytest.skip("no control group can be made here")
    group = Group(path, unified=unified)
    try:
        yield group
    finally:
        group.thaw()
        group.kill()
        ends = time.monotonic() + 10
        while time.monotonic() < ends:
            try:
                os.rmdir(path)
                break
            except FileNotFoundError:
                break
            except OSError:
                time.sleep(0.02)


def move(group: Group, *pids: int) -> None:
    """Put processes that this test started into it."""
    for pid in pids:
        with open(f"{group.path}/cgroup.procs", "w", encoding="ascii") as file:
            file.write(str(pid))
