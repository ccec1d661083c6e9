# SPDX-License-Identifier: Apache-2.0
"""What a file is, by its path: a credential, a start file, an agent's settings, irkit itself.

Paths are canonical (`places.canonical`). Sources: the programs' documentation on where they keep such files.
"""

import re

from irkit.detect.places import is_temporary

_KEY = re.compile(
    r"""(?:^|/)\.ssh/(?!.*\.pub$)(?!(?:config|known_hosts|authorized_keys)(?:\.|$))[^/]+$
    |(?:^|/)(?:id_rsa|id_ed25519|id_ecdsa|id_dsa)$
    |(?:^|/)\.gnupg/(?:private-keys-v1\.d|secring\.gpg)
    |^/etc/ssh/ssh_host_\w+_key$
    |^~/\.(?:bitcoin|ethereum|electrum|config/solana)/.*(?:wallet|keystore|id\.json)""", re.VERBOSE,
)  # fmt: skip
_CREDENTIAL = re.compile(
    r"""(?:^|/)\.aws/(?:credentials|sso/cache|cli/cache)
    |(?:^|/)\.config/gcloud/(?:application_default_credentials\.json|credentials\.db|access_tokens\.db|legacy_credentials)
    |(?:^|/)\.azure/(?:accessTokens\.json|msal_token_cache|service_principal)
    |(?:^|/)\.kube/config$ |(?:^|/)\.docker/config\.json$ |^~/\.(?:netrc|pypirc|git-credentials|pgpass|my\.cnf|vault-token)$
    |(?:^|/)_netrc$ |(?:^|/)\.config/(?:gh/hosts\.yml|hub|glab-cli/config\.yml|git/credentials|op/|doctl/config|rclone/rclone\.conf)
    |(?:^|/)\.terraform\.d/credentials |^~/\.terraformrc$ |(?:^|/)\.cargo/credentials |(?:^|/)\.gem/credentials
    |^~/\.(?:claude/\.credentials\.json|codex/auth\.json|gemini/oauth_creds\.json|qwen/oauth_creds\.json|local/share/opencode/auth\.json)
    |^/etc/(?:shadow|gshadow|sudoers)$ |^/proc/[^/]+/environ$
    |Library/Keychains/ |(?:^|/)\.password-store/ |\.local/share/keyrings/
    |(?:Google/Chrome|google-chrome|chromium|BraveSoftware|Microsoft\ Edge|firefox|Firefox)/.*(?:Login\ Data|Cookies|logins\.json|key4\.db|cookies\.sqlite)
    |(?:^|/)\.config/(?:sops/age/keys\.txt|age/keys?\.txt) |/var/run/secrets/""", re.VERBOSE,
)  # fmt: skip
_KEY_FOLDER = re.compile(
    r"^~/\.(?:ssh|gnupg|aws|kube|password-store|config/gcloud|azure)$|^~/Library/Keychains$"
)
_ENV = re.compile(
    r"(?:^|/)\.env(?:\.(?!(?:example|sample|template|dist|defaults?|schema|ci)\b)[\w.-]+)?$|(?:^|/)\.envrc$|(?:^|/)\.npmrc$|(?:^|/)service[-_]account[\w-]*\.json$"
)
_START = re.compile(
    r"""^~/\.(?:bashrc|bash_profile|bash_login|bash_logout|profile|zshrc|zshenv|zprofile|zlogin|zlogout|kshrc|cshrc|tcshrc|xprofile|xinitrc|xsessionrc|pam_environment|inputrc)$
    |^~/\.config/(?:fish/(?:config\.fish|conf\.d/)|autostart/|systemd/user/|environment\.d/)|^~/\.local/share/systemd/user/
    |^~/\.ssh/(?:authorized_keys2?|rc|environment)$ |/\.ssh/authorized_keys2?$
    |^(?:~/|/)Library/Launch(?:Agents|Daemons)(?:/|$) |^/etc/(?:cron|crontab|anacrontab|systemd/system|init\.d|rc\.local|profile|bash\.bashrc|zshrc|zsh/|ld\.so\.preload|ld\.so\.conf|sudoers|pam\.d|xdg/autostart|udev/rules\.d|environment|passwd$|group$|ssh/sshd_config)
    |^/var/spool/(?:cron|at) |^/usr/lib/systemd/system/ |^/lib/systemd/system/ |^~/\.cron |\.pth$(?<=site-packages/.\.pth)|site-packages/[^/]+\.pth$|/sitecustomize\.py$|/usercustomize\.py$
    |Start\ Menu/Programs/Startup/ |PowerShell(?:_profile|/profile|/Microsoft\.PowerShell_profile)\.ps1$ |^~/\.gitconfig$|^~/\.config/git/config$|^/etc/gitconfig$""", re.VERBOSE,
)  # fmt: skip
_AGENT = re.compile(
    r"""(?:^|/)\.claude/settings(?:\.local)?\.json$ |^~/\.claude\.json$ |(?:^|/)\.mcp\.json$ |(?:^|/)\.cursor/(?:mcp|hooks|cli|permissions)\.json$
    |(?:^|/)\.codex/(?:config\.toml|hooks\.json|requirements\.toml)$ |(?:^|/)\.(?:gemini|qwen)/settings\.json$ |(?:^|/)\.vscode/mcp\.json$
    |(?:^|/)opencode\.jsonc?$ |(?:^|/)\.config/opencode/ |(?:^|/)\.opencode/plugins?/ |(?:^|/)\.copilot/(?:config|mcp-config|hooks)[\w/.-]*$ |(?:^|/)\.github/hooks/[^/]+\.json$
    |(?:^|/)\.codeium/windsurf/(?:mcp_config|hooks)\.json$ |(?:^|/)\.windsurf/hooks\.json$ |^/etc/(?:claude-code|codex)/ |/ClaudeCode/managed-settings\.json$""", re.VERBOSE,
)  # fmt: skip
_GUARD = re.compile(
    r"^~/\.local/share/irkit(?:/|$)|^~/Library/Application Support/irkit(?:/|$)|^~/AppData/Local/irkit(?:/|$)|^~/\.irkit(?:/|$)|"
    r"\$\{?IRKIT_HOME|(?:^|/)irkit/gate/|systemd/(?:user|system)/irkit[\w.-]*\.service|Launch(?:Agents|Daemons)/[\w.-]*irkit[\w.-]*\.plist"
)  # fmt: skip
_AGENT_STATE = re.compile(
    r"^~/\.claude/(?:projects|history\.jsonl)|^~/\.codex/(?:sessions|history)|^~/\.(?:bash|zsh|python)_history$|^~/\.gemini/tmp|^/var/log(?:/|$)"
)
_PROJECT_START = re.compile(
    r"(?:^|/)\.git/(?:hooks/[^/.]+$|config$)|(?:^|/)\.vscode/tasks\.json$|(?:^|/)\.husky/[^/]+$|(?:^|/)\.github/workflows/[^/]+\.ya?ml$|(?:^|/)\.envrc$|(?:^|/)\.devcontainer/"
)
_FIXTURE = re.compile(
    r"(?:^|/)(?:tests?|fixtures?|testdata|examples?|templates?|__tests__|spec|samples?|docs)/"
)
_DISK = re.compile(
    r"^/dev/(?:sd[a-z]|nvme\d|hd[a-z]|vd[a-z]|xvd[a-z]|mmcblk\d|disk\d|rdisk\d|mapper/|md\d|dm-\d|mem$|kmem$)|^//\./PhysicalDrive|^\\\\\.\\"
)


