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


def test_a_shared_homes_gate_is_read_by_all_and_stays_so(tmp_path: Path) -> None:
    home = Home(str(tmp_path / "home"))
    home.make(shared=True)
    home.make()  # a command of root's must not make it private
    modes = {
        name: stat.S_IMODE(os.stat(home.at(name)).st_mode)
        for name in ("", "gate", "gate/spool", "audit", "keys")
    }
    assert modes == {"": 0o711, "gate": 0o755, "gate/spool": 0o1733, "audit": 0o700, "keys": 0o700}
    assert home.shared
    assert stat.S_IMODE(os.stat(home.latch_ready).st_mode) == 0o644
    private = Home(str(tmp_path / "other"))
    private.make()
    assert (private.shared, private.gate_mode) == (False, 0o600)
