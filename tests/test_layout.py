# SPDX-License-Identifier: Apache-2.0
"""What every file of the project keeps to."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SPDX = "# SPDX-License-Identifier: Apache-2.0"
LINES_MAX = 400
"""Past 300 the missing idea is looked for; past this it must have been found."""


def tracked() -> list[Path]:
    done = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, timeout=20, check=False
    )
    if done.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in done.stdout.splitlines() if (ROOT / name).is_file()]


def test_every_module_names_its_licence() -> None:
    missing = [
        str(path) for path in tracked() if path.suffix == ".py" and not path.read_text().startswith(SPDX)
    ]
    assert missing == []


def test_no_module_of_the_product_grows_past_its_idea() -> None:
    long = {
        str(path): count
        for path in (ROOT / "irkit").rglob("*.py")
        if (count := len(path.read_text().splitlines())) > LINES_MAX
    }
    assert long == {}


def test_no_tracked_file_names_a_place_on_one_persons_machine() -> None:
    own = (str(ROOT) + "/").encode()
    assert [str(path) for path in tracked() if own in path.read_bytes()] == []


def test_the_readmes_links_lead_somewhere() -> None:
    import re

    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_threat_model_names_tests_that_exist() -> None:
    import re

    page = (ROOT / "docs" / "threat-model.md").read_text()
    assert [name for name in re.findall(r"`(tests/[\w/]+\.py)`", page) if not (ROOT / name).exists()] == []
