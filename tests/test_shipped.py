# SPDX-License-Identifier: Apache-2.0
"""What comes with irkit is found from a checkout as from a wheel."""

from pathlib import Path

from irkit.shipped import shipped

TOP = Path(__file__).parents[1]


def test_the_checkouts_own_files() -> None:
    assert dict(shipped("playbooks"))["burst.yml"] == (TOP / "playbooks/burst.yml").read_text(
        encoding="utf-8"
    )
