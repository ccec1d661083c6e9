# SPDX-License-Identifier: Apache-2.0
"""Goes through shell text command by command, keeps what a shell would keep (folder, variables), and collects acts.

Rules:
- What a program does is its handler's (`programs`); what starts another program is opened here (`wrappers`).
- Variables are expanded only where the same text sets them. What is not known stays a `$NAME`, and is nobody's path.
- Bounded: commands, depth, acts. Never raises on foreign text.
"""

import re
from collections.abc import Callable
from typing import TypeAlias

from irkit import limits
from irkit.detect.act import Act
from irkit.detect.files import file_class
from irkit.detect.flow import NOTHING, Flow
from irkit.detect.memory import Memory
from irkit.detect.places import canonical, place_of, split_all
from irkit.detect.shell import STAR, TILDE, Redirect, Simple, Word, parse, plain

_ASSIGNMENT = re.compile(r"^([A-Za-z_]\w*)\+?=", re.ASCII)
_VARIABLE = re.compile(r"\$(?:\{([^{}]*)\}|(\w+))")
_BRACES = re.compile(r"^([^{}]*)\{([^{}]*,[^{}]*)\}([^{}]*)$")
_KEYWORDS = frozenset(
    {"if", "then", "elif", "else", "do", "while", "until", "!", "{", "time", "coproc", "&&"}
)
_ENDS = frozenset({"fi", "done", "esac", "}", "case", "function", "select"})
_VALUES_MAX = 64
_VALUE_MAX_CHARS = 4096
"""A variable's value, or a word with one; so that a text cannot double itself without end."""
_TEMPORARY = dict.fromkeys(("TMPDIR", "TMP", "TEMP"), "/tmp")  # noqa: S108 - a name for it; nothing is made there


class Call:
    """One program with its arguments, after wrappers were taken off and variables put in."""

    __slots__ = ("args", "flows", "heredoc", "name", "program", "redirects", "stdin")

    def __init__(
        self, words: list[str], flows: list[Flow], redirects: tuple[Redirect, ...], stdin: Flow, heredoc: str
    ) -> None:
        self.name = words[0] if words else ""
        self.program = plain(self.name).replace("\\", "/").rpartition("/")[2].removesuffix(".exe").lower()
        self.args = words[1:]
        self.flows = flows[1:]
        """What `$(…)` in each argument gives, in the order of `args`."""
        self.redirects = redirects
        self.stdin = stdin
        self.heredoc = heredoc

    @property
    def plain(self) -> list[str]:
        """The arguments as the program sees them."""
        return [plain(arg) for arg in self.args]

    @property
    def flow(self) -> Flow:
        """What `$(…)` in all arguments gives."""
        made = NOTHING
        for one in self.flows:
            made = made.merge(one)
        return made

    def words(self, values: frozenset[str] = frozenset()) -> list[str]:
        """The arguments that are not options, nor the values of these options; after `--` all are."""
        made: list[str] = []
        open_ended = skip = False
        for arg in self.args:
            if skip:
                skip = False
            elif arg in values and not open_ended:
                skip = True
            elif arg == "--" and not open_ended:
                open_ended = True
            elif open_ended or not arg.startswith("-") or arg == "-":
                made.append(arg)
        return made

    def has(self, *names: str) -> bool:
        """Whether one of these options is given; `-r` also as part of `-rf`, `--x` also as `--x=…`."""
        for arg in self.args:
            for name in names:
                if arg == name or (name.startswith("--") and arg.startswith(name + "=")):
                    return True
                if (
                    len(name) == 2
                    and arg.startswith("-")
                    and not arg.startswith("--")
                    and name[1] in arg[1:]
                    and arg[1:].isalpha()
                ):
                    return True
        return False

    def value(self, *names: str) -> str:
        """The value of the first of these options that is given."""
        for at, arg in enumerate(self.args):
            for name in names:
                if arg == name and at + 1 < len(self.args):
                    return plain(self.args[at + 1])
                if name.startswith("--") and arg.startswith(name + "="):
                    return plain(arg[len(name) + 1 :])
        return ""


Handler: TypeAlias = Callable[["Walk", Call], Flow | None]


