# SPDX-License-Identifier: Apache-2.0
"""What a guard is made of: the secrets of its home."""

import os
from pathlib import Path

from irkit.guard.wiring import KEY_BYTES, key_of
from irkit.home import Home


def test_a_key_is_made_once_whole_and_private(tmp_path: Path) -> None:
    home = Home(str(tmp_path / "home"))
    home.make()
    made = key_of(home, "args.key")
    assert len(made) == KEY_BYTES
    assert key_of(home, "args.key") == made
    assert os.stat(home.at("keys", "args.key")).st_mode & 0o777 == 0o600
    assert os.listdir(home.keys) == ["args.key"]


def test_what_a_crash_left_of_a_key_is_no_key(tmp_path: Path) -> None:
    home = Home(str(tmp_path / "home"))
    home.make()
    for name in ("args.key", f"args.key.{os.getpid()}.new"):
        Path(home.at("keys", name)).write_bytes(b"half")
    made = key_of(home, "args.key")
    assert len(made) == KEY_BYTES
    assert key_of(home, "args.key") == made
