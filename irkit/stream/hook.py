# SPDX-License-Identifier: Apache-2.0
"""irkit's hook: an agent starts it for every event, and its exit code decides whether a call runs.

Usage (written into the agent's settings by `irkit init`):  gate/python -I -S gate/hook.py AGENT EVENT  < payload

It asks the guard over hook.sock and repeats the answer word for word. Its home is its own path, never the
environment. Everything rare (a latch, a late or absent guard) is in hook_slow.py, read only when needed,
because this text is compiled again at every start. It never decides anything itself, and its text never
changes on upgrade: agents hash it.
"""

import posix
import sys


nonce = (
    ""  # of the request that the guard may have heard: what is spooled carries it, and is not counted twice
)


def slow(what, data, *more):
    try:
        with open("hook_slow.py", "rb") as text:
            scope = {"__name__": "hook_slow"}
            exec(compile(text.read(), "hook_slow.py", "exec"), scope)
        scope[what](sys.argv[1:], data, *more)
    except BaseException as error:
        posix.write(2, b"irkit: the hook is damaged: %s\n" % repr(error).encode()[:200])
    fail()


def fail():
    starts = ("pre", "before", "permission", "userprompt", "tool.execute.before")
    posix._exit(2 if sys.argv[2].lower().startswith(starts) else 0)


def main():
    if len(sys.argv) != 3:
        posix.write(2, b"usage: hook.py AGENT EVENT < payload\n")
        posix._exit(2)
    data = b""
    try:
        posix.chdir(sys.argv[0][: -len("hook.py")] or ".")
        parts = []
        while part := posix.read(0, 1048576):
            parts.append(part)
        data = parts[0] if len(parts) == 1 else b"".join(parts)
    except OSError:
        pass
    if there("latch") or there("KILL"):
        slow("latched", data)
    ask(data)


def there(name):
    try:
        posix.lstat(name)
    except FileNotFoundError:
        return False
    except OSError:
        pass
    return True


def ask(data, grace=2.0):
    from _socket import socket
    from time import monotonic

    global nonce
    nonce = posix.urandom(8).hex()
    deadline = monotonic() + grace
    answer = b""
    try:
        guard = socket(1, 1)  # AF_UNIX, SOCK_STREAM
        guard.settimeout(grace)
        guard.connect("hook.sock")
        if sys.platform == "linux":  # who listens: SO_PEERCRED is (pid, uid, gid); the gate's owner or root
            uid = int.from_bytes(guard.getsockopt(1, 17, 12)[4:8], sys.byteorder)
            if uid and uid != posix.stat(".").st_uid:
                slow("down", data)
        head = "irkit-hook/1 %s %s %s %d\n" % (sys.argv[1], sys.argv[2], nonce, len(data))
        guard.sendall(head.encode() + data)
        while True:
            part = guard.recv(65536)
            if not part:
                break
            answer += part
            line, newline, rest = answer.partition(b"\n")
            if newline:
                code, out, err = map(int, line.split())
                if len(rest) >= out + err:
                    if not code and (there("latch") or there("KILL")):
                        slow("recheck", data, (code, rest[:out], rest[out : out + err]))
                    if out:
                        posix.write(1, rest[:out])
                    if err:
                        posix.write(2, rest[out : out + err])
                    posix._exit(code)
            guard.settimeout(max(deadline - monotonic(), 0.001))
    except (TimeoutError, BlockingIOError):
        slow("late", data)
    except (OSError, ValueError):
        pass
    slow("down", data)


try:
    main()
except BaseException:  # out of memory, say: what an agent takes for a broken hook would let the call run
    posix.write(2, b"irkit: the hook could not ask, so this call is refused\n")
    fail()
