# SPDX-License-Identifier: Apache-2.0
"""`irkit redact` as a filter: real processes, real pipes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.stream.secret_corpus import ALNUM, Maker

ROOT = Path(__file__).parent.parent.parent
PASSWORD = Maker(3).of(ALNUM, 16)
TOKEN = "glpat-" + Maker(4).of(ALNUM, 20)


def irkit(
    tmp_path: Path, *args: object, stdin: bytes = b"", **env: str
) -> "subprocess.CompletedProcess[bytes]":
    clean = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **env}
    argv = [sys.executable, "-m", "irkit", "redact", *map(str, args)]
    return subprocess.run(argv, env=clean, input=stdin, capture_output=True, timeout=60, check=False)


@pytest.mark.parametrize("detector", ["auto", "redact-secret", "builtin"])
def test_masks_and_leaves_every_other_byte(tmp_path: Path, detector: str) -> None:
    before, after = b"\xff\xfe\x00 caf\xc3\xa9 \r\n", b"\n\xc3("
    text = before + f"PGPASSWORD={PASSWORD}".encode() + after
    done = irkit(tmp_path, "--detector", detector, stdin=text)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(before + b"PGPASSWORD=[redacted:password:")
    assert done.stdout.endswith(b"]" + after)
    assert PASSWORD.encode() not in done.stdout


def test_json_tells_places_over_all_files_and_no_value(tmp_path: Path) -> None:
    first, second = f"€𝄞 {TOKEN}\n", f'x\n{{"token": "{TOKEN}"}}'
    (tmp_path / "a").write_text(first)
    (tmp_path / "b").write_text(second)
    done = irkit(tmp_path, "--json", tmp_path / "a", tmp_path / "b")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    whole = first + second
    assert [whole[row["start"] : row["end"]] for row in rows] == [TOKEN, TOKEN]
    assert [list(row) for row in rows] == [["kind", "start", "end", "fingerprint"]] * 2
    assert rows[0]["fingerprint"] == rows[1]["fingerprint"]
    assert TOKEN.encode() not in done.stdout
    assert done.returncode == 0


def test_nothing_found_is_exit_0_and_the_same_bytes(tmp_path: Path) -> None:
    done = irkit(tmp_path, stdin=b"plain words\n")
    assert (done.returncode, done.stdout) == (0, b"plain words\n")
    assert irkit(tmp_path, "--json", stdin=b"plain words\n").stdout == b""
    assert not (tmp_path / ".local").exists(), "a filter makes no home"


def test_marks_are_those_of_the_home(tmp_path: Path) -> None:
    keys = tmp_path / "home" / "keys"
    keys.mkdir(parents=True)
    (keys / "redact.key").write_bytes(b"k" * 32)
    text = f"t {TOKEN}".encode()
    home = str(tmp_path / "home")
    assert (
        irkit(tmp_path, stdin=text, IRKIT_HOME=home).stdout
        == irkit(tmp_path, stdin=text, IRKIT_HOME=home).stdout
    )
    assert irkit(tmp_path, stdin=text).stdout != irkit(tmp_path, stdin=text).stdout


def test_known_values_are_masked_in_any_form(tmp_path: Path) -> None:
    word = "correct horse battery " + "staple"
    done = irkit(tmp_path, stdin=f"a {word} b\n".encode(), DEPLOY_PASSWORD=word)
    assert done.stdout.startswith(b"a [redacted:env-password:")
    done = irkit(tmp_path, "--no-known-values", stdin=f"a {word} b\n".encode(), DEPLOY_PASSWORD=word)
    assert done.stdout == f"a {word} b\n".encode()


def test_a_file_that_is_not_there_is_one_line_and_exit_2(tmp_path: Path) -> None:
    done = irkit(tmp_path, tmp_path / "none")
    assert done.returncode == 2
    assert done.stderr.count(b"\n") == 1
    assert b"none" in done.stderr
    assert irkit(tmp_path, tmp_path).returncode == 2


MEASURED = """
import sys
from irkit.cli.main import main
main(["redact", sys.argv[1]])
status = open("/proc/self/status").read()  # ru_maxrss would count what the parent had
print(status.split("VmHWM:")[1].split()[0], file=sys.stderr)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
def test_memory_does_not_grow_with_the_input(tmp_path: Path) -> None:
    peaks = []
    for size in (1, 24):
        big = tmp_path / "big"
        big.write_bytes(b"words and more words on a line\n" * (size * 1024 * 1024 // 31))
        done = subprocess.run(
            [sys.executable, "-c", MEASURED, str(big)],
            env={"HOME": str(tmp_path), "PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=60,
            check=True,
        )
        peaks.append(int(done.stderr))
    assert peaks[1] < peaks[0] + 12 * 1024, f"{peaks} KiB"
