# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: ARG001 - all handlers have one signature
"""What a piece of code in another language does, as far as its text tells: `python -c`, `node -e`, a script that was written.

No language is parsed: calls that remove, run or send are looked for beside the texts that they are given. What only
builds its target at run time is not found.
"""

import re
from typing import TYPE_CHECKING

from irkit.detect.act import Act
from irkit.detect.files import SECRET_CLASSES
from irkit.detect.flow import NOTHING, Flow
from irkit.detect.hosts import host_class, host_in

if TYPE_CHECKING:
    from irkit.detect.walk import Call, Walk

_TEXT = re.compile(
    r"""\"((?:[^"\\\n]|\\.){1,2000})\"|'((?:[^'\\\n]|\\.){1,2000})'|`((?:[^`\\]|\\.){1,2000})`"""
)
_REMOVES = re.compile(
    r"\brmtree\b|\brmSync\b|\brimraf\b|\brm_rf\b|\bfs\.rm\b|\bremove_tree\b|\bremoveSync\b|\brmdirSync\b|FileUtils\.(?:rm|remove)|\bdel_tree\b"
)
_REMOVED = re.compile(f"(?:{_REMOVES.pattern})[^\\n]{{0,160}}")
_RUNS = re.compile(
    r"\bos\.system\b|\bsubprocess\b|\bpopen\b|\bexecSync\b|\bexec(?:File)?\(|\bspawn(?:Sync)?\b|\bshell_exec\b|\bsystem\s*\(?|%x|\bpassthru\b|\bqx\b"
)
_SENDS = re.compile(
    r"\brequests\.(?:post|put|patch|get|request)\b|\burllib|\burlopen\b|\bhttpx\b|\bfetch\s*\(|\baxios\b|\bhttp\.client\b|\bhttps?\.request\b|Net::HTTP|\bsocket\b|\bcreate_connection\b|\bsmtplib\b|\bftplib\b"
)
_POSTS = re.compile(
    r"\bpost\b|\bput\b|\bdata\s*=|\bjson\s*=|\bbody\s*[:=]|\bfiles\s*=|\.send(?:all)?\(|method['\"]?\s*:",
    re.IGNORECASE,
)
_OPENS = re.compile(
    r"\bopen\s*\(|\bread_text\b|\bread_bytes\b|\breadFile(?:Sync)?\b|\bFile\.read\b|file_get_contents|\bIO\.read\b|\bcopyfile\b|\bcopytree\b"
)
_WRITES = re.compile(
    r"""['"][wa]b?\+?['"]|\bwrite_text\b|\bwriteFile(?:Sync)?\b|\bappendFile(?:Sync)?\b|\bwrite_bytes\b|\.write\(|file_put_contents"""
)
_ENVIRON = re.compile(
    r"\bos\.environ\b(?!\s*(?:\[|\.get))|dict\(os\.environ\)|\bprocess\.env\b(?![.\[])|\bENV\.to_h\b"
)
_DECODES = re.compile(
    r"\b(?:exec|eval)\s*\(\s*[^\n]{0,80}(?:b64decode|fromhex|decompress|unhexlify|atob|Buffer\.from|urlopen|requests\.get|decode\()"
)
_SHELL = re.compile(r"dup2|pty\.spawn|/bin/(?:ba)?sh|cmd\.exe")
_HOME_CALL = re.compile(
    r"""(?:os\.path\.)?expanduser\(\s*['"](~[^'"]*)['"]\s*\)|Path\.home\(\)(?:\s*/\s*['"]([^'"]+)['"])?|\bhomedir\(\)|os\.environ\[['"]HOME['"]\]|process\.env\.HOME|Dir\.home|\$ENV\{HOME\}|ENV\[['"]HOME['"]\]"""
)
CODE_MAX_CHARS = 64 * 1024
_TEXTS_MAX = 200


def run_code(walk: "Walk", text: str, program: str, stdin: Flow = NOTHING) -> Flow:
    """Note the acts of a piece of code."""
    text = text[:CODE_MAX_CHARS]
    texts = [found[1] or found[2] or found[3] or "" for found in _TEXT.finditer(text)][:_TEXTS_MAX]
    homes = [found[1] or ("~/" + found[2] if found[2] else "~") for found in _HOME_CALL.finditer(text)]
    if _DECODES.search(text):
        walk.act("decode-run", program)
    if _SHELL.search(text) and re.search(r"\bsocket\b|net\.Socket|TCPSocket|fsockopen|Net\.Sockets", text):
        host = next((one for one in texts if re.fullmatch(r"[\w.-]+\.[\w.-]+|localhost", one)), "")
        walk.act("remote-shell", program, host=host, to=host_class(host) or "unknown-host")
    if _REMOVES.search(text):
        _removes(walk, text, texts, homes, program)
    secret = _secrets(walk, text, [*texts, *homes], program, stdin)
    _requests(walk, text, texts, secret, program)
    if _RUNS.search(text):
        for one in texts:
            if " " in one or one.startswith(("/", "~")):
                walk.sub(one)
        argv = re.search(r"\[((?:\s*(?:\"[^\"\n]*\"|'[^'\n]*')\s*,?)+)\]", text)
        if argv:
            walk.sub(
                " ".join(part[0] or part[1] for part in re.findall(r"\"([^\"\n]*)\"|'([^'\n]*)'", argv[1]))
            )
    return Flow(frozenset({"secret"}), target=secret) if secret else NOTHING


