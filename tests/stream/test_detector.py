# SPDX-License-Identifier: Apache-2.0
"""Which detectors there are, what the library may not do, and texts larger than it is given at once."""

import pytest

from irkit.errors import BadInputError
from irkit.limits import DETECTOR_WINDOW_CHARS
from irkit.stream.detector import RedactSecret, detector_named, lower
from tests.stream.secret_corpus import ALNUM, Maker

TOKEN = "ghp_" + Maker(8).of(ALNUM, 36)


def test_an_unknown_detector_is_one_line_that_names_the_others() -> None:
    with pytest.raises(BadInputError, match="builtin"):
        detector_named("magic")


@pytest.mark.parametrize(
    "before",
    ["", "é" * 10, "\ud800 ", "x " * DETECTOR_WINDOW_CHARS, "x" * (DETECTOR_WINDOW_CHARS - 20) + " "],
)
def test_the_library_gives_places_in_code_points(before: str) -> None:
    found = list(RedactSecret().find(before + TOKEN))
    assert [(one.start, one.end) for one in found] == [(len(before), len(before) + len(TOKEN))]


@pytest.mark.parametrize(
    "text",
    ["ghp_" + "x" * 36, "postgres://postgres:postgres@localhost:5432/app", "https://user:pass@host.dev"],
)
def test_its_false_alarms_are_dropped(text: str) -> None:
    assert list(RedactSecret().find(text)) == []


@pytest.mark.parametrize("text", ["PASSWORD", "İstanbul PASSWORD", "ẞ K"])
def test_lower_keeps_every_place(text: str) -> None:
    assert len(lower(text)) == len(text)
    assert ("password" in lower(text)) == ("PASSWORD" in text)
