# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: ARG001 - all handlers have one signature

"""git and gh: what is pushed where, and what history is destroyed."""

import re

from irkit.detect.flow import NOTHING, Flow
from irkit.detect.hosts import host_class, host_in
from irkit.detect.shell import plain
from irkit.detect.walk import Call, Walk

_MAIN = re.compile(
    r"(?:^|/|:|\+)(?:main|master|trunk|develop|production|prod|release(?:/.*|-.*)?|stable|HEAD|gh-pages|\*)$"
)
_GLOBAL_VALUES = frozenset(
    "-C -c --git-dir --work-tree --namespace --exec-path --super-prefix --config-env".split()
)


def git(walk: Walk, call: Call) -> Flow:
    """One git command; `-C DIR` counts as its folder."""
    args = call.args
    at = 0
    cwd = walk.cwd
    while at < len(args) and args[at].startswith("-"):
        if args[at] == "-C" and at + 1 < len(args):
            walk.cwd = walk.path(args[at + 1])
        at += 2 if args[at] in _GLOBAL_VALUES else 1
    if at >= len(args):
        walk.cwd = cwd
        return NOTHING
    name = plain(args[at])
    rest = Call(
        ["git", *args[at + 1 :]], [NOTHING, *call.flows[at + 1 :]], call.redirects, call.stdin, call.heredoc
    )
    act = _COMMANDS.get(name)
    flow = (act(walk, rest) or NOTHING) if act else NOTHING
    walk.cwd = cwd
    return flow


def _where(walk: Walk) -> str:
    """`temp` for a repository in a temporary folder, or one that the session made itself."""
    return walk.place(".")[0]


def _push(walk: Walk, call: Call) -> Flow:
    words = [plain(word) for word in call.words()]
    remote, refs = (words[0] if words else "origin"), words[1:]
    address = walk.memory.remotes.get(remote, remote if ":" in remote or "/" in remote else "")
    host = host_in(address)
    detail = []
    if call.has("--mirror"):
        detail.append("mirror")
    if call.has("--delete", "-d") or any(ref.startswith(":") and len(ref) > 1 for ref in refs):
        detail.append("delete")
    forced = call.has("--force", "-f") or any(ref.startswith("+") for ref in refs)
    if forced and not call.has("--dry-run", "-n"):
        detail.append("force")
    if any(arg.startswith(("--force-with-lease", "--force-if-includes")) for arg in call.args):
        detail = [
            word for word in detail if word != "force" or (call.has("--force", "-f") and "-f" in call.args)
        ] + ["lease"]
    if any(_MAIN.search(ref.strip("'\"")) for ref in refs):
        detail.append("main")
    if call.has("--all", "--tags", "--prune") or "mirror" in detail:
        detail.append("everything")
    place = _where(walk)
    target = "scratch" if place in {"temp", "made"} else "remote"
    local = address.startswith(("/", ".", "~", "file:"))
    new = remote in walk.memory.remotes and remote not in {"origin", "upstream"}
    to = "localhost" if local else host_class(host) if host else ""
    if new or (address == remote and address):
        detail.append("new-remote")
    walk.act("push", "git", target=target, host=host, to=to, path=address or remote, detail=tuple(detail))
    walk.act("outward", "git", host=host, to=to)
    return NOTHING


def _remote(walk: Walk, call: Call) -> Flow:
    words = [plain(word) for word in call.words()]
    if len(words) >= 3 and words[0] in {"add", "set-url"}:
        walk.memory.note_remote(words[1] if words[0] == "add" or words[1] != "origin" else "origin", words[2])
    return NOTHING


def _reflog(walk: Walk, call: Call) -> Flow:
    if call.args[:1] == ["expire"] and call.has("--expire", "--expire-unreachable", "--all"):
        walk.act("rewrite", "git", target=_where(walk), path=walk.path("."), detail=("reflog",))
    elif call.args[:1] == ["delete"]:
        walk.act("rewrite", "git", target=_where(walk), path=walk.path("."), detail=("reflog-one",))
    return NOTHING


def _filter(walk: Walk, call: Call) -> Flow:
    walk.act("rewrite", "git", target=_where(walk), path=walk.path("."), detail=("filter",))
    return NOTHING


def _gc(walk: Walk, call: Call) -> Flow:
    if "now" in call.value("--prune") or (call.has("--aggressive") and call.has("--prune")):
        walk.act("rewrite", "git", target=_where(walk), path=walk.path("."), detail=("gc",))
    return NOTHING


def _update_ref(walk: Walk, call: Call) -> Flow:
    if call.has("-d", "--delete"):
        walk.act("rewrite", "git", target=_where(walk), path=walk.path("."), detail=("ref",))
    return NOTHING


def _branch(walk: Walk, call: Call) -> Flow:
    if call.has("-D") and any(_MAIN.search(plain(word)) for word in call.words()):
        walk.act("rewrite", "git", target=_where(walk), path=walk.path("."), detail=("branch",))
    return NOTHING


def _stash(walk: Walk, call: Call) -> Flow:
    if call.args[:1] == ["clear"]:
        walk.act("rewrite", "git", target=_where(walk), path=walk.path("."), detail=("stash",))
    return NOTHING


