# SPDX-License-Identifier: Apache-2.0
"""PowerShell and cmd, as far as their commands do what others do by other names. Names are lower case here."""

from irkit.detect.flow import NOTHING, Flow
from irkit.detect.hosts import host_class, host_in, is_installer
from irkit.detect.on_files import removed
from irkit.detect.shell import plain
from irkit.detect.walk import Call, Walk


def remove(walk: Walk, call: Call) -> Flow:
    """`Remove-Item -Recurse -Force PATH`, `rd /s /q PATH`."""
    text = " ".join(call.plain).lower()
    recursive = "-rec" in text or "/s" in text.split()
    for arg in call.args:
        if not arg.startswith("-") and arg.lower() not in {"/s", "/q", "/f", "silentlycontinue"}:
            removed(walk, call.program, arg, recursive=recursive)
    return NOTHING


def fetch(walk: Walk, call: Call) -> Flow:
    """`iwr URL`, `irm URL`: what is fetched, or sent with -Body and -InFile."""
    url = next((plain(arg) for arg in call.args if "://" in arg), "")
    host = host_in(url)
    to = host_class(host)
    if to == "metadata":
        walk.act("metadata", call.program, host=host, to=to)
    lower = [arg.lower() for arg in call.args]
    if "-infile" in lower and to != "localhost":
        kind, path = walk.file(call.args[min(lower.index("-infile") + 1, len(lower) - 1)])
        walk.act("send", call.program, target=kind or "file", path=path, host=host, to=to, detail=("file",))
    return Flow(frozenset({"fetched"}) if to != "localhost" else frozenset(), host=host, url=url)


def invoke(walk: Walk, call: Call) -> Flow:
    """`iex`, `Invoke-Expression`: runs what it is given."""
    flow = call.stdin.merge(call.flow)
    text = " ".join(call.plain)
    if "fetched" in flow.tags or "DownloadString" in text:
        url = flow.url or next((part for part in text.replace("'", " ").split() if "://" in part), "")
        host = flow.host or host_in(url)
        kind = "installer" if is_installer(url) else host_class(host)
        walk.act("fetch-run", call.program, target=kind, to=kind, host=host)
    elif "FromBase64String" in text:
        walk.act("decode-run", call.program)
    return walk.sub(text)


def start(walk: Walk, call: Call) -> Flow:
    """`powershell -Command TEXT`, `cmd /c TEXT`, `powershell -EncodedCommand …`."""
    lower = [arg.lower() for arg in call.args]
    for at, arg in enumerate(lower):
        if arg in {"-encodedcommand", "-enc", "-e", "-ec"} and at + 1 < len(lower):
            walk.act("decode-run", call.program)
            return NOTHING
        if arg in {"-command", "-c", "/c", "/k"}:
            return walk.sub(" ".join(call.plain[at + 1 :]).replace("\\", "/"))
    return NOTHING


POWERSHELL = {
    **dict.fromkeys(("remove-item", "ri", "del", "rd", "erase"), remove),
    **dict.fromkeys(("invoke-webrequest", "iwr", "invoke-restmethod", "irm"), fetch),
    **dict.fromkeys(("invoke-expression", "iex"), invoke),
    **dict.fromkeys(("powershell", "pwsh", "cmd"), start),
}
