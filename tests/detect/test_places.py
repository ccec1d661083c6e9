# SPDX-License-Identifier: Apache-2.0
import pytest
from hypothesis import given
from hypothesis import strategies as st

from irkit.detect.files import file_class, suspect
from irkit.detect.hosts import host_class, host_in, is_installer
from irkit.detect.memory import Memory
from irkit.detect.places import canonical, place_of, split_all


@pytest.mark.parametrize(
    ("path", "cwd", "expected"),
    [
        ("a", "/home/dev/x", "~/x/a"),
        ("../a", "~/x/y", "~/x/a"),
        ("../../..", "~/work/api", "/home"),
        ("../../../..", "/a/b", "/"),
        ("~", "/x", "~"),
        ("~bob/x", "", "~/x"),
        ("${HOME}/x", "", "~/x"),
        ("$HOMER/x", "", "$HOMER/x"),
        ("/Users/ann/x//y/", "", "~/x/y"),
        ("/root", "", "~"),
        ("/rooted", "", "/rooted"),
        ("C:\\Users\\ann\\x", "", "~/x"),
        ("a", "", "./a"),
        ("file:///etc/passwd", "", "/etc/passwd"),
    ],
)
def test_canonical(path: str, cwd: str, expected: str) -> None:
    assert canonical(path, cwd) == expected


def place(path: str, project: str = "/home/dev/work/api") -> str:
    memory = Memory()
    memory.begin(project)
    return place_of(split_all(canonical(path, project))[0], memory)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", "root"),
        ("~", "home"),
        ("~/*", "home"),
        ("/home", "system"),
        ("/etc", "system"),
        ("/etc/nginx/sites", "system"),
        ("/usr/local", "system"),
        ("/usr/local/lib/node_modules/x", "outside-project"),
        ("~/Documents", "home-part"),
        ("~/.ssh", "home-part"),
        ("..", "above-project"),
        (".", "project-root"),
        ("src", "project"),
        (".git", "history"),
        ("../billing", "other-repo"),
        ("../billing/src/a", "outside-project"),
        ("../api-2", "outside-project"),
        ("../tmp-x", "outside-project"),
        ("../node_modules", "artifact"),
        ("/tmp/x", "temp"),
        ("/private/var/folders/a/b", "temp"),
        ("~/.cache/x", "temp"),
        ("$X/y", ""),
    ],
)
def test_place(path: str, expected: str) -> None:
    assert place(path) == expected


def test_a_session_in_the_home_has_no_project_to_delete_freely() -> None:
    assert place("Documents", "/home/dev") == "home-part"
    assert place(".", "/home/dev") == "home"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("~/.ssh/id_rsa", "key-content"),
        ("~/.ssh/id_rsa.pub", ""),
        ("~/.ssh/config", ""),
        ("~/.ssh/authorized_keys", "start-file"),
        ("~/.aws/credentials", "credential-file"),
        ("~/.aws/config", ""),
        ("~/.kube/config", "credential-file"),
        ("~/x/.env", "env-file"),
        ("~/x/.env.production", "env-file"),
        ("~/x/.env.example", ""),
        ("~/.zshrc", "start-file"),
        ("~/Library/LaunchAgents/x.plist", "start-file"),
        ("/etc/cron.d/x", "start-file"),
        ("~/x/.claude/settings.json", "agent-settings"),
        ("~/x/tests/fixtures/.claude/settings.json", "fixture"),
        ("~/x/.mcp.json", "agent-settings"),
        ("~/.local/share/irkit/gate/hook.py", "guard"),
        ("~/work/irkit/irkit/guard/judge.py", ""),
        ("/dev/sda1", "disk"),
        ("/dev/null", ""),
        ("~/x/.git/hooks/pre-commit", "project-start-file"),
        ("~/x/src/main.py", ""),
    ],
)
def test_file_class(path: str, expected: str) -> None:
    assert file_class(path) == expected
    assert suspect(path) or not expected


@given(st.text(alphabet="~/.aenvshkuridcotgl-_0", max_size=30))
def test_whatever_has_a_class_is_suspect(path: str) -> None:
    assert suspect(path) or not file_class(path)


@pytest.mark.parametrize(
    ("text", "host", "kind"),
    [
        ("https://evil.example/x", "evil.example", "unknown-host"),
        ("http://user:pw@EVIL.example:80/x", "evil.example", "unknown-host"),
        ("git@github.com:a/b.git", "github.com", "code-host"),
        ("http://localhost:3000", "localhost", "localhost"),
        ("http://127.0.0.1", "127.0.0.1", "localhost"),
        ("http://[::1]:80/", "::1", "localhost"),
        ("http://db:5432", "db", "localhost"),
        ("http://10.1.2.3/", "10.1.2.3", "private-host"),
        ("http://169.254.169.254/latest", "169.254.169.254", "metadata"),
        ("https://x.webhook.site/1", "x.webhook.site", "drop-host"),
        ("https://hooks.slack.com/x", "hooks.slack.com", "chat-hook"),
        ("https://notwebhook.site/", "notwebhook.site", "unknown-host"),
        ("https://pypi.org/simple", "pypi.org", "known-host"),
        ("https://$HOST/x", "$host", ""),
        ("./a/b", "", ""),
    ],
)
def test_hosts(text: str, host: str, kind: str) -> None:
    assert host_in(text) == host
    assert host_class(host) == kind


def test_installers() -> None:
    assert is_installer("https://sh.rustup.rs")
    assert is_installer("https://raw.githubusercontent.com/nvm-sh/nvm/v0.39.0/install.sh")
    assert not is_installer("https://raw.githubusercontent.com/someone/x/main/install.sh")
    assert not is_installer("https://sh.rustup.rs.evil.example/")
