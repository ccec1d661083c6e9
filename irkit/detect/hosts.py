# SPDX-License-Identifier: Apache-2.0
"""Other machines, by name: whose they are likely to be, as far as the name tells."""

import re

_ADDRESS = re.compile(
    r"^(?:[a-z][a-z0-9+.-]*:)?//(?:[^/?#@\s]*@)?(\[[0-9a-fA-F:.]+\]|[^/:?#\s]*)", re.IGNORECASE
)
_SCP = re.compile(r"^(?:[\w.-]+@)?([\w.-]+\.[\w.-]+|[\w-]+):(?!//)(?!\\)")
_LOCAL = re.compile(r"^(?:localhost|127\.|0\.0\.0\.0$|\[?::1?\]?$|host\.docker\.internal$)|\.localhost$")
_PRIVATE = re.compile(
    r"^(?:10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|\[?f[cd][0-9a-f]{2}:)|\.(?:local|internal|lan|home|svc|svc\.cluster\.local)$"
)
_METADATA = re.compile(
    r"^(?:169\.254\.(?:169\.254|170\.\d+|169\.123)|metadata\.google\.internal|metadata\.goog|metadata|instance-data(?:\.ec2\.internal)?|100\.100\.100\.200|\[?fd00:ec2::254\]?|0xa9fea9fe|2852039166)$"
)
_DROPS = re.compile(
    r"""(?:^|\.)(?:pastebin\.com|paste\.ee|paste\.rs|dpaste\.(?:com|org)|hastebin\.com|termbin\.com|ix\.io|sprunge\.us|0x0\.st|transfer\.sh|
    file\.io|gofile\.io|anonfiles?\.com|bashupload\.com|temp\.sh|tmpfiles\.org|catbox\.moe|litterbox\.catbox\.moe|uguu\.se|oshi\.at|wetransfer\.com|
    webhook\.site|requestbin\.\w+|requestcatcher\.com|pipedream\.net|hookbin\.com|beeceptor\.com|mockbin\.\w+|postb\.in|ptsv\d?\.com|rentry\.co|controlc\.com|
    oast\.\w+|oastify\.com|burpcollaborator\.net|interact\.sh|interactsh\.com|canarytokens\.com|dnslog\.cn|ceye\.io|
    ngrok\.io|ngrok-free\.(?:app|dev)|ngrok\.app|trycloudflare\.com|serveo\.net|loca\.lt|localhost\.run|lhr\.life|bore\.pub|pagekite\.me|
    api\.telegram\.org|discord\.com|discordapp\.com|mega\.nz|pixeldrain\.com|privatebin\.net|ghostbin\.\w+|onion)$""", re.VERBOSE,
)  # fmt: skip
_CHAT_HOOKS = re.compile(r"(?:^|\.)(?:hooks\.slack\.com|webhook\.office\.com|chat\.googleapis\.com)$")
_CODE = re.compile(
    r"(?:^|\.)(?:github\.com|gitlab\.com|bitbucket\.org|codeberg\.org|sr\.ht|dev\.azure\.com|visualstudio\.com|gitea\.com|huggingface\.co)$"
)
_INSTALLERS = re.compile(
    r"""^(?:sh\.rustup\.rs|static\.rust-lang\.org|get\.docker\.com|test\.docker\.com|astral\.sh|bun\.sh|deno\.land|get\.pnpm\.io|install\.python-poetry\.org|
    (?:deb|rpm)\.nodesource\.com|fly\.io|cli\.github\.com|raw\.githubusercontent\.com|pyenv\.run|get\.sdkman\.io|claude\.ai|opencode\.ai|cursor\.com|
    ollama\.com|get\.helm\.sh|sdk\.cloud\.google\.com|install\.determinate\.systems|nixos\.org|starship\.rs|mise\.run|mise\.jdx\.dev|volta\.sh|get\.volta\.sh|
    bootstrap\.pypa\.io|install\.duckdb\.org|foundry\.paradigm\.xyz|tailscale\.com|get\.k3s\.io|taskfile\.dev|moonrepo\.dev|app\.getnuon\.com|temporal\.download|
    cli\.doppler\.com|releases\.hashicorp\.com|dl\.google\.com|go\.dev|dot\.net|just\.systems|pixi\.sh|get\.rvm\.io|entire\.io)$""", re.VERBOSE,
)  # fmt: skip
_INSTALLER_OWNERS = re.compile(
    r"^/(?:Homebrew|nvm-sh|ohmyzsh|helm|pyenv|rbenv|asdf-vm|golangci|anchore|aquasecurity|k3d-io|kubernetes-sigs|rust-lang|astral-sh|docker|cli|actions|nodejs|junegunn|tj|creationix|starship|apple|microsoft|google|hashicorp)/"
)
_KNOWN = re.compile(
    r"""(?:^|\.)(?:pypi\.org|pythonhosted\.org|npmjs\.(?:org|com)|yarnpkg\.com|crates\.io|rubygems\.org|golang\.org|pkg\.go\.dev|maven\.org|docker\.(?:io|com)|
    ghcr\.io|quay\.io|debian\.org|ubuntu\.com|githubusercontent\.com|githubassets\.com|anthropic\.com|openai\.com|googleapis\.com|google\.com|microsoft\.com|
    cloudflare\.com|vercel\.com|netlify\.com|fly\.io|railway\.(?:app|com)|heroku\.com|supabase\.co|stripe\.com|sentry\.io|atlassian\.net|linear\.app|notion\.(?:so|com)|
    slack\.com|figma\.com|mozilla\.org|python\.org|nodejs\.org|rust-lang\.org|readthedocs\.io|stackoverflow\.com|wikipedia\.org|w3\.org)$""", re.VERBOSE,
)  # fmt: skip


def host_in(text: str) -> str:
    """The host of an address (`https://…`, `user@host:path`, `host/path`), lower case; empty when there is none."""
    found = _ADDRESS.match(text) or _SCP.match(text)
    return found[1].lower().strip("[]") if found else ""


def host_class(host: str) -> str:
    """localhost, private-host, metadata, drop-host, chat-hook, code-host, known-host, unknown-host, or empty when it is not known."""
    host = host.lower().rstrip(".")
    if not host or "$" in host or "{" in host or "<" in host:
        return ""
    if _METADATA.match(host):
        return "metadata"
    if _LOCAL.search(host) or ("." not in host and ":" not in host):
        return "localhost"
    if _PRIVATE.search(host):
        return "private-host"
    if _DROPS.search(host):
        return "drop-host"
    if _CHAT_HOOKS.search(host):
        return "chat-hook"
    if _CODE.search(host):
        return "code-host"
    return "known-host" if _KNOWN.search(host) else "unknown-host"


def is_installer(url: str) -> bool:
    """Whether a well-known project publishes its installer there."""
    host = host_in(url)
    if not _INSTALLERS.match(host):
        return False
    if host == "raw.githubusercontent.com":
        return bool(_INSTALLER_OWNERS.match(url.partition("raw.githubusercontent.com")[2]))
    return True
