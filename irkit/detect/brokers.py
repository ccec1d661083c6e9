# SPDX-License-Identifier: Apache-2.0
"""Which brokers a call hands work to: somebody else starts it, so it is no child of the session's. Pure.

Rules: it decides nothing and opens no incident: a use is a *debt* of the session, shown when the session is killed.
Looking (`tmux ls`, `docker ps`, `crontab -l`) is no use. Most commands hold no broker's name and are not taken apart.
"""

from collections.abc import Mapping
from types import MappingProxyType

from irkit.detect.acts import HANDLERS
from irkit.detect.facts import command_of
from irkit.detect.flow import NOTHING, Flow
from irkit.detect.memory import Memory
from irkit.detect.shell import plain
from irkit.detect.walk import Call, Handler, Walk
from irkit.stream.event import Event

_USE = "broker"
_PROGRAMS: Mapping[str, str] = MappingProxyType(
    {
        "tmux": "tmux", "screen": "screen", "at": "at", "batch": "at", "crontab": "cron", "systemd-run": "systemd",
        "systemctl": "systemd", "docker": "docker", "docker-compose": "docker", "podman": "podman", "ssh": "ssh",
        "mosh": "ssh", "launchctl": "launchd", "schtasks": "schtasks", "cmd": "wsl", "powershell": "wsl",
    }
)  # fmt: skip
"""Program -> the broker as `irkit.respond.brokers.LOOK` calls it."""
_STARTS = {
    "tmux": frozenset(
        "new new-session neww new-window splitw split-window send send-keys respawnp respawn-pane respawnw "
        "respawn-window run run-shell pipep pipe-pane source source-file if if-shell".split()
    ),
    "docker": frozenset("run start restart exec create up compose stack service unpause".split()),
    "systemctl": frozenset("start restart enable reload-or-restart try-restart link isolate".split()),
    "launchctl": frozenset("load bootstrap submit start kickstart enable".split()),
}
_STARTS["podman"] = _STARTS["docker-compose"] = _STARTS["docker"]
_WORDS_MAX = 200


def brokers_in(event: Event) -> tuple[tuple[str, str], ...]:
    """(broker, the words of the command) for each hand-over of this call, each once, in order."""
    command = command_of(event.args) if event.kind in {"shell", "mcp"} else ""
    if not any(program in command for program in _PROGRAMS):
        return ()
    walk = Walk(Memory(), "", _HANDLERS)
    walk.run(command)
    return tuple(dict.fromkeys((act.target, act.path) for act in walk.acts if act.act == _USE))


def _noted(walk: Walk, call: Call) -> Flow:
    words = [plain(word) for word in call.words()]
    if _uses(call, words):
        text = " ".join([call.program, *call.plain])[:_WORDS_MAX]
        walk.act(_USE, call.program, target=_PROGRAMS[call.program], path=text)
    return NOTHING


def _uses(call: Call, words: list[str]) -> bool:
    match call.program:
        case "tmux":
            return bool(_STARTS["tmux"] & set(words)) or not words
        case "screen":
            return not call.has("-ls", "-list", "-r", "-x")
        case "at" | "batch":
            return not call.has("-l", "-r", "-d", "-c", "-V")
        case "crontab":
            return not call.has("-l", "-r")
        case "cmd" | "powershell":
            return plain(call.name).lower().endswith(".exe")
        case "schtasks":
            return "/create" in [word.lower() for word in call.plain] or "/run" in call.plain
        case "systemd-run":
            return True
        case "ssh" | "mosh":
            return bool(words)
        case _:
            return bool(_STARTS[call.program] & set(words[:4]))


_HANDLERS: dict[str, Handler] = {**HANDLERS, **dict.fromkeys(_PROGRAMS, _noted)}
