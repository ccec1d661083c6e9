# SPDX-License-Identifier: Apache-2.0
"""What docs/incidents.md says is what the program does."""

import re
from pathlib import Path

from irkit.incident.playbook import MEANING, SUPPORTED, lint, parse

PAGE = (Path(__file__).parents[2] / "docs/incidents.md").read_text(encoding="utf-8")


def test_the_example_playbook_holds() -> None:
    example = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert [lint(text, "docs/incidents.md") for text in example] == [()]
    assert parse(example[0], "docs").deputy == "on-call"


def test_the_table_of_steps_is_complete_and_honest() -> None:
    rows = dict(re.findall(r"^\| `([a-z-]+)` \|.*\| (yes|by hand) \|$", PAGE, re.MULTILINE))
    assert rows == {deed.value: "yes" if deed in SUPPORTED else "by hand" for deed in MEANING}
