# SPDX-License-Identifier: Apache-2.0
"""Programs that talk to other machines: what they send, what they fetch."""

import re
from typing import NamedTuple

from irkit.detect.files import SECRET_CLASSES
from irkit.detect.flow import NOTHING, Flow
from irkit.detect.hosts import host_class, host_in
from irkit.detect.shell import plain
from irkit.detect.walk import Call, Walk
from irkit.detect.wrappers import sent

_CURL_VALUES = frozenset(
    """-A -b -c -C -D -d -e -E -F -H -K -m -o -P -Q -r -s:no -t -T -u -U -w -x -X -y -Y -z --data --data-raw --data-binary --data-urlencode
    --data-ascii --form --form-string --header --output --request --user --user-agent --upload-file --url --cookie --cookie-jar --cert --key
    --cacert --connect-timeout --max-time --retry --retry-delay --referer --proxy --resolve --json --write-out --config --interface --range
    --output-dir --retry-max-time --limit-rate --max-redirs --unix-socket --oauth2-bearer --aws-sigv4 --netrc-file --url-query --capath""".split()
)  # fmt: skip
_BODY = frozenset(
    "-d --data --data-raw --data-binary --data-urlencode --data-ascii --json -F --form --form-string --post-data --body-data --url-query".split()
)
_UPLOAD = frozenset("-T --upload-file --post-file --body-file".split())
_ARCHIVE = re.compile(
    r"\.(?:tar|tgz|tar\.\w+|zip|7z|rar|gz|bz2|xz|zst|sql|dump|db|sqlite3?|bundle|bak|kdbx|pem|ppk)$",
    re.IGNORECASE,
)
REDACTED = "[redacted:"
_DESTROYS = re.compile(
    r"\b(?:(?:volume|project|service|environment|database|db|instance|cluster|bucket|app|plugin|deployment|server|droplet|backup)s?_?-?(?:delete|destroy|remove|terminate)|(?:delete|destroy|terminate|drop)_?(?:volume|project|service|environment|database|instance|cluster|bucket|app|server|droplet|backup|account|repository|organization)s?)\b",
    re.IGNORECASE,
)
_DELETE_API = re.compile(r"(?:^|\.)(?:api\.(?:github|digitalocean|heroku|vercel|netlify|cloudflare|hetzner|linode|railway|render|supabase|stripe|fly|scaleway|vultr)\.\w+|backboard\.railway\.\w+|gitlab\.com|management\.azure\.com|[\w-]+\.googleapis\.com|api\.machines\.dev|hetzner\.cloud)$")  # fmt: skip


class _Request(NamedTuple):
    """One curl or wget command, read."""

    urls: list[str]
    bodies: list[tuple[str, Flow]]
    uploads: list[str]
    method: str
    output: str
    remote_name: bool


def _request(call: Call) -> _Request:
    made = _Request([], [], [], *_method_and_output(call))
    at = 0
    while at < len(call.args):
        arg, flow = plain(call.args[at]), call.flows[at]
        name, glued, value = (
            arg.partition("=")
            if arg.startswith("--")
            else (arg[:2], "", arg[2:])
            if arg.startswith("-") and len(arg) > 2 and arg[:2] in _CURL_VALUES
            else (arg, "", "")
        )
        takes = (
            name in _CURL_VALUES
            or name in _BODY
            or name in _UPLOAD
            or (name in {"-O", "-P"} and call.program == "wget")
        )
        if takes and not (glued or value) and at + 1 < len(call.args):
            at += 1
            value, flow = plain(call.args[at]), call.flows[at]
        if name in _BODY:
            made.bodies.append((value, flow))
        elif name in _UPLOAD:
            made.uploads.append(value)
        elif name == "--url":
            made.urls.append(value)
        elif not arg.startswith("-"):
            made.urls.append(arg)
            if flow is not NOTHING and flow.tags & {"secret", "env"}:
                made.bodies.append((arg, flow))
        at += 1
    return made


