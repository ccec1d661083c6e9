# SPDX-License-Identifier: Apache-2.0
"""Landlock, by system call: nothing inside can signal what is outside, connect to its abstract sockets, or write
where the rules do not allow it.

Rules:
- Asked of the kernel by version; an old one is an answer (0), never an error.
- The file rules say where writing is allowed: all of a folder, or nothing of it. So "everything but this place" is
  said by naming its neighbours, and nothing new can be made beside it in the folders on the way.
- It does not cover metadata: chmod and chown of what can be reached by its owner go on working.
"""

import os

ABI_SCOPES = 6
"""Linux 6.12: signals and abstract sockets can be kept inside."""
_CREATE, _ADD, _RESTRICT = 444, 445, 446
"""System calls, the same number on x86_64, aarch64 and every machine since."""
_VERSION = 1
_PATH_BENEATH = 1
_SCOPE_ABSTRACT, _SCOPE_SIGNAL = 1, 2
_PR_SET_NO_NEW_PRIVS = 38
_WRITE_FILE, _REMOVE_DIR, _REMOVE_FILE = 1 << 1, 1 << 4, 1 << 5
_MAKE = sum(1 << bit for bit in range(6, 13))
_REFER, _TRUNCATE = 1 << 13, 1 << 14
WRITING = _WRITE_FILE | _REMOVE_DIR | _REMOVE_FILE | _MAKE | _REFER | _TRUNCATE
_ON_FILES = _WRITE_FILE | _TRUNCATE


def abi() -> int:
    """The version of Landlock that this kernel has, 0 for none."""
    if os.uname().sysname != "Linux":
        return 0
    return max(0, _syscall(_CREATE, None, 0, _VERSION))


def keep_inside(writable: list[str] | None = None) -> bool:
    """Restrict this process and all that it starts, for good. `writable` None: no file rules.

    False where the kernel refused; then nothing is restricted.
    """
    handled = 0 if writable is None else WRITING
    attributes = b"".join(n.to_bytes(8, "little") for n in (handled, 0, _SCOPE_ABSTRACT | _SCOPE_SIGNAL))
    ruleset = _syscall(_CREATE, attributes, len(attributes), 0)
    if ruleset < 0:
        return False
    try:
        for path in writable or ():
            _allow(ruleset, path)
        call("prctl", _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        return _syscall(_RESTRICT, ruleset, 0) == 0
    finally:
        os.close(ruleset)


def around(base: str, closed: list[str]) -> list[str]:
    """Where writing is allowed below `base`, when it is not allowed in any of `closed`: the neighbours on the way."""
    inside = [path for path in closed if path == base or path.startswith(base.rstrip("/") + "/")]
    if not inside:
        return [base]
    if base in inside or not os.path.isdir(base) or os.path.islink(base):
        return []
    found: list[str] = []
    for name in sorted(os.listdir(base)):
        if not os.path.islink(
            path := os.path.join(base, name)
        ):  # a link's target may be closed; it counts where it is
            found += around(path, inside)
    return found


def _allow(ruleset: int, path: str) -> None:
    try:
        held = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    rights = WRITING if os.path.isdir(path) else _ON_FILES
    rule = rights.to_bytes(8, "little") + held.to_bytes(4, "little")
    _syscall(_ADD, ruleset, _PATH_BENEATH, rule, 0)
    os.close(held)


def _syscall(number: int, *arguments: int | bytes | None) -> int:
    return call("syscall", number, *arguments)


def call(name: str, *arguments: int | bytes | None) -> int:
    """A function of the C library. `_ctypes` alone, because `ctypes` costs milliseconds before an agent's first word."""
    import _ctypes

    try:
        library = _ctypes.dlopen(None, 0)  # type: ignore[arg-type]  # None is the program itself
        function = _ctypes.dlsym(library, name)
        return int(_ctypes.call_function(function, arguments))
    except AttributeError:  # not this Python's
        import ctypes

        return int(getattr(ctypes.CDLL(None), name)(*arguments))
