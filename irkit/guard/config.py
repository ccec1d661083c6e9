# SPDX-License-Identifier: Apache-2.0
"""`irkit.toml`: what a site may set, as records. An unknown key is refused, naming its line and the nearest known key.

Loading never acts: it returns a value or raises BadInputError with what, where and how to fix. The file is part of the
approved policy (`irkit.guard.approval`).
"""

import difflib
import functools
import os
import tomllib
from collections.abc import Iterator
from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct

from irkit import limits
from irkit.agents.facts import AGENTS
from irkit.errors import BadInputError
from irkit.guard.config_lines import line_of, not_settings, not_toml

CONFIG_MAX_BYTES = 256 * limits.KIB
WhenDown = Literal["ask", "deny", "allow"]
Argv = Annotated[tuple[str, ...], Meta(max_length=64)]


class _Section(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the file."""


class AgentConfig(_Section, frozen=True):
    """`[agents.NAME]`"""

    enabled: bool = True
    """Whether `irkit init` installs hooks for it."""
    executables: Argv = ()
    """Further absolute paths of its program, such as a renamed copy."""
    scripts: Argv = ()
    """Absolute paths of scripts that are this agent when an interpreter runs them."""
    when_guard_down: WhenDown | None = None
    """As the key of the same name above, for this agent only."""


class WatchConfig(_Section, frozen=True):
    """`[[watch]]`: a file that some agent writes."""

    path: str = ""
    """Absolute path of one file; or use `glob`."""
    glob: str = ""
    """Absolute pattern; `**` crosses folders."""
    dialect: Literal["generic", "claude-transcript", "codex-rollout"] = "generic"
    agent: str = ""
    """The agent's name, for lines that do not say."""

    @property
    def pattern(self) -> str:
        """The path or the pattern."""
        return self.path or self.glob


class RedactionConfig(_Section, frozen=True):
    """`[redaction]`"""

    detector: Literal["auto", "redact-secret", "builtin"] = "auto"
    """The detector library, or irkit's own patterns alone."""
    known_values: bool = True
    """Also mask the exact values found in the environment and in credential files."""


class WebhookConfig(_Section, frozen=True):
    """`[notify.webhook]`"""

    url: str
    """https, or http on loopback."""
    secret_file: str = ""
    """File (mode 0600) with the key that signs each request."""
    deadline_s: Annotated[float, Meta(gt=0, le=60)] = limits.NOTIFY_MAX_S


class DeputyConfig(_Section, frozen=True):
    """`[notify.deputy]`: who hears the last round."""

    name: str = ""
    command: Argv = ()
    webhook: WebhookConfig | None = None


class NotifyConfig(_Section, frozen=True):
    """`[notify]`"""

    terminal: bool = True
    """One block on the frozen session's own terminal."""
    desktop: bool = True
    """A desktop notification."""
    command: Argv = ()
    """A command as a list of words; it gets the notice as JSON on its input."""
    webhook: WebhookConfig | None = None
    deputy: DeputyConfig = DeputyConfig()


class RulesConfig(_Section, frozen=True):
    """`[rules]`"""

    shadow: tuple[str, ...] = ()
    """Rules that only observe: recorded, never acted upon."""


class ProofConfig(_Section, frozen=True):
    """`[proof]`"""

    method: Literal["auto", "passphrase", "code"] = "auto"
    """How a person proves to be one; auto: the passphrase when there is one, else a typed code."""


class Config(_Section, frozen=True):
    """The whole file."""

    when_guard_down: WhenDown = "ask"
    """What a hook answers to a tool call when no guard does. `ask` is `deny` where the agent cannot ask."""
    when_log_fails: Literal["deny", "allow"] = "deny"
    """What an allowed call becomes when its record cannot be written."""
    agents: dict[str, AgentConfig] = {}
    watch: tuple[WatchConfig, ...] = ()
    redaction: RedactionConfig = RedactionConfig()
    notify: NotifyConfig = NotifyConfig()
    rules: RulesConfig = RulesConfig()
    proof: ProofConfig = ProofConfig()

    def when_down_per_agent(self) -> dict[str, str]:
        """Agents with an answer of their own."""
        return {name: one.when_guard_down for name, one in self.agents.items() if one.when_guard_down}

    def extra_programs(self) -> tuple[tuple[str, str], ...]:
        """(agent, absolute path) of the further executables and scripts."""
        return tuple(
            (name, path) for name, one in self.agents.items() for path in (*one.executables, *one.scripts)
        )


def load_config(text: str, where: str) -> Config:
    """The settings of a file's text. Raises BadInputError."""
    if len(text) > CONFIG_MAX_BYTES:
        raise BadInputError(f"is over {CONFIG_MAX_BYTES} bytes", where=where)
    try:
        data = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise not_toml(error, text, where) from error
    try:
        config = msgspec.convert(data, Config)
    except msgspec.ValidationError as error:
        raise not_settings(str(error), text, where, tables()) from error
    for word, problem, fix in _problems(config):
        raise BadInputError(problem, where=f"{where}:{line_of(text, word)}", fix=fix)
    return config


def _problems(config: Config) -> Iterator[tuple[str, str, str]]:
    """(key or value, what is wrong, how to fix it)"""
    for name, one in config.agents.items():
        if name not in AGENTS:
            near = difflib.get_close_matches(name[:100], AGENTS, n=1)
            fix = f"write {near[0]}" if near else f"one of {', '.join(AGENTS)}"
            yield name, f"no agent is called {name[:100]!r}", fix
        yield from _relative(*one.executables, *one.scripts)
    for watch in config.watch:
        if bool(watch.path) == bool(watch.glob):
            yield watch.pattern or "watch", "a [[watch]] needs either path or glob", "write one of them"
        else:
            yield from _relative(watch.pattern)
    for command in (config.notify.command, config.notify.deputy.command):
        # Whoever can put a file first on PATH would be told, and nobody else.
        yield from _relative(*command[:1])
        if any("\0" in word for word in command):
            yield "command", "a word holds a null character", "take it out"
    for hook in (config.notify.webhook, config.notify.deputy.webhook):
        if hook is not None:
            if not _safe_url(hook.url):
                yield hook.url, f"{hook.url!r} is neither https nor http on loopback", "use an https address"
            yield from _relative(*filter(None, [hook.secret_file]))


def _relative(*paths: str) -> Iterator[tuple[str, str, str]]:
    for path in paths:
        if not os.path.isabs(path):
            yield path or '""', f"{path!r} is not an absolute path", "write it from / on"


def _safe_url(url: str) -> bool:
    if not url.isascii() or not url.isprintable() or " " in url:
        return False
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises on what is no port
    except ValueError:
        return False
    local = parts.hostname in {"127.0.0.1", "::1", "localhost"}
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and local))


