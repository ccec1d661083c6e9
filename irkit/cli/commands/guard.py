# SPDX-License-Identifier: Apache-2.0
"""`irkit guard`: watch, in the foreground, until SIGTERM or Ctrl-C."""

import argparse

from irkit.home import Home


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `irkit guard`."""
    parser.add_argument("--quiet", action="store_true", help="say nothing but errors")
    parser.add_argument("--json", action="store_true", help="say what happens as JSON lines on stdout")
    parser.add_argument(
        "--shared", action="store_true", help="agents of other users use this gate (system service)"
    )
    parser.epilog = (
        "One guard runs per home; a second says who holds it. It refuses to start inside an agent.\n\n"
        "examples:\n  irkit guard\n  IRKIT_HOME=/tmp/try irkit guard --json"
    )


def run(args: argparse.Namespace) -> int:
    """Run the guard."""
    from irkit.guard.daemon import run_guard

    return run_guard(Home(), quiet=args.quiet, as_json=args.json, shared=args.shared)
