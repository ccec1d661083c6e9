# SPDX-License-Identifier: Apache-2.0
"""Hooks in an agent's managed settings: the file that belongs to root, which no project and no user switches off.

Written by the very functions that write users' settings (`agents/hook_file.py`), with the same diff, backup and undo.
Claude Code documents its file; Codex's `requirements.toml` takes hooks from a folder, which is a human step: named,
not written.
"""

import os

from irkit.agents.registry import agent
from irkit.errors import BadInputError
from irkit.guard.gatefiles import hook_command
from irkit.guard.install import Plan, backups
from irkit.home import Home

CLAUDE = "/etc/claude-code/managed-settings.json"
CLAUDE_DARWIN = "/Library/Application Support/ClaudeCode/managed-settings.json"
CODEX_STEP = (
    "Codex: in /etc/codex/requirements.toml pin `[features] hooks = true`, and name a root-owned folder of hooks "
    "as `[hooks] managed_dir` (see Codex's own page on managed configuration)"
)


def plan_managed(home: Home, root: str, *, darwin: bool, removing: bool) -> Plan:
    """What installing (or removing) would do to Claude Code's managed settings below `root`."""
    spec = agent("claude-code")
    path = os.path.join(root, (CLAUDE_DARWIN if darwin else CLAUDE).lstrip("/"))
    try:
        before = _read(path)
        if not removing:
            after: str | None = spec.install(before, lambda event: hook_command(home, spec.name, event), None)
        elif before is None:
            after = None
        else:
            rest = spec.remove(before)
            kept = backups(home).get(path)
            after = None if rest == "" or (kept and not kept.existed and rest.strip() in {"", "{}"}) else rest
    except BadInputError as error:
        return Plan(spec.name, path, None, None, present=True, problem=error.diagnostics())
    return Plan(spec.name, path, before, after, present=True)


def _read(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read(4 << 20)
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"cannot be read ({error})", where=path) from error