def _removes(walk: "Walk", text: str, texts: list[str], homes: list[str], program: str) -> None:
    for found in _REMOVED.finditer(text):
        near = [m[1] or m[2] or m[3] or "" for m in _TEXT.finditer(found[0])] + [
            m[1] or ("~/" + m[2] if m[2] else "~") for m in _HOME_CALL.finditer(found[0])
        ]
        for one in near:
            if one.startswith(("/", "~", ".")):
                place, path, whole = walk.place(one)
                if place:
                    walk.act(
                        "delete",
                        program,
                        target=place,
                        path=path,
                        detail=("recursive", "all") if whole else ("recursive",),
                    )
        if not near:
            for one in homes[:1]:
                walk.act(
                    "delete", program, target=walk.place(one)[0], path=walk.path(one), detail=("recursive",)
                )


def _secrets(walk: "Walk", text: str, paths: list[str], program: str, stdin: Flow) -> str:
    """The class of the credential that the code reads, if it does; files that it writes are noted too."""
    secret = stdin.target if stdin.tags & {"secret"} else ""
    if _ENVIRON.search(text) and _SENDS.search(text):
        secret = secret or "environment"
    for one in paths:
        if "/" not in one and not one.startswith("."):
            continue
        kind, path = walk.file(one)
        if not kind:
            continue
        if (
            kind in SECRET_CLASSES
            and _OPENS.search(text)
            and not (_WRITES.search(text) and kind == "env-file")
        ):
            walk.act("read-secret", program, target=kind, path=path)
            secret = kind
        elif kind in {"start-file", "guard", "agent-settings", "disk"} and _WRITES.search(text):
            walk.wrote(one, Flow(text=text), program)
    return secret


def _requests(walk: "Walk", text: str, texts: list[str], secret: str, program: str) -> None:
    if not _SENDS.search(text):
        return
    for one in texts:
        host = host_in(one) if "://" in one else ""
        if not host:
            continue
        to = host_class(host)
        if to == "metadata":
            walk.act("metadata", program, host=host, to=to)
        elif to != "localhost" and (secret or _POSTS.search(text)):
            target = secret or ("secret" if "[redacted:" in text else "text")
            walk.act("send", program, target=target, host=host, to=to)


def interpreter(walk: "Walk", call: "Call") -> Flow:
    """`python -c CODE`, `python FILE`, `… | python`."""
    from irkit.detect.wrappers import run_file, run_input

    args = call.plain
    for at, arg in enumerate(args):
        if arg in {"-c", "-e", "-r", "-p", "-pe", "-ne", "--eval", "-E", "-print", "eval"} and at + 1 < len(
            args
        ):
            return run_code(walk, args[at + 1].replace("$(…)", ""), call.program, call.stdin)
        if arg == "-m":
            module = args[at + 1] if at + 1 < len(args) else ""
            return (
                walk.again(call, at + 1)
                if module in {"twine", "awscli", "pip", "flit", "poetry", "build", "irkit"}
                else NOTHING
            )
        if not arg.startswith("-"):
            run_file(walk, call.args[at], call.program)
            if arg.endswith("manage.py"):
                return walk.again(call, at)
            return NOTHING
    if call.heredoc or (
        "fetched" not in call.stdin.tags and "decoded" not in call.stdin.tags and call.stdin.text
    ):
        return run_code(walk, call.heredoc or call.stdin.text, call.program)
    return run_input(walk, call)


def script_acts(walk: "Walk", path: str, content: str) -> tuple[Act, ...]:
    """What a script would do when it is run, from the folder that it is run from now."""
    from irkit.detect.walk import Walk

    inner = Walk(walk.memory, walk.cwd, walk.handlers)
    inner.depth = walk.depth + 2
    first = content[:80].partition("\n")[0]
    if re.search(r"\.(?:py|js|mjs|cjs|rb|pl)$", path) or re.search(r"python|node|ruby|perl", first):
        run_code(inner, content, path.rpartition("/")[2])
    elif re.search(r"\.(?:sh|bash|zsh|command|ps1)$", path) or first.startswith("#!"):
        inner.run(content)
    return tuple(inner.acts)


CODE = dict.fromkeys(
    "python python2 python3 pypy node nodejs deno perl ruby php osascript lua tsx ts-node ipython".split(),
    interpreter,
)
