# SPDX-License-Identifier: Apache-2.0
"""Programs that start other programs: shells, `sudo`, `env`, `xargs`, `ssh`, containers. What they start is opened."""

import re

from irkit.detect.flow import NOTHING, Flow
from irkit.detect.hosts import host_class, host_in, is_installer
from irkit.detect.shell import plain
from irkit.detect.walk import Call, Walk

_WITH_VALUE = {
    "sudo": frozenset("-u -g -h -p -C -T -U -r -t --user --group --chdir -D".split()),
    "doas": frozenset(("-u", "-C")),
    "env": frozenset(("-u", "--unset", "-C", "--chdir")),
    "timeout": frozenset("-k -s --kill-after --signal".split()),
    "nice": frozenset(("-n", "--adjustment")),
    "ionice": frozenset("-c -n -p".split()),
    "xargs": frozenset(
        "-I -n -P -L -s -d -a -E --max-args --max-procs --delimiter --arg-file --replace".split()
    ),
    "watch": frozenset(("-n", "--interval")),
    "exec": frozenset(("-a",)),
    "stdbuf": frozenset("-i -o -e".split()),
    "ssh": frozenset("-b -c -D -E -e -F -I -i -J -L -l -m -O -o -p -Q -R -S -W -w".split()),
    "npx": frozenset(("-p", "--package")),
    "unshare": frozenset(),
    "strace": frozenset("-e -o -p -s".split()),
}
_SHELL_VALUE = frozenset("-o +o -O +O --rcfile --init-file".split())


def _first(call: Call, options: frozenset[str]) -> int:
    """Index of the first argument that is no option and no option's value."""
    at = 0
    while at < len(call.args):
        arg = plain(call.args[at])
        if arg == "--":
            return at + 1
        if arg in options:
            at += 2
        elif arg.startswith("-") and arg != "-":
            at += 1
        else:
            break
    return at


def prefix(walk: Walk, call: Call) -> Flow:
    """`nohup CMD`, `sudo -u x CMD`, `env A=b CMD`."""
    at = _first(call, _WITH_VALUE.get(call.program, frozenset()))
    if call.program == "env":
        if at >= len(call.args):
            return Flow(frozenset({"env"}), target="environment")
        while at < len(call.args) and "=" in call.args[at]:
            at += 1
        if call.has("-S"):
            return walk.run(" ".join(call.plain[at:]), call.stdin)
    if call.program == "script" and (text := call.value("-c", "-qc", "--command")):
        return walk.run(text, call.stdin)
    return walk.again(call, at)


def prefix_one(walk: Walk, call: Call) -> Flow:
    """Wrappers with one argument of their own: `timeout 5 CMD`, `flock FILE CMD`, `chroot DIR CMD`."""
    return walk.again(call, _first(call, _WITH_VALUE.get(call.program, frozenset())) + 1)


def watch(walk: Walk, call: Call) -> Flow:
    """`watch 'CMD'` runs its arguments as one text."""
    return walk.run(" ".join(call.plain[_first(call, _WITH_VALUE["watch"]) :]))


def xargs(walk: Walk, call: Call) -> Flow:
    """The program gets what comes through the pipe as arguments."""
    at = _first(call, _WITH_VALUE["xargs"])
    extra = list(call.stdin.paths) or call.stdin.text.split()[:64]
    args = call.args[at:] or ["echo"]
    token = call.value("-I") or "{}"
    if any(token in arg for arg in args):
        args = [
            part
            for arg in args
            for part in ([arg.replace(token, e) for e in extra] if token in arg and extra else [arg])
        ]
    else:
        args = args + extra
    inner = Call(["", *args], [call.stdin._replace(text="")] * (len(args) + 1), (), call.stdin, "")
    return walk.again(inner, 0)


def evaluate(walk: Walk, call: Call) -> Flow:
    """`eval`: its arguments are a text to run; what `$(…)` in them gave is run."""
    run_flow(walk, call.flow, call.program)
    return walk.run(" ".join(call.plain).replace("$(…)", " "), call.stdin)


