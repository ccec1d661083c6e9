# SPDX-License-Identifier: Apache-2.0
"""irkit.toml: every refusal is one line with the file's line and what to write instead."""

import re
import time
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irkit import limits
from irkit.errors import BadInputError
from irkit.guard.config import CONFIG_MAX_BYTES, Config, default_config_text, load_config

EVERYTHING = """
when_guard_down = "deny"
when_log_fails = "allow"
[agents.claude-code]
enabled = false
executables = ["/opt/claude"]
scripts = ["/opt/claude.js"]
when_guard_down = "allow"
[[watch]]
path = "/var/log/a.jsonl"
[[watch]]
glob = "/var/log/**/*.jsonl"
dialect = "codex-rollout"
agent = "codex"
[redaction]
detector = "builtin"
known_values = false
[notify]
terminal = false
desktop = false
command = ["/bin/tell", "me"]
[notify.webhook]
url = "https://hooks.example.org/x"
secret_file = "/home/me/key"
deadline_s = 2
[notify.deputy]
name = "ops"
command = ["/bin/tell", "ops"]
webhook = {url = "http://127.0.0.1:8080/"}
[rules]
shadow = ["burst"]
[proof]
method = "passphrase"
"""


def refusal(text: str) -> str:
    with pytest.raises(BadInputError) as caught:
        load_config(text, "irkit.toml")
    return caught.value.diagnostics()


def test_nothing_is_the_defaults() -> None:
    assert load_config("", "irkit.toml") == Config()


def test_every_key_is_read() -> None:
    config = load_config(EVERYTHING, "irkit.toml")
    assert config.when_down_per_agent() == {"claude-code": "allow"}
    assert config.extra_programs() == (("claude-code", "/opt/claude"), ("claude-code", "/opt/claude.js"))
    assert [watch.pattern for watch in config.watch] == ["/var/log/a.jsonl", "/var/log/**/*.jsonl"]
    assert config.notify.webhook is not None
    assert config.notify.webhook.deadline_s == 2
    assert config.notify.deputy.webhook is not None
    assert config.proof.method == "passphrase"


def test_the_starter_file_changes_nothing_and_holds_when_uncommented() -> None:
    text = default_config_text()
    assert load_config(text, "irkit.toml") == Config()
    live = re.sub(r"^# (?=\[|\w+ = )", "", text, flags=re.MULTILINE)
    config = load_config(live, "irkit.toml")
    assert config.notify.command == ("/usr/local/bin/page-me",)
    assert config.notify.deputy.command == ("/usr/local/bin/page-deputy",)
    assert config.notify.webhook is not None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a = 1\n", "irkit.toml:1: unknown key 'a'; take it out; docs/configuration.md lists the keys"),
        (
            '\nwhen_gaurd_down = "ask"',
            "irkit.toml:2: unknown key 'when_gaurd_down'; did you mean when_guard_down?",
        ),
        ("[notfiy]\ndesktop = true", "irkit.toml:1: unknown key 'notfiy'; did you mean notify?"),
        (
            "# desktp\n[notify]\ndesktp = true",
            "irkit.toml:3: unknown key 'desktp' in notify; did you mean desktop?",
        ),
        ('[notify]\nurl = "x"', "irkit.toml:2: unknown key 'url' in notify; it belongs to [notify.webhook]"),
        (
            "[rules]\nwhen_log_fails = 1",
            "irkit.toml:2: unknown key 'when_log_fails' in rules; it belongs to the top",
        ),
        (
            '[[watch]]\npath = "/a"\n[[watch]]\npaht = "/b"',
            "irkit.toml:4: unknown key 'paht' in watch; did you mean path?",
        ),
        (
            "[notify.deputy.webhook]\nurl='https://a'\nsecret = '/k'",
            "irkit.toml:3: unknown key 'secret' in notify.deputy.webhook; did you mean secret_file?",
        ),
        (
            "[agents.codex]\nscript = []",
            "irkit.toml:2: unknown key 'script' in agents; did you mean scripts?",
        ),
        ("[agents.codx]\nenabled = true", "irkit.toml:1: no agent is called 'codx'; write codex"),
        ("[agents.zz]\nenabled = true", "irkit.toml:1: no agent is called 'zz'; one of claude-code, "),
        (
            '[agents.codex]\nexecutables = ["codex"]',
            "irkit.toml:2: 'codex' is not an absolute path; write it from / on",
        ),
        ('[[watch]]\npath = "a.jsonl"', "irkit.toml:2: 'a.jsonl' is not an absolute path"),
        ('[[watch]]\ndialect = "generic"', "irkit.toml:1: a [[watch]] needs either path or glob"),
        ('[[watch]]\npath = "/a"\nglob = "/b"', "irkit.toml:2: a [[watch]] needs either path or glob"),
        ('[notify]\ncommand = ["page-me"]', "irkit.toml:2: 'page-me' is not an absolute path"),
        ('[notify]\ncommand = [""]', "irkit.toml:2: '' is not an absolute path"),
        ('[notify]\ncommand = ["/bin/a", "\\u0000"]', "irkit.toml:2: a word holds a null character"),
        ('[notify.deputy]\ncommand = ["sh"]', "irkit.toml:2: 'sh' is not an absolute path"),
        (
            '[notify.webhook]\nurl = "http://example.org/"',
            "irkit.toml:2: 'http://example.org/' is neither https nor",
        ),
        (
            '[notify.webhook]\nurl = "https://a"\nsecret_file = "key"',
            "irkit.toml:3: 'key' is not an absolute path",
        ),
        (
            "[notify.webhook]\nsecret_file = '/k'",
            "irkit.toml:1: webhook: object missing required field `url`",
        ),
        (
            'when_guard_down = "alow"',
            "irkit.toml:1: when_guard_down: invalid enum value 'alow'; correct the value",
        ),
        (
            'when_guard_down = "a\\nb\\u001b"',
            "irkit.toml:1: when_guard_down: invalid enum value 'a\\nb\\x1b'",
        ),
        ('[notify]\nterminal = "yes"', "irkit.toml:2: terminal: expected `bool`, got `str`"),
        (
            "[notify.webhook]\nurl = 'https://a'\ndeadline_s = 61",
            "irkit.toml:3: deadline_s: expected `float` <= 60",
        ),
        ("a = ", "irkit.toml:1: is not TOML: invalid value; correct the line"),
        ("\n\na = 1 b", "irkit.toml:3: is not TOML: "),
        ("a = 1\na = 2", "irkit.toml:2: is not TOML: "),
        ("a = " + "[" * 3000, "irkit.toml:1: is not TOML: "),
        ("#" * (CONFIG_MAX_BYTES + 1), f"irkit.toml: is over {256 * limits.KIB} bytes"),
    ],
)
def test_what_is_wrong_is_named_with_its_line_and_the_remedy(text: str, said: str) -> None:
    assert refusal(text).startswith(said)


