# SPDX-License-Identifier: Apache-2.0
"""The payload shape that Claude Code began and that Codex, Gemini, Qwen, Copilot, VS Code and Cursor vary.

They differ in spelling (`session_id`, `sessionId`, `conversation_id`), in where a result stands and in how a time is
written. Several of them also import each other's hooks, so one reader takes all spellings. Rules: the event is the
one that the hook was registered for; what a payload says of itself beyond the documented fields is ignored; a
field of the wrong type is an error, a field that is missing is empty, but for the session and, where a tool is
meant, its name. Raises only BadInputError. It never guesses a session.
"""

import math
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from irkit.agents.facts import SESSION_ID_MAX
from irkit.agents.payload import Happening, Payload
from irkit.agents.tools import kind_of
from irkit.clock import from_iso
from irkit.errors import BadInputError
from irkit.limits import NAME_MAX_CHARS

HAPPENINGS = {
    "pretooluse": Happening.BEFORE_TOOL,
    "beforetool": Happening.BEFORE_TOOL,
    "beforeshellexecution": Happening.BEFORE_TOOL,
    "beforemcpexecution": Happening.BEFORE_TOOL,
    "beforereadfile": Happening.BEFORE_TOOL,
    "posttooluse": Happening.AFTER_TOOL,
    "aftertool": Happening.AFTER_TOOL,
    "aftershellexecution": Happening.AFTER_TOOL,
    "aftermcpexecution": Happening.AFTER_TOOL,
    "afterfileedit": Happening.AFTER_TOOL,
    "posttoolusefailure": Happening.TOOL_FAILED,
    "permissionrequest": Happening.PERMISSION,
    "userpromptsubmit": Happening.PROMPT,
    "userpromptsubmitted": Happening.PROMPT,
    "beforeagent": Happening.PROMPT,
    "beforesubmitprompt": Happening.PROMPT,
    "sessionstart": Happening.SESSION_START,
    "sessionend": Happening.SESSION_END,
    "subagentstart": Happening.SUBAGENT_START,
    "subagentstop": Happening.SUBAGENT_STOP,
    "stop": Happening.TURN_END,
    "agentstop": Happening.TURN_END,
    "afteragent": Happening.TURN_END,
    "notification": Happening.NOTICE,
    "precompact": Happening.NOTICE,
    "precompress": Happening.NOTICE,
    "erroroccurred": Happening.NOTICE,
    "permissiondenied": Happening.NOTICE,
    "stopfailure": Happening.NOTICE,
    "configchange": Happening.NOTICE,
}
"""Event names of these agents in lower case: `PreToolUse` and `preToolUse` are one."""

TOOL_HAPPENINGS = frozenset(
    {Happening.BEFORE_TOOL, Happening.AFTER_TOOL, Happening.TOOL_FAILED, Happening.PERMISSION}
)

_TOLD = (
    "source",
    "reason",
    "model",
    "trigger",
    "message",
    "notification_type",
    "agent_type",
    "stop_hook_active",
)
"""What session, sub-agent and notice events carry besides their ids, kept as the event's input."""

_EXIT = re.compile(
    r"(?:\AExit code:?|^Exit Code:|completed with exit code|^Process exited with code) (-?\d{1,10})\b",
    re.MULTILINE,
)
_EXIT_WITHIN_CHARS = 2048
"""An exit code is looked for in this much of a result's beginning and end."""
_EPOCH_MS_FROM = 1e11
"""A larger number of seconds would be the year 5138: it is milliseconds."""


def parse(event: str, payload: Mapping[str, Any]) -> Payload:
    """One hook call. Raises BadInputError."""
    happening = HAPPENINGS.get(event.lower())
    if happening is None:
        raise BadInputError(f"the event {event[:NAME_MAX_CHARS]!r} is not known")
    return read(happening, payload)


def read(happening: Happening, payload: Mapping[str, Any]) -> Payload:
    """One hook call whose meaning is known. Raises BadInputError."""
    tool = text(payload, "tool_name", "toolName") if happening in TOOL_HAPPENINGS else ""
    if happening in TOOL_HAPPENINGS and not tool:
        tool = _implied_tool(payload)
    response, result = _response(payload)
    error = (
        text(payload, "error", "error_message")
        if happening is Happening.TOOL_FAILED
        else _told_error(payload)
    )
    return Payload(
        happening=happening,
        session=session(payload, "session_id", "sessionId", "conversation_id"),
        subagent=name(payload, "agent_id", "subagent_id"),
        tool=bounded(tool, "tool"),
        call_id=name(payload, "tool_use_id", "tool_call_id", "toolUseId"),
        input=_input(happening, payload),
        cwd=text(payload, "cwd"),
        ts=moment(payload.get("timestamp")),
        user=name(payload, "user_email"),
        mode=name(payload, "permission_mode"),
        error=error,
        exit=exit_code(tool, error or result),
        response_bytes=None if response is None else size_of(response),
        duration_ms=whole(payload, "duration_ms", "duration"),
        transcript=text(payload, "transcript_path", "transcriptPath"),
    )


# --- fields ------------------------------------------------------------------------