def _config(walk: Walk, call: Call) -> Flow:
    text = " ".join(call.plain)
    if call.has("--get", "--list", "-l", "--unset", "--get-all") or len(call.words()) < 2:
        return NOTHING
    key = plain(call.words()[0]).lower()
    if key in {
        "core.hookspath",
        "core.sshcommand",
        "core.fsmonitor",
        "credential.helper",
        "core.editor",
        "core.pager",
        "init.templatedir",
        "core.gitproxy",
    } or key.startswith(("alias.", "filter.", "url.")):
        scope = "global" if call.has("--global", "--system") else "local"
        risky = key in {"core.hookspath", "core.sshcommand", "core.fsmonitor", "init.templatedir"} or (
            key.startswith("alias.") and "!" in text
        )
        walk.act("persist" if risky else "write", "git", target="git-config", path=key, detail=(scope,))
    return NOTHING


def _clone(walk: Walk, call: Call) -> Flow:
    words = call.words()
    values = frozenset("-b --branch --depth -o --origin --reference -c --config --filter -j --jobs".split())
    words = [
        arg
        for at, arg in enumerate(call.args)
        if not arg.startswith("-") and (at == 0 or call.args[at - 1] not in values)
    ]
    if words:
        name = (
            words[1]
            if len(words) > 1
            else plain(words[0]).rstrip("/").rpartition("/")[2].removesuffix(".git")
        )
        walk.memory.note_made(walk.path(name))
    return NOTHING


def _worktree(walk: Walk, call: Call) -> Flow:
    words = [
        arg
        for at, arg in enumerate(call.args)
        if not arg.startswith("-") and (at == 0 or call.args[at - 1] not in {"-b", "-B", "--reason"})
    ]
    if words[:1] == ["add"] and len(words) > 1:
        walk.memory.note_made(walk.path(words[1]))
    return NOTHING


def _init(walk: Walk, call: Call) -> Flow:
    if words := call.words():
        walk.memory.note_made(walk.path(words[0]))
    return NOTHING


def _bundle(walk: Walk, call: Call) -> Flow:
    return (
        Flow(frozenset({"archive"}), target="archive")
        if call.args[:1] == ["create"] and call.args[1:2] == ["-"]
        else NOTHING
    )


def _archive(walk: Walk, call: Call) -> Flow:
    return Flow(frozenset({"archive"}), target="archive")


def _root(walk: Walk, call: Call) -> Flow:
    return Flow(text=walk.memory.project or ".") if call.has("--show-toplevel") else NOTHING


_COMMANDS = {
    "push": _push, "remote": _remote, "reflog": _reflog, "filter-branch": _filter, "filter-repo": _filter, "gc": _gc,
    "update-ref": _update_ref, "branch": _branch, "stash": _stash, "config": _config,
    "clone": _clone, "worktree": _worktree, "init": _init, "bundle": _bundle, "archive": _archive, "rev-parse": _root,
}  # fmt: skip


def gh(walk: Walk, call: Call) -> Flow:
    """GitHub's and GitLab's command lines: what other people see, and what is gone for good."""
    words = [plain(word) for word in call.words()]
    verb = tuple(words[:2])
    if verb[1:] and verb in {
        ("repo", "delete"),
        ("repo", "archive"),
        ("release", "delete"),
        ("secret", "delete"),
        ("project", "delete"),
    }:
        walk.act(
            "teardown",
            call.program,
            target="repository" if verb[0] == "repo" else verb[0],
            path=" ".join(words[2:3]),
        )
    elif verb in {("gist", "create"), ("snippet", "create")}:
        flow = call.stdin
        for arg in call.words()[2:]:
            flow = flow.merge(walk.content_of(arg, call.program))
        if flow.tags & {"secret", "env"}:
            walk.act(
                "send",
                call.program,
                target=flow.target or "environment",
                path=flow.path,
                host="gist.github.com",
                to="drop-host",
            )
        walk.act(
            "publish", call.program, target="gist", detail=("public",) if call.has("--public", "-p") else ()
        )
    elif verb == ("repo", "edit") and "public" in call.value("--visibility"):
        walk.act("publish", call.program, target="repository", detail=("public",))
    elif verb == ("auth", "token"):
        return Flow(frozenset({"secret"}), target="token", path="gh auth token")
    elif words[:1] == ["api"]:
        _api(walk, call)
    if verb[1:] and verb[1] in {
        "create",
        "comment",
        "merge",
        "close",
        "edit",
        "review",
        "reopen",
        "upload",
        "delete",
        "set",
    }:
        walk.act("outward", call.program, host="github.com", to="code-host")
    return NOTHING


def _api(walk: Walk, call: Call) -> None:
    method = call.value("-X", "--method").upper()
    path = next((plain(word) for word in call.words()[1:] if plain(word).upper() != method), "")
    if method == "DELETE":
        whole = re.fullmatch(r"/?repos/[^/]+/[^/]+/?", path)
        walk.act(
            "teardown" if whole else "outward",
            call.program,
            target="repository" if whole else "",
            path=path,
            host="github.com",
            to="code-host",
        )
    elif method or call.has("-f", "-F", "--field", "--raw-field", "--input"):
        walk.act("outward", call.program, host="github.com", to="code-host")


GIT = {"git": git, "gh": gh, "glab": gh, "hub": gh}
