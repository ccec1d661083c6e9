# SPDX-License-Identifier: Apache-2.0
"""Shell text to simple commands: a small tokenizer for POSIX shells and bash, in time linear in the text.

Rules:
- Quotes, comments and here-documents are what they are in a shell: text in them is never a command.
- What a shell runs inside words (`$(…)`, backticks, `<(…)`) is handed out with the word, to be opened by the caller.
- Never raises. What is not closed ends at the end of the text. Grammar beyond simple commands (loops, functions) is
  only recognised as far as to find the commands in it.
A `$` that quotes protect is written U+E000, a protected `~` U+E001 and a protected `*` or `?` U+E002: `Word.text` keeps
what a shell would still expand apart from what it would not.
"""

import re
from typing import NamedTuple

from irkit import limits

DOLLAR, TILDE, STAR = "\ue000", "\ue001", "\ue002"
_PLAIN = re.compile(r"[^\s'\"\\$`;&|()<>#]+")
_IN_DOUBLE = re.compile(r"[^\"\\$`]+")
_BLANK = re.compile(r"(?:[ \t\r]|\\\r?\n)+")
_OPERATOR = re.compile(r"&&|\|\||;;&?|;&|\|&|[;&|()\n]")
_REDIRECT = re.compile(r"(\d*|&)(<<<|<<-?|<>|>>|>\||<&|>&|&>>|&>|<|>)")
_FREQUENT = re.compile(r"(?:[ \t\r]+)?(?:([^\s'\"\\$`;&|()<>#]+)(?=[\s;&|)]|$)|(&&|\|\||[;|\n]))")
"""What most of a command consists of: a word with nothing in it to expand, or the operator between two commands."""
_NAME = re.compile(r"\$(?:\{[^{}\s]*\}|[A-Za-z_]\w*|[@*#?!$\d-])")
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{1,2})|([0-7]{1,3})|u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_HEREDOC = re.compile(r"<<-?[ \t]*(['\"\\]?)([\w.-]+)\1")
_FIELD_SEPARATOR = re.compile(r"\$\{IFS[^}]*\}|\$IFS(?:\$\d|(?!\w))")
_SIMPLE_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "e": "\x1b", "a": "\a", "0": "\0"}


class Word(NamedTuple):
    """One word after quote removal."""

    text: str
    inner: tuple[str, ...] = ()
    """Commands that the shell runs to make this word."""
    quoted: bool = False


class Redirect(NamedTuple):
    """`2>/dev/null`: descriptor, operator, where to."""

    op: str
    word: Word


class Simple(NamedTuple):
    """One simple command. `piped`: its input is the output of the command before it."""

    words: tuple[Word, ...]
    redirects: tuple[Redirect, ...] = ()
    heredoc: str = ""
    heredoc_inner: tuple[str, ...] = ()
    piped: bool = False


def protect(text: str) -> str:
    """Text as quotes keep it: nothing in it is expanded."""
    return text.replace("$", DOLLAR).replace("~", TILDE).replace("*", STAR)


def plain(text: str) -> str:
    """A word's text with the protected characters as themselves."""
    return text.replace(DOLLAR, "$").replace(TILDE, "~").replace(STAR, "*")


def parse(text: str) -> list[Simple]:
    """The simple commands, in order. At most `COMMANDS_MAX`."""
    text = text[: limits.COMMAND_JUDGED_CHARS]
    if "IFS" in text:
        text = _FIELD_SEPARATOR.sub(" ", text)
    return _Scanner(text).run()


def inner_of(text: str) -> tuple[str, ...]:
    """Commands in the `$(…)` and backticks of a text in which nothing else is special (an unquoted here-document)."""
    found: list[str] = []
    at = 0
    while at < len(text) and len(found) < limits.COMMANDS_MAX:
        at = min((i for i in (text.find("$(", at), text.find("`", at)) if i >= 0), default=len(text))
        if at >= len(text):
            break
        end = closing(text, at + 1) if text[at] == "$" else _backtick(text, at)
        found.append(text[at + (2 if text[at] == "$" else 1) : end])
        at = end + 1
    return tuple(found)


def closing(text: str, at: int) -> int:
    """Index of the parenthesis that closes the one at `at`, quotes and here-documents respected; the end when none does."""
    return _closing(text, at, double=True)