@pytest.mark.parametrize(
    "line", ["[" + " " * 200_000, "'" + "x" * 200_000 + "' = 1", "[" * 900 + " ", "x = " + "[" * 800]
)
def test_a_hostile_line_costs_little_and_says_little(line: str) -> None:
    before = time.monotonic()
    assert len(refusal(f"{line}\nzz = 1")) < 500
    assert time.monotonic() - before < 2


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org",
        "https://",
        "https:///path",
        "http://127.0.0.1.example.org/",
        "http://localhost@example.org/",
        "https://example.org:port/",
        "https://exa mple.org/",
        "https://example.org/\r\nX: y",
        "https://ex\u0430mple.org/",
        "//example.org",
        "",
        "http://[::1",
    ],
)
def test_a_webhook_goes_to_https_or_stays_here(url: str) -> None:
    assert "neither https nor http on loopback" in refusal(f"[notify.webhook]\nurl = {_toml(url)}")


@pytest.mark.parametrize(
    "url", ["https://example.org", "http://[::1]:9/x?y=z", "http://localhost/", "https://a:8443"]
)
def test_a_webhook_that_may_be_used(url: str) -> None:
    assert load_config(f"[notify.webhook]\nurl = {_toml(url)}", "irkit.toml")


KEYS = [
    "when_guard_down",
    "agents",
    "watch",
    "notify",
    "webhook",
    "deputy",
    "url",
    "command",
    "x",
    "codex",
    '"a b"',
]
VALUES = [
    "1",
    "true",
    '"ask"',
    "[]",
    "{}",
    '["a"]',
    "1.5",
    "[{}]",
    "1979-05-27",
    "nan",
    '"\\u0000"',
    "{url = 1}",
]
LINES = st.one_of(
    st.builds("{} = {}".format, st.sampled_from(KEYS), st.sampled_from(VALUES)),
    st.lists(st.sampled_from(KEYS), min_size=1, max_size=3).map(lambda keys: f"[{'.'.join(keys)}]"),
    st.sampled_from(KEYS).map("[[{}]]".format),
    st.text(max_size=12),
)


@given(st.lists(LINES, max_size=6).map("\n".join))
def test_whatever_is_in_the_file_is_settings_or_one_line(text: str) -> None:
    try:
        assert isinstance(load_config(text, "irkit.toml"), Config)
    except BadInputError as error:
        said = error.diagnostics()
        assert "\n" not in said
        assert len(said) < 1000
        line = re.match(r"irkit\.toml:(\d+): ", said)
        assert line, said
        assert 1 <= int(line[1]) <= max(1, len(text.splitlines()))


def _toml(text: str) -> str:
    quoted = (
        '"'
        + "".join(
            char if char.isprintable() and char not in '"\\' else f"\\u{ord(char):04x}" for char in text
        )
        + '"'
    )
    assert tomllib.loads(f"a = {quoted}")["a"] == text
    return quoted
