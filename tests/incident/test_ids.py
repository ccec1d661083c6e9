# SPDX-License-Identifier: Apache-2.0
"""Ids are counted within a year and never given twice."""

import pytest

from irkit.incident.ids import is_incident_id, next_id


@pytest.mark.parametrize(
    ("existing", "expected"),
    [
        ([], "INC-2026-001"),
        (["INC-2026-001", "INC-2026-003"], "INC-2026-004"),
        (["INC-2025-412"], "INC-2026-001"),
        (["INC-2026-999"], "INC-2026-1000"),
        (["INC-2026-1000", "INC-2026-999"], "INC-2026-1001"),
        ([".DS_Store", "INC-2026-7", "INC-2026-٠٠٩", "inc-2026-009", "INC-2026-009x"], "INC-2026-001"),
    ],
)
def test_next_id(existing: list[str], expected: str) -> None:
    assert next_id(existing, 2026) == expected


@pytest.mark.parametrize("text", ["", "..", "INC-2026-014/../..", "INC-2026-014\n", "INC-26-014"])
def test_what_is_not_an_id_is_no_folder_name(text: str) -> None:
    assert not is_incident_id(text)


def test_an_id_is() -> None:
    assert is_incident_id("INC-2026-014")
