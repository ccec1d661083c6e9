# SPDX-License-Identifier: Apache-2.0
"""Handing work to somebody else is seen through wrappers; looking is not a use."""

import pytest

from irkit.detect.brokers import _PROGRAMS, brokers_in
from irkit.respond.brokers import LOOK
from irkit.stream.event import Event


def uses(command: str) -> list[str]:
    event = Event(
        ts=1.0,
        agent="a",
        session="s",
        event="before_tool",
        tool="Bash",
        kind="shell",
        args={"command": command},
    )
    return [broker for broker, _ in brokers_in(event)]


@pytest.mark.parametrize(
    ("command", "broker"),
    [
        ("tmux new -d -s x 'sleep 9'", "tmux"),
        ("tmux -L other send-keys -t 0 'make' Enter", "tmux"),
        ("cd /x && nohup tmux split-window top", "tmux"),
        ("screen -dmS job make", "screen"),
        ("echo make | at now + 1 minute", "at"),
        ("(crontab -l; echo '* * * * * x') | crontab -", "cron"),
        ("sudo -n sh -c 'systemd-run --user sleep 99'", "systemd"),
        ("systemctl --user start x.service", "systemd"),
        ("docker run -d --rm alpine sleep 9", "docker"),
        ("docker compose up -d", "docker"),
        ("podman start web", "podman"),
        ("ssh -p 22 build.invalid make", "ssh"),
        ("launchctl bootstrap gui/501 x.plist", "launchd"),
        ("schtasks /create /tn x /tr y", "schtasks"),
        ("cmd.exe /c start notepad", "wsl"),
    ],
)
def test_a_use_is_a_debt(command: str, broker: str) -> None:
    assert uses(command) == [broker]
    assert broker in LOOK


@pytest.mark.parametrize(
    "command",
    [
        "tmux ls", "tmux capture-pane -p", "screen -ls", "at -l", "crontab -l", "docker ps", "docker logs web",
        "systemctl --user status x", "ssh", "grep -rn 'docker run' docs", "echo tmux", "cat src/format.py",
        "git commit -m 'tmux new'", "launchctl list", "cmd /c dir",
    ],
)  # fmt: skip
def test_looking_and_talking_is_none(command: str) -> None:
    assert uses(command) == []


def test_each_broker_has_commands_to_look_and_to_stop() -> None:
    assert set(_PROGRAMS.values()) <= set(LOOK)
    assert len(uses("; ".join(["tmux new"] * 500))) == 1
