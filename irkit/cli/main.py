# SPDX-License-Identifier: Apache-2.0
"""The command line: a table of commands, each imported only when it is asked for.

`freeze`, `kill` and `latch` never get here first: `irkit.__main__` hands them to the kill path before any parser
is built. Their rows here are for `--help`.
"""

import argparse
import importlib
import sys
from typing import NoReturn

from irkit import exit_codes
from irkit.errors import IrkitError

COMMANDS = {
    "init": "find the agents on this machine, install hooks, prove that they fire",
    "uninstall": "take the hooks out again; evidence stays",
    "guard": "run the guard in the foreground",
    "run": "start an agent contained: irkit run -- claude",
    "service": "install, status, remove: the guard as a service of yours or the system's",
    "hotkey": "one key that freezes everything: install, status, remove",
    "status": "what runs, what is frozen, and how to answer  [--watch]",
    "sessions": "the sessions, one row each",
    "freeze": "stop everything a session started (no target: all)",
    "resume": "let a frozen session go on",
    "kill": "freeze, kill, and verify every death (no target: all)",
    "latch": "from now on no tool call passes (no target: all)",
    "unlatch": "take the latch back",
    "disarm": "list, run, undo, accept: what was left to start again later",
    "incident": "list, show, open, note, close",
    "playbook": "list, show, lint",
    "log": "tail, show, verify the audit log",
    "verify": "check a log or a bundle, without a guard",
    "rules": "list, test, replay on your own history, except",
    "redact": "mask secrets, stdin to stdout",
    "policy": "show what changed, approve it",
    "notify": "test that people would be told",
    "doctor": "what this machine can and cannot promise",
    "demo": "a decoy agent, a real burst, a real stop, in a throw-away home",
    "completion": "print shell completion for bash, zsh or fish",
}
_EPILOG = """examples:
  irkit init --dry-run        show what would change in the agents' settings
  irkit guard                 watch
  irkit status                what is going on, and what waits for an answer
  irkit kill                  stop every session now

exit codes: 0 done · 1 negative result · 2 bad input · 3 needs a human · 4 not permitted ·
  5 no guard · 10 all known dead, classes not ruled out · 11 survivor · 12 done in part"""


class _Parser(argparse.ArgumentParser):
    """Errors are one line and exit 2, without the usage block."""

    def error(self, message: str) -> NoReturn:
        hint = f"see `{self.prog} --help`"
        sys.stderr.write(f"{self.prog}: {message}; {hint}\n")
        raise SystemExit(exit_codes.BAD_INPUT)


def overview() -> str:
    """The text of `irkit --help`."""
    rows = "\n".join(f"  {name:<11} {meaning}" for name, meaning in COMMANDS.items())
    return (
        "usage: irkit COMMAND [...]   (irkit COMMAND --help tells more)\n\n"
        "irkit watches what AI coding agents do on this machine, and stops them.\n\n"
        f"commands:\n{rows}\n\n{_EPILOG}\n"
    )


def parser_of(name: str) -> argparse.ArgumentParser:
    """The parser of one command."""
    module = importlib.import_module(f"irkit.cli.commands.{name.replace('-', '_')}")
    parser = _Parser(
        prog=f"irkit {name}", description=COMMANDS[name], formatter_class=argparse.RawDescriptionHelpFormatter
    )
    module.configure(parser)
    parser.set_defaults(run=module.run)
    return parser


def main(argv: list[str]) -> int:
    """Run one command; the return value is the exit code."""
    if not argv or argv[0] in {"-h", "--help", "help"}:
        sys.stdout.write(overview())
        return exit_codes.DONE
    if argv[0] in {"-V", "--version", "version"}:
        from importlib.metadata import version

        sys.stdout.write(f"irkit {version('irkit-guard')}\n")
        return exit_codes.DONE
    name = argv[0]
    if name not in COMMANDS:
        import difflib

        near = difflib.get_close_matches(name, COMMANDS, n=1)
        fix = f"did you mean `irkit {near[0]}`?" if near else "see `irkit --help`"
        sys.stderr.write(f"irkit: no command {name!r}; {fix}\n")
        return exit_codes.BAD_INPUT
    args = parser_of(name).parse_args(argv[1:])
    try:
        return int(args.run(args))
    except IrkitError as error:
        sys.stderr.write(f"irkit: {error.diagnostics()}\n")
        return error.exit_code
    except PermissionError as error:
        sys.stderr.write(f"irkit: {error.filename or name}: {error.strerror}; check its owner and mode\n")
        return exit_codes.NOT_PERMITTED
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        sys.stderr.write(f"irkit: {error.filename or name}: {error.strerror}; check the path\n")
        return exit_codes.BAD_INPUT
    except BrokenPipeError:
        sys.stderr.close()
        return exit_codes.DONE
    except KeyboardInterrupt:
        return 130
