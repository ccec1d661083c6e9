# SPDX-License-Identifier: Apache-2.0
"""How a coding agent's process is recognised: by its executable, its script, and the marks it leaves in children.

Rules: an agent is known by where its executable or its script was installed, never by a process name, and
never by a word somewhere in a path. A marker in an environment is a hint for attribution; whoever acts on it
must check it as the contract on identity says. Kill path: standard library only, nothing imported, no regular
expressions. It never opens a file and never looks at a process itself.

Sources: process trees and environments seen running Claude Code 2.1.197, Codex 0.169.0, Gemini CLI 0.61.0,
Qwen Code 0.15.10, Copilot CLI 1.0.102, OpenCode 1.18.33; for Cursor, Windsurf and VS Code their packages'
documented install paths (not seen running).
"""

AGENTS = (
    "claude-code",
    "codex",
    "gemini-cli",
    "copilot-cli",
    "opencode",
    "qwen-code",
    "cursor",
    "windsurf",
    "vscode",
)

MARKERS = (
    ("claude-code", "CLAUDE_CODE_SESSION_ID", True),
    ("claude-code", "CLAUDECODE", False),
    ("codex", "CODEX_SESSION_ID", True),
    ("codex", "CODEX_THREAD_ID", True),
    ("codex", "CODEX_CI", False),
    ("gemini-cli", "GEMINI_SESSION_ID", True),
    ("gemini-cli", "GEMINI_CLI", False),
    ("copilot-cli", "COPILOT_AGENT_SESSION_ID", True),
    ("copilot-cli", "COPILOT_CLI", False),
    ("opencode", "OPENCODE_PID", False),
    ("opencode", "OPENCODE", False),
    ("qwen-code", "QWEN_CODE", False),
    ("cursor", "CURSOR_CONVERSATION_ID", True),  # third-party reports only
    ("cursor", "CURSOR_AGENT", False),  # third-party reports only
)
"""(agent, variable, whether its value is the session's id) in the environment of an agent's tool children.

`CLAUDE_PROJECT_DIR` is missing on purpose: Gemini, Qwen and Copilot set it too. Windsurf and VS Code are not
known to leave a mark of their agent mode.
"""

SCRATCH = (("claude-code", "/claude-"), ("copilot-cli", "/.copilot/session-state/"))
"""(agent, part of a path below which each session has a folder named by its id). Seen with the versions below.

Claude Code keeps each command's output in /tmp/claude-UID/CWD/SESSION/tasks/ID.output, as the command's stdout.
"""

SESSION_ID_MAX = 256
"""Longer values are not a session id of any agent."""

_RUNTIMES = ("node", "nodejs", "bun", "deno", "node.exe", "bun.exe", "deno.exe")
"""JavaScript runtimes that agents' scripts run in."""

_TRIPLES = ("-linux-musl", "-linux-gnu", "-apple-darwin", "-windows-msvc.exe")
"""How Codex's released executables end (`codex-x86_64-unknown-linux-musl`)."""

_NATIVE: dict[str, tuple[str, tuple[str, ...]]] = {
    "claude": ("claude-code", ()),
    "claude.exe": ("claude-code", ()),
    "codex": ("codex", ()),
    "codex.exe": ("codex", ()),
    "opencode": ("opencode", ()),
    "opencode.exe": ("opencode", ()),
    # AWS Copilot and others have the same file name: the folder must be GitHub's.
    "copilot": (
        "copilot-cli",
        ("/@github/copilot", "/copilot/pkg/", "/.copilot/", "/copilot-cli/", "/.local/bin/"),
    ),
    "copilot.exe": ("copilot-cli", ("/@github/copilot", "/copilot/pkg/", "/.copilot/", "/copilot-cli/")),
    "cursor": ("cursor", ("/cursor/", "/.mount_Cursor", "/.mount_cursor")),
    "Cursor": ("cursor", ("/Cursor.app/",)),
    "windsurf": ("windsurf", ("/windsurf/", "/.mount_Windsurf", "/.mount_windsurf")),
    "Windsurf": ("windsurf", ("/Windsurf.app/",)),
    "code": ("vscode", ("/code/", "/visual-studio-code/", "/vscode/")),
    "code-insiders": ("vscode", ("/code-insiders/", "/visual-studio-code-insiders/")),
    "Electron": ("vscode", ("/Visual Studio Code.app/", "/Visual Studio Code - Insiders.app/")),
}
"""File name -> (agent, parts one of which the path must have; none: the name is enough)."""

