# SPDX-License-Identifier: Apache-2.0
"""The block arrives on a real terminal, whole, and nothing else is ever written to."""

import os
import tty
from collections.abc import Iterator

import pytest

from irkit import limits
from irkit.guard.terminal import TerminalNotifier, write_to
from irkit.incident.commands import Done, Failed, Unverified
from irkit.report.incident_text import block
from tests.guard.notices import FROZEN


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """(master, device number)"""
    master, slave = os.openpty()
    tty.setraw(slave)
    yield master, os.fstat(slave).st_rdev
    os.close(slave)
    os.close(master)


def test_the_block_arrives_with_line_ends_of_a_raw_terminal(terminal: tuple[int, int]) -> None:
    master, device = terminal
    assert TerminalNotifier(lambda: (device,)).tell(FROZEN, 0) == Done("1 terminal(s)")
    shown = os.read(master, 65536)
    assert shown.decode() == "\r\n" + block(FROZEN, 0).replace("\n", "\r\n")
    assert b"\x1b" not in shown


def test_a_session_without_terminal_is_said() -> None:
    assert TerminalNotifier(tuple).tell(FROZEN, 0) == Unverified("the session has no terminal")


def test_a_terminal_that_takes_nothing_is_not_waited_for(terminal: tuple[int, int]) -> None:
    _, device = terminal
    while not write_to(device, b"x" * 4096):
        pass
    outcome = TerminalNotifier(lambda: (device,)).tell(FROZEN, 0)
    assert isinstance(outcome, Failed)
    assert "/dev/pts/" in outcome.reason


def test_a_closed_terminal_and_a_device_that_is_none_fail() -> None:
    master, slave = os.openpty()
    device = os.fstat(slave).st_rdev
    os.close(slave)
    os.close(master)
    for gone in (device, os.makedev(1, 3), 0):
        assert write_to(gone, b"x")


def test_no_more_terminals_than_the_limit_are_told(terminal: tuple[int, int]) -> None:
    _, device = terminal
    many = (*(device,) * limits.NOTIFY_TERMINALS_MAX, 0)
    outcome = TerminalNotifier(lambda: many).tell(FROZEN, 0)
    assert isinstance(outcome, Done | Failed)
    assert "no terminal is known" not in outcome.reason, "the one beyond the limit was tried"
