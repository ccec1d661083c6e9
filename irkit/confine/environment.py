# SPDX-License-Identifier: Apache-2.0
"""What of the environment a contained session gets: a list, and what `--env` names.

Rules:
- What is not on the list stays outside: cloud keys, tokens, agent sockets, loader variables, marks of other sessions.
- An agent's own API key stays: without it the agent cannot work at all. It is said which were kept.
- IRKIT_HOME stays outside: a hook knows its home by its own path.
"""

KEPT = frozenset(
    "HOME USER LOGNAME SHELL PATH TERM TERM_PROGRAM TERM_PROGRAM_VERSION COLORTERM COLORFGBG LANG LANGUAGE TZ EDITOR"
    " VISUAL PAGER NO_COLOR FORCE_COLOR COLUMNS LINES CI XDG_CONFIG_HOME XDG_DATA_HOME XDG_CACHE_HOME XDG_STATE_HOME"
    " HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY http_proxy https_proxy all_proxy no_proxy SSL_CERT_FILE SSL_CERT_DIR"
    " NODE_EXTRA_CA_CERTS REQUESTS_CA_BUNDLE CURL_CA_BUNDLE VIRTUAL_ENV CONDA_PREFIX NVM_DIR NVM_BIN VOLTA_HOME"
    " PYENV_ROOT GOPATH GOROOT CARGO_HOME RUSTUP_HOME JAVA_HOME NIX_PATH NIX_PROFILES DO_NOT_TRACK".split()
)

AGENTS_OWN = (
    "ANTHROPIC_",
    "CLAUDE_CONFIG_DIR",
    "CLAUDE_CODE_USE_",
    "CLAUDE_CODE_OAUTH_TOKEN",
    "CLAUDE_CODE_MAX_OUTPUT_TOKENS",
    "CLAUDE_CODE_DISABLE_",
    "DISABLE_AUTOUPDATER",
    "DISABLE_TELEMETRY",
    "DISABLE_ERROR_REPORTING",
    "OPENAI_",
    "CODEX_HOME",
    "CODEX_API_KEY",
    "GEMINI_API_KEY",
    "GOOGLE_API_KEY",
    "GOOGLE_GEMINI_",
    "GOOGLE_GENAI_",
    "QWEN_",
    "DASHSCOPE_API_KEY",
    "COPILOT_OFFLINE",
    "COPILOT_PROVIDER_",
    "COPILOT_GITHUB_TOKEN",
    "OPENCODE_CONFIG",
    "OPENROUTER_API_KEY",
    "MISTRAL_API_KEY",
    "DEEPSEEK_API_KEY",
)
"""How the variables begin that tell an agent where its model is, and let it in there."""


def cut(environ: dict[str, str], named: list[str]) -> tuple[dict[str, str], list[str]]:
    """What goes in, and the names of what stays outside, sorted."""
    kept = {name: value for name, value in environ.items() if name in named or _listed(name)}
    return kept, sorted(set(environ) - set(kept))


def secrets_kept(kept: dict[str, str]) -> list[str]:
    """The names among those that are let in which look like keys."""
    ends = ("KEY", "TOKEN", "SECRET", "PASSWORD")
    return sorted(name for name in kept if name.endswith(ends))


def _listed(name: str) -> bool:
    return name in KEPT or name.startswith(("LC_", *AGENTS_OWN))
