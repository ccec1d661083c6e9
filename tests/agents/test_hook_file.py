# SPDX-License-Identifier: Apache-2.0
"""Settings come back byte for byte, whatever they looked like, and keep working in between."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irkit.agents.json_text import scan
from irkit.agents.registry import AGENTS, agent
from irkit.agents.spec import AgentSpec
from irkit.errors import BadInputError

SPECS = [spec for spec in AGENTS if spec.settings.endswith(".json")]


def command(spec: AgentSpec, home: str = "/home/a b/irkit") -> Any:
    return lambda event: f"'{home}/gate/python' -I -S '{home}/gate/hook.py' {spec.name} {event}"


FOREIGN = '{"matcher": "Bash", "hooks": [{"type": "command", "command": "/opt/x/gate/hook.py --mine"}]}'
CORPUS = {
    "empty file": "",
    "blank file": "\n  \n",
    "empty object": "{}",
    "empty object with a line end": "{}\n",
    "empty object, spread": "{\n}\n",
    "spaces": "{   }",
    "settings": '{\n  "model": "opus",\n  "env": {"A": "1"}\n}\n',
    "four spaces": '{\n    "model": "opus"\n}',
    "tabs": '{\n\t"model": "opus",\n\t"list": [\n\t\t1\n\t]\n}\n',
    "CRLF": '{\r\n  "model": "opus",\r\n  "hooks": {\r\n    "PreToolUse": []\r\n  }\r\n}\r\n',
    "minified": '{"model":"opus","hooks":{"PreToolUse":[],"preToolUse":[],"pre_run_command":[],"BeforeTool":[]}}',
    "minified version": '{"version":1}',
    "version on a line": '{\n  "version": 1\n}\n',
    "version and more": '{"version": 1, "other": true}',
    "no hooks yet": '{"hooks": {}}',
    "no hooks yet, spread": '{\n  "hooks": {\n  }\n}',
    "hooks empty, comment": '{\n  "hooks": { // mine\n  }\n}',
    "unicode": '{"név": "árvíztűrő ☃ \\u2603", "hooks": {"PreToolUse": [' + FOREIGN + "]}}",
    "foreign hooks": '{\n  "hooks": {\n    "PreToolUse": [\n      '
    + FOREIGN
    + '\n    ],\n    "Stop": []\n  },\n  "z": 1\n}',
    "comments": '// top\n{\n  // a\n  "a": 1, // after a\n  /* h */ "hooks": {\n    "Stop": [] // stop\n    // end\n  } // z\n}\n// bottom',
    "trailing commas": '{\n  "a": [1,],\n  "hooks": {"PreToolUse": [' + FOREIGN + ",],},\n}\n",
    "hooks twice": '{"hooks": {"PreToolUse": []}, "hooks": {}}',
    "byte order mark": "\ufeff{}\n",
    "hooks first": '{"hooks": {"A": [1]}, "b": 2}',
    "nested": '{"a": {"hooks": {"PreToolUse": [[[{}]]]}}}',
}


@pytest.mark.parametrize("name", CORPUS)
@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_corpus(spec: AgentSpec, name: str) -> None:
    check(spec, CORPUS[name])


def check(spec: AgentSpec, text: str) -> None:
    """In and out again, twice in is once in, and in between everything is where it must be."""
    new = spec.install(text, command(spec))
    assert spec.install(new, command(spec)) == new
    assert spec.installed(new) == {event.name for event in spec.events}
    assert spec.installed(text) == frozenset()
    assert spec.remove(new) == text
    assert spec.remove(text) == text
    if text.strip():
        assert without(scan(new).value, spec) == without(scan(text).value, spec)


def without(settings: dict[str, Any], spec: AgentSpec) -> dict[str, Any]:
    """All that is foreign, in its order, as data."""
    hooks = {
        event: kept
        for event, entries in settings.get("hooks", {}).items()
        if (kept := [entry for entry in entries if f"gate/hook.py' {spec.name}" not in json.dumps(entry)])
    }
    return {key: value for key, value in settings.items() if key not in {"hooks", "version"}} | {
        "hooks": hooks
    }


BLANK = st.sampled_from(["", " ", "\n", "\r\n", "\n\t", "  ", " // note\n", "/* note */"])
KEYS = st.sampled_from(
    ["a", "é", "version", "hooks", "PreToolUse", "preToolUse", "pre_run_command", "BeforeTool", "x y"]
)
LEAVES = st.sampled_from(["1", "null", '"t"', '"☃"', "[]", "{}", "[1, 2]", '{"k": [true]}', FOREIGN])


@st.composite
def members(draw: st.DrawFn, values: st.SearchStrategy[str]) -> str:
    parts = [
        f"{draw(BLANK)}{json.dumps(draw(KEYS), ensure_ascii=False)}{draw(BLANK)}:{draw(BLANK)}{draw(values)}{draw(BLANK)}"
        for _ in range(draw(st.integers(0, 3)))
    ]
    return "{" + (",".join(parts) or draw(BLANK)) + "}"


@st.composite
def arrays(draw: st.DrawFn) -> str:
    parts = [f"{draw(BLANK)}{draw(LEAVES)}{draw(BLANK)}" for _ in range(draw(st.integers(0, 3)))]
    return "[" + (",".join(parts) or draw(BLANK)) + "]"


@st.composite
def documents(draw: st.DrawFn) -> str:
    """Settings with blanks and comments anywhere, and hooks in the form that agents want."""
    hooks = draw(members(arrays()))
    rest = draw(members(LEAVES))
    body = draw(st.sampled_from([hooks, "{}", None]))
    if body is not None:
        member = f'{draw(BLANK)}"hooks"{draw(BLANK)}:{draw(BLANK)}{body}{draw(BLANK)}'
        rest = "{" + member + ("," + rest[1:] if scan(rest).children else "}")
    return draw(BLANK) + rest + draw(BLANK)


@given(documents(), st.sampled_from(SPECS))
def test_any_settings_come_back_byte_for_byte(text: str, spec: AgentSpec) -> None:
    try:
        new = spec.install(text, command(spec))
    except BadInputError:
        assert spec.remove(text) == text  # a form that the agent does not have: nothing was changed
        return
    assert spec.install(new, command(spec)) == new
    assert spec.remove(new) == text


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_without_a_file_one_is_made_and_nothing_is_left_of_it(spec: AgentSpec) -> None:
    new = spec.install(None, command(spec))
    assert json.loads(new)["hooks"].keys() == {event.name for event in spec.events}
    assert new.endswith("}\n")
    assert spec.remove(new) == ""


@pytest.mark.parametrize("name", CORPUS)
@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_the_hooks_of_an_older_home_are_replaced(spec: AgentSpec, name: str) -> None:
    old = spec.install(CORPUS[name], command(spec, "/old/irkit"))
    new = spec.install(old, command(spec))
    assert "/old/irkit" not in new
    assert new == spec.install(CORPUS[name], command(spec))


def test_a_reformatted_file_counts_as_installed_and_is_cleaned_all_the_same() -> None:
    spec = agent("claude-code")
    new = json.dumps(json.loads(spec.install('{"a": 1}', command(spec))), indent=8)
    assert spec.install(new, command(spec)) == new
    assert json.loads(spec.remove(new)) == {"a": 1}


def test_hooks_that_others_added_later_stay() -> None:
    spec = agent("claude-code")
    settings = json.loads(spec.install("{}", command(spec)))
    theirs = {"type": "command", "command": "theirs"}
    settings["hooks"]["PreToolUse"].append({"hooks": [theirs]})  # behind ours
    settings["hooks"]["PostToolUse"].insert(0, {"hooks": [theirs]})  # before ours
    settings["hooks"]["SessionStart"][0]["hooks"].append(theirs)  # into our group
    settings["z"] = 1
    left = json.loads(spec.remove(json.dumps(settings, indent=2)))
    assert left == {
        "hooks": {
            "PreToolUse": [{"hooks": [theirs]}],
            "PostToolUse": [{"hooks": [theirs]}],
            "SessionStart": [{"matcher": "*", "hooks": [theirs]}],
        },
        "z": 1,
    }


def test_a_comment_that_somebody_wrote_beside_our_hook_stays() -> None:
    spec = agent("cursor")
    new = spec.install('{"version": 1, "hooks": {"preToolUse": [{"command": "x"}]}}', command(spec))
    commented = new.replace('{"command": "x"},', '{"command": "x"}, // keep me\n')
    assert commented != new
    left = spec.remove(commented)
    assert "// keep me" in left
    assert scan(left).value == {"version": 1, "hooks": {"preToolUse": [{"command": "x"}]}}


def test_a_foreign_hook_in_a_folder_of_the_same_name_is_not_ours() -> None:
    assert agent("claude-code").remove('{"hooks": {"PreToolUse": [' + FOREIGN + "]}}") == (
        '{"hooks": {"PreToolUse": [' + FOREIGN + "]}}"
    )


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[]", 1),
        ('{\n"hooks": []}', 2),
        ('{"hooks": {\n"PreToolUse": {}}}', 2),
        ("{\n\n", 3),
        ("// only this", 1),
    ],
)
def test_another_form_is_refused_with_its_line(text: str, line: int) -> None:
    with pytest.raises(BadInputError) as caught:
        agent("claude-code").install(text, command(agent("claude-code")))
    assert caught.value.where == f"line {line}"


def test_one_file_serves_copilot_and_vs_code_with_one_hook_an_event() -> None:
    copilot, vscode = agent("copilot-cli"), agent("vscode")
    new = copilot.install(None, command(copilot))
    assert vscode.install(new, command(vscode)) == new
    assert vscode.installed(new) == {event.name for event in vscode.events}
    other = vscode.install(None, command(vscode))
    assert copilot.install(other, command(copilot)) == other


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_a_file_gets_no_line_end_of_another_kind(spec: AgentSpec) -> None:
    new = spec.install('{\r\n\t"a": 1\r\n}\r\n', command(spec))
    assert new.count("\n") == new.count("\r\n") > 10
    assert '\r\n\t\t"' in new, "and the file's own indentation"
