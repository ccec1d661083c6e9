# SPDX-License-Identifier: Apache-2.0
"""`irkit redact`: what the guard does to everything it records, as a filter. Needs no guard and no home.

Rules: bounded memory, whatever the input; bytes that are no UTF-8 pass unchanged; `--json` tells places and kinds, never a value.
"""

import argparse
import codecs
import os
import secrets
import sys
from collections.abc import Iterator
from typing import BinaryIO

import msgspec

from irkit import exit_codes
from irkit.errors import BadInputError
from irkit.home import Home
from irkit.limits import KIB
from irkit.stream.detector import DETECTORS
from irkit.stream.redact import LayeredRedactor, build_redactor
from irkit.stream.redact_stream import RedactStream, Written
from irkit.stream.value_sources import EnvironmentAndFiles

_PIECE_BYTES = 64 * KIB
_KEY_BYTES = 32


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `irkit redact`."""
    parser.add_argument("files", nargs="*", metavar="FILE", help="read these in order; - or none is stdin")
    parser.add_argument("--detector", choices=DETECTORS, default="auto", help="who looks (default auto)")
    parser.add_argument(
        "--json",
        action="store_true",
        help="instead of the text, one JSON object a secret: kind, place, fingerprint",
    )
    parser.add_argument(
        "--no-known-values",
        action="store_true",
        help="leave out the values of this environment and of the credential files in the home folder",
    )
    parser.epilog = (
        "Values that this user's environment and credential files hold are masked in any form. Text is held back\n"
        "until what follows it is known, so a live log comes out in large pieces. Exit 0 with and without findings.\n\n"
        "examples:\n  irkit redact < debug.log > debug.clean.log\n  irkit redact --json transcript.jsonl"
    )


def run(args: argparse.Namespace) -> int:
    """Mask secrets, or tell where they are."""
    exact = () if args.no_known_values else EnvironmentAndFiles(os.environ, os.path.expanduser("~")).values()
    redactor = build_redactor(_key(Home()), exact=exact, detector=args.detector)
    out = sys.stdout.buffer
    for written in _redacted(args.files or ["-"], redactor):
        if args.json:
            out.writelines(msgspec.json.encode(one) + b"\n" for one in written.findings)
        else:
            out.write(written.text.encode("utf-8", "surrogateescape"))
        out.flush()
    return exit_codes.DONE


def _redacted(names: list[str], redactor: LayeredRedactor) -> Iterator[Written]:
    """Each input by itself; places count on over all of them."""
    position = 0
    for name in names:
        stream = RedactStream(redactor, position)
        for piece in _pieces(name):
            yield from stream.feed(piece)
        yield from stream.finish()
        position = stream.position


def _pieces(name: str) -> Iterator[str]:
    """An input's text; bytes that are no UTF-8 are kept as lone surrogates."""
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    try:
        with _opened(name) as file:
            while block := file.read(_PIECE_BYTES):
                yield decoder.decode(block)
    except OSError as error:
        raise BadInputError(f"cannot be read ({error.strerror})", where=name, fix="name a file") from error
    yield decoder.decode(b"", final=True)


def _opened(name: str) -> BinaryIO:
    if name == "-":
        return open(sys.stdin.fileno(), "rb", buffering=0, closefd=False)
    return open(name, "rb")


def _key(home: Home) -> bytes:
    """The home's fingerprint key, so that the same secret has the mark it has in the log; else a random one."""
    path = os.path.join(home.keys, "redact.key")
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            found = file.read(_KEY_BYTES)
    except OSError:
        found = b""
    return found if len(found) == _KEY_BYTES else secrets.token_bytes(_KEY_BYTES)
