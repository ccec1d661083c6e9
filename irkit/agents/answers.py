# SPDX-License-Identifier: Apache-2.0
"""How a hook says no, in the one way that all agents understand: exit 2 and a reason on stderr.

Seen denying in Claude Code 2.1.197, Codex 0.169.0, Gemini CLI 0.61.0, Qwen Code 0.15.10 and Copilot CLI 1.0.102; no
JSON answer works in all of them, and one unsupported key makes Codex run the call. Documented for Cursor, Windsurf
and VS Code. Every other event ends with 0: exit 2 on Stop makes some agents go on.
"""

from irkit.agents.payload import ALLOW, Answer, Happening

REASON_WHEN_NONE = "irkit refused this."
"""An empty reason would make Codex take the hook for failed, and run the call."""


def refuse(happening: Happening, reason: str) -> Answer:
    """The refusal of what can be refused, otherwise an answer that changes nothing."""
    if not happening.refusable:
        return ALLOW
    return Answer(exit=2, stderr=spoken(reason))


def never_asks(happening: Happening, mode: str, reason: str) -> Answer | None:  # noqa: ARG001 - the shape of a spec's `ask`
    """For agents that were never seen to prompt a person."""
    return None


def spoken(reason: str) -> bytes:
    """The reason as the last line of a stream, never empty."""
    return (reason.strip() or REASON_WHEN_NONE).encode("utf-8", "replace") + b"\n"
