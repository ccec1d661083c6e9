# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: ARG001 - all handlers have one signature
"""Programs that remove, overwrite, move, read and pack files."""

import re

from irkit.detect.flow import NOTHING, Flow
from irkit.detect.places import is_temporary
from irkit.detect.shell import plain
from irkit.detect.walk import Call, Walk

_FIND_VALUES = frozenset(
    "-name -iname -path -ipath -type -maxdepth -mindepth -mtime -mmin -size -user -newer -regex -perm -ctime -atime -prune -not -o -a".split()
)
_RSYNC_VALUES = frozenset(
    ("-e", "--rsh", "--exclude", "--include", "--filter", "-f", "--files-from", "--port")
)
_NARROWS = frozenset(
    "-name -iname -path -ipath -wholename -regex -iregex -mtime -mmin -ctime -atime -newer -size -empty -user -maxdepth".split()
)
_HUNTED = re.compile(
    r"id_(?:rsa|ed25519|ecdsa|dsa)|\.pem|\.ppk|credentials|\.kdbx|wallet|\.netrc|secret|\.aws|private[ _-]?key|AKIA|BEGIN|passw",
    re.IGNORECASE,
)


def rm(walk: Walk, call: Call) -> Flow:
    """Removes its arguments; folders only with -r."""
    recursive = call.has("-r", "-R", "--recursive", "-d") or call.program in {
        "rimraf",
        "shred",
        "srm",
        "trash",
        "del-cli",
    }
    for arg in call.words():
        removed(walk, call.program, arg, recursive=recursive)
    return NOTHING


def removed(walk: Walk, program: str, arg: str, *, recursive: bool, words: tuple[str, ...] = ()) -> None:
    """Note that a path is gone for good; a single file only where it means something."""
    place, path, whole = walk.place(arg)
    kind = walk.file(path)[0] if not walk.contained else ""
    if kind == "guard":
        walk.act("tamper", program, target=kind, path=path)
        return
    if kind in {"agent-state", "disk"} or (
        kind in {"key-content", "credential-file", "start-file", "agent-settings"} and place != "made"
    ):
        place = place if place in {"home", "home-part"} and kind != "agent-state" else kind
        walk.act("delete", program, target=place, path=path, detail=words)
    elif place and (recursive or whole):
        detail = (*words, "recursive") if recursive else words
        walk.act("delete", program, target=place, path=path, detail=(*detail, "all") if whole else detail)


def find(walk: Walk, call: Call) -> Flow:
    """`find ROOT … -delete`, `-exec CMD`; otherwise a list of paths."""
    args = call.args
    roots = []
    for arg in args:
        if arg.startswith(("-", "(", "!")):
            break
        roots.append(arg)
    roots = roots or ["."]
    narrowed = any(arg in _NARROWS for arg in args)
    if "-delete" in args:
        for root in roots:
            _swept(walk, call.program, root, narrowed=narrowed)
    for at, arg in enumerate(args):
        if arg in {"-exec", "-execdir", "-ok", "-okdir"}:
            end = next((i for i in range(at + 1, len(args)) if plain(args[i]) in {";", "+"}), len(args))
            _executed(walk, call, args[at + 1 : end], roots, narrowed=narrowed)
    for root in roots:
        place = walk.place(root)[0]
        if place in {"root", "home", "system", "home-part", "above-project"} and _HUNTED.search(
            " ".join(args[len(roots) :])
        ):
            walk.act("hunt", call.program, target=place, path=walk.path(root))
    return Flow(
        paths=tuple(root.rstrip("/") + ("/?" if narrowed else "/*") for root in roots), filtered=narrowed
    )


def _swept(walk: Walk, program: str, root: str, *, narrowed: bool) -> None:
    if narrowed:
        place, path, _ = walk.place(root)
        if place in {"root", "system"} and path == "/":
            walk.act("delete", program, target="root", path=path, detail=("recursive", "narrowed"))
        elif place:
            walk.act(
                "delete",
                program,
                target="outside-project"
                if place in {"home", "home-part", "above-project", "other-repo", "project-root"}
                else place,
                path=path,
                detail=("narrowed",),
            )
        return
    removed(walk, program, root, recursive=True)


def _executed(walk: Walk, call: Call, command: list[str], roots: list[str], *, narrowed: bool) -> None:
    program = plain(command[0]).rpartition("/")[2] if command else ""
    if program in {"rm", "shred", "unlink", "rimraf"}:
        for root in roots:
            _swept(walk, program, root, narrowed=narrowed)
        return
    filled = [arg.replace("{}", (roots[0].rstrip("/") or "/") + "/?") for arg in command]
    walk.again(Call(["", *filled], [NOTHING] * (len(filled) + 1), (), NOTHING, ""), 0)