def _method_and_output(call: Call) -> tuple[str, str, bool]:
    method = call.value("-X", "--request", "--method").upper()
    for arg in call.args:
        if arg.startswith("-X") and len(arg) > 2:
            method = arg[2:].upper()
    output = call.value("-o", "--output") if call.program != "wget" else _wget_output(call)
    if not output and call.program != "wget":
        output = next(
            (
                plain(call.args[i + 1])
                for i, a in enumerate(call.args[:-1])
                if re.fullmatch(r"-[a-zA-Z]+o", a)
            ),
            "",
        )
    named = call.has("-O", "--remote-name", "-J") if call.program != "wget" else not output
    return method, output, named


def _wget_output(call: Call) -> str:
    for at, arg in enumerate(call.args):
        found = re.match(r"-[a-zA-Z]*O(.*)$", plain(arg))
        if found and not arg.startswith("--"):
            return found[1] or (plain(call.args[at + 1]) if at + 1 < len(call.args) else "")
    return call.value("--output-document")


def fetch(walk: Walk, call: Call) -> Flow:
    """`curl`, `wget`, `http`: one request."""
    request = _request(call)
    url = next((one for one in request.urls if one), "")
    host = host_in(url) or host_in(f"//{url}")
    to = host_class(host)
    if to == "metadata":
        walk.act("metadata", call.program, host=host, to=to, path=url[:200])
    _sends(walk, call, request, host, to)
    if request.method == "DELETE" and _DELETE_API.search(host):
        walk.act("teardown", call.program, host=host, to=to, path=url[:200])
    body = " ".join(value for value, _ in request.bodies) + (call.stdin.text if request.bodies else "")
    if body and _DESTROYS.search(body) and to != "localhost":
        walk.act("teardown", call.program, host=host, to=to, path=url[:200])
    flow = Flow(frozenset({"fetched"}) if to != "localhost" else frozenset(), host=host, url=url)
    output = request.output or (url.split("?")[0].rpartition("/")[2] if request.remote_name else "")
    if output and output not in {"-", "/dev/null", "/dev/stdout"}:
        walk.wrote(output, flow, call.program)
        return NOTHING
    return flow


def _sends(walk: Walk, call: Call, request: _Request, host: str, to: str) -> None:
    """The acts of sending: what leaves, and how secret it is."""
    if to == "localhost" or not host:
        return
    for value, flow in request.bodies:
        file = re.search(r"(?:^|=)[@<]([^;,]+)", value)
        if file and file[1] != "-":
            _sends_file(walk, call, file[1], host, to)
        elif value in {"@-", "-"} or (file and file[1] == "-"):
            _sends_flow(walk, call, call.stdin, host, to)
        else:
            _sends_text(walk, call, value, flow, host, to)
    for value in request.uploads:
        if value in {"-", "."}:
            _sends_flow(walk, call, call.stdin, host, to)
        else:
            _sends_file(walk, call, value, host, to)
    for url in request.urls:
        if REDACTED in url or (url.count("$(…)") and call.flow.tags & {"env", "secret"}):
            walk.act("send", call.program, target="secret", host=host, to=to, detail=("in-url",))
    if not request.bodies and not request.uploads and request.method in {"POST", "PUT", "PATCH"}:
        walk.act("outward", call.program, host=host, to=to)


def _sends_file(walk: Walk, call: Call, name: str, host: str, to: str) -> None:
    kind, path = walk.file(name)
    place = walk.place(name)[0]
    if kind in SECRET_CLASSES:
        walk.act("send", call.program, target=kind, path=path, host=host, to=to, detail=("file",))
    elif _ARCHIVE.search(path):
        walk.act("send", call.program, target="archive", path=path, host=host, to=to, detail=("file",))
    else:
        walk.act(
            "send",
            call.program,
            target="file" if place != "temp" else "temp-file",
            path=path,
            host=host,
            to=to,
            detail=("file",),
        )


def _sends_flow(walk: Walk, call: Call, flow: Flow, host: str, to: str) -> None:
    if flow.tags & {"secret", "env", "dump", "archive"}:
        sent(walk, call, host, flow)
    else:
        _sends_text(walk, call, flow.text, NOTHING, host, to)


def _sends_text(walk: Walk, call: Call, text: str, flow: Flow, host: str, to: str) -> None:
    if flow.tags & {"secret", "env", "dump", "archive"}:
        sent(walk, call, host, flow)
        return
    target = "secret" if REDACTED in text else "text"
    walk.act("send", call.program, target=target, host=host, to=to)
    walk.act("outward", call.program, host=host, to=to)


