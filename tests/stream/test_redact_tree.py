# SPDX-License-Identifier: Apache-2.0
"""JSON values: the key above a value, the option before an argument, keys themselves, depth."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from irkit.limits import REDACT_MAX_DEPTH
from irkit.stream.redact import build_redactor
from irkit.stream.redact_tree import UNREAD
from tests.stream import benign_corpus, secret_corpus
from tests.stream.secret_corpus import ALNUM, Maker

REDACTOR = build_redactor(b"k" * 32, detector="builtin")
SAMPLES = secret_corpus.corpus()
PASSWORD = "Tr0ub" + "4dor&3"
TOKEN = "ghp_" + Maker(5).of(ALNUM, 36)
PEM_LINES = Maker(6).pem().split("\n")
WORDS = "correct" + "horsebattery"


@pytest.mark.parametrize(
    ("value", "secret", "kind"),
    [
        ({"password": PASSWORD}, PASSWORD, "password"),
        ({"password": WORDS}, WORDS, "password"),
        ({"db": {"apiKey": TOKEN[4:]}}, TOKEN[4:], "api-key"),
        ({"password": 8_675_309}, "8675309", "password"),
        ({"tokens": [TOKEN]}, TOKEN, "github-token"),
        ({"passwords": [], "password": [PASSWORD]}, PASSWORD, "password"),
        ({"env": [{"name": "DB_PASSWORD", "value": PASSWORD}]}, PASSWORD, "password"),
        ({"headers": {"Authorization": f"Bearer {TOKEN[4:]}"}}, TOKEN[4:], "authorization"),
        ({TOKEN: 1}, TOKEN, "github-token"),
        ({"argv": ["curl", "-u", f"me:{PASSWORD}", "https://host.dev"]}, PASSWORD, "password"),
        ({"argv": ["deploy", "--password", PASSWORD]}, PASSWORD, "password"),
        ({"lines": PEM_LINES}, PEM_LINES[5], "private-key"),
        ([1, None, True, {"deep": [["a", f"T={TOKEN}"]]}], TOKEN, "github-token"),
    ],
)
def test_secrets_are_found(value: Any, secret: str, kind: str) -> None:
    clean, kinds = REDACTOR.tree(value)
    assert secret not in json.dumps(clean)
    assert kind in kinds
    assert REDACTOR.tree(clean) == (clean, ())


@pytest.mark.parametrize(
    "value",
    [
        {"command": "npm test", "timeout": 1000},
        {"password": None, "token": True, "max_tokens": 4096, "secret": ""},
        {"required": ["username", "password"], "password": {"type": "string"}},
        {"name": "DB_PASSWORD", "value": "${DB_PASSWORD}"},
        {"key": "value", "public_key": "ssh-ed25519"},
        "words",
        12,
        [],
    ],
)
def test_a_value_without_secrets_is_the_same_object(value: Any) -> None:
    clean, kinds = REDACTOR.tree(value)
    assert clean is value
    assert kinds == ()


def test_kinds_are_sorted_and_each_once() -> None:
    value = {"b": f"PGPASSWORD={PASSWORD} x", "a": TOKEN, "c": TOKEN}
    assert REDACTOR.tree(value)[1] == ("github-token", "password")


def test_what_is_nested_too_deep_is_replaced_unread() -> None:
    value: Any = f"PGPASSWORD={PASSWORD} x"
    for _ in range(REDACT_MAX_DEPTH + 1):
        value = {"a": value}
    clean, kinds = REDACTOR.tree(value)
    assert kinds == ("unread",)
    assert UNREAD in json.dumps(clean)
    assert PASSWORD not in json.dumps(clean)
    assert "password" in REDACTOR.tree(value["a"])[1], "the last level that is read"


def test_lone_surrogates_are_walked() -> None:
    clean, kinds = REDACTOR.tree({"a": "\ud800", "password": PASSWORD})
    assert clean["a"] == "\ud800"
    assert kinds == ("password",)


LEAVES = (
    st.sampled_from([sample.text for sample in SAMPLES[::7]])
    | st.sampled_from(benign_corpus.corpus())
    | st.integers()
    | st.none()
)
NAMES = st.sampled_from(["password", "command", "token", "name", "value", "env"]) | st.text(max_size=8)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=8,
)


@given(TREES)
@settings(max_examples=60, deadline=None)
def test_redacting_twice_changes_nothing(value: Any) -> None:
    once = REDACTOR.tree(value)[0]
    assert REDACTOR.tree(once) == (once, ())
