# SPDX-License-Identifier: Apache-2.0
"""A call in a few words, for people: `Bash rm -rf build`. Input is redacted already; sinks make it safe to show."""

from collections.abc import Mapping
from typing import Any

_TELLING = (
    "command",
    "cmd",
    "file_path",
    "filePath",
    "absolute_path",
    "path",
    "url",
    "query",
    "pattern",
    "prompt",
    "description",
)
MAX_CHARS = 160


def describe(tool: str, args: Mapping[str, Any], limit: int = MAX_CHARS) -> str:
    """The tool's name and the argument that tells most, on one line, at most `limit` characters.

    >>> describe("Bash", {"command": "npm test", "description": "run the tests"})
    'Bash npm test'
    """
    telling: Any = next((args[key] for key in _TELLING if args.get(key)), None)
    if telling is None:
        telling = next((value for value in args.values() if isinstance(value, str)), "")
    if isinstance(telling, list):
        telling = " ".join(str(part) for part in telling)
    text = " ".join(f"{tool} {telling}".split())
    return text if len(text) <= limit else text[: limit - 1] + "…"
