# SPDX-License-Identifier: Apache-2.0
"""A text that comes in pieces becomes what it becomes whole, whatever the pieces."""

import itertools
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from irkit.stream.finding import Finding
from irkit.stream.redact import build_redactor
from irkit.stream.redact_stream import RedactStream, Window
from tests.stream.secret_corpus import ALNUM, URL64, Maker

REDACTOR = build_redactor(b"k" * 32, detector="builtin")
SMALL = Window(4096, 2048, 512)
PEM = Maker(7).pem()
TOKEN = "ghp_" + Maker(9).of(ALNUM, 36)
PARTS = st.sampled_from(
    [
        f"{PEM}\n",
        f"export T={TOKEN}\n",
        f'{{"password": "{TOKEN[:12]}"}}',
        "é€𝄞 words \udc80 of prose. ",
        "x" * 500 + "\n",
        "\n",
    ]
)


def redacted(pieces: Iterable[str], window: Window = SMALL) -> tuple[str, list[Finding]]:
    stream = RedactStream(REDACTOR, window=window)
    parts = [written for piece in pieces for written in stream.feed(piece)]
    parts += stream.finish()
    return "".join(part.text for part in parts), [one for part in parts for one in part.findings]


def cut_at(text: str, places: Iterable[int]) -> list[str]:
    edges = [0, *sorted(place % (len(text) + 1) for place in places), len(text)]
    return [text[a:b] for a, b in itertools.pairwise(edges)]


@given(parts=st.lists(PARTS, max_size=40), places=st.lists(st.integers(0, 20_000), max_size=8))
@settings(max_examples=60, deadline=None)
def test_pieces_do_not_matter_and_no_secret_is_left(parts: list[str], places: list[int]) -> None:
    text = "".join(parts)
    out, found = redacted(cut_at(text, places))
    assert (out, found) == redacted([text])
    assert TOKEN[:12] not in out
    assert not any(line in out for line in PEM.splitlines()[1:-1])
    assert all(text[one.start : one.end] not in out for one in found)


@pytest.mark.parametrize("shift", range(0, 5000, 97))
def test_a_block_across_the_edge_of_a_window_is_one_finding(shift: int) -> None:
    text = "word " * (shift // 5) + "\n" + PEM + "\n" + "word\n" * 2000
    out, found = redacted([text])
    assert [(text[one.start : one.end], one.kind) for one in found] == [(PEM, "private-key")]
    assert out == text.replace(PEM, found[0].mark)


@pytest.mark.parametrize("shift", range(2000, 2100))
def test_a_name_before_the_edge_still_tells_the_value_after_it(shift: int) -> None:
    text = "w " * (shift // 2) + "x" * (shift % 2) + ' {"password": "tr0ub4dor&3"} ' + "w " * 3000
    out, found = redacted([text])
    assert [text[one.start : one.end] for one in found] == ["tr0ub4dor&3"]
    assert "tr0ub4dor" not in out


def test_a_finding_larger_than_a_window_leaks_nothing() -> None:
    secret = "sk-ant-" + "api03-" + Maker(8).of(URL64, 3600)
    out, _ = redacted(["\n", secret * 5, "\n"], Window(1024, 512, 128))
    assert not any(secret[at : at + 12] in out for at in range(0, 3590, 12))


def test_what_is_held_is_bounded() -> None:
    stream = RedactStream(REDACTOR, window=SMALL)
    fed = 0
    for _ in range(1000):
        fed += 100
        list(stream.feed("y" * 100))
        assert fed - stream.position < SMALL.size
