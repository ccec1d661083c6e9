# SPDX-License-Identifier: Apache-2.0
"""VS Code agent mode: reads the hook file that Copilot CLI reads, with Copilot's event names.

One file serves both on purpose: VS Code loads every file of `~/.copilot/hooks`, and a second one would fire twice.
It also imports `~/.claude/settings.json`, so with Claude Code's hooks installed an event may still come twice.

Source: code.visualstudio.com/docs (agent customization, hooks; preview). Nothing here was seen running.
"""

from irkit.agents import answers, copilot_cli, dialect
from irkit.agents.spec import AgentSpec, Verified

VSCODE = AgentSpec(
    name="vscode",
    title="VS Code agent mode",
    verified=Verified.DOCUMENTED,
    commands=("code", "code-insiders"),
    settings=copilot_cli.COPILOT_CLI.settings,
    events=copilot_cli.EVENTS,
    parse=dialect.parse,
    refuse=answers.refuse,
    ask=answers.never_asks,
    install=copilot_cli.FILE.install,
    remove=copilot_cli.FILE.remove,
    installed=copilot_cli.FILE.installed,
    gaps=(
        "never seen running",
        "shares its hook file with Copilot CLI: installing or removing one does it for both",
        "a workspace can switch hook locations off (chat.hookFilesLocations)",
        "no events for permission, failure and session end",
        "imports Claude Code's hooks as well: an event may come twice",
        "the process is the editor: it is latched, never stopped",
    ),
)
