# SPDX-License-Identifier: Apache-2.0
"""OpenCode's payloads, and the plugin itself in a real JavaScript runtime against a real socket."""

import base64
import json
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from irkit.agents.opencode import OPENCODE
from irkit.agents.payload import Answer, Happening
from irkit.errors import BadInputError
from tests.agents.captured import payload

NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="no node on this machine: the plugin cannot be run")


def command_for(home: Path) -> Callable[[str], str]:
    return lambda event: f"'{home}/gate/python' -I -S '{home}/gate/hook.py' opencode {event}"


# --- payloads ----------------------------------------------------------------------


def test_a_result_has_its_size_and_its_exit_code() -> None:
    parsed = OPENCODE.parse("tool.execute.after", payload("opencode", "tool.execute.after-bash"))
    assert (parsed.happening, parsed.tool, parsed.call_id) == (Happening.AFTER_TOOL, "bash", "call_0_0")
    assert (parsed.exit, parsed.response_bytes) == (0, 3)
    assert parsed.input == {"command": "echo hi"}


@pytest.mark.parametrize(
    ("event", "body", "expected"),
    [
        ("session.created", {"input": {"sessionID": "s", "parentID": "p"}, "output": {}}, {"parent": "p"}),
        ("session.deleted", {"input": {"sessionID": "s"}}, {}),
        ("chat.message", {"input": {"sessionID": "s"}, "output": {"prompt": "hi"}}, {"prompt": "hi"}),
        ("permission.ask", {"input": {"sessionID": "s", "type": "bash", "pattern": "ls"}}, {"pattern": "ls"}),
    ],
)
def test_other_events(event: str, body: dict[str, Any], expected: dict[str, Any]) -> None:
    parsed = OPENCODE.parse(event, body | {"cwd": "/p"})
    assert parsed.input == expected
    assert (parsed.session, parsed.cwd) == ("s", "/p")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"input": []},
        {"input": {"sessionID": "s"}},
        {"input": {"tool": "bash"}},
        {"input": {"sessionID": "s", "tool": 1}},
    ],
)
def test_bad_payloads(body: dict[str, Any]) -> None:
    with pytest.raises(BadInputError):
        OPENCODE.parse("tool.execute.before", body)


# --- the file ----------------------------------------------------------------------


def test_the_plugin_is_written_for_its_gate_and_taken_away(tmp_path: Path) -> None:
    home = tmp_path / 'a "b" ű'
    text = OPENCODE.install(None, command_for(home))
    assert json.dumps(f"{home}/gate", ensure_ascii=False) in text
    assert "@GATE@" not in text
    assert OPENCODE.install(text, command_for(home)) == text
    assert OPENCODE.install(text, command_for(tmp_path)) == OPENCODE.install("", command_for(tmp_path))
    assert OPENCODE.installed(text) == {event.name for event in OPENCODE.events}
    assert OPENCODE.remove(text) == ""


def test_a_foreign_file_is_left_alone() -> None:
    foreign = "export const Mine = async () => ({})\n"
    with pytest.raises(BadInputError, match="not irkit's"):
        OPENCODE.install(foreign, command_for(Path("/x")))
    assert OPENCODE.remove(foreign) == foreign
    assert OPENCODE.installed(foreign) == frozenset()


@pytest.mark.parametrize("line", ["'unclosed", "/bin/true"])
def test_a_command_line_without_a_gate_is_refused(line: str) -> None:
    with pytest.raises(BadInputError):
        OPENCODE.install(None, lambda _event: line)


# --- the plugin, running -----------------------------------------------------------

CALL: dict[str, Any] = {
    "hook": "tool.execute.before",
    "input": payload("opencode", "tool.execute.before-bash")["input"],
}
CALL["output"] = payload("opencode", "tool.execute.before-bash")["output"]

RUNNER = """
import { readFileSync } from "node:fs"
const exported = await import(process.argv[2])
const hooks = await exported.Irkit({ directory: "/home/dev/work" })
const started = performance.now()
const results = []
for (const call of JSON.parse(readFileSync(0, "utf8"))) {
  try {
    await (call.hook === "event" ? hooks.event({ event: call.event }) : hooks[call.hook](call.input, call.output))
    results.push({ threw: null, output: call.output })
  } catch (error) { results.push({ threw: error.message, output: call.output }) }
}
console.log(JSON.stringify({ exports: Object.keys(exported), results, ms: performance.now() - started }))
"""


