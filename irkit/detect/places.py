# SPDX-License-Identifier: Apache-2.0
"""Paths, as far as their text tells: one form for home folders of every system, and the class of the place.

Rules: pure text, nothing is looked up on a disk. `/home/NAME`, `/Users/NAME`, `/root`, `C:/Users/NAME`, `~NAME` and
`$HOME` are all `~`. A path that still holds a variable has no class: what is not known is not guessed.
"""

import re

from irkit.detect.memory import Memory

_HOME = re.compile(r"^(?:/(?:home|Users)/[^/]+|/root|/var/root|[A-Za-z]:/Users/[^/]+)(?=/|$)")
_ALL = frozenset({"*", ".*", "**", "{*,.*}", ".[!.]*", ".??*", "*.*", "{.*,*}"})
_TEMP = re.compile(
    r"^(?:(?:/private)?/(?:tmp|var/tmp|var/folders)|/dev/shm|/run/user/\d+|[A-Za-z]:/(?:Windows/)?Temp|~/AppData/Local/Temp|"
    r"/var/cache|/var/lib/apt/lists|~/\.cache|~/Library/(?:Caches|Developer/Xcode/DerivedData)|~/\.npm/_|~/\.cargo/registry|"
    r"~/go/pkg|~/\.gradle/caches|~/\.m2/repository|~/\.local/share/Trash|~/\.Trash|~/\.terraform\.d/plugin-cache)(?=/|$)"
)  # fmt: skip
_SYSTEM = re.compile(
    r"^(?:/(?:etc|usr|bin|sbin|lib|lib32|lib64|boot|var|dev|sys|proc|opt|srv|home|Users|mnt|media|run|System|Library|Applications|"
    r"Volumes|private|snap|nix|data)|[A-Za-z]:(?:/(?:Windows|Program Files(?: \(x86\))?|ProgramData|Users))?)(?=/|$)"
)  # fmt: skip
_SYSTEM_DEPTH = {"/usr": 3, "/var": 3, "/opt": 1, "/srv": 1, "/mnt": 1, "/media": 1, "/Volumes": 1, "/data": 1,
    "/run": 1, "/nix": 2, "/snap": 1, "/home": 1, "/Users": 1, "/Library": 2, "/Applications": 2, "/private": 2}  # fmt: skip
"""How many parts of a path below these still are the system; elsewhere all of them."""
_HOME_PARTS = frozenset(
    """Documents Desktop Downloads Pictures Music Movies Videos Library Public Dropbox OneDrive .ssh .gnupg .aws .azure .kube
    .docker .config .local .claude .codex .gemini .cursor .password-store .mozilla .thunderbird code Code src projects
    Projects repos work dev git workspace Developer Sites AppData .git .oh-my-zsh .vscode .config/gcloud .local/share
    .claude/projects .codex/sessions Library/Keychains Library/Application\x00Support .ssh/keys""".replace("\x00", " ").split()
)  # fmt: skip
_ARTIFACTS = frozenset(
    """node_modules dist build out target .venv venv env __pycache__ .next .nuxt .turbo .cache coverage .pytest_cache
    .mypy_cache .ruff_cache .tox .gradle Pods DerivedData .parcel-cache .svelte-kit .output bin obj vendor tmp temp
    .terraform .eggs htmlcov storybook-static .angular .expo .dart_tool cmake-build-debug test-results playwright-report
    logs log .nyc_output .docusaurus .vite .wrangler .serverless .aws-sam""".split()
)  # fmt: skip
_SCRATCH = re.compile(
    r"(?:^|[-_.])(?:tmp|temp|test|tests|scratch|demo|sandbox|playground|worktrees?|wt|backup|bak|old|copy|clone|verify|check)(?:[-_.\d]|$)",
    re.IGNORECASE,
)
_CODE_FOLDERS = frozenset(
    "code src projects repos work dev git workspace workspaces developer source github repositories".split()
)
_MEMBERS = frozenset(
    "packages apps libs services crates modules plugins examples components cmd internal pkg tests test lib src".split()
)


