# SPDX-License-Identifier: Apache-2.0
"""What a guard is made of, put together once at start: policy, keys, redactor, engine, log, table."""

import os
import secrets
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from irkit.clock import Clock
from irkit.detect.engine import Engine
from irkit.detect.rule import RuleSet
from irkit.guard.approval import Change, effective
from irkit.guard.books import Books
from irkit.guard.config import Config
from irkit.guard.store import Store
from irkit.home import Home
from irkit.incident.playbook import Playbook
from irkit.incident.session import SessionTable
from irkit.stream.ingest import Ingest
from irkit.stream.log import AuditLog
from irkit.stream.redact import build_redactor
from irkit.stream.value_sources import EnvironmentAndFiles


class Parts(NamedTuple):
    """The parts of a guard."""

    home: Home
    clock: Clock
    store: Store
    config: Config
    changes: tuple[Change, ...]
    """What differs from the approved policy: tampering, until a person approves it."""
    rules: RuleSet
    playbooks: tuple[Playbook, ...]
    engine: Engine
    ingest: Ingest
    books: Books
    table: SessionTable


def key_of(home: Home, name: str) -> bytes:
    """A 32-byte secret of this home, made at first use, readable by this user only."""
    path = os.path.join(home.keys, name)
    try:
        with open(path, "rb") as file:
            found = file.read(64)
        if len(found) == 32:
            return found
    except FileNotFoundError:
        pass
    made = secrets.token_bytes(32)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    os.write(descriptor, made)
    os.close(descriptor)
    return made