def run_flow(walk: Walk, flow: Flow, program: str) -> None:
    """Something runs what a command wrote."""
    if "fetched" in flow.tags:
        kind = "installer" if is_installer(flow.url) else host_class(flow.host)
        walk.act("fetch-run", program, target=kind, to=kind, host=flow.host, path=flow.path)
    elif "decoded" in flow.tags:
        walk.act("decode-run", program)
    elif "script" in flow.tags:
        for act in walk.memory.scripts.get(flow.path, ()):
            walk.acts.append(act)


def shell(walk: Walk, call: Call) -> Flow:
    """`sh -c TEXT`, `sh FILE`, `… | sh`, `sh <(…)`."""
    at = 0
    args = call.plain
    while at < len(args):
        arg = args[at]
        if arg in _SHELL_VALUE:
            at += 2
        elif arg.startswith("-") and not arg.startswith("--") and "c" in arg[1:]:
            return _shell_text(walk, call, at + 1)
        elif arg.startswith(("-", "+")) and arg not in {"-", "--"}:
            at += 1
        else:
            break
    _reverse_shell(walk, call)
    if "-s" in args or at >= len(args) or args[at] == "-":
        flow = run_input(walk, call)
        return flow._replace(tags=flow.tags | {"shell"}) if call.has("-i") else flow
    if call.args[at].startswith("<("):
        run_flow(walk, call.flows[at], call.program)
        return NOTHING
    return run_file(walk, call.args[at], call.program)


def _shell_text(walk: Walk, call: Call, at: int) -> Flow:
    if at >= len(call.args):
        return NOTHING
    run_flow(walk, call.flows[at], call.program)
    text = call.plain[at]
    for number, value in enumerate(call.args[at + 1 : at + 10]):
        walk.env[str(number)] = [value]
    return walk.sub(text, call.stdin)


def run_input(walk: Walk, call: Call) -> Flow:
    """An interpreter runs what comes through the pipe."""
    flow = call.stdin
    run_flow(walk, flow, call.program)
    if flow.text and not flow.tags & {"fetched", "decoded"}:
        return walk.sub(flow.text)
    return NOTHING


def run_file(walk: Walk, arg: str, program: str) -> Flow:
    """A script runs: one that was fetched, or that this session wrote."""
    path = walk.path(arg)
    host = walk.memory.fetched.get(path)
    if host is not None:
        kind = host_class(host)
        walk.act("fetch-run", program, target=kind, to=kind, host=host, path=path, detail=("saved",))
    for act in walk.memory.scripts.get(path, ()):
        walk.acts.append(act)
    return NOTHING


def _reverse_shell(walk: Walk, call: Call) -> None:
    """A shell whose input and output are a connection."""
    for redirect in call.redirects:
        found = re.match(r"/dev/(?:tcp|udp)/([^/]+)/", plain(walk.expand(redirect.word.text)[0]))
        if found and (call.has("-i") or ">" in redirect.op or "<" in redirect.op):
            walk.act(
                "remote-shell", call.program, host=found[1].lower(), to=host_class(found[1]) or "unknown-host"
            )
            return


def source(walk: Walk, call: Call) -> Flow:
    """`. FILE`, `source <(…)`."""
    if call.args and call.args[0].startswith("<("):
        run_flow(walk, call.flows[0], call.program)
    elif call.args:
        if call.plain[0] in {"/dev/stdin", "-"}:
            return run_input(walk, call)
        return run_file(walk, call.args[0], call.program)
    return NOTHING


def ssh(walk: Walk, call: Call) -> Flow:
    """The rest of the line runs on another machine, as one text."""
    at = _first(call, _WITH_VALUE["ssh"])
    if at >= len(call.args):
        return NOTHING
    target = call.plain[at]
    host = host_in(f"//{target}") or target
    if call.stdin.tags & {"secret", "env", "archive", "dump"}:
        sent(walk, call, host, call.stdin)
    for forward in (call.value("-R"),):
        if forward and host_class(host) in {"unknown-host", "drop-host"}:
            walk.act("remote-shell", "ssh", host=host, to=host_class(host), detail=("tunnel",))
    text = " ".join(call.plain[at + 1 :])
    cwd, walk.cwd = walk.cwd, ""
    flow = walk.sub(text, call.stdin) if text else walk.sub(call.stdin.text) if call.heredoc else NOTHING
    walk.cwd = cwd
    return flow


