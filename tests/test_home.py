# SPDX-License-Identifier: Apache-2.0
"""Where a home is, and what is in it."""

import os
import stat
from pathlib import Path

import platformdirs
import pytest

from irkit.home import Home, default_home


def test_the_default_is_what_platformdirs_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("IRKIT_HOME", raising=False)
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_home() == platformdirs.user_data_dir("irkit", appauthor=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert default_home() == platformdirs.user_data_dir("irkit", appauthor=False)
    monkeypatch.setenv("IRKIT_HOME", str(tmp_path / "mine"))
    assert default_home() == str(tmp_path / "mine")


def test_making_a_home_is_private_and_repeatable(tmp_path: Path) -> None:
    home = Home(str(tmp_path / "a home"))
    home.make()
    home.make()
    assert stat.S_IMODE(os.stat(home.path).st_mode) == 0o700
    assert Path(home.latch_ready).read_text() == "*\n"
    os.rename(home.latch_ready, home.latch)
    home.make()
    assert not os.path.exists(home.latch_ready), (
        "a latched home gets no second latch to rename over the first"
    )
