# SPDX-License-Identifier: Apache-2.0
"""`irkit run -- CMD`: start an agent inside walls, so that its end can be proved.

`irkit.__main__` hands it over before any parser is built: it stands between a person and their agent. In order:
what is seen inside, walls (bubblewrap, else Landlock), the guard hears of it, go, relay, what appeared meanwhile.
Never a session that is called contained and is not: where no walls can be built it ends with 4, unless `--attached`.
"""

import os
import sys

from irkit import exit_codes
from irkit.confine import bubblewrap, environment
from irkit.confine.placeholders import Placeholders
from irkit.confine.relay import Relay
from irkit.confine.view import View, view_of
from irkit.confine.walls import Contained, NotContainedError
from irkit.errors import BadInputError, IrkitError, NotPermittedError
from irkit.home import Home

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

USAGE = """usage: irkit run [--bind PATH] [--hide PATH] [--env NAME] [--attached] [--show] [--ci [--artifact DIR]] -- CMD...

Start an agent contained: in a PID namespace that dies with this command, with a terminal of its own, irkit's state
and the places that run things later read-only, and no way to services that would act for it outside.

  --bind PATH      writable inside (a place that would be read-only, another project, a socket)
  --hide PATH      not seen inside
  --env NAME       a variable that goes in (else a list of harmless ones, and the agents' own API keys)
  --attached       where no walls can be built here, run it without, and say so
  --show           show what would be seen inside, and start nothing
  --ci             a guard of its own for this one command, no service; evidence goes to --artifact
  --artifact DIR   where --ci leaves its audit log and reports (default: irkit-evidence)

exit: the command's own code, 128+N for signal N; 4 when it cannot be contained; with --ci 10 or 11 when a rule stopped it.

examples:
  irkit run -- claude
  irkit run --bind ~/other/repo --env AWS_PROFILE -- codex
  irkit run --ci --artifact out -- claude -p 'fix the tests'
"""


class Wanted:
    """The command line, read."""

    def __init__(self) -> None:
        self.binds: list[str] = []
        self.hides: list[str] = []
        self.env: list[str] = []
        self.attached = self.show = self.ci = self.help = False
        self.artifact = ""
        self.command: list[str] = []


def main(argv: list[str]) -> int:
    """`run` as typed, without the word itself; returns the exit code."""
    try:
        wanted = read(argv)
        if wanted.help:
            sys.stdout.write(USAGE)
            return exit_codes.DONE
        if wanted.ci:
            from irkit.cli.ci import run_ci

            return run_ci(wanted)
        return contain(wanted, Home())
    except IrkitError as error:
        sys.stderr.write(f"irkit: {error.diagnostics()}\n")
        return error.exit_code


def configure(parser: "argparse.ArgumentParser") -> None:
    """For `--help` and completion; `main` reads the command line itself."""
    parser.add_argument("--bind", action="append", metavar="PATH", help="writable inside")
    parser.add_argument("--hide", action="append", metavar="PATH", help="not seen inside")
    parser.add_argument("--env", action="append", metavar="NAME", help="a variable that goes in")
    for flag in ("--attached", "--show", "--ci"):
        parser.add_argument(flag, action="store_true")
    parser.add_argument("--artifact", metavar="DIR", help="where --ci leaves its evidence")
    parser.add_argument("command", nargs="...")


def run(args: "argparse.Namespace") -> int:
    """Never reached from the command line: `irkit.__main__` calls `main`."""
    del args
    raise BadInputError("`irkit run` reads its own command line", fix="irkit run -- CMD")


def read(argv: list[str]) -> Wanted:
    """The command line. Raises BadInputError."""
    wanted = _words(list(argv))
    if not (wanted.command or wanted.show or wanted.help):
        raise BadInputError("no command", where="irkit run", fix="irkit run -- claude")
    for path in (*wanted.binds, *wanted.hides):
        if not os.path.exists(path):
            raise BadInputError("no such path", where=path, fix="--bind and --hide name what is there")
    return wanted


def _words(words: list[str]) -> Wanted:
    wanted = Wanted()
    lists = {"--bind": wanted.binds, "--hide": wanted.hides, "--env": wanted.env}
    while words:
        word = words.pop(0)
        name, equals, value = word.partition("=")
        if word == "--":
            wanted.command = words
            break
        if word in {"-h", "--help"}:
            wanted.help = True
            break
        if name in {*lists, "--artifact"}:
            if not equals and not words:
                raise BadInputError(f"{name} needs a value", where="irkit run", fix="see `irkit run --help`")
            value = value if equals else words.pop(0)
            if name == "--artifact":
                wanted.artifact = value
            else:
                lists[name].append(value)
        elif word in {"--attached", "--show", "--ci"}:
            setattr(wanted, word[2:], True)
        elif word.startswith("-"):
            raise BadInputError(f"no option {word}", where="irkit run", fix="put the command after `--`")
        else:
            wanted.command = [word, *words]
            break
    return wanted


