# SPDX-License-Identifier: Apache-2.0
"""The options of freeze, kill and latch as a parser sees them: for help, completion and documentation.

The commands themselves never come here: `irkit.__main__` hands them to `irkit.respond.emergency`, which reads the
same words by hand. A test compares the two.
"""

import argparse

from irkit.respond import emergency
from irkit.respond.order import EXAMPLES, OPTIONS


def configure(parser: argparse.ArgumentParser, act: str) -> None:
    """The options of one of the three."""
    parser.add_argument("target", nargs="?", default="", metavar="TARGET", help=OPTIONS["TARGET"])
    parser.add_argument("--all", action="store_true", help=OPTIONS["--all"])
    parser.add_argument("--pid", default="", metavar="N", help=OPTIONS["--pid"])
    parser.add_argument("--yes", "-y", action="store_true", help=OPTIONS["--yes"])
    parser.add_argument("--json", action="store_true", help=OPTIONS["--json"])
    parser.add_argument("--reason", default="", metavar="TEXT", help=OPTIONS["--reason"])
    parser.epilog = EXAMPLES.format(act=act)


def run(args: argparse.Namespace, act: str) -> int:
    """Carry the order out, on the kill path."""
    words = [act, *(f"--{name}" for name in ("all", "yes", "json") if getattr(args, name))]
    words += [f"--{name}={value}" for name in ("pid", "reason") if (value := getattr(args, name))]
    return emergency.main([*words, *([args.target] if args.target else [])])
