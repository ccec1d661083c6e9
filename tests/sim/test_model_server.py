# SPDX-License-Identifier: Apache-2.0
import http.client
import json
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest

from tests.sim.model_server import Batch, Delegate, Final, ModelServer, Repeat, Script, Shell, Write
from tests.sim.model_server.script import CALLS_MAX

BASH = {"name": "Bash", "input_schema": {"properties": {"command": {"type": "string"}, "description": {}}}}
TASK = {
    "name": "Task",
    "input_schema": {"properties": {"prompt": {}, "description": {}, "subagent_type": {}}},
}
EXEC = {"type": "function", "name": "exec_command", "parameters": {"properties": {"cmd": {"type": "string"}}}}

Json = dict[str, Any]


def post(server: ModelServer, path: str, body: Json) -> tuple[int, bytes]:
    at = urlsplit(server.url)
    connection = http.client.HTTPConnection(at.hostname or "", at.port, timeout=10)
    try:
        connection.request("POST", path, json.dumps(body), {"content-type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def play_anthropic(
    server: ModelServer, prompt: str = "go", tools: list[Json] | None = None
) -> list[list[Json]]:
    """Obey the model to the end, as an agent does; returns the tool calls of each turn."""
    messages: list[Json] = [{"role": "user", "content": prompt}]
    turns: list[list[Json]] = []
    for _ in range(1000):
        body = {"model": "m", "messages": messages, "tools": tools or [BASH]}
        _, raw = post(server, "/v1/messages?beta=true", body)
        message = json.loads(raw)
        calls = [block for block in message["content"] if block["type"] == "tool_use"]
        if message["stop_reason"] == "end_turn":
            return turns
        turns.append(calls)
        results = [{"type": "tool_result", "tool_use_id": call["id"], "content": "x"} for call in calls]
        messages += [
            {"role": "assistant", "content": message["content"]},
            {"role": "user", "content": results},
        ]
    raise AssertionError("the script does not end")


def events(raw: bytes) -> list[Json]:
    return [json.loads(line[6:]) for line in raw.decode().splitlines() if line.startswith("data: ")]


def test_a_repeat_is_played_once_each_and_numbered() -> None:
    script = Script.of(Repeat(times=3, step=Shell(command="echo {i}")), Final(text="end"))
    with ModelServer(script) as server:
        turns = play_anthropic(server)
    assert [[call["input"]["command"] for call in turn] for turn in turns] == [
        ["echo 1"],
        ["echo 2"],
        ["echo 3"],
    ]


def test_a_batch_is_one_turn_with_distinct_ids() -> None:
    script = Script.of(Batch(calls=tuple(Shell(command=f"echo {n}") for n in range(20))))
    with ModelServer(script) as server:
        (turn,) = play_anthropic(server)
    assert len({call["id"] for call in turn}) == 20


def test_a_repeated_request_gets_the_same_turn_again() -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "go"}], "tools": [BASH]}
    with ModelServer(Script.of(Shell(command="echo a"), Shell(command="echo b"))) as server:
        first, second = (json.loads(post(server, "/v1/messages", body)[1])["content"] for _ in range(2))
        assert first == second
        assert server.calls_wanted == 1


def test_a_sub_agent_plays_the_part_that_its_prompt_names() -> None:
    script = Script.of(Delegate(part="scout"), scout=[Shell(command="echo scout")])
    with ModelServer(script) as server:
        (delegation,) = play_anthropic(server, tools=[BASH, TASK])
        assert delegation[0]["name"] == "Task"
        (turn,) = play_anthropic(server, prompt=delegation[0]["input"]["prompt"])
    assert turn[0]["input"]["command"] == "echo scout"


def test_a_request_without_tools_does_not_consume_the_script() -> None:
    with ModelServer(Script.of(Shell(command="echo a"))) as server:
        post(server, "/v1/messages", {"model": "m", "messages": [{"role": "user", "content": "title?"}]})
        assert len(play_anthropic(server)) == 1


def test_an_anthropic_stream_carries_the_whole_call() -> None:
    body = {
        "model": "m",
        "messages": [{"role": "user", "content": "go"}],
        "tools": [BASH],
        "stream": True,
    }
    with ModelServer(Script.of(Shell(command="echo ö"))) as server:
        stream = events(post(server, "/v1/messages", body)[1])
    deltas = "".join(e["delta"]["partial_json"] for e in stream if e["type"] == "content_block_delta")
    assert json.loads(deltas)["command"] == "echo ö"
    assert stream[0]["type"] == "message_start"
    assert [e["delta"]["stop_reason"] for e in stream if e["type"] == "message_delta"] == ["tool_use"]
    assert stream[-1]["type"] == "message_stop"


@pytest.mark.parametrize("stream", [False, True])
def test_responses_speaks_codex_words_and_reads_its_place_back(stream: bool) -> None:
    history: list[Json] = [
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "go"}]}
    ]
    script = Script.of(Write(path="/w/a b", content="it's"), Shell(command="true"), Final(text="bye"))
    said = []
    with ModelServer(script) as server:
        for _ in range(3):
            body = {"model": "m", "input": history, "tools": [EXEC], "stream": stream}
            _, raw = post(server, "/v1/responses", body)
            response = events(raw)[-1]["response"] if stream else json.loads(raw)
            (item,) = response["output"]
            said.append(item.get("arguments") or item["content"][0]["text"])
            history += [item, {"type": "function_call_output", "call_id": item.get("call_id"), "output": "x"}]
    assert json.loads(said[0]) == {"cmd": "printf %s 'it'\"'\"'s' > '/w/a b'"}
    assert said[2] == "bye"


def test_what_cannot_be_read_is_an_error_and_is_kept() -> None:
    with ModelServer(Script.of()) as server:
        status, _ = post(server, "/v1/messages", {"messages": 3})
        assert status == 400
        assert len(server.errors) == 1


def test_an_agent_without_a_shell_is_an_error_not_silence() -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "go"}], "tools": [TASK]}
    with ModelServer(Script.of(Shell(command="true"))) as server:
        assert post(server, "/v1/messages", body)[0] == 400


def test_a_script_survives_json() -> None:
    script = Script.of(
        Repeat(times=2, step=Batch(calls=(Shell(command="{i}", background=True),))),
        Final(text="x", delay_s=0.5),
    )
    assert Script.from_json(msgspec.json.encode(script)) == script


@pytest.mark.parametrize("text", [b"{", b'{"parts": {}}', b'{"parts": {"main": [{"do": "fly"}]}}'])
def test_a_broken_script_is_refused(text: bytes) -> None:
    with pytest.raises((ValueError, msgspec.MsgspecError)):
        Script.from_json(text)


def test_a_script_is_bounded() -> None:
    with pytest.raises(ValueError, match=str(CALLS_MAX)):
        Script.of(Repeat(times=CALLS_MAX + 1, step=Shell(command="true"))).turns("main")