def copied_to(walk: Walk, call: Call, target: str, flow: Flow) -> None:
    """Files are copied to `host:path` or `s3://bucket`."""
    host = host_in(target) or target
    if flow.tags & {"secret", "env", "dump"}:
        sent(walk, call, host, flow)
    elif host_class(host) in {"unknown-host", "drop-host"}:
        walk.act("send", call.program, target="file", host=host, to=host_class(host), detail=("copied",))


def scp(walk: Walk, call: Call) -> Flow:
    """`scp FILE host:PATH`."""
    values = frozenset("-i -P -o -c -F -l -S -J".split())
    words = [
        arg
        for at, arg in enumerate(call.args)
        if not arg.startswith("-") and (at == 0 or call.args[at - 1] not in values)
    ]
    if len(words) < 2:
        return NOTHING
    flow = NOTHING
    for arg in words[:-1]:
        if not host_in(plain(arg)):
            flow = flow.merge(walk.content_of(arg, call.program))
            if walk.place(arg)[0] in {"home", "root"}:
                flow = flow.merge(Flow(frozenset({"secret"}), target="home", path=walk.path(arg)))
    if host_in(plain(words[-1])):
        copied_to(walk, call, plain(words[-1]), flow)
    return NOTHING


def netcat(walk: Walk, call: Call) -> Flow:
    """`nc HOST PORT`: with -e a shell, with input an upload."""
    words = [plain(word) for word in call.words()]
    host = words[0].lower() if words else ""
    to = host_class(host) or "unknown-host"
    if call.program == "socat":
        text = " ".join(call.plain)
        found = re.search(r"(?:TCP|UDP|OPENSSL|SSL)[46]?(?:-CONNECT)?:([^:,\s]+)", text, re.IGNORECASE)
        if found and re.search(r"EXEC:|SYSTEM:|SHELL:", text, re.IGNORECASE):
            walk.act("remote-shell", "socat", host=found[1], to=host_class(found[1]) or "unknown-host")
        elif found and call.stdin.tags:
            sent(walk, call, found[1], call.stdin)
        return NOTHING
    if (
        call.has("-e", "-c", "--exec", "--sh-exec")
        and any(re.search(r"(?:^|/)(?:ba|z|da|k)?sh$|cmd(?:\.exe)?$|powershell", word) for word in call.plain)
    ) or "shell" in call.stdin.tags:
        walk.act("remote-shell", call.program, host=host, to=to)
    elif call.stdin.tags & {"secret", "env", "archive", "dump"} and to != "localhost":
        sent(walk, call, host, call.stdin)
    elif (
        (call.stdin.path or call.stdin.text)
        and to not in {"localhost", "private-host"}
        and not call.has("-z")
    ):
        walk.act("send", call.program, target="text", host=host, to=to)
    elif call.stdin.path.startswith(("/tmp/", "./")) and not call.args:  # noqa: S108 - a named pipe's usual place
        walk.act("remote-shell", call.program, host=host, to=to)
    return Flow(frozenset({"fetched"}) if to != "localhost" else frozenset(), host=host)


def lookup(walk: Walk, call: Call) -> Flow:
    """`dig $(…).host`: names carry data out."""
    for arg, flow in zip(call.args, call.flows, strict=False):
        if flow.tags & {"secret", "env"} or REDACTED in arg:
            walk.act(
                "send",
                call.program,
                target=flow.target or "secret",
                host=plain(arg)[-80:],
                to="unknown-host",
                detail=("dns",),
            )
        elif "$(…)" in arg and "." in arg.partition("$(…)")[2]:
            walk.act(
                "send", call.program, target="text", host=plain(arg)[-80:], to="unknown-host", detail=("dns",)
            )
    return NOTHING


NETWORK = {
    **dict.fromkeys(("curl", "wget", "http", "https", "xh", "curlie", "aria2c", "axel"), fetch),
    **dict.fromkeys(("scp", "sftp", "pscp"), scp),
    **dict.fromkeys(("nc", "ncat", "netcat", "socat", "telnet", "nc.traditional"), netcat),
    **dict.fromkeys(("dig", "nslookup", "host", "drill", "ping", "getent"), lookup),
}
