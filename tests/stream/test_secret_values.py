# SPDX-License-Identifier: Apache-2.0
"""A value under a telling name: a secret, or code, a reference, a word, a blank."""

import pytest

from irkit.stream.secret_names import Role
from irkit.stream.secret_values import is_secret, scheme_length
from tests.stream.secret_corpus import ALNUM, HEX, Maker

M = Maker(11)


@pytest.mark.parametrize(
    ("role", "value", "quoted"),
    [
        ("password", "hunter2" + "zz", False),
        ("password", "Tr0ub" + "4dor&3", False),
        ("password", "correct" + "horsebattery", True),
        ("password", "correct-horse-" + "battery-staple", False),
        ("token", M.of(ALNUM, 32), False),
        ("api-key", M.of(HEX, 32), False),
        ("api-key", M.uuid(), True),
        ("secret", M.base64(30), False),
        ("auth", "ZGVwbG95" + "OnMzY3IzdA==", False),
    ],
)
def test_secrets(role: Role, value: str, quoted: bool) -> None:
    assert is_secret(role, value, quoted=quoted)


@pytest.mark.parametrize(
    ("role", "value", "quoted"),
    [
        ("password", "get_password()", False),
        ("password", "os.environ[", False),
        ("password", "settings.DB_PASSWORD", False),
        ("password", "userPassword", False),
        ("password", "sha256_hash", False),
        ("password", "$PW", False),
        ("password", "${{ secrets.PW }}", True),
        ("password", "{{ vault_pw }}", True),
        ("password", "!vault", False),
        ("password", "/run/secrets/db", True),
        ("password", "changeme", True),
        ("password", "at least eight characters", True),
        ("password", "short", True),
        ("token", "refresh_token", True),
        ("token", "https://auth.host.dev/token", True),
        ("token", "12345678901", False),
        ("secret", "my-db-creds-v2", True),
        ("api-key", "YOUR_API_KEY", True),
        ("auth", "oauth2", True),
        ("auth", "bm9jb2xvbg==", False),
        ("password", "[redacted:password:0123456789ab]", True),
    ],
)
def test_everything_else(role: Role, value: str, quoted: bool) -> None:
    assert not is_secret(role, value, quoted=quoted)


def test_a_settings_line_and_an_environment_variable_are_no_code() -> None:
    word = "correct" + "horsebattery"
    assert not is_secret("password", word, quoted=False, name="password")
    assert is_secret("password", word, quoted=False, name="PGPASSWORD")
    assert is_secret("password", word, quoted=False, name="password", setting=True)


def test_the_scheme_before_a_credential() -> None:
    assert scheme_length("Bearer abc") == len("Bearer ")
    assert scheme_length("bearish") == 0