def move(walk: Walk, call: Call) -> Flow:
    """`mv SOURCE… TARGET`: the sources are gone; into nowhere they are deleted."""
    words = call.words()
    target = call.value("-t", "--target-directory") or (words[-1] if len(words) > 1 else "")
    for arg in words[:-1] if not call.value("-t") else words:
        place, path, whole = walk.place(arg)
        away = plain(target) == "/dev/null" or is_temporary(walk.path(target))
        if place in {"home", "root", "system"} or (
            place in {"home-part", "other-repo", "above-project", "project-root"} and (whole or away)
        ):
            walk.act("delete", call.program, target=place, path=path, detail=("moved",))
        _taken(walk, call.program, arg)
    if target:
        walk.wrote(target, NOTHING, call.program)
    return NOTHING


def copy(walk: Walk, call: Call) -> Flow:
    """`cp`, `install`, `ln`: reads the sources, writes the target."""
    words = call.words()
    if call.program == "ln" and words:
        for arg in words[:-1]:
            _taken(walk, call.program, arg)
    flow = NOTHING
    for arg in words[:-1]:
        if call.program != "ln":
            flow = flow.merge(_taken(walk, call.program, arg))
    if len(words) > 1:
        if plain(words[-2]) == "/dev/null":
            removed(walk, call.program, words[-1], recursive=False)
        walk.memory.note_made(walk.path(words[-1])) if call.has("-r", "-R", "-a") else None
        walk.wrote(words[-1], flow, call.program)
    return NOTHING


def _taken(walk: Walk, program: str, arg: str) -> Flow:
    """A file is read, so that its content goes on."""
    return walk.content_of(arg, program)


def read(walk: Walk, call: Call) -> Flow:
    """Programs that write what is in their files: `cat`, `head`, `base64`, `jq`, …"""
    flow = call.stdin
    words = call.words()
    if call.program in {
        "grep",
        "egrep",
        "fgrep",
        "rg",
        "ag",
        "ack",
        "sed",
        "awk",
        "gawk",
        "jq",
        "yq",
        "perl",
    }:
        pattern = not call.has("-e", "-f", "--regexp", "--file")
        hunted = " ".join(words[:1])
        words = words[1:] if pattern else words
        if call.program in {"grep", "egrep", "rg", "ag", "ack"} and call.has("-r", "-R", "-l") | (
            call.program in {"rg", "ag", "ack"}
        ):
            for arg in words:
                place, path, _ = walk.place(arg)
                if place in {"root", "home", "system", "above-project"} and _HUNTED.search(hunted):
                    walk.act("hunt", call.program, target=place, path=path)
    if call.program == "sed" and call.has("-i", "--in-place"):
        for arg in words:
            walk.wrote(arg, Flow(text=" ".join(call.plain)), "sed", append=True)
        return NOTHING
    for arg in words:
        flow = flow.merge(walk.content_of(arg, call.program))
    if (call.program == "base64" and call.has("-d", "-D", "--decode")) or (
        call.program in {"xxd", "uudecode", "base32"} and call.has("-r", "-d", "--decode")
    ):
        return flow._replace(tags=flow.tags | {"decoded"}, text="")
    return (
        flow
        if call.program in {"cat", "tac", "bat", "head", "tail", "tee"}
        else flow._replace(text=flow.text if call.program in {"grep", "tr"} else "")
    )


def tee(walk: Walk, call: Call) -> Flow:
    """Writes its input to its files too."""
    for arg in call.words():
        walk.wrote(arg, call.stdin, "tee", append=call.has("-a", "--append"))
    return call.stdin


def pack(walk: Walk, call: Call) -> Flow:
    """`tar`, `zip`: what goes into the archive, and where it goes."""
    args = call.plain
    creates = (
        call.program != "tar"
        or any(re.match(r"^-{0,2}\w*c", arg) for arg in args[:1])
        or call.has("-c", "--create")
    )
    if not creates:
        return call.stdin
    flow = Flow(frozenset({"archive"}))
    words = call.words()
    if call.program == "tar" and args and not args[0].startswith("-"):
        words = words[1:]
    for arg in words:
        place, path, _ = walk.place(arg)
        if place in {"home", "root"}:
            walk.act("read-secret", call.program, target="home", path=path)
            flow = flow.merge(Flow(frozenset({"secret"}), target="home", path=path))
        flow = flow.merge(walk.content_of(arg, call.program))
    return flow


def disk(walk: Walk, call: Call) -> Flow:
    """`dd of=`, `mkfs`, `wipefs`, `diskutil eraseDisk`: whole disks."""
    args = call.plain
    if call.program == "dd":
        flow = NOTHING
        for arg in call.args:
            if arg.startswith("of="):
                walk.wrote(arg[3:], NOTHING, "dd")
                if (place := walk.place(arg[3:])[0]) in {"system", "root"} and not plain(arg).startswith(
                    "of=/dev/"
                ):
                    walk.act("overwrite", "dd", target=place, path=walk.path(arg[3:]))
            elif arg.startswith("if="):
                flow = walk.content_of(arg[3:], "dd")
        return flow
    if call.program == "diskutil" and not any(
        a.lower().startswith(("erase", "reformat", "zero", "secureerase", "partitiondisk", "deletevolume"))
        for a in args[:2]
    ):
        return NOTHING
    if call.program in {"parted", "sgdisk", "fdisk"} and not any(
        a in {"mklabel", "rm", "--zap-all", "-Z"} for a in args
    ):
        return NOTHING
    target = next((a for a in args if a.startswith("/dev/")), "")
    if (target and walk.file(target)[0] == "disk") or call.program in {
        "diskutil",
        "format",
        "format-volume",
        "clear-disk",
    }:
        walk.act("overwrite", call.program, target="disk", path=target)
    return NOTHING