_SERVERS = (
    ("/.vscode-server/", "vscode"),
    ("/.vscode-server-insiders/", "vscode"),
    ("/.cursor-server/", "cursor"),
    ("/.windsurf-server/", "windsurf"),
)
"""Where an editor's remote half keeps its private node. It runs language servers too: see `_is_editor_host`."""

_CLAUDE_VERSIONS = "/.local/share/claude/versions/"
"""Claude Code's own installer: the executable's file name is the version."""
_CURSOR_AGENT = "/.local/share/cursor-agent/versions/"
"""Cursor's command line: a private node beside its script."""

_SCRIPT_NAMES = {
    "claude": "claude-code",
    "codex": "codex",
    "gemini": "gemini-cli",
    "copilot": "copilot-cli",
    "opencode": "opencode",
    "qwen": "qwen-code",
}
"""Names of the links that npm makes in a `bin` or `.bin` folder."""

_SCRIPT_PACKAGES = (
    ("/node_modules/@anthropic-ai/claude-code/", "claude-code"),
    ("/node_modules/@openai/codex/", "codex"),
    ("/node_modules/@google/gemini-cli/", "gemini-cli"),
    ("/node_modules/@github/copilot/", "copilot-cli"),
    ("/node_modules/opencode-ai/", "opencode"),
    ("/node_modules/@qwen-code/qwen-code/", "qwen-code"),
)

_WRAPPED = ("codex", "copilot-cli", "opencode")
"""Agents whose npm script only starts a native executable."""

_INTERPRETERS = (*_RUNTIMES, "python", "pypy", "ruby", "perl", "sh", "bash", "dash", "zsh", "ksh")
_OPTIONS_WITH_VALUE = (
    "-r",
    "--require",
    "--import",
    "--loader",
    "-C",
    "--conditions",
    "--preload",
    "-X",
    "-W",
)
_OPTIONS_INSTEAD_OF_SCRIPT = ("-e", "--eval", "-p", "--print", "-c", "--check", "-m")


def recognise(exe: str, argv: list[str], extra: tuple[tuple[str, str], ...] = ()) -> str:
    """The agent that a process with this executable path and command line is, or "".

    `extra` holds (agent, absolute path) from the site's own configuration: it matches the executable itself, or
    the script that an interpreter was given among its first three arguments.
    """
    exe = _plain(exe)
    script = _script(exe, argv)
    for agent, path in extra:
        if path in (exe, script) and path in (exe, *argv[1:4]):
            return agent
    return _native(exe, argv) or _scripted(exe, script, argv)


def is_wrapper(exe: str, argv: list[str]) -> bool:
    """Whether this is the npm script that starts the agent's native executable and waits for it.

    The agent is its child then: killing the wrapper leaves the agent running (seen with Codex and Copilot CLI).
    Older versions of Copilot CLI ran in the script's own process, so this never exempts a process from a stop.
    """
    exe = _plain(exe)
    script = _script(exe, argv)
    agent = _scripted(exe, script, argv)
    return agent in _WRAPPED or (agent == "claude-code" and script.endswith("/cli-wrapper.cjs"))


def is_editor(exe: str, argv: list[str]) -> bool:
    """Whether stopping this process would stop an editor's window or its server, with work that is not saved.

    True for Cursor, Windsurf and VS Code except Cursor's command line. For these a session is latched and its
    tool children are stopped; the process itself is left alone.
    """
    exe = _plain(exe)
    return _CURSOR_AGENT not in exe and _native(exe, argv) in ("cursor", "windsurf", "vscode")


