# SPDX-License-Identifier: Apache-2.0
"""Look up: what started an agent that no person started (threat T27: a postinstall script that runs an agent).

Kill path: standard library only. Never signals anything.

The rule. A person started the agent when, from the agent up to pid 1, anything
- has a terminal: a login shell, a pane of tmux or screen, an editor's terminal, `ssh -t`;
- is a login shell by its name (`-bash`), as a login without a terminal has it;
- is a place where a person works: an editor's window or server, or what lives in a desktop (a display in its environment).
Then nothing above the agent is touched: `npm install` that was typed is the person's, and so is what it runs.

Otherwise the culprit is the highest ancestor, such that it and all below it down to the agent
- run as the agent's user, and their executable can be read;
- are no service manager, login service, scheduler or terminal server, by executable: those serve others too;
- are no service of the service manager: the first process of a unit that has a name. It would be started again, and
  what else it serves is not this session's. What `systemd-run` made for the moment (`run-….service`) is no such unit;
- are neither the caller, nor who asked it to kill, nor the guard, nor above any of them.
It is stopped and killed with everything below it. Who stands above it is not touched, and has a name in the report.

Nothing is looked up for a contained session: whoever typed `irkit run` started it, and nothing of it gets out.

What that misses: a culprit that makes itself a terminal (`script`), takes an editor's name, sets a display variable, or that
lost the agent (its parent is pid 1 by then). A false kill of an editor with unsaved work would be worse than this.
"""

from __future__ import annotations

import os

from irkit.agents import facts
from irkit.respond import procfs
from irkit.respond.procfs import Proc

_WORKPLACES = (
    "emacs",
    "nvim",
    "vim",
    "java",
    "idea",
    "pycharm",
    "goland",
    "webstorm",
    "rider",
    "zed",
    "zed-editor",
    "subl",
    "sublime_text",
    "kate",
)
"""Executables of editors and of what they run on, beside those that agents live in."""
_SERVERS = (
    *("init", "systemd", "runit", "runsv", "runsvdir", "s6-svscan", "s6-supervise", "supervisord", "monit"),
    *("tini", "docker-init", "dumb-init", "catatonit", "conmon", "dockerd", "containerd", "containerd-shim"),
    *("containerd-shim-runc-v2", "cron", "crond", "anacron", "fcron", "atd", "dbus-daemon", "dbus-broker"),
    *("sshd", "sshd-session", "dropbear", "login", "su", "sudo", "getty", "agetty", "gdm", "sddm", "lightdm"),
    *(
        "tmux",
        "screen",
        "zellij",
        "dtach",
        "abduco",
        "mosh-server",
        "gnome-shell",
        "launchd",
        "unshare",
        "bwrap",
    ),
)
"""They serve more than this session."""
_DISPLAYS = (b"DISPLAY=", b"WAYLAND_DISPLAY=")


def culprit(table: dict[int, Proc], agent: int, untouchable: frozenset[int]) -> Proc | None:
    """What started the agent and is stopped with it; None when a person did, or nothing may be touched."""
    line = [table[agent]] if agent in table else []
    line += [table[pid] for pid in procfs.ancestors(table, agent) if pid > 1 and pid in table]
    if not line or any(proc.tty for proc in line):
        return None
    if any(_where_a_person_works(proc) for proc in line[1:]) or _displayed(line[0]):
        return None
    uid = procfs.owner(agent)
    highest = None
    for proc in line[1:]:
        if proc.pid in untouchable or proc.kernel or procfs.owner(proc.pid) != uid or _serves_others(proc):
            break
        highest = proc
    return highest


def _where_a_person_works(proc: Proc) -> bool:
    path = procfs.exe(proc.pid) or ""
    argv = procfs.argv(proc.pid) or []
    return (
        bool(argv and argv[0].startswith("-"))
        or os.path.basename(path) in _WORKPLACES
        or facts.is_editor(path, argv)
        or _displayed(proc)
    )


def _displayed(proc: Proc) -> bool:
    environ = procfs.environ(proc.pid) or b""
    return any(entry.startswith(_DISPLAYS) for entry in environ.split(b"\0"))


def _serves_others(proc: Proc) -> bool:
    path = procfs.exe(proc.pid)
    if not path or os.path.basename(path) in _SERVERS:
        return True
    return _is_service(procfs.text(proc.pid, "cgroup"), procfs.text(proc.ppid, "cgroup"))


def _is_service(own: str, parents: str) -> bool:
    """The first process of a named unit: it is in a `….service` that its parent is not in."""
    unit = _unit(own)
    return unit.endswith(".service") and not unit.startswith("run-") and unit != _unit(parents)


def _unit(cgroups: str) -> str:
    """The innermost unit in a /proc/PID/cgroup; systemd keeps it in hierarchy 0, or in its own of version 1."""
    for line in cgroups.splitlines():
        number, _, rest = line.partition(":")
        names, _, path = rest.partition(":")
        if number == "0" or names == "name=systemd":
            for part in reversed(path.split("/")):
                if part.endswith((".service", ".scope")):
                    return part
    return ""
