# SPDX-License-Identifier: Apache-2.0
"""How the agents write down their own sessions: one function an agent, from a line's object to what it tells.

Calls are told as the agent's hook would tell them (Codex's `exec_command {cmd}` as `Bash {command}`), so that the
same call is known again when it comes by both ways. A result line that does not name its tool takes the call's.
Raises only BadInputError.

Sources: records seen of Claude Code 2.1.197, Codex 0.169.0, Qwen Code 0.15.10, Copilot CLI 1.0.102; none of these
formats is promised by its vendor.
"""

import shlex
from collections.abc import Mapping
from typing import Any

from irkit.agents.dialect import arguments, bounded, exit_code, moment, name, session, size_of, text
from irkit.agents.payload import Happening, Payload
from irkit.errors import BadInputError

Told = tuple[str, Payload]
"""(agent, payload)."""

CALLS_REMEMBERED = 1024
"""Calls of one file whose result is still to come; the oldest is forgotten first."""


class State:
    """What the lines so far said that later ones do not repeat."""

    __slots__ = ("cwd", "prompts_by", "session", "tools", "turn")

    def __init__(self, session: str = "") -> None:
        self.session = session
        self.cwd = ""
        self.turn = 0
        self.prompts_by = ""
        self.tools: dict[str, str] = {}

    def found(self, line: Mapping[str, Any], *keys: str) -> None:
        """Take the session's id from a line that has it. Raises BadInputError for one that is none."""
        if text(line, *keys):
            self.session = session(line, *keys)

    def called(self, call_id: str, tool: str) -> None:
        """Remember a call's tool for its result."""
        if call_id:
            self.tools[call_id] = tool
            if len(self.tools) > CALLS_REMEMBERED:
                del self.tools[next(iter(self.tools))]


def claude(state: State, line: Mapping[str, Any]) -> list[Told]:
    """Claude Code: several tool calls or results a line."""
    message = line.get("message")
    if text(line, "type") not in {"user", "assistant"} or not isinstance(message, dict):
        return []
    state.found(line, "sessionId")
    state.cwd = text(line, "cwd") or state.cwd
    aside = bool(line.get("isSidechain"))
    ts, subagent = moment(line.get("timestamp")), name(line, "agentId") if aside else ""
    content = message.get("content")
    blocks = content if isinstance(content, list) else [{"type": "text", "text": content}]
    told: list[Payload] = []
    said: list[str] = []
    for block in blocks:
        if not isinstance(block, dict):
            raise BadInputError("a block of the message is not an object")
        match block.get("type"):
            case "tool_use":
                call_id = name(block, "id")
                told.append(
                    _call(state, name(block, "name"), block.get("input"), call_id, ts=ts, subagent=subagent)
                )
            case "tool_result":
                failed = bool(block.get("is_error"))
                call_id = name(block, "tool_use_id")
                told.append(
                    _result(state, call_id, block.get("content"), failed=failed, ts=ts, subagent=subagent)
                )
            case "text":
                said.append(text(block, "text"))
    human = (
        line["type"] == "user" and not aside and not line.get("isMeta") and not line.get("isCompactSummary")
    )
    if human and not told and any(said):
        told.append(_prompt(state, "\n".join(said), ts=ts))
    return [("claude-code", payload) for payload in told]


def codex(state: State, line: Mapping[str, Any]) -> list[Told]:
    """Codex: the session and the folder are told once, calls and results are items of their own."""
    body = line.get("payload")
    if not isinstance(body, dict):
        return []
    ts = moment(line.get("timestamp"))
    told: Payload | None = None
    match line.get("type"):
        case "session_meta":
            state.found(body, "session_id", "id")
            state.cwd = text(body, "cwd") or state.cwd
        case "turn_context":
            state.cwd = text(body, "cwd") or state.cwd
        case "event_msg":
            told = _codex_prompt(state, body, ts)
        case "response_item":
            told = _codex_item(state, body, ts)
    return [("codex", told)] if told else []


def qwen(state: State, line: Mapping[str, Any]) -> list[Told]:
    """Qwen Code: Gemini's parts, several a line."""
    message = line.get("message")
    if text(line, "type") not in {"user", "assistant", "tool_result"} or not isinstance(message, dict):
        return []
    state.found(line, "sessionId")
    state.cwd = text(line, "cwd") or state.cwd
    ts = moment(line.get("timestamp"))
    parts = message.get("parts")
    told: list[Payload] = []
    for part in parts if isinstance(parts, list) else ():
        call, response = (
            part.get(key) if isinstance(part, dict) else None for key in ("functionCall", "functionResponse")
        )
        if isinstance(call, dict):
            told.append(_call(state, name(call, "name"), call.get("args"), name(call, "id"), ts=ts))
        elif isinstance(response, dict):
            result = response.get("response")
            output = result.get("output", result) if isinstance(result, dict) else result
            failed = isinstance(result, dict) and "error" in result
            told.append(_result(state, name(response, "id"), output, failed=failed, ts=ts))
        elif line["type"] == "user" and isinstance(part, dict) and (said := text(part, "text")):
            told.append(_prompt(state, said, ts=ts))
    return [("qwen-code", payload) for payload in told]


