# SPDX-License-Identifier: Apache-2.0
"""Agents are recognised in process trees that were really seen, and nothing else is."""

import subprocess
import sys

import pytest

from irkit.agents import facts
from tests.agents.captured import processes

SEEN = ("claude-code", "codex", "gemini-cli", "copilot-cli", "opencode", "qwen-code")


@pytest.mark.parametrize("agent", SEEN)
def test_the_nearest_known_ancestor_of_a_real_hook_is_its_agent(agent: str) -> None:
    ancestry = processes(agent)["hook"]["ancestry"]
    names = [facts.recognise(p["exe"], p["cmdline"]) for p in ancestry]
    assert names[0] == "", "the hook itself is no agent"
    assert next(name for name in names if name) == agent
    assert set(names) == {"", agent}


@pytest.mark.parametrize(
    ("agent", "wrapped"), [("codex", True), ("copilot-cli", True), ("gemini-cli", False)]
)
def test_the_outermost_node_is_a_wrapper_only_where_a_native_child_does_the_work(
    agent: str, wrapped: bool
) -> None:
    agents = [p for p in processes(agent)["hook"]["ancestry"] if facts.recognise(p["exe"], p["cmdline"])]
    assert facts.is_wrapper(agents[-1]["exe"], agents[-1]["cmdline"]) is wrapped
    assert not facts.is_wrapper(agents[0]["exe"], agents[0]["cmdline"])


@pytest.mark.parametrize("agent", SEEN)
def test_tool_children_are_no_agents_but_carry_its_mark(agent: str) -> None:
    child = processes(agent)["tool-child"]
    assert facts.recognise(child["ancestry"][0]["exe"], child["ancestry"][0]["cmdline"]) == ""
    environ = b"".join(f"{k}={v}\0".encode() for k, v in child["env_added"].items())
    marks = facts.marker_of(environ)
    assert {name for name, _ in marks} == {agent}
    with_id = {"claude-code", "codex", "copilot-cli"}
    assert all(bool(session) == (agent in with_id) for _, session in marks)


KNOWN = [
    ("claude-code", "/home/u/.local/share/claude/versions/2.1.295", ["claude"]),
    ("claude-code", "/home/u/.local/share/claude/versions/2.1.295 (deleted)", ["claude"]),
    (
        "claude-code",
        "/usr/bin/node",
        ["node", "/usr/lib/node_modules/@anthropic-ai/claude-code/cli.js", "-p", "hi"],
    ),
    ("claude-code", "/usr/bin/node", ["claude", "", ""]),
    ("codex", "/opt/homebrew/bin/codex", ["codex"]),
    ("codex", "/usr/local/bin/codex-x86_64-unknown-linux-musl", ["codex", "exec", "hi"]),
    ("gemini-cli", "/usr/bin/node", ["node", "--require", "/x/boot.js", "/usr/local/bin/gemini"]),
    (
        "gemini-cli",
        "/home/u/.bun/bin/bun",
        ["bun", "run", "/x/node_modules/@google/gemini-cli/bundle/gemini.js"],
    ),
    ("qwen-code", "/usr/bin/node", ["node", "/x/node_modules/@qwen-code/qwen-code/dist/index.js"]),
    ("copilot-cli", "/usr/bin/node", ["node", "/x/node_modules/@github/copilot/index.js"]),
    ("copilot-cli", "/home/u/.local/bin/copilot", ["copilot"]),
    ("opencode", "/home/u/.opencode/bin/opencode", ["opencode"]),
    ("cursor", "/home/u/.local/share/cursor-agent/versions/2026.09.10/node", ["cursor-agent", "/x/index.js"]),
    ("cursor", "/usr/share/cursor/cursor", ["/usr/share/cursor/cursor", "--type=utility"]),
    (
        "windsurf",
        "/usr/share/windsurf/resources/app/extensions/windsurf/bin/language_server_linux_x64",
        ["x"],
    ),
    ("vscode", "/usr/share/code/code", ["/usr/share/code/code", "."]),
    ("vscode", "/home/u/.vscode-server/cli/servers/Stable-1/server/node", ["node", "/x/out/server-main.js"]),
    ("codex", "C:\\Users\\u\\AppData\\npm\\node_modules\\@openai\\codex-win32-x64\\codex.exe", ["codex"]),
]


@pytest.mark.parametrize(("agent", "exe", "argv"), KNOWN)
def test_installations_that_the_vendors_document(agent: str, exe: str, argv: list[str]) -> None:
    assert facts.recognise(exe, argv) == agent


