# SPDX-License-Identifier: Apache-2.0
"""What is masked of a large corpus, what is masked wrongly, and what no text may do to the redactor."""

import itertools
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from irkit.stream.redact import LayeredRedactor, build_redactor
from tests.hostile_strings import HOSTILE
from tests.stream import benign_corpus, secret_corpus
from tests.stream.secret_corpus import Sample

KEY = b"k" * 32
REDACTORS = {name: build_redactor(KEY, detector=name) for name in ("auto", "redact-secret", "builtin")}
SECRETS = secret_corpus.corpus()
BENIGN = benign_corpus.corpus()
DETECTORS = pytest.mark.parametrize("redactor", REDACTORS.values(), ids=REDACTORS)
TEXTS = st.lists(
    st.sampled_from([sample.text for sample in SECRETS])
    | st.sampled_from(BENIGN)
    | st.sampled_from(list(HOSTILE.values())).map(lambda text: text[:500])
    | st.text(st.characters(), max_size=60),
    max_size=4,
).map("".join)


def is_masked(redactor: LayeredRedactor, sample: Sample) -> bool:
    """Whether at least 90 % of the secret's characters are."""
    start = sample.text.index(sample.secret)
    found = redactor.text(sample.text)[1]
    covered = sum(max(0, min(one.end, start + len(sample.secret)) - max(one.start, start)) for one in found)
    return covered >= 0.9 * len(sample.secret)


@DETECTORS
def test_at_least_97_of_100_secrets_are_masked(redactor: LayeredRedactor) -> None:
    missed = [sample.name for sample in SECRETS if not is_masked(redactor, sample)]
    assert len(SECRETS) >= 150
    assert len(missed) <= 0.03 * len(SECRETS), missed


@DETECTORS
def test_at_most_one_benign_text_is_touched(redactor: LayeredRedactor) -> None:
    alarms = [text for text in BENIGN if redactor.text(text)[1]]
    assert len(BENIGN) >= 120
    assert len(alarms) <= 1, alarms


@given(text=TEXTS, name=st.sampled_from(sorted(REDACTORS)))
@settings(max_examples=100, deadline=None)
def test_redacting_twice_changes_nothing_and_places_are_true(text: str, name: str) -> None:
    redactor = REDACTORS[name]
    once, found = redactor.text(text)
    assert redactor.text(once)[0] == once
    assert all(before.end <= after.start for before, after in itertools.pairwise(found))
    rest, at = "", 0
    for one in found:
        rest, at = rest + text[at : one.start] + one.mark, one.end
    assert once == rest + text[at:]


def seconds(redactor: LayeredRedactor, text: str) -> float:
    best = float("inf")
    for _ in range(2):
        started = time.process_time()
        redactor.text(text)
        best = min(best, time.process_time() - started)
    return best


@pytest.mark.parametrize(
    "nasty",
    [
        "password=",
        "a" * 63 + ":",
        "-----BEGIN PRIVATE KEY-----\n",
        "://a:b",
        "sk-ant-",
        "eyJ.",
        '\\"key\\":',
        "machine a login ",
        "eyJ",
        "PuTTY-User-Key-File-2",
        "%2Ftoken%3D",
        "İpass=",
        "password=$",
        "curl -u ",
        '"password",',
        "=",
    ],
)
def test_time_is_linear(nasty: str) -> None:
    small, large = (nasty * (size // len(nasty)) for size in (16 * 1024, 128 * 1024))
    redactor = REDACTORS["auto"]
    assert seconds(redactor, large) < 8 * 3 * seconds(redactor, small) + 0.1


def test_names_inside_a_masked_value_cost_nothing() -> None:
    chain, lines = (text * (64 * 1024 // len(text)) for text in ("password=", "password=hunter2zz\n"))
    assert seconds(REDACTORS["builtin"], chain) < 3 * seconds(REDACTORS["builtin"], lines)


def test_what_a_masked_value_hid_is_found_in_the_next_round() -> None:
    token, known = "ghp_" + secret_corpus.Maker(5).of(secret_corpus.ALNUM, 36), "Zq7k" + "Pw92"
    redactor = build_redactor(KEY, exact=[("known", known)], detector="builtin")
    clean, found = redactor.text(
        f"{known}{token}"
    )  # glued: no word begins at the token before the value is gone
    assert [one.kind for one in found] == ["known", "github-token"]
    assert redactor.text(clean) == (clean, ())
