# SPDX-License-Identifier: Apache-2.0
"""Install the real agents that `make test-agents` runs, pinned, into a cache; repeating it costs nothing.

The cache is `$IRKIT_AGENT_CACHE` (default ~/.cache/irkit-agents). Nothing is installed anywhere else, no
account is needed and none is touched. Ends with 0 when both agents are there, 1 when they cannot be had here
(no Node, no registry): the tests then skip and say so. Standard library only: it runs before any `pip install`.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

AGENTS = {
    "claude": "@anthropic-ai/claude-code@2.1.197",
    "codex": "@openai/codex@0.169.0",
}
"""Command -> pinned npm package. The versions are those that the tests were seen passing with."""
NODE_AT_LEAST = 20
INSTALL_MAX_S = 900
VERSION_MAX_S = 60


def cache() -> Path:
    """Where the agents live."""
    chosen = os.environ.get("IRKIT_AGENT_CACHE")
    return Path(chosen).absolute() if chosen else Path.home() / ".cache" / "irkit-agents"


def command_path(name: str) -> Path:
    """The agent's command in the cache, there or not."""
    return cache() / "node_modules" / ".bin" / name


def missing() -> dict[str, str]:
    """Agents that do not answer with their pinned version, and what they did instead."""
    return {
        name: why for name, package in AGENTS.items() if (why := _why_not(name, package.rpartition("@")[2]))
    }


def _why_not(name: str, version: str) -> str:
    command = command_path(name)
    if not command.exists():
        return "not installed"
    path = os.environ.get("PATH", os.defpath)
    with tempfile.TemporaryDirectory(prefix="irkit-agent-version-") as home:
        try:
            ran = subprocess.run(
                [str(command), "--version"],
                env={"HOME": home, "PATH": path, "DISABLE_AUTOUPDATER": "1"},
                capture_output=True,
                text=True,
                timeout=VERSION_MAX_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"does not start ({error})"
    said = (ran.stdout or ran.stderr).strip()
    return "" if ran.returncode == 0 and version in said else f"answers {said[:80]!r} to --version"


def _npm_trouble() -> str:
    """Why npm cannot be used here; empty when it can."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        return f"node and npm are not on PATH: install Node.js {NODE_AT_LEAST} or newer"
    said = subprocess.run(
        [node, "--version"], capture_output=True, text=True, check=False, timeout=VERSION_MAX_S
    )
    major = said.stdout.strip().lstrip("v").partition(".")[0]
    if not major.isdigit() or int(major) < NODE_AT_LEAST:
        return f"node answers {said.stdout.strip()!r}: version {NODE_AT_LEAST} or newer is needed"
    return ""


def _install(packages: list[str]) -> str:
    """What npm said last when it failed, else nothing."""
    npm = shutil.which("npm") or "npm"
    where = cache()
    where.mkdir(parents=True, exist_ok=True)
    argv = [
        npm,
        "install",
        "--prefix",
        str(where),
        "--no-audit",
        "--no-fund",
        "--no-update-notifier",
        *packages,
    ]
    try:
        ran = subprocess.run(argv, capture_output=True, text=True, timeout=INSTALL_MAX_S, check=False)
    except subprocess.TimeoutExpired:
        return f"npm needed more than {INSTALL_MAX_S} s"
    return "" if ran.returncode == 0 else (ran.stderr.strip() or ran.stdout.strip())[-600:]


def main() -> int:
    """Install what is missing and say where things stand."""
    lacking = missing()
    if lacking:
        if trouble := _npm_trouble():
            print(f"agents: {trouble}", file=sys.stderr)
            return 1
        print(f"agents: installing {', '.join(AGENTS.values())} into {cache()}", file=sys.stderr)
        if trouble := _install(list(AGENTS.values())):
            print(f"agents: npm install failed: {trouble}", file=sys.stderr)
            return 1
        lacking = missing()
    for name, why in lacking.items():
        hint = "npm may hold back install scripts: `npm install-scripts approve` there"
        print(f"agents: {name} {why} in {cache()}; {hint}", file=sys.stderr)
    for name in AGENTS.keys() - lacking.keys():
        print(f"agents: {AGENTS[name]} is ready", file=sys.stderr)
    return 1 if lacking else 0


if __name__ == "__main__":
    sys.exit(main())
