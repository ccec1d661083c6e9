# SPDX-License-Identifier: Apache-2.0
from typing import Any

import pytest

from irkit.detect.detection import Response
from irkit.detect.engine import Engine
from irkit.detect.exception import RuleException
from tests.detect.makes import event, feed, names, rules, shell


def burst(count: int, **more: object) -> list[object]:
    return [event("Read", ts, args={"n": ts}, args_sha256=str(ts), **more) for ts in range(count)]


def test_the_200th_call_fires_and_the_window_is_empty_after_it() -> None:
    found = feed(Engine(rules()), burst(399))  # type: ignore[arg-type]  # events
    assert [(one.rule, one.index) for one in found if one.rule == "burst"] == [("burst", 200)]
    found = feed(Engine(rules()), burst(400))  # type: ignore[arg-type]  # events
    assert [one.index for one in found if one.rule == "burst"] == [200, 400]


def test_only_calls_about_to_happen_count() -> None:
    engine = Engine(rules())
    for one in burst(300, event="after_tool", phase="post"):
        assert engine.feed(one) == ()  # type: ignore[arg-type]  # an event
    assert engine.calls_in_window("claude-code", "s") == 0


def test_index_counts_the_sessions_own_calls() -> None:
    engine = Engine(rules())
    engine.feed(shell("ls", session="a"))
    engine.feed(shell("ls", session="b"))
    found = engine.feed(shell("rm -rf ~", 1, session="a"))
    assert {(one.session, one.index) for one in found} == {("a", 2)}


def test_calls_in_window_and_forget() -> None:
    engine = Engine(rules())
    feed(engine, burst(50))  # type: ignore[arg-type]  # events
    assert engine.calls_in_window("claude-code", "s") == 50
    engine.forget("claude-code:s")
    assert engine.calls_in_window("claude-code", "s") == 0


def test_a_twin_by_another_source_is_not_counted_again() -> None:
    engine = Engine(rules())
    for ts in range(120):
        for source in ("hook", "tail"):
            one = event("Read", ts, args={"n": ts}, args_sha256=str(ts), call_id=f"c{ts}", source=source)
            assert engine.feed(one) == ()
    assert engine.calls_in_window("claude-code", "s") == 120


def test_the_same_call_by_the_same_source_counts() -> None:
    found = feed(Engine(rules()), [event("Read", ts, call_id="one") for ts in range(200)])
    assert "burst" in names(found)


def test_a_forged_line_does_not_hide_the_call_that_will_run() -> None:
    engine = Engine(rules())
    engine.feed(shell("rm -rf ~", 0, source="tail"))
    assert "destroy.home" in names(engine.feed(shell("rm -rf ~", 1, source="hook")))
    assert engine.calls_in_window("claude-code", "s") == 1


def test_a_call_id_with_other_arguments_counts_and_is_found() -> None:
    engine = Engine(rules())
    found = feed(engine, [shell("ls", 0, call_id="c"), shell("pwd", 1, call_id="c")])
    assert names(found) == ["tamper.call-id-reused"]
    assert engine.calls_in_window("claude-code", "s") == 2


def test_three_refusals_freeze_and_rewording_does_not_help() -> None:
    engine = Engine(rules())
    tries = ["git stash clear", "git  stash   clear", "bash -c 'git stash clear'", "git -C . stash clear"]
    found = [engine.feed(shell(command, ts * 50)) for ts, command in enumerate(tries)]
    assert [one.response.rank >= Response.FREEZE.rank for each in found[2:3] for one in each] == [False, True]
    assert names(found[2]) == ["destroy.history", "escalate.refusals"]


def test_twenty_rewordings_of_one_wipe_are_all_refused() -> None:
    wipes = [
        "rm -rf ~", "rm -fr ~/", "rm -r -f $HOME", "\\rm -rf ~", "'rm' -rf ~", "/bin/rm -rf ~", "sudo rm -rf ~", "env rm -rf ~",
        "sh -c 'rm -rf ~'", "eval rm -rf ~", "echo 'rm -rf ~' | sh", "find ~ -delete", "cd ~; rm -rf *", "X=~; rm -rf $X",
        "ls -d ~/* | xargs rm -rf", "rm -rf /home/dev", "rm -rf ../../..", "mv ~ /dev/null", "nohup rm -rf ~ &", "bash <<<'rm -rf ~'",
    ]  # fmt: skip
    engine = Engine(rules())
    for ts, wipe in enumerate(wipes):
        worst = max(one.response.rank for one in engine.feed(shell(wipe, float(ts))))
        assert worst >= Response.FREEZE.rank, wipe


EXCEPTION = RuleException(rule="destroy.home", reason="test", owner="ann", expires=100.0)


@pytest.mark.parametrize(
    ("change", "ts", "silent"),
    [
        ({}, 99.0, True),
        ({}, 100.0, False),
        ({"session": "claude-code:s"}, 1.0, True),
        ({"session": "claude-code:t"}, 1.0, False),
        ({"project": "/home/dev/work"}, 1.0, True),
        ({"project": "/home/dev/wor"}, 1.0, False),
        ({"target": "~"}, 1.0, True),
        ({"target": "/"}, 1.0, False),
        ({"rule": "destroy.disk"}, 1.0, False),
    ],
)
def test_an_exception_is_as_narrow_as_it_says(change: dict[str, str], ts: float, silent: bool) -> None:
    import msgspec

    engine = Engine(rules(), exceptions=[msgspec.structs.replace(EXCEPTION, **change)])
    assert ("destroy.home" not in names(engine.feed(shell("rm -rf ~", ts)))) is silent


def test_what_is_excepted_is_no_refusal() -> None:
    engine = Engine(rules(), exceptions=[EXCEPTION])
    assert feed(engine, [shell("rm -rf ~", float(ts)) for ts in range(10)]) == []


def test_why_names_the_path_and_takes_no_format_from_it() -> None:
    found = Engine(rules()).feed(shell("cat '/home/dev/.ssh/{host}{0.__class__}'"))
    assert found[0].why == "It reads the credential ~/.ssh/(host)(0.__class__)"


HOSTILE: list[dict[str, Any]] = [
    {"command": None},
    {"command": 5},
    {"command": ["a", None, {}]},
    {"file_path": ["x"]},
    {"url": {}},
    {"edits": [1]},
]


def test_nothing_is_fed_that_raises() -> None:
    engine = Engine(rules())
    for args in HOSTILE:
        for tool in ("Bash", "Read", "Write", "WebFetch", "mcp__x__y", "Task"):
            engine.feed(event(tool, args=args))