def in_scratch(agent: str, native: str, path: str) -> bool:
    """Whether an agent keeps a file of that session, and no other's, at this path. Short ids are too common."""
    if len(native) < 16 or "/" in native:
        return False
    return any(
        name == agent and place in path and f"/{native}/" in path[path.index(place) + 1 :]
        for name, place in SCRATCH
    )


def marker_of(environ: bytes) -> list[tuple[str, str]]:
    """(agent, session id or "") for each agent whose marks are in a raw, NUL-separated `/proc/PID/environ`.

    An agent whose session id is there is listed with it, once for each different id, and not a second time
    without. Nested agents leave several marks. The first of two equal variables counts, as for `getenv`.
    """
    values: dict[bytes, bytes] = {}
    for entry in environ.split(b"\0"):
        if entry[:5] in _STARTS:  # nearly never, and the kill path asks this of every process
            variable, _, value = entry.partition(b"=")
            values.setdefault(variable, value)
    found: list[tuple[str, str]] = []
    for agent, name, holds_session_id in MARKERS if values else ():
        value = values.get(name.encode(), b"")
        if not value or len(value) > SESSION_ID_MAX:
            continue
        mark = (agent, value.decode("utf-8", "replace") if holds_session_id else "")
        if mark not in found and (holds_session_id or not any(known == agent for known, _ in found)):
            found.append(mark)
    return found


_STARTS = frozenset(name[:5].encode() for _, name, _ in MARKERS)


def _plain(exe: str) -> str:
    """The path with forward slashes, without the kernel's note that an upgrade removed the file."""
    exe = exe.removesuffix(" (deleted)")
    return exe.replace("\\", "/")


def _native(exe: str, argv: list[str]) -> str:
    folder, _, name = exe.rpartition("/")
    folder += "/"
    agent, places = _NATIVE.get(name, ("", ()))
    if agent and (not places or any(place in folder for place in places)):
        return agent
    if name.startswith("codex-") and name.endswith(_TRIPLES):
        return "codex"
    if name.startswith("language_server_") and folder.endswith("/extensions/windsurf/bin/"):
        return "windsurf"
    if folder.endswith(_CLAUDE_VERSIONS):
        return "claude-code"
    if name == "node":
        if _CURSOR_AGENT in folder:
            return "cursor"
        for place, editor in _SERVERS:
            if place in folder and _is_editor_host(argv):
                return editor
    return ""


def _scripted(exe: str, script: str, argv: list[str]) -> str:
    if exe.rpartition("/")[2] not in _RUNTIMES:
        return ""
    if not script:
        # Claude Code before it was native set its process title, which overwrites the command line. Uncertain.
        return "claude-code" if argv and argv[0] == "claude" and not any(argv[1:]) else ""
    folder, _, name = script.rpartition("/")
    if folder.endswith(("/bin", "/.bin")) and name in _SCRIPT_NAMES:
        return _SCRIPT_NAMES[name]
    for package, agent in _SCRIPT_PACKAGES:
        if package in script:
            return agent
    return ""


def _script(exe: str, argv: list[str]) -> str:
    """The script that an interpreter runs: its first argument that is neither an option nor an option's value."""
    if exe.rpartition("/")[2].rstrip("0123456789.") not in _INTERPRETERS:
        return ""
    skip = False
    for word in argv[1:]:
        if skip:
            skip = False
        elif word in _OPTIONS_INSTEAD_OF_SCRIPT:
            return ""
        elif word.startswith("-"):
            skip = word in _OPTIONS_WITH_VALUE
        elif word != "run":  # `bun run FILE`, `deno run FILE`
            return _plain(word)
    return ""


def _is_editor_host(argv: list[str]) -> bool:
    return any(word == "--type=extensionHost" or word.endswith("/server-main.js") for word in argv[1:])
