# SPDX-License-Identifier: Apache-2.0
"""What commands print. stdout is data, stderr is talk; `--json` prints one JSON document, or one object a line."""

import os
import sys
from typing import Any

import msgspec

_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36", "inverse": "7"}


def emit(as_json: bool, value: Any, text: str) -> None:
    """Print `value` as one JSON document when `as_json`, else `text`."""
    if as_json:
        sys.stdout.write(msgspec.json.encode(value).decode() + "\n")
    elif text:
        sys.stdout.write(text if text.endswith("\n") else text + "\n")


def talk(line: str) -> None:
    """Say something to the person, on stderr."""
    sys.stderr.write(line + "\n")


def paint(text: str, *styles: str, stream: Any = None) -> str:
    """Colour `text` when the stream is a terminal and NO_COLOR is unset. Words carry the meaning, never colour."""
    out = stream or sys.stdout
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" or not out.isatty():
        return text
    return f"\x1b[{';'.join(_CODES[style] for style in styles)}m{text}\x1b[0m"


def table(rows: list[list[str]], head: list[str]) -> str:
    """Left-aligned columns, two spaces apart; the last one is not padded."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [head, *rows]
    ]
    return "\n".join(lines)
