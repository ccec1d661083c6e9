# SPDX-License-Identifier: Apache-2.0
"""The hook's rare paths: a latch is set, the guard is late, or no guard answers.

Read and compiled by hook.py only then. Standard library only, `-I -S`, in the gate's folder. Ends the process
in every case, with the exit code that the agent understands. What it spools is private to this user and is
judged later as unauthenticated: it may raise suspicion, never lower it.

`answers` holds what `irkit init` baked in: lines `AGENT EVENT KIND MODE EXIT STDOUT STDERR` (the last two in
base64, `-` when empty). KIND is `down` (no guard: by `when_guard_down`, for that permission MODE or `*`),
`late` (deadline passed) or `latched`.
"""

import posix
import sys
from time import time_ns

REFUSABLE = (
    "PreToolUse UserPromptSubmit PermissionRequest BeforeTool BeforeAgent preToolUse userPromptSubmitted "
    "permissionRequest tool.execute.before permission.ask beforeShellExecution beforeMCPExecution beforeReadFile "
    "beforeSubmitPrompt pre_read_code pre_write_code pre_run_command pre_mcp_tool_use pre_user_prompt"
).split()
LATCHED = "irkit has latched this session: no tool call of it runs. See `irkit status`."
SESSION_KEYS = ("session_id", "sessionId", "conversation_id", "trajectory_id", "sessionID")
SPOOLED_MAX = 16 * 1024 * 1024


def latched(argv, data):
    """A latch file exists: refuse when it covers this session, or cannot be read, or the payload cannot be told."""
    agent, event = argv[:2]
    ask = sys.modules["__main__"].ask
    if not covers(agent, session_of(data)):
        ask(data)
    record(argv, data)
    end(
        agent,
        event,
        "latched",
        data,
        LATCHED,
    )


def late(argv, data):
    """The guard is there but did not answer in time: refuse where a refusal means something."""
    spool(argv, data)
    refuse_if_latched(argv, data)
    end(
        argv[0],
        argv[1],
        "late",
        data,
        "irkit's guard did not answer in 2 s, so this call is refused. Try again, or see `irkit status`.",
    )


def down(argv, data):
    """No guard: answer by `when_guard_down`."""
    spool(argv, data)
    refuse_if_latched(argv, data)
    end(
        argv[0],
        argv[1],
        "down",
        data,
        "irkit's guard does not run, so this call is refused. A person can start it: `irkit guard`.",
    )


def recheck(argv, data, answer):
    """The guard said yes, and a latch is there: a hook that was stopped with its answer must not pass on thaw."""
    refuse_if_latched(argv, data)
    give(*answer)


def refuse_if_latched(argv, data):
    """A latch that was set while the hook waited holds too."""
    if (exists("latch") or exists("KILL")) and covers(argv[0], session_of(data)):
        end(argv[0], argv[1], "latched", data, LATCHED)


def covers(agent, session):
    """Whether the latch covers it. The session alone decides: the guard writes the agent that the kernel names."""
    if exists("KILL") or session is None:
        return True
    try:
        with open("latch", encoding="utf-8", errors="replace") as file:
            lines = file.read(1 << 20).split("\n")
    except FileNotFoundError:
        return False
    except OSError:
        return True
    lines = [line for line in lines if line == "*" or len(line.split(" ", 1)) == 2]
    return not lines or "*" in lines or session in [line.split(" ", 1)[-1] for line in lines]


def exists(name):
    try:
        posix.lstat(name)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return True


def parsed(data):
    from json import loads

    try:
        value = loads(data[:SPOOLED_MAX])
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def session_of(data):
    value = parsed(data)
    for holder in (value, value.get("input")):
        if isinstance(holder, dict):
            for key in SESSION_KEYS:
                if isinstance(holder.get(key), str) and holder[key]:
                    return holder[key]
    return None


def record(argv, data):
    """Tell the guard of the refused attempt (0.2 s at the most); else spool it. The answer changes nothing."""
    from _socket import socket

    try:
        guard = socket(1, 1)
        guard.settimeout(0.2)
        guard.connect("hook.sock")
        head = "irkit-hook/1 %s %s %s %d\n" % (argv[0], argv[1], posix.urandom(8).hex(), len(data))
        guard.sendall(head.encode() + data)
        if guard.recv(16):
            return
    except OSError:
        pass
    spool(argv, data)


def spool(argv, data):
    """Leave the payload for the next guard: written under a name that is not read, then renamed."""
    nonce = sys.modules["__main__"].nonce or posix.urandom(8).hex()
    name = "%020d-%d-%s" % (time_ns(), posix.getpid(), nonce)
    head = "irkit-spool/1 %s %s %s %d %d\n" % (
        argv[0],
        argv[1],
        nonce,
        posix.getpid(),
        min(len(data), SPOOLED_MAX),
    )
    try:
        flags = posix.O_WRONLY | posix.O_CREAT | posix.O_EXCL | posix.O_NOFOLLOW
        file = posix.open("spool/.t-" + name, flags, 0o600)
        left = head.encode() + data[:SPOOLED_MAX]
        while left:
            left = left[posix.write(file, left) :]
        posix.rename("spool/.t-" + name, "spool/" + name)
    except OSError as error:
        posix.write(2, b"irkit: could not spool this event (%s)\n" % str(error).encode())


def end(agent, event, kind, data, reason):
    """Give the baked answer of this kind; without one, refuse what can be refused."""
    mode = parsed(data).get("permission_mode") if kind == "down" else None
    answer = baked(agent, event, kind, mode if isinstance(mode, str) else "*")
    if answer is None:
        answer = (2, b"", reason.encode() + b"\n") if event in REFUSABLE else (0, b"", b"")
    give(*answer)


def give(code, out, err):
    if out:
        posix.write(1, out)
    if err:
        posix.write(2, err)
    posix._exit(code)


def baked(agent, event, kind, mode):
    from binascii import a2b_base64

    found = None
    try:
        with open("answers", encoding="ascii", errors="replace") as file:
            for line in file:
                part = line.split()
                if len(part) == 7 and part[:3] == [agent, event, kind] and part[3] in (mode, "*"):
                    out, err = (b"" if text == "-" else a2b_base64(text) for text in part[5:])
                    found = (int(part[4]), out, err)
                    if part[3] == mode:
                        break
    except (OSError, ValueError):
        pass
    return found