def rights(walk: Walk, call: Call) -> Flow:
    """`chmod`, `chown`, `setfacl`, `chattr`."""
    words = call.words()
    mode = plain(words[0]) if words else ""
    open_to_all = bool(
        re.search(r"^[0-7]?[0-7]?[0-7][2367]$|[oa]\+\w*w|^\+\w*w|^[0-7]*777$|^0*0$|a-\w*r|^-R$", mode)
    )
    for arg in words[1:]:
        place, path, _ = walk.place(arg)
        recursive = call.has("-R", "--recursive")
        if (
            place in {"root", "home", "system", "home-part", "above-project"}
            and recursive
            and (open_to_all or call.program != "chmod" or place in {"root", "system"})
        ):
            walk.act("open-up", call.program, target=place, path=path)
        elif open_to_all and walk.file(arg)[0] in {"key-content", "credential-file", "start-file"}:
            walk.act("open-up", call.program, target=walk.file(arg)[0], path=path)
        if call.program == "chmod" and ("u+s" in mode or "+s" in mode or re.match(r"^[4-7]\d{3}$", mode)):
            walk.act("persist", "chmod", target="setuid", path=path)
        if walk.file(arg)[0] == "guard":
            walk.act("tamper", call.program, target="guard", path=path)
    return NOTHING


def rsync(walk: Walk, call: Call) -> Flow:
    """Copies trees; `--delete` makes the target like the source; a target with a host is another machine."""
    from irkit.detect.on_network import copied_to

    words = call.words(_RSYNC_VALUES)
    if len(words) < 2:
        return NOTHING
    flow = NOTHING
    for arg in words[:-1]:
        flow = flow.merge(walk.content_of(arg, "rsync"))
        if walk.place(arg)[0] in {"home", "root"}:
            flow = flow.merge(Flow(frozenset({"secret"}), target="home", path=walk.path(arg)))
    if ":" in words[-1] and not words[-1].startswith(("/", "~", ".")):
        copied_to(walk, call, plain(words[-1]), flow)
    elif call.has(
        "--delete", "--delete-after", "--delete-before", "--delete-during", "--delete-excluded", "--del"
    ):
        removed(walk, "rsync", words[-1], recursive=True)
    return NOTHING


def truncate(walk: Walk, call: Call) -> Flow:
    """Empties files."""
    for arg in call.words():
        removed(walk, "truncate", arg, recursive=False)
    return NOTHING


def made(walk: Walk, call: Call) -> Flow:
    """`mkdir`: what a session made it may remove."""
    for arg in call.words():
        walk.memory.note_made(walk.path(arg))
    return NOTHING


def mktemp(walk: Walk, call: Call) -> Flow:
    """Its output is a path in the temporary folder."""
    return Flow(text="/tmp/mktemp.made")  # noqa: S108 - a name for what mktemp would print


def listing(walk: Walk, call: Call) -> Flow:
    """`ls DIR`: a list of paths."""
    words = call.words() or ["."]
    return Flow(paths=tuple(arg.rstrip("/") + "/*" if "*" not in arg else arg for arg in words))


def change_folder(walk: Walk, call: Call) -> Flow:
    """`cd`: later paths are relative to it."""
    words = call.words()
    if not words:
        walk.cwd = "~"
    elif plain(words[0]) != "-":
        walk.cwd = walk.path(words[0])
    return NOTHING


FILES = {
    **dict.fromkeys("rm rmdir shred srm rimraf unlink trash del-cli".split(), rm),
    **dict.fromkeys("find gfind fd".split(), find),
    **dict.fromkeys("cp install ln scp-local ditto".split(), copy),
    **dict.fromkeys(
        """cat tac bat less more head tail grep egrep fgrep rg ag ack sed awk gawk base64 base32 xxd od hexdump strings jq yq cut sort uniq nl rev
        tr fold paste wc-content iconv diff openssl gpg age bzcat zcat uuencode uudecode view vim-content pr xclip pbcopy column batcat gzip bzip2 xz zstd""".split(),
        read,
    ),
    **dict.fromkeys("tar zip 7z 7za rar ar cpio".split(), pack),
    **dict.fromkeys(
        "dd mkfs mke2fs wipefs diskutil parted fdisk sgdisk blkdiscard mkswap badblocks hdparm cryptsetup format".split(),
        disk,
    ),
    **dict.fromkeys("chmod chown chgrp setfacl".split(), rights),
    "mv": move,
    "tee": tee,
    "sponge": tee,
    "rsync": rsync,
    "truncate": truncate,
    "mkdir": made,
    "mktemp": mktemp,
    "ls": listing,
    "cd": change_folder,
    "pushd": change_folder,
}
