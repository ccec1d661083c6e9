# SPDX-License-Identifier: Apache-2.0
"""Calls that came twice: once by the hook, once by a watched file or the spool.

Rules: an event is a twin only of one that came by another source, with the same tool and argument hash, and the
same call id where both have one; each event has at most one twin. So who forges lines, or gives all calls one
id, only adds to the count. Without arguments' hash nothing is a twin.
"""

from irkit import limits
from irkit.detect.groups import Groups
from irkit.stream.event import Event

_PER_CALL_MAX = 64
Waiting = list[tuple[str, str]]
"""(source, call id) of calls whose twin did not come yet, oldest first."""


class Twins:
    """What waits for its twin."""

    def __init__(self) -> None:
        self._waiting: Groups[Waiting] = Groups(list, limits.TWINS_MAX)

    def is_twin(self, event: Event) -> bool:
        """Whether this is the second of a pair; then the pair is done with. Otherwise it waits."""
        if not event.args_sha256:
            return False
        waiting = self._waiting.touch((event.agent, event.session, event.tool, event.args_sha256))
        for at, (source, call_id) in enumerate(waiting):
            if source != event.source and (call_id == event.call_id or not call_id or not event.call_id):
                del waiting[at]
                return True
        if len(waiting) >= _PER_CALL_MAX:
            del waiting[0]
        waiting.append((event.source, event.call_id))
        return False
