# SPDX-License-Identifier: Apache-2.0
"""Where something can be left that starts again later: the places as data, each with its reason.

Rules: a place is below the user's home, below the session's project, or absolute. A pattern has `*` in its last part
only, so that a look costs one folder. Nothing here reads anything.
"""

import os
import re
import sys
from enum import StrEnum
from typing import NamedTuple

from irkit.agents.registry import AGENTS


class Form(StrEnum):
    """How the content is taken apart."""

    LINES = "lines"
    """Entries are runs of lines."""
    KEYS = "keys"
    """JSON: entries are settings."""
    FILE = "file"
    """The file is one entry."""


class Place(NamedTuple):
    """One place."""

    id: str
    pattern: str
    """`~/…`, `./…` (the project), or absolute; `{user}` and `{config}` are put in."""
    form: Form
    why: str
    platform: str = ""
    """`linux` or `darwin`; empty: everywhere."""


_UNITS = ("service", "timer", "socket", "path", "target", "mount", "conf")
_SHELL = (
    ".bashrc .bash_profile .bash_login .profile .bash_logout .bash_aliases .zshrc .zshenv .zprofile .zlogin "
    ".zlogout .kshrc .xprofile .xsessionrc .xinitrc .pam_environment"
)
_GIT_HOOKS = "git runs it at the next commit, checkout, merge or push"
PLACES: tuple[Place, ...] = (
    Place("crontab", "/var/spool/cron/crontabs/{user}", Form.LINES, "cron starts its lines", "linux"),
    Place("crontab", "/var/spool/cron/{user}", Form.LINES, "cron starts its lines", "linux"),
    Place("crontab", "/var/at/tabs/{user}", Form.LINES, "cron starts its lines", "darwin"),
    Place("system-cron", "/etc/crontab", Form.LINES, "cron starts its lines", "linux"),
    *(
        Place("system-cron", f"/etc/cron.{name}/*", Form.FILE, "cron starts it", "linux")
        for name in ("d", "hourly", "daily", "weekly", "monthly")
    ),
    Place("user-unit", "{config}/systemd/user/*", Form.FILE, "the user's service manager starts it", "linux"),
    Place("user-unit", "{config}/systemd/user/*/*", Form.FILE, "a drop-in or a wanted unit", "linux"),
    Place("user-unit", "~/.local/share/systemd/user/*", Form.FILE, "the service manager starts it", "linux"),
    Place("user-generator", "{config}/systemd/user-generators/*", Form.FILE, "run at each reload", "linux"),
    Place("environment", "{config}/environment.d/*", Form.LINES, "set for every service", "linux"),
    Place("autostart", "{config}/autostart/*", Form.FILE, "the desktop starts it at login", "linux"),
    Place("launch-agent", "~/Library/LaunchAgents/*", Form.FILE, "launchd starts it", "darwin"),
    *(
        Place("shell", f"~/{name}", Form.LINES, "a shell or a login reads it at its start")
        for name in _SHELL.split()
    ),
    Place("shell", "{config}/fish/config.fish", Form.LINES, "fish reads it at its start"),
    Place("shell", "{config}/fish/conf.d/*", Form.LINES, "fish reads it at its start"),
    Place("shell", "~/.bashrc.d/*", Form.LINES, "often read by .bashrc"),
    Place("ssh-keys", "~/.ssh/authorized_keys", Form.LINES, "each line lets somebody in"),
    Place("ssh-keys", "~/.ssh/authorized_keys2", Form.LINES, "each line lets somebody in"),
    Place("ssh-config", "~/.ssh/config", Form.LINES, "ProxyCommand and Match exec run programs"),
    Place("ssh-config", "~/.ssh/rc", Form.LINES, "sshd runs it at each login"),
    Place("git-config", "~/.gitconfig", Form.LINES, "core.hooksPath, aliases and filters run programs"),
    Place(
        "git-config", "{config}/git/config", Form.LINES, "core.hooksPath, aliases and filters run programs"
    ),
    Place("npm", "~/.npmrc", Form.LINES, "another registry, or scripts' shell"),
    Place("pip", "~/.pip/pip.conf", Form.LINES, "another index", "linux"),
    Place("pip", "{config}/pip/pip.conf", Form.LINES, "another index"),
    Place("path", "~/.local/bin/*", Form.FILE, "may stand in for a program of that name"),
    Place("path", "~/bin/*", Form.FILE, "may stand in for a program of that name"),
    *(
        Place("agent-settings", f"~/{spec.settings}", Form.KEYS, f"{spec.title} runs its hooks")
        for spec in AGENTS
        if spec.settings.endswith((".json", ".jsonc"))
    ),
    Place("agent-settings", "~/.claude.json", Form.KEYS, "MCP servers that Claude Code starts"),
    Place("agent-settings", "~/.codex/config.toml", Form.LINES, "MCP servers that Codex starts"),
    Place("agent-settings", "~/.cursor/mcp.json", Form.KEYS, "MCP servers that Cursor starts"),
    Place("agent-settings", "~/.gemini/settings.json", Form.KEYS, "MCP servers that Gemini CLI starts"),
    Place("git-hook", "./.git/hooks/*", Form.FILE, _GIT_HOOKS),
    Place("git-hook", "./.husky/*", Form.FILE, _GIT_HOOKS),
    Place("git-config", "./.git/config", Form.LINES, "core.hooksPath and core.fsmonitor run programs"),
    Place("editor", "./.vscode/tasks.json", Form.KEYS, "a task may run when the folder is opened"),
    Place("agent-settings", "./.claude/settings.json", Form.KEYS, "Claude Code runs its hooks"),
    Place("agent-settings", "./.claude/settings.local.json", Form.KEYS, "Claude Code runs its hooks"),
    Place("agent-settings", "./.mcp.json", Form.KEYS, "MCP servers that agents start"),
    Place("agent-settings", "./.cursor/mcp.json", Form.KEYS, "MCP servers that Cursor starts"),
    Place("npm", "./.npmrc", Form.LINES, "another registry, or scripts' shell"),
)
_HOOKS_PATH = re.compile(r"^\s*hooksPath\s*=\s*\"?([^\"\n]+?)\"?\s*$", re.IGNORECASE | re.MULTILINE)


