# SPDX-License-Identifier: Apache-2.0
"""Text that an agent wrote, made safe to show: one function per sink (threat T11).

Rules, in every sink:
- What cannot be seen is made visible: controls and escape sequences (`␛`), text direction and zero-width characters
  (`⟨U+202E⟩`), tags, private characters, lone surrogates, and marks piled on one letter.
- Nothing is live: no markup, link, image, formula or action. The text is shown literally.
- The length is bounded, and a cut says how much was left out.
- One line stays one line; a sink that can take several does so only when asked (`lines=True`).
It must never drop a character silently, and never decide what is true: shown text is still a stranger's word.

A limit to know: a terminal may find web addresses in plain text by itself and open one that a person clicks on.
"""

import html as _html
import re
import unicodedata
from collections.abc import Callable

from irkit import limits

_MARKS_MAX = 3
"""Combining marks on one letter; living languages need no more."""
_BLANK = frozenset("\u115f\u1160\u3164\uffa0\u2800\u034f\u17b4\u17b5")
"""Letters and symbols that draw nothing, and the mark that only joins."""
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_FORMULA = "=+-@\uff1d\uff0b\uff0d\uff20"
"""What a spreadsheet takes for the start of a formula, full-width forms included."""
_ESCAPED_IN_NOTICE = str.maketrans({"<": "‹", ">": "›", "&": "＆"})


def terminal(text: str, limit: int = limits.SHOWN_MAX_CHARS, *, lines: bool = False) -> str:
    """For a terminal or a log line."""
    return _visible(text, limit, newline="\n" if lines else "␤")


def markup(text: str, limit: int = limits.SHOWN_MAX_CHARS, *, lines: bool = False) -> str:
    """For a place in Textual (or Rich) markup. Where there is a choice, use `Content(terminal(text))`: no markup at all.

    Every `[` is escaped. A backslash before it, or at the end where markup of ours may follow, gets a space behind
    it: the two parsers count backslashes differently, and none must be left to escape our own tag.
    """
    shown = _visible(text, limit, newline="\n" if lines else "␤")
    return re.sub(r"\\(?=\[|$)", r"\\ ", shown).replace("[", r"\[")


def paragraph(
    text: str,
    limit: int = limits.SHOWN_MAX_CHARS,
    *,
    lines: bool = False,
    draws: Callable[[str], bool] | None = None,
) -> str:
    """For a ReportLab Paragraph. `draws` tells whether the font has a character; the standard fonts have cp1252."""
    shown = _visible(text, limit, newline="\n" if lines else "¶", draws=draws or _in_cp1252, more="...")
    return _html.escape(shown, quote=True).replace("\n", "<br/>")


def html(text: str, limit: int = limits.SHOWN_MAX_CHARS, *, lines: bool = False) -> str:
    """For HTML text or a quoted attribute (there without `lines`)."""
    return _html.escape(_visible(text, limit, newline="\n" if lines else "␤"), quote=True).replace(
        "\n", "<br>"
    )


def markdown(text: str, limit: int = limits.SHOWN_MAX_CHARS) -> str:
    """For a place in Markdown: a code span, the one form in which no dialect finds links. `|` is replaced by `¦`."""
    shown = _visible(text, limit, newline="␤").replace("|", "¦")
    fence = "`" * (max((len(run) for run in re.findall("`+", shown)), default=0) + 1)
    pad = " " if not shown.strip() or shown[0] in "` " or shown[-1] in "` " else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def markdown_block(text: str, limit: int = limits.SHOWN_BLOCK_MAX_CHARS) -> str:
    """For a block of its own: fenced, and labelled as untrusted for people and for models that read it."""
    shown = _visible(text, limit, newline="\n")
    fence = "`" * max(3, max((len(run) for run in re.findall("`+", shown)), default=0) + 1)
    return f"{fence}untrusted\n{shown}\n{fence}"


def csv(text: str, limit: int = limits.SHOWN_MAX_CHARS) -> str:
    """For one cell, quoted by the csv module (QUOTE_ALL). An apostrophe before a formula makes it text."""
    shown = _visible(text, limit, newline="␤")
    return f"'{shown}" if shown.lstrip()[:1] and shown.lstrip()[0] in _FORMULA else shown


def notification(text: str, limit: int = 200) -> str:
    """For a desktop notification, whose server may or may not read markup and make links: look-alikes serve both."""
    shown = _visible(text, limit, newline="␤").translate(_ESCAPED_IN_NOTICE)
    shown = re.sub(r"(?<=\w)://", "[:]//", shown)
    return re.sub(r"\b(www|mailto)(?=[.:])", r"\1[·]", shown, flags=re.IGNORECASE)


def _visible(
    text: str, limit: int, *, newline: str, draws: Callable[[str], bool] | None = None, more: str = "…"
) -> str:
    """The text with every hidden character shown, cut at `limit` shown characters.

    `draws` tells what a font has, where that is less than everything: the rest is shown by number.
    """
    shown: list[str] = []
    size = marks = 0
    text = text.replace("\r\n", "\n")
    for taken, char in enumerate(text):
        category = unicodedata.category(char)
        marks = marks + 1 if category in {"Mn", "Me"} else 0
        if char == "\n":
            seen = newline
        elif char == "\t":
            seen = "    "
        elif category in _HIDDEN or char in _BLANK or marks > _MARKS_MAX or _selector(char):
            seen = _named(char, draws)
        else:
            seen = char if draws is None or draws(char) else _named(char, draws)
        if size + len(seen) > limit:
            return "".join(shown) + f"{more} ({len(text) - taken} more characters)"
        shown.append(seen)
        size += len(seen)
    return "".join(shown)


def _named(char: str, draws: Callable[[str], bool] | None) -> str:
    """A control's picture, else the character's number; in a poor font always the number, in brackets it has."""
    if draws is not None:
        return f"‹U+{ord(char):04X}›"
    return _picture(char) or f"⟨U+{ord(char):04X}⟩"


def _picture(char: str) -> str:
    """The control picture of a C0 control or DEL, else nothing."""
    if char < " ":
        return chr(0x2400 + ord(char))
    return "␡" if char == "\x7f" else ""


def _selector(char: str) -> bool:
    """Variation selectors carry hidden bytes; only the one that makes an emoji colourful is let through."""
    return (
        "\ufe00" <= char <= "\ufe0e" or "\U000e0100" <= char <= "\U000e01ef" or "\u180b" <= char <= "\u180f"
    )


def _in_cp1252(char: str) -> bool:
    try:
        char.encode("cp1252")
    except UnicodeEncodeError:
        return False
    return True