class Guard:
    """Listens where the guard would, answers every hook alike, and keeps what it heard."""

    def __init__(self, gate: Path, reply: bytes | None) -> None:
        self.heard: list[tuple[str, dict[str, Any]]] = []
        self.reply = reply
        self.socket = socket.socket(socket.AF_UNIX)
        here = os.open(".", os.O_RDONLY)
        os.chdir(gate)
        self.socket.bind("hook.sock")
        os.fchdir(here)
        os.close(here)
        self.socket.listen(16)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self) -> None:
        held = []
        while True:
            try:
                peer, _ = self.socket.accept()
            except OSError:
                return
            stream = peer.makefile("rb")
            head = stream.readline().decode()
            body = stream.read(int(head.split()[-1]))
            self.heard.append((head, json.loads(body)))
            if self.reply is None:
                held.append((peer, stream))  # never answers
                continue
            peer.sendall(self.reply)
            stream.close()
            peer.close()

    def close(self) -> None:
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.thread.join(5)


class Setup:
    """One gate, one installed plugin."""

    def __init__(self, home: Path) -> None:
        self.gate = home / "gate"
        (self.gate / "spool").mkdir(parents=True)
        self.plugin = home / "irkit.mjs"
        self.plugin.write_text(OPENCODE.install(None, command_for(home)), encoding="utf-8")
        self.runner = home / "run.mjs"
        self.runner.write_text(RUNNER, encoding="utf-8")
        self.guards: list[Guard] = []

    def guard(self, reply: Answer | bytes | None) -> Guard:
        guard = Guard(self.gate, reply.frame() if isinstance(reply, Answer) else reply)
        self.guards.append(guard)
        return guard

    def run(self, *calls: dict[str, Any]) -> dict[str, Any]:
        assert NODE is not None
        done = subprocess.run(
            [NODE, str(self.runner), str(self.plugin)],
            input=json.dumps(calls),
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        value: dict[str, Any] = json.loads(done.stdout)
        return value

    def spooled(self) -> list[Path]:
        return sorted((self.gate / "spool").iterdir())


@pytest.fixture
def setup(tmp_path: Path) -> Iterator[Setup]:
    made = Setup(tmp_path / "home with spaces and ű")
    yield made
    for guard in made.guards:
        guard.close()


@needs_node
def test_an_allowed_call_passes_and_the_guard_hears_all_of_it(setup: Setup) -> None:
    guard = setup.guard(Answer())
    after = payload("opencode", "tool.execute.after-bash")
    created = {"type": "session.created", "properties": {"info": {"id": "ses_1", "parentID": "ses_0"}}}
    message = {"parts": [{"type": "text", "text": "run it"}, {"type": "file"}]}
    out = setup.run(
        CALL,
        {"hook": "tool.execute.after", **after},
        {"hook": "event", "event": created},
        {"hook": "event", "event": {"type": "session.idle"}},
        {"hook": "chat.message", "input": {"sessionID": "ses_1"}, "output": message},
        {
            "hook": "permission.ask",
            "input": {"sessionID": "ses_1", "type": "bash"},
            "output": {"status": "ask"},
        },
    )
    assert out["exports"] == ["Irkit"], "OpenCode takes every export for a plugin"
    assert [result["threw"] for result in out["results"]] == [None] * 6
    assert out["results"][5]["output"] == {"status": "ask"}
    parsed = [OPENCODE.parse(head.split()[2], body) for head, body in guard.heard]
    assert [one.happening for one in parsed] == [
        Happening.BEFORE_TOOL,
        Happening.AFTER_TOOL,
        Happening.SESSION_START,
        Happening.PROMPT,
        Happening.PERMISSION,
    ]
    assert parsed[0].input == {"command": "echo hi"}
    assert parsed[0].cwd == "/home/dev/work"
    assert parsed[3].input == {"prompt": "run it"}
    assert guard.heard[0][0].startswith("irkit-hook/1 opencode tool.execute.before ")
    assert setup.spooled() == []


@needs_node
def test_a_refusal_throws_its_reason_only_where_a_call_can_be_refused(setup: Setup) -> None:
    setup.guard(Answer(exit=2, stderr=b"burst of 200 calls\n"))
    permission = {
        "hook": "permission.ask",
        "input": {"sessionID": "s", "type": "bash"},
        "output": {"status": "ask"},
    }
    after = {"hook": "tool.execute.after", **payload("opencode", "tool.execute.after-bash")}
    out = setup.run(CALL, permission, after)
    assert [result["threw"] for result in out["results"]] == ["burst of 200 calls", None, None]
    assert out["results"][1]["output"] == {"status": "deny"}


@needs_node
@pytest.mark.parametrize("reply", [b"", b"nonsense\n", b"2 0 99\nshort", b"x" * 100])
def test_a_guard_that_talks_nonsense_is_a_guard_that_is_down(setup: Setup, reply: bytes) -> None:
    setup.guard(reply)
    out = setup.run(CALL)
    assert "guard does not run" in out["results"][0]["threw"]
    assert len(setup.spooled()) == 1


@needs_node
def test_without_a_guard_the_event_is_spooled_and_the_baked_answer_given(setup: Setup) -> None:
    after = {"hook": "tool.execute.after", **payload("opencode", "tool.execute.after-bash")}
    out = setup.run(CALL, after)
    assert "guard does not run" in out["results"][0]["threw"]
    assert out["results"][1]["threw"] is None
    assert len(setup.spooled()) == 2
    head, body = setup.spooled()[0].read_bytes().split(b"\n", 1)
    words = head.decode().split()
    assert words[:3] == ["irkit-spool/1", "opencode", "tool.execute.before"]
    assert int(words[5]) == len(body)
    assert OPENCODE.parse(words[2], json.loads(body)).tool == "bash"
    assert setup.spooled()[0].stat().st_mode & 0o777 == 0o600

    for path in setup.spooled():
        path.unlink()
    setup.run(*[CALL, after] * 8)
    order = [path.read_bytes().split()[2].decode() for path in setup.spooled()]
    assert order == ["tool.execute.before", "tool.execute.after"] * 8, "within one millisecond, too"

    said = base64.b64encode(b"by policy").decode()
    (setup.gate / "answers").write_text(
        f"claude-code PreToolUse down * 0 - -\nopencode tool.execute.before down * 0 - {said}\n"
    )
    assert setup.run(CALL)["results"][0]["threw"] is None
    (setup.gate / "answers").write_text(f"opencode tool.execute.before down * 2 - {said}\n")
    assert setup.run(CALL)["results"][0]["threw"] == "by policy"


@needs_node
def test_a_guard_that_is_late_is_waited_for_two_seconds_and_the_call_refused(setup: Setup) -> None:
    guard = setup.guard(None)
    began = time.monotonic()
    out = setup.run(CALL)
    assert "did not answer in 2 s" in out["results"][0]["threw"]
    assert 1900 < out["ms"] < 3500
    assert time.monotonic() - began < 10
    nonce = guard.heard[0][0].split()[3]
    assert setup.spooled()[0].name.endswith(nonce), "the guard must know the late event again"


@needs_node
@pytest.mark.parametrize(
    ("latch", "refused"),
    [
        ("*\n", True),
        ("opencode ses_df8e5d303ffevu0hJYcikw3YtA\n", True),
        ("opencode ses_other\n", False),
        ("claude-code ses_df8e5d303ffevu0hJYcikw3YtA\n", False),
        ("", True),
        ("torn", True),
    ],
)
def test_a_latched_session_calls_nothing_whatever_the_guard_says(
    setup: Setup, latch: str, refused: bool
) -> None:
    guard = setup.guard(Answer())
    (setup.gate / "latch").write_text(latch)
    threw = setup.run(CALL)["results"][0]["threw"]
    assert (threw is not None) is refused
    assert len(guard.heard) == 1, "the attempt is recorded all the same"


@needs_node
def test_the_drop_file_latches_all_with_the_guard_dead(setup: Setup) -> None:
    (setup.gate / "KILL").touch()
    (setup.gate / "answers").write_text("opencode tool.execute.before down * 0 - -\n")
    assert "latched" in setup.run(CALL)["results"][0]["threw"]
    assert len(setup.spooled()) == 1


@needs_node
def test_a_missing_gate_refuses_calls_and_breaks_nothing_else(setup: Setup) -> None:
    shutil.rmtree(setup.gate)
    after = {"hook": "tool.execute.after", **payload("opencode", "tool.execute.after-bash")}
    out = setup.run(
        CALL, after, {"hook": "event", "event": None}, {"hook": "chat.message", "input": None, "output": None}
    )
    assert out["results"][0]["threw"]
    assert [result["threw"] for result in out["results"][1:]] == [None] * 3


@needs_node
def test_a_home_with_a_very_long_path_still_reaches_its_guard(tmp_path: Path) -> None:
    setup = Setup(tmp_path / ("d" * 120))
    guard = setup.guard(Answer(exit=2, stderr=b"no"))
    assert setup.run(CALL)["results"][0]["threw"] == "no"
    assert len(guard.heard) == 1
    guard.close()
