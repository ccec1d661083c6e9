# SPDX-License-Identifier: Apache-2.0
"""What a person allowed: one rule, as narrowly as they said, until a date. Pure values; who may say so is the guard's.

An exception silences a finding. It never lowers what the call counts for in windows.
"""

from msgspec import Struct

from irkit.detect.detection import Detection
from irkit.detect.facts import Facts


class RuleException(Struct, frozen=True, kw_only=True):
    """One exception. Empty fields do not narrow it."""

    rule: str
    session: str = ""
    """`AGENT:native_id`."""
    project: str = ""
    """Working directories at or below this one."""
    target: str = ""
    """The path, host or target class of the act, exactly as the finding names it."""
    reason: str
    owner: str
    expires: float
    """Seconds since the epoch; not in force from then on."""

    def covers(self, detection: Detection, facts: Facts) -> bool:
        """Whether it silences this finding, at the event's own time."""
        event, act = facts.event, facts.act
        if detection.rule != self.rule or event.ts >= self.expires:
            return False
        if self.session and self.session != f"{event.agent}:{event.session}":
            return False
        if self.project and not _below(event.cwd, self.project):
            return False
        return not self.target or (act is not None and self.target in {act.path, act.host, act.target})


def _below(path: str, folder: str) -> bool:
    folder = folder.rstrip("/")
    return path == folder or path.startswith(folder + "/")
