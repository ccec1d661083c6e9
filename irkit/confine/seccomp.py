# SPDX-License-Identifier: Apache-2.0
"""A filter of a few instructions: the two ioctls that type into a terminal fail, everything else passes (threat T9).

The session has a terminal of its own, so TIOCSTI would reach only itself; TIOCLINUX pastes on a console. Both are
refused all the same: it costs nothing.
"""

import os

TIOCSTI = 0x5412
TIOCLINUX = 0x541C

_ARCHES = {"x86_64": (0xC000003E, 16), "aarch64": (0xC00000B7, 29)}
"""machine -> (AUDIT_ARCH, number of ioctl)."""
_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06
_ALLOW, _EPERM = 0x7FFF0000, 0x00050001
_X32_IOCTL = 0x40000000 | 514


def no_typing(machine: str = "") -> bytes:
    """The program, as `bwrap --seccomp` reads it; empty where this machine's numbers are not known."""
    known = _ARCHES.get(machine or os.uname().machine)
    if known is None:
        return b""
    arch, ioctl = known
    return b"".join(
        code.to_bytes(2, "little") + bytes((true, false)) + value.to_bytes(4, "little")
        for code, true, false, value in (
            (_LOAD, 0, 0, 4),  # arch
            (_EQUAL, 0, 7, arch),
            (_LOAD, 0, 0, 0),  # number
            (_EQUAL, 1, 0, ioctl),
            (_EQUAL, 0, 4, _X32_IOCTL),
            (_LOAD, 0, 0, 24),  # lower half of the second argument: the kernel looks at no more of it
            (_EQUAL, 1, 0, TIOCSTI),
            (_EQUAL, 0, 1, TIOCLINUX),
            (_RETURN, 0, 0, _EPERM),
            (_RETURN, 0, 0, _ALLOW),
        )
    )