def canonical(path: str, cwd: str = "") -> str:
    """The path in one form, absolute or from `~` where the text allows it.

    >>> canonical("../x/./y", "/home/dev/work/api"), canonical("/Users/ann/a//b/"), canonical("$HOME/.ssh")
    ('~/work/x/y', '~/a/b', '~/.ssh')
    """
    path = path.replace("\\", "/") if re.match(r"^[A-Za-z]:\\|^\\\\|^~\\", path) else path
    for name in ("$HOME", "${HOME}", "$USERPROFILE", "%USERPROFILE%", "$env:USERPROFILE", "$env:HOME"):
        if path.startswith(name) and path[len(name) : len(name) + 1] in {"", "/"}:
            path = "~" + path[len(name) :]
            break
    else:
        if path.startswith("~") and not path.startswith("~/"):
            path = "~" + path[len(path.partition("/")[0]) :]
    path = path.removeprefix("file://")
    if not path.startswith(("/", "~")) and not re.match(r"^[A-Za-z]:(/|$)", path):
        if path.startswith("$"):
            return path
        path = f"{cwd}/{path}" if cwd else f"./{path}"
    return _HOME.sub("~", _flat(path), count=1)


def _flat(path: str) -> str:
    """Without `.`, `..` and doubled slashes."""
    made: list[str] = []
    parts = path.split("/")
    for part in parts[1:]:
        if part in {"", "."}:
            continue
        if part == ".." and made and made[-1] != "..":
            made.pop()
        elif part == ".." and not made and parts[0] in {"~", ""}:
            parts[0] = "/home" if parts[0] == "~" else ""
        else:
            made.append(part)
    return "/".join([parts[0], *made]) if made or parts[0] else "/"


def is_temporary(path: str) -> bool:
    """Whether a canonical path is in a folder for what nobody will miss."""
    return _TEMP.match(path) is not None


def split_all(path: str) -> tuple[str, bool]:
    """The folder and True for a path that means everything in a folder (`x/*`), else the path and False."""
    head, _, tail = path.rpartition("/")
    return (head or ("/" if path.startswith("/") else "."), True) if tail in _ALL else (path, False)


def place_of(path: str, memory: Memory) -> str:
    """The class of a canonical path without its `/*`: how bad it is when it is gone.

    root, system, home, home-part, above-project, project-root, history (a repository's own data), other-repo, project,
    made (by this session), temp, artifact, outside-project, or empty when the text does not tell.
    """
    if "$" in path or "`" in path:
        return ""
    if path in {"/", "//", "C:", "C:/"}:
        return "root"
    if path == "~":
        return "home"
    project = memory.project
    if project and project != "-":
        if path == project:
            return "temp" if _TEMP.match(path) else "project-root"
        if project.startswith(path + "/"):
            return "above-project"
    if memory.made_it(path):
        return "made"
    if _TEMP.match(path):
        return "temp"
    if path.endswith("/.git"):
        return "history"
    name = path.rpartition("/")[2]
    if _inside(path, project):
        return "project"
    if path in {".", "./"}:
        return "project-root"
    return _outside(path, name, project)


def _inside(path: str, project: str) -> bool:
    if project and project != "-":
        return path.startswith(project + "/")
    return path.startswith("./") and not path.startswith("./..")


def _outside(path: str, name: str, project: str) -> str:
    if path.startswith("~/") and path[2:] in _HOME_PARTS:
        return "home-part"
    system = _SYSTEM.match(path)
    if system and not path.startswith("~"):
        depth = path[len(system[0]) :].count("/")
        return "system" if depth < _SYSTEM_DEPTH.get(system[0], 99) else "outside-project"
    if name in _ARTIFACTS:
        return "artifact"
    return "other-repo" if _looks_like_repo(path, name, project) else "outside-project"


def _looks_like_repo(path: str, name: str, project: str) -> bool:
    """Whether it stands where repositories stand: beside the project, or in a folder for code."""
    parent = path.rpartition("/")[0]
    base = parent.rpartition("/")[2].lower()
    project = "" if project == "-" else project
    mine = project.rpartition("/")[2]
    if not name or name.startswith((".", "$")) or "*" in name or _SCRATCH.search(name):
        return False
    if "." in name and not name.rpartition(".")[2].isdigit() and len(name.rpartition(".")[2]) <= 5:
        return False  # a file
    if mine and name != mine and name.startswith(mine):
        return False  # a worktree of the project, as people name them
    if project and project.rpartition("/")[0] == parent:
        return base not in _MEMBERS
    near = parent.count("/") <= (1 if base in {"src", "source"} else 2)
    return base in _CODE_FOLDERS and near and parent.startswith(("~", "/home", "/Users"))