class User(NamedTuple):
    """Whose places. `root` stands before absolute ones (a test's private folder)."""

    name: str
    home: str
    root: str = ""


def paths_of(user: User, projects: tuple[str, ...] = ()) -> dict[str, Place]:
    """Pattern as an absolute path -> place, each once, the first place that names it."""
    found: dict[str, Place] = {}
    for place in PLACES:
        if place.platform and not sys.platform.startswith(place.platform):
            continue
        bases = projects if place.pattern.startswith("./") else ("",)
        for base in bases:
            found.setdefault(_absolute(place.pattern, user, base), place)
    return found


def hook_folders(config: str, base: str, home: str) -> list[str]:
    """`core.hooksPath` of a git configuration's text, as absolute folders. Git itself is never asked."""
    folders = []
    for match in list(_HOOKS_PATH.finditer(config))[:8]:
        named = match[1].replace("~/", home + "/", 1) if match[1].startswith("~/") else match[1]
        folders.append(os.path.normpath(os.path.join(base, named)))
    return folders


def is_unit(path: str) -> bool:
    """Whether a file of that name is a unit of the service manager."""
    return path.rpartition(".")[2] in _UNITS


def _absolute(pattern: str, user: User, project: str) -> str:
    if pattern.startswith("./"):
        return project.rstrip("/") + pattern[1:]
    if pattern.startswith("~/"):
        return user.home + pattern[1:]
    if pattern.startswith("{config}"):
        return user.home + "/.config" + pattern[8:]
    return user.root + pattern.replace("{user}", user.name)
