# SPDX-License-Identifier: Apache-2.0
"""The hostile corpus through every sink, rendered by the real thing that the sink is for."""

import csv
import io
import re
import unicodedata
from collections.abc import Callable
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Paragraph
from rich.text import Text
from textual.content import Content

from irkit import limits
from irkit.report import safe
from tests.hostile_strings import HOSTILE

SINKS: dict[str, Callable[[str], str]] = {
    "terminal": safe.terminal,
    "markup": safe.markup,
    "paragraph": safe.paragraph,
    "html": safe.html,
    "markdown": safe.markdown,
    "csv": safe.csv,
    "notification": safe.notification,
}
hostile = pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
some_text = st.text(
    alphabet=st.characters() | st.sampled_from("\\[]/@=`<>&\n\r\t\x1b'\" |!()*_#-+.:"), max_size=60
)
LONGER_WHEN_ESCAPED = 7
"""`&quot;` and the like: what one shown character may become."""


def hidden(text: str, *, newline: bool = False) -> list[str]:
    kinds = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    return [repr(c) for c in text if unicodedata.category(c) in kinds and not (newline and c == "\n")]


@pytest.mark.parametrize("sink", SINKS.values(), ids=SINKS.keys())
@hostile
def test_nothing_hidden_and_one_bounded_line(text: str, sink: Callable[[str], str]) -> None:
    shown = sink(text)
    assert hidden(shown) == []
    assert len(shown) <= LONGER_WHEN_ESCAPED * limits.SHOWN_MAX_CHARS
    shown.encode("utf-8")


@given(some_text)
def test_no_text_keeps_anything_hidden(text: str) -> None:
    for sink in SINKS.values():
        assert hidden(sink(text)) == []


def test_what_is_hidden_has_a_name() -> None:
    assert safe.terminal("\x1b[2J\x7f\x9b\u202e\u200b") == "␛[2J␡⟨U+009B⟩⟨U+202E⟩⟨U+200B⟩"
    assert safe.terminal("a\r\nb\rc\td") == "a␤b␍c    d"
    assert safe.terminal("a\nb", lines=True) == "a\nb"
    assert safe.terminal("\ud800") == "⟨U+D800⟩"
    assert safe.terminal("x\U000e0100y\ufe00z\u3164") == "x⟨U+E0100⟩y⟨U+FE00⟩z⟨U+3164⟩", (
        "bytes hide in selectors"
    )
    assert safe.terminal("Z" + "\u0301" * 4) == "Z" + "\u0301" * 3 + "⟨U+0301⟩"
    assert safe.terminal("e\u0301") == "e\u0301", "an accent is a letter"
    assert safe.terminal("日本語 עברית हिन्दी") == "日本語 עברית हिन्दी"


def test_a_cut_says_how_much_is_missing() -> None:
    assert safe.terminal("A" * 1000, limit=10) == "A" * 10 + "… (990 more characters)"
    assert safe.terminal("A" * 10, limit=10) == "A" * 10
    assert safe.terminal("AAAA\u202eB", limit=8) == "AAAA… (2 more characters)", (
        "what is shown counts, not what it was"
    )


# --- Textual, Rich ---------------------------------------------------------------------


def unescaped(text: str) -> str:
    """What a reader sees of `markup`: literal, with the space that follows a backslash before `[` or the end."""
    return re.sub(r"\\(?=\[|$)", r"\\ ", safe.terminal(text))


@hostile
def test_textual_and_rich_show_it_literally_and_without_action(text: str) -> None:
    _check_markup(text)


@given(some_text)
def test_no_text_is_markup(text: str) -> None:
    _check_markup(text)


def _check_markup(text: str) -> None:
    inside = f"[bold]{safe.markup(text)}[/bold]!"
    content = Content.from_markup(inside)
    assert content.plain == unescaped(text) + "!"
    assert {str(span.style) for span in content.spans} <= {"bold"}
    rich = Text.from_markup(inside, emoji=False)
    assert rich.plain == unescaped(text) + "!"
    assert {str(span.style) for span in rich.spans} <= {"bold"}


# --- ReportLab -------------------------------------------------------------------------


@hostile
def test_reportlab_draws_it_literally_and_makes_no_link(text: str) -> None:
    made = Paragraph(safe.paragraph(text), getSampleStyleSheet()["Normal"])
    page = io.BytesIO()
    canvas = Canvas(page, pageCompression=0, invariant=1)
    made.wrapOn(canvas, 400, 700)
    made.drawOn(canvas, 50, 50)
    canvas.save()
    pdf = page.getvalue()
    assert b"/Link" not in pdf
    assert b"/URI" not in pdf
    assert b"/Image" not in pdf.replace(b"/ImageB /ImageC /ImageI", b"")
    drawn = "".join(_drawn(pdf).split())
    assert drawn == "".join(literal_in_cp1252(text).split())


