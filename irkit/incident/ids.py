# SPDX-License-Identifier: Apache-2.0
"""Names of incidents: `INC-2026-014`, counted within a year, never given twice. Pure."""

import re
from collections.abc import Iterable

from irkit.incident.commands import IncidentId

_FORM = re.compile(r"INC-([0-9]{4})-([0-9]{3,9})", re.ASCII)


def next_id(existing: Iterable[str], year: int) -> IncidentId:
    """One more than the highest of that year; a gap is never filled. Names of another form are passed over.

    >>> next_id(["INC-2026-001", "INC-2026-013", "INC-2025-200"], 2026)
    'INC-2026-014'
    """
    found = (_FORM.fullmatch(name) for name in existing)
    numbers = [int(match[2]) for match in found if match and int(match[1]) == year]
    return IncidentId(f"INC-{year:04d}-{max(numbers, default=0) + 1:03d}")


def is_incident_id(text: str) -> bool:
    """Whether `text` is an incident's id, and so safe as the name of a folder."""
    return _FORM.fullmatch(text) is not None
