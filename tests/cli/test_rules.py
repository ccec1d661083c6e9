# SPDX-License-Identifier: Apache-2.0
"""`irkit rules` as a person and a script use it: real processes, real files."""

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from irkit.cli.commands.rules import exception_of
from irkit.errors import BadInputError

ROOT = Path(__file__).parent.parent.parent
TRACES = ROOT / "tests" / "traces"


def irkit(tmp_path: Path, *args: object) -> "subprocess.CompletedProcess[str]":
    env = {
        "IRKIT_HOME": str(tmp_path / "home"),
        "HOME": str(tmp_path),
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "NO_COLOR": "1",
    }
    argv = [sys.executable, "-m", "irkit", "rules", *map(str, args)]
    return subprocess.run(
        argv, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )


def rows(done: "subprocess.CompletedProcess[str]") -> list[dict[str, object]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_replay_prints_one_object_a_line(tmp_path: Path) -> None:
    done = irkit(tmp_path, "replay", "--json", TRACES / "attack-home-in-a-list.jsonl")
    assert (done.returncode, done.stderr) == (0, "")
    (row,) = rows(done)
    assert list(row) == ["rule", "session", "call_id", "index", "ts", "response", "why"]
    assert row["rule"] == "destroy.home"
    assert (row["session"], row["call_id"], row["index"]) == ("s-1", "attack-home-in-a-list-4", 4)
    assert (row["ts"], row["response"]) == ("2026-05-28T20:27:20.000000Z", "freeze")


def test_replay_finds_nothing_in_work_and_exits_0(tmp_path: Path) -> None:
    done = irkit(tmp_path, "replay", TRACES / "benign-clean-build.jsonl")
    assert (done.returncode, done.stdout, done.stderr) == (0, "nothing found in 1 file\n", "")


def test_each_file_is_alone_unless_users_are_merged(tmp_path: Path) -> None:
    for number in range(4):
        calls = [
            {"ts": 1000.0 + n * 10 + number, "agent": "a", "session": f"s{number}", "user": "ann", "phase": "pre",
             "tool": "mcp__crm__update_contact", "input": {"id": f"{number}.{n}"}}
            for n in range(20)
        ]  # fmt: skip
        (tmp_path / f"{number}.jsonl").write_text("\n".join(map(json.dumps, calls)) + "\n")
    files = [tmp_path / f"{number}.jsonl" for number in range(4)]
    assert rows(irkit(tmp_path, "replay", "--json", *files)) == []
    merged = rows(irkit(tmp_path, "replay", "--json", "--merge-users", *files))
    assert [(row["rule"], row["session"], row["index"]) for row in merged] == [("outward.user", "s3", 15)]


def test_bad_lines_are_one_line_on_stderr(tmp_path: Path) -> None:
    good = (TRACES / "attack-home-in-a-list.jsonl").read_text()
    (tmp_path / "x.jsonl").write_text(good + "oops\n{}\n" + good)
    done = irkit(tmp_path, "replay", "--json", "x.jsonl")
    assert done.returncode == 0
    assert [row["index"] for row in rows(done)] == [4, 8]
    assert done.stderr.count("\n") == 1
    assert "x.jsonl:9: " in done.stderr
    assert "2 lines were left out" in done.stderr


@pytest.mark.parametrize(
    ("args", "what"),
    [
        (("replay", "missing.jsonl"), "missing.jsonl: cannot be read"),
        (("replay", "."), ""),
        (("replay", "--dialect", "klingon", "x"), "no dialect is called"),
        (("replay", "text.txt"), "fit no dialect"),
        (("test", "missing.yml"), "missing.yml: cannot be read"),
        (("nonsense",), "invalid choice"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(tmp_path: Path, args: tuple[str, ...], what: str) -> None:
    (tmp_path / "text.txt").write_text("hello\n")
    done = irkit(tmp_path, *args)
    assert done.returncode == 2
    assert what in done.stderr
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr


def test_an_empty_file_is_fine(tmp_path: Path) -> None:
    (tmp_path / "e.jsonl").write_text("")
    assert irkit(tmp_path, "replay", "--json", "e.jsonl").returncode == 0


def test_without_a_file_the_owners_own_transcripts_are_read(tmp_path: Path) -> None:
    place = tmp_path / ".claude" / "projects" / "-home-dev"
    place.mkdir(parents=True)
    shutil.copy(
        ROOT / "tests/fixtures/transcripts/claude-code.jsonl",
        place / "5572b661-1054-4189-9fe5-90df67ad5c55.jsonl",
    )
    done = irkit(tmp_path, "replay")
    assert (done.returncode, done.stdout) == (0, "nothing found in 1 file\n")


def test_list_names_what_runs_and_what_does_not(tmp_path: Path) -> None:
    (tmp_path / "home" / "rules").mkdir(parents=True)
    (tmp_path / "home" / "rules" / "mine.yml").write_text("title: x\nnope: 1\n")
    done = irkit(tmp_path, "list", "--json")
    value = json.loads(done.stdout)
    assert done.returncode == 0
    assert {"burst", "destroy.home"} <= {one["name"] for one in value["rules"]}
    (aside,) = value["quarantined"]
    assert (aside["line"], "`nope`" in aside["what"]) == (2, True)
    assert "mine.yml:2: " in done.stderr


def test_the_shipped_rules_pass_their_samples(tmp_path: Path) -> None:
    done = irkit(tmp_path, "test")
    assert done.returncode == 0, done.stdout
    assert ", 0 failed" in done.stdout


def test_a_sample_that_fails_is_named_and_exits_1(tmp_path: Path) -> None:
    text = (ROOT / "irkit/detect/rules/loop.yml").read_text().replace("{gte: 40}", "{gte: 41}")
    (tmp_path / "mine.yml").write_text(text)
    done = irkit(tmp_path, "test", "mine.yml")
    assert done.returncode == 1
    assert "mine.yml: loop.same-call: hit sample 1 was not found" in done.stdout


def asked(**change: str) -> argparse.Namespace:
    given = {
        "rule": "r",
        "session": "",
        "project": "",
        "target": "",
        "until": "8h",
        "reason": "why",
        **change,
    }
    return argparse.Namespace(**given)


def test_what_an_exception_asks_the_guard_for() -> None:
    assert exception_of(asked()) == {"rule": "r", "until": "8h", "reason": "why"}
    assert exception_of(asked(project="/a/../b", session="s", target="~"))["project"] == "/b"


@pytest.mark.parametrize("change", [{"until": "forever"}, {"until": "0h"}, {"reason": "  "}])
def test_an_exception_needs_an_end_and_a_reason(change: dict[str, str]) -> None:
    with pytest.raises(BadInputError):
        exception_of(asked(**change))