STRANGERS = [
    ("/usr/bin/vim", ["vim", "/x/node_modules/@google/gemini-cli/bundle/gemini.js"]),
    ("/usr/bin/cat", ["cat", "/usr/local/bin/gemini"]),
    ("/usr/bin/grep", ["grep", "-r", "claude", "/home/u/.local/share/claude/versions/"]),
    ("/usr/bin/python3.11", ["python3", "/home/u/claude/codex.py"]),
    ("/home/u/claude/codex/build/server", ["server"]),
    ("/home/u/.local/share/claude/versions/2.1.295/rg", ["rg"]),
    ("/usr/local/bin/copilot", ["copilot", "svc", "deploy"]),  # AWS Copilot
    ("/usr/bin/node", ["node", "-e", "require('/x/node_modules/@google/gemini-cli/dist/index.js')"]),
    ("/usr/bin/node", ["node", "/home/u/gemini/server.js", "/usr/local/bin/gemini"]),
    ("/usr/bin/node", ["node"]),
    ("/usr/bin/node", []),
    ("/usr/bin/bash", ["claude"]),  # argv[0] alone is nothing
    ("/home/u/.vscode-server/cli/servers/Stable-1/server/node", ["node", "/x/tsserver.js"]),
    ("/home/u/bin/code", ["code"]),
    ("", []),
]


@pytest.mark.parametrize(("exe", "argv"), STRANGERS)
def test_a_word_in_a_path_is_not_enough(exe: str, argv: list[str]) -> None:
    assert facts.recognise(exe, argv) == ""
    assert not facts.is_wrapper(exe, argv)


def test_the_sites_own_agents_are_known_by_executable_or_script() -> None:
    extra = (("claude-code", "/opt/acme/agent"), ("codex", "/opt/acme/agent.py"))
    assert facts.recognise("/opt/acme/agent", ["agent"], extra) == "claude-code"
    assert (
        facts.recognise("/usr/bin/python3.11", ["python3", "-I", "-S", "/opt/acme/agent.py"], extra)
        == "codex"
    )
    assert facts.recognise("/usr/bin/vim", ["vim", "/opt/acme/agent.py"], extra) == ""
    assert (
        facts.recognise("/usr/bin/python3.11", ["python3", "/x/lint.py", "/opt/acme/agent.py"], extra) == ""
    )
    assert facts.recognise("/usr/bin/python3.11", ["python3", "-c", "/opt/acme/agent.py"], extra) == ""


def test_editors_are_told_from_their_command_lines() -> None:
    assert facts.is_editor("/usr/share/code/code", ["code"])
    assert facts.is_editor("/usr/share/cursor/cursor", ["cursor"])
    assert not facts.is_editor("/home/u/.local/share/cursor-agent/versions/1/node", ["cursor-agent"])
    assert not facts.is_editor("/usr/local/bin/claude", ["claude"])


def test_marks_of_nested_agents_are_all_found() -> None:
    environ = b"PATH=/bin\0CLAUDECODE=1\0CLAUDE_CODE_SESSION_ID=abc\0GEMINI_CLI=1\0CODEX_THREAD_ID=t\0CODEX_SESSION_ID=s"
    assert sorted(facts.marker_of(environ)) == [
        ("claude-code", "abc"),
        ("codex", "s"),
        ("codex", "t"),
        ("gemini-cli", ""),
    ]


@pytest.mark.parametrize(
    "environ",
    [
        b"",
        b"CLAUDE_PROJECT_DIR=/x\0",  # set by Gemini, Qwen and Copilot as well
        b"MY_CLAUDECODE=1\0",
        b"X=CLAUDECODE=1\0",
        b"CLAUDE_CODE_SESSION_ID=\0",
        b"CODEX_SESSION_ID=" + b"a" * 5000,
    ],
)
def test_what_is_no_mark(environ: bytes) -> None:
    assert facts.marker_of(environ) == []


@pytest.mark.parametrize(("agent", "variable", "holds_session_id"), facts.MARKERS)
def test_every_marker_is_found_by_itself(agent: str, variable: str, holds_session_id: bool) -> None:
    environ = f"PATH=/bin\0{variable}=v1".encode()
    assert facts.marker_of(environ) == [(agent, "v1" if holds_session_id else "")]


def test_the_first_of_two_equal_variables_counts_and_bytes_that_are_no_text_do_no_harm() -> None:
    assert facts.marker_of(b"CODEX_SESSION_ID=\xff\0CODEX_SESSION_ID=b\0") == [("codex", "�")]


def test_kill_path_imports_nothing() -> None:
    code = "import sys; before = set(sys.modules); import irkit.agents.facts; print(*(set(sys.modules) - before))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert set(out.split()) == {"irkit", "irkit.agents", "irkit.agents.facts"}
