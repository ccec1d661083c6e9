# SPDX-License-Identifier: Apache-2.0
"""From what the script wants to the tool that this agent has for it. One script thereby runs on every agent."""

import shlex
from collections.abc import Mapping
from typing import Any, NamedTuple

from tests.sim.model_server.script import Call, Delegate, Read, Shell, Write, cue

SHELLS = ("Bash", "exec_command", "shell_command", "shell")
DELEGATES = ("Agent", "Task", "spawn_agent")


class Offer(NamedTuple):
    """A tool that the agent offers: its name, its parameters' schemas, the namespace it came in."""

    name: str
    parameters: Mapping[str, Any]
    namespace: str = ""


def use(offers: Mapping[str, Offer], call: Call) -> tuple[Offer, dict[str, Any]]:
    """The tool and its arguments. Raises LookupError when the agent has nothing of the kind."""
    match call:
        case Shell():
            return _shell(offers, call)
        case Read(path=path):
            if offer := offers.get("Read"):
                return offer, {"file_path": path}
            return _shell(offers, Shell(command=f"cat {shlex.quote(path)}"))
        case Write(path=path, content=content):
            if offer := offers.get("Write"):
                return offer, {"file_path": path, "content": content}
            line = f"printf %s {shlex.quote(content)} > {shlex.quote(path)}"
            return _shell(offers, Shell(command=line))
        case Delegate(part=part):
            offer = _first(offers, DELEGATES)
            words: dict[str, Any] = {"prompt": cue(part), "message": cue(part), "description": f"part {part}"}
            words["subagent_type"] = "general-purpose"
            words["task_name"] = part
            return offer, {name: value for name, value in words.items() if name in offer.parameters}


def _shell(offers: Mapping[str, Offer], call: Shell) -> tuple[Offer, dict[str, Any]]:
    offer = _first(offers, SHELLS)
    line: Any = call.command
    key = "cmd" if "cmd" in offer.parameters else "command"
    if offer.parameters.get(key, {}).get("type") == "array":
        line = ["bash", "-c", call.command]
    arguments = {key: line}
    if "description" in offer.parameters:
        arguments["description"] = "a step of the script"
    if call.background and "run_in_background" in offer.parameters:
        arguments["run_in_background"] = True
    return offer, arguments


def _first(offers: Mapping[str, Offer], names: tuple[str, ...]) -> Offer:
    for name in names:
        if name in offers:
            return offers[name]
    raise LookupError(f"the agent offers none of {', '.join(names)}, only {', '.join(sorted(offers))}")