def contain(wanted: Wanted, home: Home) -> int:
    """Build the walls, tell the guard, run it; returns the command's exit code."""
    kept, dropped = environment.cut(dict(os.environ), wanted.env)
    kept["TMPDIR"] = "/tmp"  # noqa: S108 - a private one, inside
    view = _view(wanted, home)
    if wanted.show:
        sys.stdout.write(shown(view, kept, dropped))
        return exit_codes.DONE
    terminals = [number for number in (0, 1, 2) if _is_terminal(number)]
    places = Placeholders()
    places.make(view.missing)
    before = {path: _state(path) for path, _why in view.watched}
    try:
        inside = _walls(view, places, wanted, kept, terminals)
        if inside is None:
            return _attached(wanted.command)
        from irkit.cli.contained import announce

        link = announce(home, inside, wanted.command, os.getcwd(), wanted.binds)
        if 2 in terminals:
            sys.stderr.write(_line(inside, view, kept, dropped, link.words))
        relay = Relay(inside, terminals, link.frozen, unattended=wanted.ci)
        relay.prepare()
        code = relay.go()
        if inside.how == "landlock":
            from irkit.confine.subreaper import end_all

            end_all()
    finally:
        places.remove()
    if relay.trouble:
        sys.stderr.write(f"irkit: {wanted.command[0]}: {relay.trouble}\n")
    appeared = [path for path, state in before.items() if _state(path) != state]
    for path in appeared:
        sys.stderr.write(
            f"irkit: {path} changed while this session ran: look at it before anything runs it\n"
        )
    link.ended(appeared)
    return code


def shown(view: View, kept: dict[str, str], dropped: list[str]) -> str:
    """What would be seen, for a person."""
    rows = ["writable", *(f"  {path}" for path in view.writable)]
    rows += ["read-only, though it lies in there", *(f"  {path:<44}  {why}" for path, why in view.readonly)]
    rows += ["not seen", *(f"  {path}" for path in ("/tmp", "/var/tmp", *view.hidden))]  # noqa: S108
    rows += [
        "cannot be covered: looked at when it ends",
        *(f"  {path:<44}  {why}" for path, why in view.watched),
    ]
    rows += [
        f"variables that go in\n  {' '.join(sorted(kept))}",
        f"variables left out\n  {' '.join(dropped)}",
    ]
    return "\n".join([*rows, *view.notes]) + "\n"


def _view(wanted: Wanted, home: Home) -> View:
    own = {
        os.path.dirname(os.path.dirname(os.path.abspath(bubblewrap.__file__))),
        sys.prefix,
        sys.base_prefix,
    }
    return view_of(
        home=os.path.realpath(home.path),
        user_home=os.path.realpath(os.path.expanduser("~")),
        cwd=os.path.realpath(os.getcwd()),
        binds=[os.path.realpath(path) for path in wanted.binds],
        hides=[os.path.realpath(path) for path in wanted.hides],
        own=sorted(os.path.realpath(path) for path in own),
    )


def _walls(
    view: View, places: Placeholders, wanted: Wanted, kept: dict[str, str], terminals: list[int]
) -> Contained | None:
    """The best walls that can be built here; None: none can, and that was accepted. Raises NotPermittedError."""
    from irkit.confine import landlock, marks, subreaper

    cwd, command = os.path.realpath(os.getcwd()), wanted.command
    failed = set(places.failed)
    view.binds = [bind for bind in view.binds if bind[-1] not in failed]
    own = marks.Marks()
    try:
        inside = bubblewrap.start(
            view,
            environ=kept,
            cwd=cwd,
            command=command,
            terminals=terminals,
            before=lambda: own.take(walls=True),
        )
        inside.cgroup = own.cgroup
        inside.marks = own
        return inside
    except NotContainedError as error:
        why = f"bubblewrap: {error}"
    if landlock.abi() >= landlock.ABI_SCOPES:
        inside = subreaper.start(
            view,
            environ=kept,
            cwd=cwd,
            command=command,
            terminals=terminals,
            before=lambda: own.take(walls=False),
        )
        inside.cgroup = own.cgroup
        inside.marks = own
        return inside
    own.remove()
    if wanted.attached:
        sys.stderr.write(f"irkit: not contained ({why}): running it attached, as you allowed\n")
        return None
    raise NotPermittedError(
        f"this machine cannot contain it ({why}; Landlock has no scopes here)",
        where="irkit run",
        fix="install bubblewrap (apt install bubblewrap) and allow user namespaces, or use Linux 6.12 or newer; "
        "--attached runs it without walls",
    )


def _attached(command: list[str]) -> int:
    try:
        os.execvp(command[0], command)  # noqa: S606 - the person's own command, without a shell
    except OSError as error:
        sys.stderr.write(f"irkit: {command[0]}: {error.strerror}\n")
    return 127


def _line(inside: Contained, view: View, kept: dict[str, str], dropped: list[str], words: str) -> str:
    keys = ", ".join(environment.secrets_kept(kept)) or "no key"
    notes = "".join(f"irkit: {note}\n" for note in view.notes)
    return f"irkit: contained by {inside.how}; {words}; let in: {keys}; {len(dropped)} variables left out\n{notes}"


def _is_terminal(number: int) -> bool:
    try:
        return os.isatty(number)
    except OSError:
        return False


def _state(path: str) -> tuple[int, ...]:
    """What tells whether somebody made or changed it."""
    try:
        found = os.lstat(path)
    except OSError:
        return ()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