def _closing(text: str, at: int, *, double: bool) -> int:
    """`double`: look into double quotes too. Inside them nothing does, so that nesting costs no recursion."""
    depth = 0
    delimiters: list[str] = []
    while at < len(text):
        char = text[at]
        if char == "\\":
            at += 1
        elif char == "'":
            at = _find(text, "'", at + 1)
        elif char == '"' and double:
            at = _double_end(text, at + 1)
        elif char == "(":
            depth += 1
        elif char == ")":
            depth -= 1
            if depth <= 0:
                return at
        elif char == "<" and text.startswith("<<", at):
            found = _HEREDOC.match(text, at)
            delimiters += [found[2]] if found else []
            at = found.end() - 1 if found else at + 2
        elif char == "\n" and delimiters:
            at = _after_bodies(text, at, delimiters) - 1
            delimiters = []
        at += 1
    return len(text)


def _after_bodies(text: str, at: int, delimiters: list[str]) -> int:
    """Index after the here-documents that start after the newline at `at`."""
    for delimiter in delimiters:
        end = _body_end(text, at, delimiter)
        at = _find(text, "\n", end + 1) if end < len(text) else end
    return max(at, 1)


def _body_end(text: str, at: int, delimiter: str) -> int:
    """Index of the newline before the line that is the delimiter."""
    while True:
        at = text.find("\n", at)
        if at < 0:
            return len(text)
        end = _find(text, "\n", at + 1)
        if text[at + 1 : end].strip("\t\r") == delimiter:
            return at
        at = end if end > at else at + 1


def _find(text: str, char: str, at: int) -> int:
    found = text.find(char, at)
    return found if found >= 0 else len(text)


def _double_end(text: str, at: int) -> int:
    """Index of the quote that ends a double-quoted text. `$(…)` in it may hold quotes of its own."""
    while at < len(text):
        char = text[at]
        if char == "\\":
            at += 1
        elif char == '"':
            return at
        elif char == "$" and text[at + 1 : at + 2] == "(":
            at = _closing(text, at + 1, double=False)
        at += 1
    return len(text)


def _backtick(text: str, at: int) -> int:
    at += 1
    while at < len(text) and text[at] != "`":
        at += 2 if text[at] == "\\" else 1
    return min(at, len(text))


def decoded(text: str) -> str:
    """`$'…'`: escapes are characters."""

    def one(found: re.Match[str]) -> str:
        if found[1]:
            return chr(int(found[1], 16))
        if found[2]:
            return chr(int(found[2], 8) & 255)
        if found[3]:
            return chr(int(found[3], 16))
        return _SIMPLE_ESCAPES.get(found[4], found[4])

    return _ESCAPE.sub(one, text)


