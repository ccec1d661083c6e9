# SPDX-License-Identifier: Apache-2.0
"""What it means that a file is written: by a shell, by an editing tool, by a patch."""

import re
from typing import TYPE_CHECKING

from irkit.detect.flow import Flow

if TYPE_CHECKING:
    from irkit.detect.walk import Walk

_LOOSE = re.compile(
    r"""bypassPermissions|dangerously[-_]?skip[-_]?permissions|skipDangerousModePermissionPrompt
    |disableAllHooks["']?\s*[:=]\s*true|disable_all_hooks["']?\s*[:=]\s*true
    |allow["']?\s*:\s*\[[^\]]{0,2000}["'](?:\*|Bash|Bash\(\*\)|Bash\(\*:\*\)|Write|Edit|mcp__\*)["']
    |(?<!:)(?<!:\s)["'](?:\*|Bash\(\*\)|Bash\(\*:\*\))["']\s*(?:,|\]|$)
    |approval_policy["']?\s*=\s*["']never|sandbox_mode["']?\s*=\s*["']danger-full-access|danger_full_access
    |["']?(?:autoApprove|alwaysAllow|autoAccept|yolo|autoRun)["']?\s*[:=]\s*(?:true|\[\s*["']\*)|["']?permission["']?\s*:\s*["']allow["']
    |enableAllProjectMcpServers["']?\s*[:=]\s*true|approvalMode["']?\s*:\s*["']yolo|trust["']?\s*:\s*true""",
    re.VERBOSE | re.IGNORECASE,
)  # fmt: skip
_SERVER = re.compile(r"""mcp_?[sS]ervers|\[mcp_servers\.|["']servers["']\s*:""")
_SERVER_COMMAND = re.compile(r"""["']?(?:command|url|httpUrl)["']?\s*[:=]""")
_HOOK_OFF = re.compile(r"irkit|gate/hook\.py")
_FOLDER_OPEN = re.compile(r"""["']runOn["']\s*:\s*["']folderOpen""")
SCRIPT_MAX_CHARS = 64 * 1024
_SCRIPT_ENDS = frozenset("sh bash zsh py js mjs cjs rb pl ps1 command".split())
_SCRIPT_NAMES = frozenset(("Makefile", "package.json", "postinstall", "preinstall"))


def is_script(path: str) -> bool:
    """Whether the file is one that something runs, by its name."""
    name = path.rpartition("/")[2]
    return name.rpartition(".")[2] in _SCRIPT_ENDS or name in _SCRIPT_NAMES


def wrote_file(
    walk: "Walk", arg: str, flow: Flow, program: str, *, append: bool = False, before: str = ""
) -> None:
    """Note the acts of writing `arg`. `before` is the text that an edit replaces."""
    kind, path = walk.file(arg)
    content = flow.text
    detail = ("append",) if append else ()
    if kind == "agent-settings":
        walk.act("agent-settings", program, target=kind, path=path, detail=loosened(content, before) + detail)
    elif kind == "disk":
        walk.act("overwrite", program, target=kind, path=path)
    elif kind == "guard":
        walk.act("tamper", program, target=kind, path=path)
    elif kind == "start-file":
        walk.act("persist", program, target=kind, path=path, detail=detail)
    elif kind == "project-start-file":
        words = ("folder-open",) if _FOLDER_OPEN.search(content) else ()
        walk.act("write", program, target=kind, path=path, detail=words)
    elif kind in {"key-content", "credential-file"}:
        walk.act("write", program, target=kind, path=path, detail=detail)
    elif kind == "agent-state" and not append:
        walk.act("delete", program, target=kind, path=path)
    elif path.startswith("/etc/") and not walk.contained:
        walk.act("write", program, target="system", path=path)
    if "fetched" in flow.tags:
        walk.memory.note_fetched(path, flow.host)
    elif content and (is_script(path) or content.startswith("#!")):
        from irkit.detect.code import script_acts

        acts = script_acts(walk, path, content[:SCRIPT_MAX_CHARS])
        if append or before:  # the rest of the file stays, with what it does
            acts = (*walk.memory.scripts.get(path, ()), *acts)
        walk.memory.note_script(path, acts)


def loosened(text: str, before: str = "") -> tuple[str, ...]:
    """What new settings take away: `loose`, `server` (a program to start), `hooks-off`; nothing for what was there before."""
    words = []
    was = {found[0].lower() for found in _LOOSE.finditer(before)}
    if any(found[0].lower() not in was for found in _LOOSE.finditer(text[:SCRIPT_MAX_CHARS])):
        words.append("loose")
    if _SERVER.search(text) and len(_SERVER_COMMAND.findall(text)) > len(_SERVER_COMMAND.findall(before)):
        words.append("server")
    if _HOOK_OFF.search(before) and not _HOOK_OFF.search(text):
        words.append("hooks-off")
    return tuple(words)
