# SPDX-License-Identifier: Apache-2.0
"""Where something written now would run later, outside: read-only for a contained session. And whom it could ask.

A table with reasons. Paths are below the user's home, or below the project where the row says so.

`missing` tells what becomes of a place that is not there, since what is not there cannot be covered by a mount:
- FOLDER, FILE: an empty one is put there while the session runs, because an empty one changes nothing;
- WATCH: an empty one would change something (an empty ~/.bash_profile hides ~/.profile; an empty settings file is
  no JSON). Nothing is put there; what appears is reported when the session ends.
"""

FOLDER = "folder"
FILE = "file"
WATCH = "watch"


class Place:
    """One row."""

    __slots__ = ("missing", "needs", "path", "why")

    def __init__(self, path: str, why: str, missing: str = WATCH, needs: str = "") -> None:
        self.path = path
        self.why = why
        self.missing = missing
        self.needs = needs
        """A program without which a missing place is of no use to anybody."""


_SHELL = "every new shell runs it"
_LOGIN = "every login runs it"
_AGENT = "the agent's settings: hooks and commands that later sessions run"
_GIT = "git runs programs named in it"

IN_HOME = (
    Place(".bashrc", _SHELL, FILE, "bash"),
    Place(".bash_aliases", _SHELL),
    Place(".bash_profile", _LOGIN),
    Place(".bash_login", _LOGIN),
    Place(".bash_logout", _LOGIN),
    Place(".profile", _LOGIN),
    Place(".zshenv", _SHELL, FILE, "zsh"),
    Place(".zshrc", _SHELL, FILE, "zsh"),
    Place(".zprofile", _LOGIN, FILE, "zsh"),
    Place(".zlogin", _LOGIN, FILE, "zsh"),
    Place(".zlogout", _LOGIN, FILE, "zsh"),
    Place(".config/fish", _SHELL, FOLDER, "fish"),
    Place(".xprofile", _LOGIN),
    Place(".xsessionrc", _LOGIN),
    Place(".pam_environment", _LOGIN),
    Place(".config/environment.d", _LOGIN, FOLDER, "systemctl"),
    Place(".config/systemd/user", "units and timers run outside the session", FOLDER, "systemctl"),
    Place(".local/share/systemd/user", "units and timers run outside the session", FOLDER, "systemctl"),
    Place(".config/autostart", "the desktop runs it at login", FOLDER, "dbus-daemon"),
    Place(".local/share/dbus-1/services", "the bus starts services named here", FOLDER, "dbus-daemon"),
    Place(".local/bin", "programs in it run in every shell", FOLDER),
    Place("bin", "programs in it run in every shell"),
    Place(".ssh", "authorized_keys lets others in; config runs programs", FOLDER, "ssh"),
    Place(".gitconfig", _GIT, FILE, "git"),
    Place(".config/git", _GIT, FOLDER, "git"),
    Place(".npmrc", "npm takes its registry and its shell from it", FILE, "npm"),
    Place(".config/pip", "pip takes its index from it", FOLDER),
    Place(".pip", "pip takes its index from it"),
    Place(".vimrc", "vim runs it"),
    Place(".tmux.conf", "tmux runs it"),
    Place(".claude/settings.json", _AGENT),
    Place(".claude/settings.local.json", _AGENT),
    Place(".claude/hooks", _AGENT),
    Place(".codex/config.toml", _AGENT),
    Place(".codex/hooks.json", _AGENT),
    Place(".gemini/settings.json", _AGENT),
    Place(".qwen/settings.json", _AGENT),
    Place(".copilot/hooks", _AGENT),
    Place(".cursor/hooks.json", _AGENT),
    Place(".cursor/mcp.json", _AGENT),
    Place(".codeium/windsurf/hooks.json", _AGENT),
    Place(".config/opencode/opencode.json", _AGENT),
    Place(".config/opencode/plugin", _AGENT),
)

IN_PROJECT = (
    Place(".vscode/tasks.json", "the editor runs tasks when the folder is opened"),
    Place(".vscode/settings.json", "the editor runs programs named in it"),
    Place(".claude/settings.json", _AGENT),
    Place(".claude/settings.local.json", _AGENT),
    Place(".mcp.json", _AGENT),
    Place(".codex/config.toml", _AGENT),
    Place(".codex/hooks.json", _AGENT),
    Place(".gemini/settings.json", _AGENT),
    Place(".qwen/settings.json", _AGENT),
    Place(".cursor/hooks.json", _AGENT),
    Place(".envrc", "direnv runs it"),
)

IN_GIT = (
    Place("hooks", "git runs them at the next commit, outside", FOLDER),
    Place("config", _GIT),
    Place("config.worktree", _GIT),
)
"""Below the repository's own git folder."""

BROKERS = (
    ".ssh/agent",
    ".gnupg/S.gpg-agent",
    ".gnupg/S.gpg-agent.ssh",
    ".gnupg/S.gpg-agent.extra",
    ".gnupg/S.gpg-agent.browser",
    ".gnupg/S.keyboxd",
    ".gnupg/S.scdaemon",
    ".docker/run",
    ".docker/desktop",
    ".colima/default/docker.sock",
    ".rd/docker.sock",
    ".screen",
)
"""Sockets below the home whose other end would act outside, for the session. /run and /tmp are hidden as a whole."""

RUN_KEPT = (
    "systemd/resolve",
    "resolvconf",
    "NetworkManager/resolv.conf",
    "NetworkManager/no-stub-resolv.conf",
    "nscd",
    "current-system",
    "opengl-driver",
)
"""What stays to be seen of /run: names are resolved with it. None of these starts anything."""

SYSTEM = ("/usr", "/etc", "/bin", "/sbin", "/lib", "/lib64", "/boot", "/var", "/proc", "/sys", "/dev", "/run")
"""Never writable as a project, whoever asks from inside them; `--bind` names what is wanted."""
