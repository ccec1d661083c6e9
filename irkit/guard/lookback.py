# SPDX-License-Identifier: Apache-2.0
"""What the files say about one incident: the audit log's days around it, and the journal, as plain mappings.

For people who look back, guard or no guard. A line that cannot be read is passed over; `irkit log verify` judges.
"""

import os
from collections.abc import Iterator
from typing import Any

import msgspec

from irkit import limits
from irkit.clock import from_iso, iso
from irkit.home import Home
from irkit.incident.incident import Incident

BEFORE_S = 900.0
"""How far before its opening an incident is told."""
AFTER_S = 60.0


def records_of(home: Home, incident: Incident) -> Iterator[dict[str, Any]]:
    """Journal and audit records from shortly before the incident to shortly after its last act."""
    start, end = incident.opened - BEFORE_S, _end(incident) + AFTER_S
    for record in _lines(home.journal):
        ts = record.get("ts")
        if isinstance(ts, int | float) and (record.get("record") == "intent" or start <= ts <= end):
            yield record
    for day in _days(home, iso(start)[:10], iso(end)[:10]):
        for record in _lines(home.at("audit", day)):
            try:
                inside = start <= from_iso(str(record.get("ts"))) <= end
            except ValueError:
                continue
            if inside:
                yield record


def _end(incident: Incident) -> float:
    acts = [act.ended or act.asked for act in incident.acts]
    return max([incident.opened, *acts, *(f.last.ts for f in incident.findings)])


def _days(home: Home, first: str, last: str) -> list[str]:
    try:
        names = os.listdir(home.audit)
    except FileNotFoundError:
        return []
    return sorted(name for name in names if name.endswith(".jsonl") and first <= name[:10] <= last)


def _lines(path: str) -> Iterator[dict[str, Any]]:
    if not os.path.isfile(path):
        return
    with open(path, "rb") as file:
        while line := file.readline(limits.LINE_MAX_BYTES):
            try:
                record = msgspec.json.decode(line)
            except msgspec.DecodeError:
                continue
            if isinstance(record, dict):
                yield record
