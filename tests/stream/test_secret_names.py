# SPDX-License-Identifier: Apache-2.0
"""What a name says about its value."""

import pytest

from irkit.stream.secret_names import Role, role_of


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("PGPASSWORD", "password"),
        ("DB_PASS", "password"),
        ("spring.datasource.password", "password"),
        ("keyPassword", "password"),
        ("MYSQL_PWD", "password"),
        ("ansible_become_pass", "password"),
        ("pass-phrase", "password"),
        ("access_token", "token"),
        ("_authToken", "token"),
        ("GITHUB_TOKEN_2", "token"),
        ("aws_secret_access_key", "secret"),
        ("SECRET_KEY_BASE", "secret"),
        ("clientSecret", "secret"),
        ("DD_API_KEY", "api-key"),
        ("X-Api-Key", "api-key"),
        ("PrivateKey", "api-key"),
        ("AccountKey", "api-key"),
        ("_auth", "auth"),
        ("Proxy-Authorization", "authorization"),
        ("credentials", "credential"),
    ],
)
def test_names_that_tell(name: str, role: Role) -> None:
    assert role_of(name) == role


@pytest.mark.parametrize(
    "name",
    [
        *("max_tokens", "next_page_token", "pad_token", "tokenizer", "token_type", "token_count", "tokens"),
        *(
            "password_file",
            "passwordHash",
            "PASSWORD_MIN_LENGTH",
            "password_reset_url",
            "secret_name",
            "secretKeyRef",
        ),
        *("public_key", "primary_key", "cache_key", "sort_key", "keyboard", "monkey", "key", "key_id"),
        *("compass", "bypass", "passed", "passenger", "author", "authority", "oldpwd", "", "_", "..."),
    ],
)
def test_names_that_do_not(name: str) -> None:
    assert role_of(name) is None
