# SPDX-License-Identifier: Apache-2.0
"""Telling people: every channel at once, each with its own way to fail, none that delays another.

Rules: a notice carries plain facts and the incident's id, never a command that lowers protection (threat T25); observed
text is made safe by `report.incident_text`. A channel that is late is `Unverified`, one that is absent says so.
"""

import threading
import time
from collections.abc import Callable, Iterable
from typing import Protocol

from irkit.guard.config import NotifyConfig
from irkit.guard.desktop import DesktopNotifier
from irkit.guard.outward import CommandNotifier, WebhookNotifier
from irkit.guard.terminal import TerminalNotifier
from irkit.incident.commands import AnyOutcome, Done, Failed, Unverified
from irkit.incident.incident import Incident

DEPUTY_ROUND = 2


class Notifier(Protocol):
    """One channel."""

    name: str

    def tell(self, incident: Incident, number: int) -> AnyOutcome:
        """Tell round `number` of an incident; never raises on what the other side does."""
        ...


class LogNotifier:
    """The guard's own log: it is written by whoever records the outcome."""

    name = "log"

    def tell(self, incident: Incident, number: int) -> AnyOutcome:
        """Always done: the audit log has the incident and this round."""
        return Done(f"{incident.id} round {number}")


def notifiers_of(
    config: NotifyConfig, terminals: Callable[[], Iterable[int]], number: int
) -> tuple[Notifier, ...]:
    """The channels of this round. The last round goes to the deputy, where there is one."""
    found: list[Notifier] = [LogNotifier()]
    if config.terminal:
        found.append(TerminalNotifier(terminals))
    if config.desktop:
        found.append(DesktopNotifier())
    deputy = config.deputy if number >= DEPUTY_ROUND else None
    reaches = deputy is not None and bool(deputy.command or deputy.webhook)
    command = deputy.command if deputy is not None and reaches else config.command
    webhook = deputy.webhook if deputy is not None and reaches else config.webhook
    if command:
        found.append(CommandNotifier(command))
    if webhook is not None:
        found.append(WebhookNotifier(webhook))
    return tuple(found)


def tell_all(
    notifiers: Iterable[Notifier], incident: Incident, number: int, deadline_s: float
) -> tuple[tuple[str, AnyOutcome], ...]:
    """Tell through all of them at once; (name, outcome) in their order, at the deadline at the latest."""
    channels = tuple(notifiers)
    ended: dict[int, AnyOutcome] = {}
    threads = []
    for place, channel in enumerate(channels):
        thread = threading.Thread(target=_told, args=(channel, incident, number, ended, place), daemon=True)
        thread.start()
        threads.append(thread)
    until = time.monotonic() + deadline_s
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    late = Unverified(f"no answer in {deadline_s:g} s")
    return tuple((channel.name, ended.get(place, late)) for place, channel in enumerate(channels))


def _told(
    channel: Notifier, incident: Incident, number: int, ended: dict[int, AnyOutcome], place: int
) -> None:
    try:
        ended[place] = channel.tell(incident, number)
    except Exception as error:  # noqa: BLE001 - the seam: one channel's defect must not silence the others
        ended[place] = Failed(f"{type(error).__name__}: {error}"[:300])
