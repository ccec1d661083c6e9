# SPDX-License-Identifier: Apache-2.0
"""All channels at once, none that delays or silences another; and who hears which round."""

import threading
import time

from irkit.guard.config import DeputyConfig, NotifyConfig, WebhookConfig
from irkit.guard.notify import notifiers_of, tell_all
from irkit.incident.commands import AnyOutcome, Done, Failed, Unverified
from irkit.incident.incident import Incident
from tests.guard.notices import FROZEN


class Channel:
    """Ends as it is told to, after everybody whom it waits for has begun."""

    def __init__(
        self, name: str, ends: AnyOutcome | Exception, waits: threading.Barrier | None = None
    ) -> None:
        self.name = name
        self._ends = ends
        self._waits = waits

    def tell(self, incident: Incident, number: int) -> AnyOutcome:
        if self._waits is not None:
            self._waits.wait(20)
        if isinstance(self._ends, Exception):
            raise self._ends
        return self._ends


class Hung:
    """Never ends while the test runs."""

    name = "hung"

    def __init__(self) -> None:
        self.released = threading.Event()

    def tell(self, incident: Incident, number: int) -> AnyOutcome:
        self.released.wait(20)
        return Done()


def test_all_are_told_at_the_same_time_and_come_back_in_order() -> None:
    together = threading.Barrier(3)
    channels = [Channel(name, Done(name), together) for name in ("a", "b", "c")]
    assert tell_all(channels, FROZEN, 0, 20) == (("a", Done("a")), ("b", Done("b")), ("c", Done("c")))


def test_a_late_one_is_unverified_and_a_broken_one_silences_nobody() -> None:
    hung = Hung()
    begun = time.monotonic()
    told = dict(
        tell_all([hung, Channel("bad", RuntimeError("defect")), Channel("good", Done())], FROZEN, 0, 0.3)
    )
    hung.released.set()
    assert time.monotonic() - begun < 5
    assert told == {
        "hung": Unverified("no answer in 0.3 s"),
        "bad": Failed("RuntimeError: defect"),
        "good": Done(),
    }


def names(config: NotifyConfig, number: int) -> list[str]:
    return [one.name for one in notifiers_of(config, tuple, number)]


HOOK = WebhookConfig(url="http://127.0.0.1/")


def test_only_what_is_configured_is_told() -> None:
    assert names(NotifyConfig(), 0) == ["log", "terminal", "desktop"]
    assert names(NotifyConfig(terminal=False, desktop=False), 0) == ["log"]
    assert names(NotifyConfig(command=("page",), webhook=HOOK), 1) == [
        "log",
        "terminal",
        "desktop",
        "command",
        "webhook",
    ]


def test_the_last_round_is_the_deputys_or_everybodys_where_there_is_none() -> None:
    deputy = NotifyConfig(command=("page",), deputy=DeputyConfig(webhook=HOOK))
    assert names(deputy, 1)[3:] == ["command"]
    assert names(deputy, 2)[3:] == ["webhook"]
    assert names(NotifyConfig(command=("page",), deputy=DeputyConfig(name="x")), 2)[3:] == ["command"]