class _Scanner:
    """One pass over the text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.made: list[Simple] = []
        self.words: list[Word] = []
        self.redirects: list[Redirect] = []
        self.piped = False
        self.pending: list[tuple[int, str, bool, bool]] = []
        """Here-documents whose bodies come after this line: (command, delimiter, tabs stripped, expanded)."""

    def run(self) -> list[Simple]:
        text = self.text
        frequent = _FREQUENT.match
        while self.at < len(text) and len(self.made) < limits.COMMANDS_MAX:
            before = self.at
            if found := frequent(text, before):
                self.at = found.end()
                if found[1] is not None:
                    self.words.append(Word(found[1]))
                else:
                    self._operator(found[2])
                continue
            self._step(text)
            if self.at <= before:  # whatever it is, go on
                self.at = before + 1
        self._end(piped=False)
        return self.made

    def _step(self, text: str) -> None:
        if found := _BLANK.match(text, self.at):
            self.at = found.end()
            return
        if text[self.at] == "#":
            self.at = _find(text, "\n", self.at)
            return
        if found := _REDIRECT.match(text, self.at):
            if found[2] in {"<", ">"} and text[found.end() : found.end() + 1] == "(":
                self.words.append(self._word())
                return
            self._redirect(found)
            return
        if found := _OPERATOR.match(text, self.at):
            self.at = found.end()
            self._operator(found[0])
            return
        self.words.append(self._word())

    def _operator(self, op: str) -> None:
        self._end(piped=op in {"|", "|&"})
        if op == "\n" and self.pending:
            self._bodies()

    def _end(self, *, piped: bool) -> None:
        """The command is over."""
        if self.words or self.redirects:
            self.made.append(Simple(tuple(self.words), tuple(self.redirects), piped=self.piped))
            self.words, self.redirects = [], []
            self.piped = piped
        else:
            self.piped = self.piped or piped

    def _redirect(self, found: re.Match[str]) -> None:
        self.at = found.end()
        if blank := _BLANK.match(self.text, self.at):
            self.at = blank.end()
        if self.at >= len(self.text) or self.text[self.at] == "\n":
            return
        word = self._word()
        if found[2] in {"<<", "<<-"}:
            expanded = not word.quoted
            self.pending.append((len(self.made), plain(word.text), found[2] == "<<-", expanded))
            if not self.words and not self.redirects:
                self.redirects.append(Redirect("<<", Word("")))
        else:
            self.redirects.append(Redirect(found[1] + found[2], word))

    def _bodies(self) -> None:
        for command, delimiter, tabs, expanded in self.pending:
            body, self.at = self._body(delimiter, tabs=tabs)
            if command < len(self.made):
                inner = inner_of(body) if expanded and ("$(" in body or "`" in body) else ()
                one = self.made[command]
                self.made[command] = one._replace(
                    heredoc=one.heredoc + body, heredoc_inner=one.heredoc_inner + inner
                )
        self.pending = []

    def _body(self, delimiter: str, *, tabs: bool) -> tuple[str, int]:
        at = self.at
        while at < len(self.text):
            end = _find(self.text, "\n", at)
            line = self.text[at:end]
            if (line.lstrip("\t") if tabs else line).rstrip("\r") == delimiter:
                return self.text[self.at : at], min(end + 1, len(self.text))
            at = end + 1
        return self.text[self.at :], len(self.text)

    def _word(self) -> Word:
        text = self.text
        parts: list[str] = []
        inner: list[str] = []
        quoted = False
        while self.at < len(text):
            char = text[self.at]
            if found := _PLAIN.match(text, self.at):
                parts.append(found[0])
                self.at = found.end()
            elif char == "'":
                end = _find(text, "'", self.at + 1)
                parts.append(protect(text[self.at + 1 : end]))
                self.at, quoted = end + 1, True
            elif char == '"':
                self.at += 1
                parts.append(self._double(inner))
                quoted = True
            elif char == "\\":
                if text[self.at + 1 : self.at + 2] != "\n":
                    parts.append(protect(text[self.at + 1 : self.at + 2]))
                self.at += 2
            elif char in "$`":
                parts.append(self._dollar(inner, quoted=False))
            elif char in "<>" and text[self.at + 1 : self.at + 2] == "(":
                end = closing(text, self.at + 1)
                inner.append(text[self.at + 2 : end])
                parts.append(f"{char}(…)")
                self.at = end + 1
            elif char == "#" and parts:
                parts.append("#")
                self.at += 1
            else:
                break
        return Word("".join(parts), tuple(inner), quoted)

    def _double(self, inner: list[str]) -> str:
        text, parts = self.text, []
        while self.at < len(text):
            char = text[self.at]
            if found := _IN_DOUBLE.match(text, self.at):
                parts.append(found[0].replace("~", TILDE).replace("*", STAR))
                self.at = found.end()
            elif char == '"':
                self.at += 1
                break
            elif char == "\\":
                follower = text[self.at + 1 : self.at + 2]
                if follower != "\n":
                    parts.append(protect(follower if follower in '$`"\\' else "\\" + follower))
                self.at += 2
            else:
                parts.append(self._dollar(inner, quoted=True))
        return "".join(parts)

    def _dollar(self, inner: list[str], *, quoted: bool) -> str:
        """What starts with `$` or a backtick."""
        text, at = self.text, self.at
        if text[at] == "`":
            end = _backtick(text, at)
            inner.append(text[at + 1 : end].replace("\\`", "`"))
            self.at = end + 1
            return "$(…)"
        if text.startswith("$((", at):
            self.at = closing(text, at + 1) + 1
            return "0"
        if text.startswith("$(", at):
            end = closing(text, at + 1)
            inner.append(text[at + 2 : end])
            self.at = end + 1
            return "$(…)"
        if not quoted and text.startswith("$'", at):
            end = at + 2
            while end < len(text) and text[end] != "'":
                end += 2 if text[end] == "\\" else 1
            self.at = end + 1
            return protect(decoded(text[at + 2 : end]))
        if found := _NAME.match(text, at):
            self.at = found.end()
            return found[0]
        self.at = at + 1
        return "" if not quoted and text[at + 1 : at + 2] == '"' else "$"