class Walk:
    """One call's shell text."""

    def __init__(
        self, memory: Memory, cwd: str, handlers: "dict[str, Handler]", *, contained: bool = False
    ) -> None:
        self.memory = memory
        self.cwd = cwd
        self.acts: list[Act] = []
        self.env: dict[str, list[str]] = {}
        self.flows: dict[str, Flow] = {}
        self.depth = 0
        self.contained = contained
        """Whether it runs in a container, where `/` is not this machine's."""
        self.handlers = handlers
        self._left = limits.COMMANDS_MAX
        self._chars = 4 * limits.COMMAND_JUDGED_CHARS
        """What may still be taken apart: texts in texts count each time."""

    def run(self, text: str, stdin: Flow = NOTHING) -> Flow:
        """Go through a text; what it writes."""
        self._chars -= len(text)
        if self.depth >= limits.COMMAND_MAX_DEPTH or self._chars < 0:
            return NOTHING
        self.depth += 1
        whole, flow = NOTHING, stdin
        for simple in parse(text):
            self._left -= 1
            if self._left < 0:
                break
            flow = self._simple(simple, flow if simple.piped else stdin)
            whole = flow if simple.piped else whole.merge(flow)
        self.depth -= 1
        return whole

    def sub(self, text: str, stdin: Flow = NOTHING) -> Flow:
        """Go through the text of a sub-shell: its `cd` and variables stay its own."""
        cwd, env = self.cwd, dict(self.env)
        flow = self.run(text, stdin)
        self.cwd, self.env = cwd, env
        return flow

    def act(self, act: str, program: str, **more: "str | tuple[str, ...]") -> None:
        """Note one act."""
        if len(self.acts) < limits.ACTS_MAX:
            self.acts.append(Act(act, program=program, **more))  # type: ignore[arg-type]  # checked by the tests' table

    def path(self, arg: str) -> str:
        """An argument as a canonical path."""
        if arg.startswith(TILDE):
            arg = "./" + arg
        return canonical(plain(arg), self.cwd)

    def place(self, arg: str) -> tuple[str, str, bool]:
        """(class, path, whether everything in it is meant) of an argument that is a path."""
        whole = False
        if STAR not in arg:
            arg, whole = split_all(arg)
        path = self.path(arg or ".")
        if self.contained:
            return "container", path, whole
        return place_of(path, self.memory), path, whole

    def file(self, arg: str) -> tuple[str, str]:
        """(class, path) of an argument that is a file."""
        path = self.path(arg)
        return ("" if self.contained else file_class(path)), path

    # --- one simple command ---------------------------------------------------------
    def _simple(self, simple: Simple, stdin: Flow) -> Flow:
        inner = [self._opened(word) if word.inner else NOTHING for word in simple.words]
        for text in simple.heredoc_inner:
            self.sub(text)
        words, flows = self._expanded(list(simple.words), inner)
        words, flows = self._without_prefix(words, flows)
        for redirect in simple.redirects:
            flow = self._opened(redirect.word)
            if redirect.op == "<" or redirect.word.text.startswith("<("):
                stdin = stdin.merge(flow)
        if not words:
            return self._redirected(Call([""], [NOTHING], simple.redirects, stdin, simple.heredoc), NOTHING)
        return self.start(words, flows, simple, stdin)

    def start(self, words: list[str], flows: list[Flow], simple: Simple, stdin: Flow) -> Flow:
        """A program starts: its wrappers come off, its handler says what it does."""
        stdin = self._input(simple, stdin)
        call = Call(words, flows, simple.redirects, stdin, simple.heredoc)
        handler = self.handlers.get(call.program)
        if handler is None and call.program.partition(".")[0] in {"mkfs", "python3", "python2"}:
            handler = self.handlers.get(call.program.partition(".")[0])
        if handler is None:
            handler = self.handlers[""]
        flow = handler(self, call)
        return self._redirected(call, NOTHING if flow is None else flow)

    def again(self, call: Call, at: int) -> Flow:
        """The program that a wrapper starts, its name at `args[at]`."""
        if at >= len(call.args):
            return NOTHING
        inner = Simple((), heredoc=call.heredoc)
        if self.depth >= limits.COMMAND_MAX_DEPTH:
            return NOTHING
        self.depth += 1
        words, flows = self._without_prefix(call.args[at:], call.flows[at:])
        flow = self.start(words, flows, inner, call.stdin) if words else NOTHING
        self.depth -= 1
        return flow

    def _input(self, simple: Simple, stdin: Flow) -> Flow:
        if simple.heredoc:
            stdin = stdin.merge(Flow(text=simple.heredoc))
        for redirect in simple.redirects:
            if redirect.op.endswith("<<<"):
                stdin = stdin.merge(Flow(text=plain(self.expand(redirect.word.text)[0])))
            elif redirect.op.lstrip("0123456789") == "<":
                stdin = stdin.merge(self.content_of(self.expand(redirect.word.text)[0], "<"))
        return stdin

    def content_of(self, arg: str, program: str) -> Flow:
        """What is in a file: its class, and an act when it is a credential."""
        kind, path = self.file(arg)
        if kind in {"key-content", "credential-file", "env-file"}:
            self.act("read-secret", program, target=kind, path=path)
            return Flow(frozenset({"secret"}), path=path, target=kind)
        host = self.memory.fetched.get(path, "")
        if host:
            return Flow(frozenset({"fetched"}), host=host, path=path)
        acts = self.memory.scripts.get(path)
        return Flow(path=path, text="") if acts is None else Flow(frozenset({"script"}), path=path)

    def _redirected(self, call: Call, flow: Flow) -> Flow:
        for redirect in call.redirects:
            op = redirect.op.lstrip("0123456789&")
            if not op.startswith(">") and not redirect.op.startswith("&>"):
                continue
            target = self.expand(redirect.word.text)[0]
            if target.isdigit() or plain(target) in {
                "/dev/null",
                "/dev/stderr",
                "/dev/stdout",
                "-",
                "/dev/tty",
            }:
                continue
            out = flow.merge(Flow(text=call.heredoc)) if call.heredoc and not flow.text else flow
            self.wrote(target, out, call.program or ">", append=">>" in redirect.op)
            flow = NOTHING
        return flow

    def wrote(self, arg: str, flow: Flow, program: str, *, append: bool = False) -> None:
        """A file is written with this content."""
        from irkit.detect.writes import wrote_file

        wrote_file(self, arg, flow, program, append=append)

    def _opened(self, word: Word) -> Flow:
        flow = NOTHING
        for text in word.inner:
            flow = flow.merge(self.sub(text))
        return flow

    # --- words ----------------------------------------------------------------------
    def _expanded(self, words: list[Word], inner: list[Flow]) -> tuple[list[str], list[Flow]]:
        if not any("$" in word.text or "{" in word.text for word in words):
            return [word.text for word in words], inner
        texts: list[str] = []
        flows: list[Flow] = []
        for word, own in zip(words, inner, strict=True):
            flow = self._carried(word.text, own)
            parts = self._parts(word, own)[:_VALUES_MAX]
            texts.extend(parts)
            flows.extend([flow] * len(parts))
        return texts[: limits.COMMANDS_MAX], flows[: limits.COMMANDS_MAX]

    def _carried(self, text: str, flow: Flow) -> Flow:
        """What the variables in a word carry, beside its own commands."""
        if self.flows and "$" in text:
            bare = text.replace("{", "")
            for name, kept in self.flows.items():
                if f"${name}" in bare:
                    flow = flow.merge(kept)
        return flow

    def _parts(self, word: Word, flow: Flow) -> list[str]:
        """The words that a word becomes."""
        text = word.text
        if "$(…)" in text and (flow.text or flow.paths):
            text = text.replace("$(…)", flow.text.strip() if flow.text else flow.paths[0])
        made = []
        for one in self.expand(text):
            if word.quoted:
                made.append(one)
                continue
            found = _BRACES.match(one) if "{" in one else None
            for piece in [found[1] + part + found[3] for part in found[2].split(",")] if found else [one]:
                made.extend(piece.split() if "$" in text and " " in piece else [piece])
        return made

    def expand(self, text: str) -> list[str]:
        """The text with variables put in; more than one where a loop gives a variable several values."""
        if "$" not in text:
            return [text]
        several = next((v for m in _VARIABLE.finditer(text) if len(v := self._values(m)) > 1), [""])
        return [self._with(text, several, value)[:_VALUE_MAX_CHARS] for value in several[:_VALUES_MAX]]

    def _with(self, text: str, several: list[str], value: str) -> str:
        """The text with `value` for the variable that has several."""

        def one(found: re.Match[str]) -> str:
            values = self._values(found)
            return value if values is several else values[0]

        return _VARIABLE.sub(one, text)

    def _values(self, found: re.Match[str]) -> list[str]:
        name, _, default = (found[1] if found[1] is not None else found[2]).partition(":-")
        name = name.rstrip(":?")
        if name in self.env:
            return self.env[name]
        fixed = {"HOME": "~", "USERPROFILE": "~", "PWD": self.cwd or ".", **_TEMPORARY}
        if name in fixed:
            return [fixed[name]]
        return [default] if default and re.fullmatch(r"\w+", name) else [found[0]]

    def _without_prefix(self, words: list[str], flows: list[Flow]) -> tuple[list[str], list[Flow]]:
        """Without keywords and assignments, which are noted."""
        at = 0
        while at < len(words):
            word = words[at]
            found = _ASSIGNMENT.match(word)
            if found:
                self._assign(found[1], word[found.end() :], flows[at])
            elif word in {"export", "local", "readonly", "declare", "typeset"}:
                pass
            elif word == "for" and at + 2 < len(words) and words[at + 2] == "in":
                self.env[plain(words[at + 1])] = words[at + 3 :][:_VALUES_MAX] or ["$"]
                return [], []
            elif word in _ENDS:
                return [], []
            elif word not in _KEYWORDS:
                break
            at += 1
        return words[at:], flows[at:]

    def _assign(self, name: str, value: str, flow: Flow) -> None:
        if len(self.env) < limits.MEMORY_PATHS_MAX:
            self.env[name] = [(value if value or not flow.text else flow.text)[:_VALUE_MAX_CHARS]]
            self.flows[name] = flow
