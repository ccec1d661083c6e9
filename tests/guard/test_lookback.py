# SPDX-License-Identifier: Apache-2.0
"""What the files say around an incident: its days and its hours, and nothing that cannot be read."""

import json
from pathlib import Path

from irkit.clock import iso
from irkit.guard.lookback import AFTER_S, BEFORE_S, records_of
from irkit.home import Home
from irkit.incident.state import advance
from tests.incident.cases import STAYS, detected


def test_from_before_the_opening_to_after_the_end_over_midnight(tmp_path: Path) -> None:
    midnight = 1_790_035_200.0
    assert iso(midnight)[11:] == "00:00:00.000000Z"
    incident = advance(None, detected(at=midnight + 5), STAYS).incident
    assert incident is not None
    home = Home(str(tmp_path))
    assert list(records_of(home, incident)) == [], "an empty home has nothing to say"
    home.make()
    times = [midnight + 5 - BEFORE_S - 1, midnight - 1, midnight + 1, midnight + 5 + AFTER_S + 1]
    for ts in times:
        with Path(home.at("audit", f"{iso(ts)[:10]}.jsonl")).open("a", encoding="utf-8") as log:
            log.write(json.dumps({"ts": iso(ts)}) + "\n[1]\n{torn\n" + json.dumps({"ts": "never"}) + "\n")
    journal = [
        {"ts": midnight - 99_999, "record": "intent", "id": "old"},
        {"ts": midnight, "record": "outcome", "id": "old"},
        {"ts": midnight - 99_999, "record": "outcome", "id": "older"},
    ]
    Path(home.journal).write_text("\n".join(map(json.dumps, journal)), encoding="utf-8")
    found = list(records_of(home, incident))
    assert found[:2] == journal[:2], "an intent is kept for the outcome that comes later"
    assert [record["ts"] for record in found[2:]] == [iso(ts) for ts in times[1:3]]