def sent(walk: Walk, call: Call, host: str, flow: Flow, **more: "str | tuple[str, ...]") -> None:
    """What a flow carries goes to a host."""
    for tag, word in (
        ("secret", flow.target or "credential-file"),
        ("env", "environment"),
        ("dump", "dump"),
        ("archive", "archive"),
    ):
        if tag in flow.tags:
            walk.act(
                "send",
                call.program,
                target=word,
                path=flow.path,
                host=host,
                to=host_class(host) or "unknown-host",
                **more,
            )
            return


def container(walk: Walk, call: Call) -> Flow | None:
    """`docker exec C CMD`, `kubectl exec P -- CMD`: the paths are the container's."""
    args = call.plain
    if (
        not args
        or args[0] not in {"exec", "run", "compose"}
        or ("exec" not in args[:3] and "run" not in args[:3])
    ):
        return None
    values = frozenset(
        "-e -u -w -v -p --name --network --env --user --workdir --volume -n --namespace -c --container -f --file --mount --entrypoint --platform".split()
    )
    at = args.index("exec") + 1 if "exec" in args[:3] else args.index("run") + 1
    while at < len(args) and args[at].startswith("-") and args[at] != "--":
        if (
            args[at] in {"-v", "--volume"}
            and at + 1 < len(args)
            and args[at + 1].split(":")[0] in {"/", "~", "$HOME"}
        ):
            walk.act("loosen", call.program, target="root", path=args[at + 1], detail=("mount",))
        at += 2 if args[at] in values else 1
    at += 1
    if at < len(args) and args[at] == "--":
        at += 1
    inner = Walk(walk.memory, "", walk.handlers, contained=True)
    inner.depth = walk.depth
    flow = inner.again(call, at)
    walk.acts.extend(inner.acts)
    return flow


def npx(walk: Walk, call: Call) -> Flow:
    """`npx PROGRAM`, `uv run PROGRAM`, `poetry run PROGRAM`: the program by its name, without its version."""
    at = _first(call, _WITH_VALUE["npx"])
    while at < len(call.args) and call.plain[at] in {"run", "exec", "dlx", "x", "tool"}:
        at += 1 + _first(
            Call(["", *call.args[at + 1 :]], [NOTHING] * len(call.args[at:]), (), NOTHING, ""),
            _WITH_VALUE["npx"],
        )
    if at >= len(call.args):
        return NOTHING
    name = call.args[at]
    if "@" in name[1:]:
        call.args[at] = name[0] + name[1:].split("@")[0]
    return walk.again(call, at)


def su(walk: Walk, call: Call) -> Flow:
    """`su -c TEXT`."""
    text = call.value("-c", "--command")
    return walk.run(text, call.stdin) if text else NOTHING


WRAPPERS = {
    **dict.fromkeys(
        "sudo doas env nohup setsid nice ionice stdbuf command builtin exec time caffeinate unshare strace script busybox parallel gosu catchsegv proxychains torify sudoedit".split(),
        prefix,
    ),
    **dict.fromkeys("timeout gtimeout flock chroot taskset".split(), prefix_one),
    **dict.fromkeys("sh bash zsh dash ksh ash fish rbash".split(), shell),
    **dict.fromkeys((".", "source"), source),
    **dict.fromkeys(
        ("npx", "bunx", "uvx", "pipx", "poetry", "pipenv", "bundle", "uv", "pnpx", "dotenv"), npx
    ),
    "watch": watch,
    "xargs": xargs,
    "eval": evaluate,
    "ssh": ssh,
    "su": su,
    "runuser": su,
}
