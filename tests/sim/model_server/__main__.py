# SPDX-License-Identifier: Apache-2.0
"""Serve a script by hand:  python -m tests.sim.model_server SCRIPT.json [--port N]"""

import argparse
import signal
import sys
from pathlib import Path

import msgspec

from tests.sim.model_server import ModelServer, Script


def main() -> int:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description="A scripted model on loopback.")
    parser.add_argument("script", type=Path, help="JSON, see tests/sim/model_server/script.py")
    parser.add_argument("--port", type=int, default=0, help="0: any free port")
    args = parser.parse_args()
    try:
        script = Script.from_json(args.script.read_bytes())
    except (OSError, ValueError, msgspec.MsgspecError) as error:
        print(f"{args.script}: {error}", file=sys.stderr)
        return 2
    with ModelServer(script, args.port) as server:
        print(server.url, flush=True)
        signal.sigwait({signal.SIGINT, signal.SIGTERM})
    return 0


if __name__ == "__main__":
    sys.exit(main())
