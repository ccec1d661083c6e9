# SPDX-License-Identifier: Apache-2.0
"""The demo around the rehearsal: a throw-away folder, a PID namespace where one can be had, and nothing left.

`show` runs a second irkit (`rehearse`) inside the namespace and reads its result. When that one dies, is
interrupted or takes too long, the namespace takes everything with it; where there is none, what it wrote down is
ended here, by pid and start time. The folder goes in every case, unless it is to be kept.
"""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

import msgspec
from msgspec import Struct

from irkit.drill import namespace, observer
from irkit.drill.diary import Diary
from irkit.drill.rehearsal import Moment, Played, Rehearsal
from irkit.drill.stage import end
from irkit.errors import IrkitError
from irkit.respond import signals

RUN_MAX_S = 100.0
"""The whole of it; a healthy run takes well under 30 s."""
END_MAX_S = 10.0
RESULT = "result.json"


class Shown(Struct, frozen=True):
    """What `irkit demo --json` prints."""

    contained: bool
    """Every process of the session was verified dead, the kill's verdict is 0 or 10, and all other checks held."""
    unaccounted: tuple[str, ...]
    verdict: int | None
    timeline: tuple[Moment, ...]
    home: str | None
    """The throw-away folder, when it was kept."""
    bundle: str | None = None
    """No evidence bundle is made yet."""
    problems: tuple[str, ...] = ()
    alone: bool = False
    """Whether it ran in a PID namespace of its own."""


def show(irkit: Sequence[str], *, keep: bool) -> Shown:
    """Run the demo; `irkit` is how to start the program. Raises IrkitError when it could not be run at all."""
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGHUP, _leave)
    folder = tempfile.mkdtemp(prefix="irkit-demo-")
    apart = namespace.prefix()
    command = [*apart, *irkit, "demo", "--inside", folder, *(["--alone"] if apart else [])]
    try:
        played = _run(command, folder, apart=bool(apart))
        return Shown(
            contained=played.contained,
            unaccounted=played.unaccounted,
            verdict=played.verdict,
            timeline=played.timeline,
            home=folder if keep else None,
            problems=played.problems,
            alone=bool(apart),
        )
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


def rehearse(folder: str, irkit: Sequence[str], *, alone: bool) -> None:
    """The part inside: play, and leave the result in the folder."""
    signal.signal(signal.SIGTERM, _leave)
    played = Rehearsal(folder, irkit, alone=alone).play()
    with open(os.path.join(folder, RESULT), "wb") as result:
        result.write(msgspec.json.encode(played))


def _run(command: list[str], folder: str, *, apart: bool) -> Played:
    """Out of reach of the terminal's Ctrl-C, and with nothing of the caller's environment but the path."""
    env = {"PATH": os.environ.get("PATH", os.defpath), "HOME": folder, "LANG": "C.UTF-8", "TERM": "dumb"}
    with open(os.path.join(folder, "demo.log"), "w+b") as log:
        inside = subprocess.Popen(
            command,
            env=env,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            inside.wait(RUN_MAX_S)
        except subprocess.TimeoutExpired as error:
            raise IrkitError(f"the demo did not end in {RUN_MAX_S:.0f} s") from error
        finally:
            if apart:
                inside.kill()  # the namespace goes with it, and all that runs there
                inside.wait(END_MAX_S)
            else:
                _clear(inside, folder)
        log.seek(0)
        return _result(folder, log.read(4000))


def _result(folder: str, log: bytes) -> Played:
    try:
        with open(os.path.join(folder, RESULT), "rb") as result:
            return msgspec.json.decode(result.read(), type=Played)
    except (OSError, msgspec.MsgspecError) as error:
        text = log.decode("utf-8", "replace").strip()
        raise IrkitError(f"the demo ended without a result: {text or error}") from error


def _clear(inside: "subprocess.Popen[bytes]", folder: str) -> None:
    """Without a namespace: ask the part inside to end, then end what the decoy wrote down as its own."""
    end(inside)
    diary = Diary(os.path.join(folder, "work", "decoy.jsonl"))
    diary.look()
    for pid, start in observer.alive(diary.processes):
        signals.send(pid, start, signals.KILL)


def _leave(signum: int, _frame: FrameType | None) -> NoReturn:
    """Turn a signal into an ordinary end, so that everything is taken away."""
    raise SystemExit(128 + signum)
