# SPDX-License-Identifier: Apache-2.0
"""The gate's files: the hook and its rare paths, the interpreter link, and the baked answers.

The hook's text never changes on upgrade (agents hash the command, and people read it): it is written when it is
absent or differs, and an intact one is left alone. The interpreter is one that outlives virtual environments.
"""

import base64
import hashlib
import os
import sys
from collections.abc import Iterable, Mapping
from importlib.resources import files

from irkit.agents.payload import ALLOW, Answer
from irkit.agents.registry import AGENTS
from irkit.agents.spec import AgentSpec
from irkit.home import Home

_LATE = "irkit's guard did not answer in time, so this call is refused; try again, or see `irkit status`"
_LATCHED = "irkit has latched this session: no tool call of it runs; see `irkit status`"
_DOWN = "irkit's guard does not run, so this call is refused; a person can start it with `irkit guard`"
_ASK = "irkit's guard does not run: allow this call?"
_MODES = ("default", "plan", "acceptEdits", "auto", "dontAsk", "bypassPermissions", "interactive")


def write_gate(
    home: Home, when_down: str = "ask", per_agent: Mapping[str, str] | None = None
) -> tuple[str, ...]:
    """Bring the gate up to date; returns the names of the files that were written."""
    home.make()
    source = files("irkit.stream")
    wanted = {
        "hook.py": source.joinpath("hook.py").read_bytes(),
        "hook_slow.py": source.joinpath("hook_slow.py").read_bytes(),
        "answers": answers(AGENTS, when_down, per_agent or {}).encode("ascii"),
    }
    mode = home.gate_mode
    written = [name for name, data in wanted.items() if _put(home.at("gate", name), data, mode)]
    if _link(home.python, lasting_interpreter()):
        written.append("python")
    return tuple(written)


def gate_hashes(home: Home) -> dict[str, str]:
    """SHA-256 of each file that a hook runs from, for the tamper watch."""
    found = {}
    for name in ("hook.py", "hook_slow.py", "answers"):
        try:
            with open(home.at("gate", name), "rb") as file:
                found[name] = hashlib.sha256(file.read()).hexdigest()
        except OSError:
            found[name] = ""
    return found


def lasting_interpreter() -> str:
    """The interpreter below any virtual environment: removing a project's venv must not disarm the hooks."""
    return os.path.realpath(getattr(sys, "_base_executable", "") or sys.executable)


def hook_command(home: Home, agent: str, event: str) -> str:
    """The command line for an agent's settings, quoted for a POSIX shell (paths hold spaces)."""
    return f"{_quoted(home.python)} -I -S {_quoted(home.hook)} {agent} {event}"


def answers(agents: Iterable[AgentSpec], when_down: str, per_agent: Mapping[str, str]) -> str:
    """The baked answers: `AGENT EVENT KIND MODE EXIT STDOUT STDERR`, the last two in base64."""
    lines = []
    for spec in agents:
        policy = per_agent.get(spec.name, when_down)
        for event in spec.events:
            refused = {
                kind: spec.refuse(event.happening, text)
                for kind, text in (("late", _LATE), ("latched", _LATCHED))
            }
            for kind, answer in refused.items():
                lines.append(_line(spec, event.name, kind, "*", answer))
            if policy == "allow":
                lines.append(_line(spec, event.name, "down", "*", ALLOW))
                continue
            lines.append(_line(spec, event.name, "down", "*", spec.refuse(event.happening, _DOWN)))
            for mode in _MODES if policy == "ask" else ():
                asked = spec.ask(event.happening, mode, _ASK)
                if asked is not None:
                    lines.append(_line(spec, event.name, "down", mode, asked))
    return "\n".join(lines) + "\n"


def _line(spec: AgentSpec, event: str, kind: str, mode: str, answer: Answer) -> str:
    out, err = (base64.b64encode(data).decode() or "-" for data in (answer.stdout, answer.stderr))
    return f"{spec.name} {event} {kind} {mode} {answer.exit} {out} {err}"


def _quoted(path: str) -> str:
    """Double quotes hold in sh, cmd and PowerShell alike; what they do not hold is escaped for sh."""
    for character in ("\\", '"', "$", "`"):
        path = path.replace(character, "\\" + character)
    return f'"{path}"'


def _put(path: str, data: bytes, mode: int) -> bool:
    try:
        with open(path, "rb") as file:
            if file.read() == data:
                return False
    except OSError:
        pass
    temporary = f"{path}.{os.getpid()}"
    with open(temporary, "wb") as file:
        file.write(data)
    os.chmod(temporary, mode)
    os.replace(temporary, path)
    return True


def _link(path: str, target: str) -> bool:
    if os.path.islink(path) and os.readlink(path) == target:
        return False
    temporary = f"{path}.{os.getpid()}"
    os.symlink(target, temporary)
    os.replace(temporary, path)
    return True