@functools.cache
def tables() -> dict[str, tuple[str, ...]]:
    """Table -> its keys. `agents` has tables of any name."""
    sections: dict[str, type[Struct]] = {
        "": Config,
        "agents.NAME": AgentConfig,
        "watch": WatchConfig,
        "redaction": RedactionConfig,
        "notify": NotifyConfig,
        "notify.webhook": WebhookConfig,
        "notify.deputy": DeputyConfig,
        "notify.deputy.webhook": WebhookConfig,
        "rules": RulesConfig,
        "proof": ProofConfig,
    }
    return {table: section.__struct_fields__ for table, section in sections.items()}


def known_keys() -> tuple[str, ...]:
    """Every key of every table, for suggestions and the documentation."""
    return tuple(dict.fromkeys(key for keys in tables().values() for key in keys))


def default_config_text() -> str:
    """The file that `irkit init` writes: every key with its default, commented out."""
    return """\
# irkit.toml: this site's settings. Changes take effect after `irkit policy approve`.
# Every key: docs/configuration.md

# What a hook answers to a tool call when no guard runs: ask (deny where the agent cannot ask), deny, allow.
# when_guard_down = "ask"

# What an allowed call becomes when its log record cannot be written: deny, allow.
# when_log_fails = "deny"

# [agents.claude-code]
# executables = ["/opt/tools/claude-renamed"]

# [[watch]]                      # an audit stream that some agent writes, one JSON object a line
# path = "/var/log/my-agent.jsonl"
# dialect = "generic"            # generic, claude-transcript, codex-rollout

# [notify]
# terminal = true
# desktop = true
# command = ["/usr/local/bin/page-me"]      # the notice comes as JSON on its input
# [notify.webhook]
# url = "https://hooks.example.org/irkit"
# secret_file = "/home/me/.config/irkit-webhook.key"
# [notify.deputy]
# name = "the deputy"
# command = ["/usr/local/bin/page-deputy"]

# [rules]
# shadow = []                    # rules that are recorded and not acted upon
"""
