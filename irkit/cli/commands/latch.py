# SPDX-License-Identifier: Apache-2.0
"""`irkit latch`: its options, for help and completion. The command runs on the kill path, before any parser."""

import argparse

from irkit.cli import stopping


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `irkit latch`."""
    stopping.configure(parser, "latch")


def run(args: argparse.Namespace) -> int:
    """Carry it out."""
    return stopping.run(args, "latch")
