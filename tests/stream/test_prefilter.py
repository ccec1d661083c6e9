# SPDX-License-Identifier: Apache-2.0
"""The cheap first question: never a wrong no on the corpus, mostly a right no on everyday calls."""

import json

from irkit.stream.prefilter import has_long_run, may_hold_secret
from tests.stream import secret_corpus

UNKNOWN = {"azure storage / query"}
"""In a URL the slashes and pluses of base64 become escapes, which leave no long run."""


def opens(text: str) -> bool:
    return may_hold_secret(text, text.encode("utf-8", "surrogatepass"))


def test_every_secret_opens_the_door_as_text_and_inside_json() -> None:
    for sample in secret_corpus.corpus():
        if sample.name not in UNKNOWN:
            assert opens(sample.text), sample.name
            assert opens(json.dumps({"a": [sample.text]})), sample.name


def test_everyday_calls_leave_it_shut() -> None:
    calls = (
        "npm test -- --watch=false",
        "git status --short && git diff --stat",
        "sed -n 1,80p src/app/main.py",
        "for f in *.txt; do wc -l $f; done",
        "https://docs.host.dev/guides/intro.html",
        "def area(width: int, height: int) -> int:\n    return width * height\n",
    )
    assert [call for call in calls if opens(call)] == []


def test_a_run_of_20() -> None:
    assert has_long_run(b"x " + b"a1_-" * 5)
    assert not has_long_run(b"x " + b"a1_-" * 4 + b"a1_")
    assert not has_long_run(b"a1_-/" * 20)