def file_class(path: str) -> str:
    """What a canonical path is: guard, key-content, credential-file, env-file, start-file, agent-settings, …, or empty."""
    if _GUARD.search(path):
        return "guard"
    if _DISK.match(path):
        return "disk"
    if _AGENT.search(path):
        return "fixture" if _FIXTURE.search(path) or is_temporary(path) else "agent-settings"
    if _START.search(path):
        return "start-file"
    if _KEY.search(path):
        return "fixture" if _FIXTURE.search(path) and "/.ssh/" not in path else "key-content"
    if _KEY_FOLDER.match(path):
        return "key-content"
    if _CREDENTIAL.search(path):
        return "fixture" if _FIXTURE.search(path) and not path.startswith("~/.") else "credential-file"
    if _ENV.search(path):
        return "env-file"
    if _PROJECT_START.search(path):
        return "project-start-file"
    return "agent-state" if _AGENT_STATE.match(path) else ""


SECRET_CLASSES = frozenset({"key-content", "credential-file", "env-file"})

SUSPECT_PARTS = frozenset(
    """.ssh id_rsa id_ed25519 id_ecdsa id_dsa .gnupg .aws .azure gcloud .kube .netrc _netrc .pypirc .git-credentials .pgpass .my.cnf
    .vault-token hosts.yml .terraform.d .terraformrc credentials credentials.toml .credentials.json auth.json oauth_creds.json shadow gshadow
    sudoers environ keychains .password-store keyrings .env .envrc .npmrc rclone.conf .claude .codex .gemini .qwen .claude.json .mcp.json
    mcp.json .cursor .docker .opencode opencode opencode.json opencode.jsonc .copilot .windsurf windsurf .vscode .husky hooks .git .gitconfig
    .bashrc .bash_profile .bash_login .bash_logout .profile .zshrc .zshenv .zprofile .zlogin .zlogout .xprofile .xinitrc fish autostart
    systemd environment.d launchagents launchdaemons cron cron.d cron.daily cron.hourly crontab sudoers.d pam.d ld.so.preload passwd
    authorized_keys irkit .irkit sitecustomize.py usercustomize.py startup workflows ansible wallet.dat .bitcoin .ethereum .bash_history
    .zsh_history secrets service-account.json service_account.json .devcontainer keystore login\x00data cookies logins.json key4.db ssh
    init.d rc.local sshd_config site-packages profile.d .electrum .config git .kshrc .inputrc op doctl hub glab-cli age sops""".replace("\x00", " ").split()
)  # fmt: skip
"""Parts of paths, lower case, without which no path has a class here: the cheap first look."""


def suspect(path: str) -> bool:
    """Whether `file_class` has to look at it."""
    if SUSPECT_PARTS.isdisjoint(path.lower().split("/")):
        return ".env." in path or "\\" in path or path[:5] == "/dev/"
    return True
