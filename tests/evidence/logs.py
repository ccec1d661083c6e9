# SPDX-License-Identifier: Apache-2.0
"""Logs that tests damage: written by the real writer, signed by a real key."""

import functools
from pathlib import Path

from irkit.evidence.checkpoint import append_checkpoint
from irkit.evidence.keys import SigningKey, ensure_key
from irkit.home import Home
from irkit.stream.log import AuditLog
from irkit.stream.record import own_record
from tests.stream.hand_clock import HandClock

RECORDS = 12
DAY_ONE, DAY_TWO = "2026-11-23.jsonl", "2026-11-24.jsonl"


def write_log(home: Home, *, signed_at: tuple[int, ...] = (), torn: bool = False) -> SigningKey:
    """A log of `RECORDS` records over two days, with checkpoints after these records."""
    clock, key = HandClock(), ensure_key(home)
    log = AuditLog.open(home.audit, clock)
    for number in range(1, RECORDS + 1):
        log.append(own_record("incident_note", args={"text": f"call {number}", "path": f"/src/{number}.py"}))
        if number in signed_at:
            prefix = log.prefix()
            assert prefix is not None
            append_checkpoint(home.audit, prefix, key, clock.now())
        if number == RECORDS // 2:
            clock.pass_time(86400)
    log.close()
    if torn:
        with (Path(home.audit) / DAY_TWO).open("ab") as file:
            file.write(b'{"v":1,"ts":"2026-11-24T12')
        AuditLog.open(home.audit, clock).close()
    return key


@functools.cache
def contents(folder: str, signed_at: tuple[int, ...] = (), *, torn: bool = False) -> dict[str, bytes]:
    """The files of such a log, by name, and the key's `allowed_signers`."""
    home = Home(folder)
    write_log(home, signed_at=signed_at, torn=torn)
    files = [*Path(home.audit).iterdir(), Path(home.keys) / "allowed_signers"]
    return {file.name: file.read_bytes() for file in files if not file.name.startswith(".")}