def text(payload: Mapping[str, Any], *keys: str) -> str:
    """The first of these fields that is there, "" when none is (or null). Raises BadInputError for another type."""
    for key in keys:
        value = payload.get(key)
        if value is None:
            continue
        if not isinstance(value, str):
            raise BadInputError(f"the field {key} is not text")
        return value
    return ""


def bounded(value: str, what: str) -> str:
    """The value, if a name may be so long. Raises BadInputError."""
    if len(value) > NAME_MAX_CHARS:
        raise BadInputError(f"the {what} is longer than {NAME_MAX_CHARS} characters")
    return value


def name(payload: Mapping[str, Any], *keys: str) -> str:
    """Like `text`, for an id or a name, which has a bound."""
    return bounded(text(payload, *keys), keys[0])


def session(payload: Mapping[str, Any], *keys: str) -> str:
    """The session's id. It stands in files with one word a field, so blanks and controls are refused, like none."""
    found = text(payload, *keys)
    if not found:
        raise BadInputError(f"the payload names no session ({', '.join(keys)})")
    if len(found) > SESSION_ID_MAX or not found.isprintable() or " " in found:
        raise BadInputError("the session's id is too long, or has blanks or control characters in it")
    return found


def whole(payload: Mapping[str, Any], *keys: str) -> int | None:
    """A number without its fraction, None when none of these fields is there. Raises BadInputError."""
    for key in keys:
        value = payload.get(key)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise BadInputError(f"the field {key} is not a number")
        return int(value)
    return None


def moment(value: Any) -> float | None:
    """A time as RFC 3339 text, in milliseconds or in seconds; None when there is none. Raises BadInputError."""
    if value is None:
        return None
    try:
        if isinstance(value, str):
            return from_iso(value)
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < _EPOCH_MS_FROM**2:
            return float(value) / 1000 if value >= _EPOCH_MS_FROM else float(value)
    except (ValueError, OverflowError, OSError) as error:
        raise BadInputError(f"the time cannot be read: {error}") from error
    raise BadInputError("the time is neither text nor a number of seconds or milliseconds")


def arguments(value: Any) -> dict[str, Any]:
    """A tool's arguments: an object, or text that holds one. Other text becomes {"input": text}."""
    if value is None:
        return {}
    if isinstance(value, str):
        try:
            decoded = msgspec.json.decode(value)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            return {"input": value}
        return decoded if isinstance(decoded, dict) else {"input": value}
    if not isinstance(value, dict):
        raise BadInputError("the tool's arguments are neither an object nor text")
    return value


def size_of(value: Any) -> int:
    """Bytes of a result: of its text, or of anything else as JSON."""
    try:
        return (
            len(value.encode("utf-8", "surrogatepass"))
            if isinstance(value, str)
            else len(msgspec.json.encode(value))
        )
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise BadInputError(f"the result cannot be measured: {error}") from error


def exit_code(tool: str, result: str) -> int | None:
    """A command's exit code where the agent only writes it into the text of the result; None when it does not."""
    if not result or kind_of(tool) != "shell":
        return None
    ends = (
        result
        if len(result) <= 2 * _EXIT_WITHIN_CHARS
        else result[:_EXIT_WITHIN_CHARS] + "\n" + result[-_EXIT_WITHIN_CHARS:]
    )
    found = _EXIT.findall(ends)
    return int(found[-1]) if found else None


# --- pieces ------------------------------------------------------------------------


def _implied_tool(payload: Mapping[str, Any]) -> str:
    """Cursor's narrower events name no tool: a command, or a file."""
    for key, tool in (("command", "Shell"), ("edits", "Edit"), ("file_path", "Read")):
        if key in payload:
            return tool
    raise BadInputError("the payload names no tool (tool_name, toolName)")


def _input(happening: Happening, payload: Mapping[str, Any]) -> dict[str, Any]:
    if happening in TOOL_HAPPENINGS:
        for key in ("tool_input", "toolArgs", "toolInput"):
            if key in payload:
                return arguments(payload[key])
        return {key: payload[key] for key in ("command", "file_path", "edits", "url") if key in payload}
    if happening is Happening.PROMPT:
        return {"prompt": text(payload, "prompt")}
    told = {key: payload[key] for key in _TOLD if isinstance(payload.get(key), str | bool)}
    if first := text(payload, "initialPrompt", "initial_prompt"):
        told["prompt"] = first
    return told


def _response(payload: Mapping[str, Any]) -> tuple[Any, str]:
    """(the result, its text as far as an exit code may stand in it); (None, "") when there is none."""
    for key in ("tool_response", "toolResult", "tool_result", "tool_output", "result_json", "output"):
        value = payload.get(key)
        if value is not None:
            break
    else:
        return None, ""
    if isinstance(value, dict):
        for key in (
            "llmContent",
            "textResultForLlm",
            "text_result_for_llm",
        ):  # the rest says it again, for the screen
            if key in value:
                value = value[key]
                break
    return value, value if isinstance(value, str) else ""


def _told_error(payload: Mapping[str, Any]) -> str:
    """Gemini and Qwen report a failed call as an ordinary result with an error in it."""
    response = payload.get("tool_response")
    error = response.get("error") if isinstance(response, dict) else None
    if isinstance(error, dict):
        error = error.get("message")
    return error if isinstance(error, str) else ""
