# SPDX-License-Identifier: Apache-2.0
"""A frozen incident, to be told."""

from irkit.incident.commands import IncidentId, SessionId
from irkit.incident.incident import Incident, IncidentState

FROZEN = Incident(
    id=IncidentId("INC-2026-014"),
    opened=1_760_000_000.0,
    sessions=(SessionId("claude-code:5572b661"),),
    agent="claude-code",
    cwd="/home/me/shop",
    state=IncidentState.FROZEN,
    cause="200 calls in 10 minutes",
    opened_by="me",
    last_calls=("Bash rm -rf build", "Write \x1b]52;c;AAAA\x07 note"),
)