def literal_in_cp1252(text: str) -> str:
    """What must be readable in the PDF: its own account of what the standard fonts can draw."""
    out = []
    for char in text.replace("\r\n", "\n")[:5000]:
        if char == "\n":
            out.append("¶")
        elif char == "\t":
            out.append("    ")
        else:
            plain = char.isprintable() and char.encode("cp1252", "ignore")
            out.append(char if plain or char == "\xa0" else f"‹U+{ord(char):04X}›")
    size = 0
    for index, piece in enumerate(out):
        size += len(piece)
        if size > limits.SHOWN_MAX_CHARS and len("".join(out[:index])) <= limits.SHOWN_MAX_CHARS:
            missing = len(text.replace("\r\n", "\n")) - index
            return "".join(out[:index]) + f"... ({missing} more characters)"
    return "".join(out)


def _drawn(pdf: bytes) -> str:
    """The strings that an uncompressed page shows, in WinAnsi."""
    texts = re.findall(rb"\(((?:[^()\\]|\\.)*)\) Tj", pdf, re.DOTALL)

    def unescape(match: re.Match[bytes]) -> bytes:
        inner = match[1]
        return (
            bytes([int(inner, 8)])
            if inner[:1].isdigit()
            else {b"n": b"\n", b"r": b"\r", b"t": b"\t"}.get(inner, inner)
        )

    joined = b"".join(re.sub(rb"\\([0-7]{3}|.)", unescape, text, flags=re.DOTALL) for text in texts)
    return joined.decode("cp1252")


# --- HTML, Markdown ----------------------------------------------------------------------


class Reading(HTMLParser):
    """Collects what a browser would: tags and text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


def read_html(page: str) -> Reading:
    reading = Reading()
    reading.feed(page)
    reading.close()
    return reading


@hostile
def test_html_shows_it_literally_in_text_and_attribute(text: str) -> None:
    reading = read_html(f'<p title="{safe.html(text)}">{safe.html(text, lines=True)}</p>')
    assert set(reading.tags) <= {"p", "br"}
    assert reading.attributes == [("title", safe.terminal(text))]
    assert reading.text == safe.terminal(text, lines=True).replace("\n", "")


@hostile
def test_markdown_is_one_code_span_with_nothing_live(text: str) -> None:
    reader = MarkdownIt("gfm-like", {"linkify": True, "html": True})
    reading = read_html(reader.render(f"before {safe.markdown(text)} after"))
    assert reading.tags == ["p", "code"]
    assert reading.text.strip() == f"before {_spanned(text)} after"
    row = read_html(reader.render(f"|a|b|\n|-|-|\n|{safe.markdown(text)}|x|\n"))
    assert row.tags.count("td") == 2
    assert set(row.tags) <= {"table", "thead", "tbody", "tr", "th", "td", "code"}


def _spanned(text: str) -> str:
    shown = safe.terminal(text).replace("|", "¦")
    return shown if shown.strip() else f" {shown} "


@hostile
def test_a_markdown_block_is_one_fence_marked_untrusted(text: str) -> None:
    reader = MarkdownIt("gfm-like", {"linkify": True, "html": True})
    tokens = reader.parse(f"before\n\n{safe.markdown_block(text)}\n\nafter\n")
    assert [token.type for token in tokens if token.type != "inline"][2:-2] == ["fence"]
    fence = tokens[3]
    assert fence.info == "untrusted"
    assert fence.content == safe.terminal(text, limit=limits.SHOWN_BLOCK_MAX_CHARS, lines=True) + "\n"


# --- CSV, notifications --------------------------------------------------------------------


@hostile
def test_csv_is_one_cell_and_no_formula(text: str) -> None:
    page = io.StringIO()
    csv.writer(page, quoting=csv.QUOTE_ALL).writerow(["before", safe.csv(text), "after"])
    rows = list(csv.reader(io.StringIO(page.getvalue())))
    assert [len(row) for row in rows] == [3]
    cell = rows[0][1]
    assert cell.lstrip()[:1] not in set("=+-@\t\r＝＋－＠") or not cell.strip()
    assert cell.removeprefix("'") == safe.terminal(text).removeprefix("'")


@hostile
def test_a_notification_has_no_markup_and_no_address(text: str) -> None:
    shown = safe.notification(text)
    assert not set(shown) & set("<>&")
    assert "://" not in shown
    assert not re.search(r"\bwww\.|mailto:", shown, re.IGNORECASE)
    assert len(shown) <= 400


def test_a_notification_stays_readable() -> None:
    assert safe.notification("curl https://evil.example && <b>") == "curl https[:]//evil.example ＆＆ ‹b›"