def copilot(state: State, line: Mapping[str, Any]) -> list[Told]:
    """Copilot CLI: an event a line; the session is told at the start, and stands in the folder's name."""
    data = line.get("data")
    if not isinstance(data, dict):
        return []
    ts = moment(line.get("timestamp"))
    told: Payload | None = None
    match line.get("type"):
        case "session.start":
            context = data.get("context")
            state.found(data, "sessionId")
            state.cwd = text(context, "cwd") if isinstance(context, dict) else state.cwd
        case "user.message":
            told = _prompt(state, text(data, "content"), ts=ts)
        case "tool.execution_start":
            told = _call(
                state, name(data, "toolName"), data.get("arguments"), name(data, "toolCallId"), ts=ts
            )
        case "tool.execution_complete":
            result = data.get("result")
            content = result.get("content") if isinstance(result, dict) else result
            failed = data.get("success") is False
            told = _result(state, name(data, "toolCallId"), content, failed=failed, ts=ts)
    return [("copilot-cli", told)] if told else []


# --- Codex's items -----------------------------------------------------------------


def _codex_prompt(state: State, body: Mapping[str, Any], ts: float | None) -> Payload | None:
    """A person's prompt; versions write it in one of two forms, some perhaps in both: the first one seen counts."""
    form = text(body, "type")
    item = body.get("item")
    if form == "user_message":
        said = text(body, "message")
    elif form == "item_completed" and isinstance(item, dict) and item.get("type") == "UserMessage":
        content = item.get("content")
        parts = content if isinstance(content, list) else []
        said = "\n".join(text(part, "text") for part in parts if isinstance(part, dict))
    else:
        return None
    if state.prompts_by not in {"", form}:
        return None
    state.prompts_by = form
    return _prompt(state, said, ts=ts)


def _codex_item(state: State, body: Mapping[str, Any], ts: float | None) -> Payload | None:
    call_id = name(body, "call_id")
    match text(body, "type"):
        case "function_call":
            tool, given = _codex_call(body)
            return _call(state, tool, given, call_id, ts=ts)
        case "local_shell_call":
            action = body.get("action")
            return _call(state, "Bash", _command(action if isinstance(action, dict) else {}), call_id, ts=ts)
        case "custom_tool_call":
            return _call(state, name(body, "name"), {"command": text(body, "input")}, call_id, ts=ts)
        case "web_search_call":
            return _call(state, "web_search", body.get("action"), call_id, ts=ts)
        case "function_call_output" | "custom_tool_call_output":
            output = body.get("output")
            failed = isinstance(output, dict) and output.get("success") is False
            return _result(state, call_id, output, failed=failed, ts=ts)
    return None


def _codex_call(body: Mapping[str, Any]) -> tuple[str, Any]:
    """(tool, arguments) as Codex's hook names them."""
    tool = name(body, "name")
    given = arguments(body.get("arguments"))
    if tool in {"exec_command", "shell", "shell_command"}:
        return "Bash", _command(given)
    space = name(body, "namespace")
    return (f"{space}__{tool}" if space else tool), given


def _command(given: Mapping[str, Any]) -> dict[str, Any]:
    """The command line of a shell call: text, or an argv that usually starts a shell on one."""
    command = given.get("cmd", given.get("command"))
    if isinstance(command, list) and all(isinstance(word, str) for word in command):
        in_shell = len(command) == 3 and command[1] in {"-c", "-lc"}
        command = command[2] if in_shell else shlex.join(command)
    return {"command": command if isinstance(command, str) else ""}


# --- payloads ----------------------------------------------------------------------


def _call(
    state: State, tool: str, given: Any, call_id: str, *, ts: float | None, subagent: str = ""
) -> Payload:
    if not tool:
        raise BadInputError("a call names no tool")
    state.called(call_id, tool)
    return Payload(
        happening=Happening.BEFORE_TOOL,
        session=state.session,
        subagent=subagent,
        tool=bounded(tool, "tool"),
        call_id=call_id,
        input=arguments(given),
        cwd=state.cwd,
        ts=ts,
        turn=state.turn or None,
    )


def _result(
    state: State, call_id: str, content: Any, *, failed: bool, ts: float | None, subagent: str = ""
) -> Payload:
    tool = state.tools.pop(call_id, "")
    said = content if isinstance(content, str) else ""
    return Payload(
        happening=Happening.TOOL_FAILED if failed else Happening.AFTER_TOOL,
        session=state.session,
        subagent=subagent,
        tool=tool,
        call_id=call_id,
        cwd=state.cwd,
        ts=ts,
        turn=state.turn or None,
        error=said if failed else "",
        exit=exit_code(tool, said),
        response_bytes=None if content is None else size_of(content),
    )


def _prompt(state: State, said: str, *, ts: float | None) -> Payload:
    state.turn += 1
    return Payload(
        happening=Happening.PROMPT,
        session=state.session,
        input={"prompt": said},
        cwd=state.cwd,
        ts=ts,
        turn=state.turn,
    )
