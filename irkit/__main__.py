# SPDX-License-Identifier: Apache-2.0
"""The entry point. The kill path is dispatched before anything else is imported: it must start in milliseconds.
`irkit run` comes next, since a person waits for their agent behind it.
"""

import sys


def main() -> int:
    """Run `irkit ARGV`; returns the exit code."""
    if len(sys.argv) > 1 and sys.argv[1] in {"kill", "freeze", "latch"}:
        from irkit.respond.emergency import main as emergency

        return emergency(sys.argv[1:])
    if len(sys.argv) > 1 and sys.argv[1] == "run":
        from irkit.cli.commands.run import main as contained

        return contained(sys.argv[2:])
    from irkit.cli.main import main as command_line

    return command_line(sys.argv[1:])


if __name__ == "__main__":
    raise SystemExit(main())
