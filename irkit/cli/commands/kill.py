# SPDX-License-Identifier: Apache-2.0
"""`irkit kill`: its options, for help and completion. The command runs on the kill path, before any parser."""

import argparse

from irkit.cli import stopping


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `irkit kill`."""
    stopping.configure(parser, "kill")


def run(args: argparse.Namespace) -> int:
    """Carry it out."""
    return stopping.run(args, "kill")
