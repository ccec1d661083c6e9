# SPDX-License-Identifier: Apache-2.0
"""The guard: puts the parts together, runs them on one loop, and ends cleanly.

Start order: refuse inside an agent; lock the home; policy; log; sockets answer; then the spool and the watched files
are read beside them. SIGTERM: accept nobody more, finish what is under way, seal the log's tail, in under 2 s.
"""

import asyncio
import os
import signal
import socket
import sys
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec

from irkit.clock import SystemClock
from irkit.errors import IrkitError
from irkit.guard import wiring
from irkit.guard.acts import Acts, Held, Wiring
from irkit.guard.api import methods
from irkit.guard.books import Books
from irkit.guard.casebook import Casebook
from irkit.guard.gatefiles import gate_hashes, lasting_interpreter, write_gate
from irkit.guard.gateway import Gateway
from irkit.guard.hooksock import HookServer
from irkit.guard.judge import Judge, Policy
from irkit.guard.lock import HomeLock, own_environment, refuse_inside_agent
from irkit.guard.peer import PeerFinder
from irkit.guard.rpc import RpcServer
from irkit.home import Home
from irkit.incident.commands import AnyCommand, AnyOutcome
from irkit.incident.session import ProcessId, Session, State

STOP_MAX_S = 1.5
SAVE_AFTER_S = 2.0
"""How long changed sessions may wait for the database; the roster waits for `ROSTER_AFTER_S` only."""
ROSTER_AFTER_S = 0.02
SYNC_AFTER_S = 0.9
"""How long a written record may wait for its fdatasync."""
