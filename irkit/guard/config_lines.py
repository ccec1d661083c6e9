# SPDX-License-Identifier: Apache-2.0
"""What is wrong with a TOML text, as one line that names the file's line and the remedy.

The readers tell less than a person needs: tomllib keeps no lines of what it accepts, msgspec names a path into the
value. So the line is found by a scan: tables are told by their headers, keys by the word. It can be wrong by being the
same word somewhere else in that table; it never raises and never changes what is accepted.
"""

import difflib
import re
from collections.abc import Mapping

from irkit.errors import BadInputError

Tables = Mapping[str, tuple[str, ...]]
"""Dotted name of a table -> its keys. `NAME` stands for any name."""
_NO_FRAME = str.maketrans("", "", "[]\"' \t")
_SAID_MAX_CHARS = 200


def not_toml(error: Exception, text: str, where: str) -> BadInputError:
    """What tomllib said, without its own place. Deep nesting ends in RecursionError."""
    said = "too many levels" if isinstance(error, RecursionError) else str(error).split(" (at")[0]
    found = re.search(r"\(at line (\d+)", str(error))
    line = int(found[1]) if found else max(1, len(text.splitlines()))
    return BadInputError(f"is not TOML: {_plain(said)}", where=f"{where}:{line}", fix="correct the line")


def not_settings(message: str, text: str, where: str, tables: Tables) -> BadInputError:
    """What msgspec said of a value, or of a key that is not known."""
    what, _, path = message.partition(" - at `$")
    *sections, last = ["", *re.sub(r"\[[^]]*\]", "", path.rstrip("`")).strip(".").split(".")]
    unknown = re.search(r"unknown field `([^`]*)`", what)
    if unknown:
        key, section = unknown[1], ".".join(filter(None, [*sections, last]))
        inside = f" in {section}" if section else ""
        at = f"{where}:{line_of(text, key, section)}"
        return BadInputError(
            f"unknown key {key[:_SAID_MAX_CHARS]!r}{inside}", where=at, fix=_remedy(key, section, tables)
        )
    at = f"{where}:{line_of(text, last, '.'.join(filter(None, sections)))}"
    what = _plain(what)
    return BadInputError(f"{last}: {what}" if last else what, where=at, fix="correct the value")


def line_of(text: str, word: str, section: str | None = None) -> int:
    """The line of the word in that table, outside comments; else of the word anywhere, in headers last; else 1."""
    table = ""
    found: dict[int, int] = {}
    whole = re.compile(rf"(?<![\w-]){re.escape(word)}(?![\w-])")
    for number, line in enumerate(text.splitlines() if word else (), 1):
        set_here = line.split("#")[0].strip()
        header = set_here.startswith("[") and set_here.endswith("]")
        if header:
            table = set_here.translate(_NO_FRAME)
        if whole.search(set_here or line):
            names_it = header and section is not None and f"{section}.{word}".strip(".") == table
            rank = 0 if names_it or (table == section and not header) else 2 if header else 1
            found.setdefault(rank, number)
    return found[min(found)] if found else 1


def _remedy(key: str, section: str, tables: Tables) -> str:
    """The nearest key of that table; else the table that has this key; else where to look."""
    here = tables.get(section) or tables.get(f"{section.split('.', 1)[0]}.NAME", ())
    key = key[:_SAID_MAX_CHARS]  # comparing takes long with long words
    near = difflib.get_close_matches(key, here, n=1)
    if near:
        return f"did you mean {near[0]}?"
    home = next((f"[{table}]" if table else "the top" for table, keys in tables.items() if key in keys), "")
    if home:
        return f"it belongs to {home}"
    near = difflib.get_close_matches(key, [one for keys in tables.values() for one in keys], n=1)
    return f"did you mean {near[0]}?" if near else "take it out; docs/configuration.md lists the keys"


def _plain(said: str) -> str:
    """A reader's words in ours: they may quote the text, controls and all, at any length."""
    short = said[:1].lower() + said[1:_SAID_MAX_CHARS]
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in short)
