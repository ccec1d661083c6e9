# SPDX-License-Identifier: Apache-2.0
"""Which playbooks hold: the site's before the shipped, broken ones aside, and always one for everything."""

from pathlib import Path

from irkit import limits
from irkit.guard.shelf import load_shelf, playbook_for, site_files
from irkit.home import Home
from irkit.shipped import shipped
from tests.incident.cases import detection

SHIPPED = dict(shipped("playbooks"))


def home_with(tmp_path: Path, **files: str) -> Home:
    home = Home(str(tmp_path))
    home.make()
    for name, text in files.items():
        Path(home.at("playbooks", f"{name}.yml")).write_text(text, encoding="utf-8")
    return home


def test_a_sites_default_takes_the_place_of_the_shipped_one(tmp_path: Path) -> None:
    mine = SHIPPED["default.yml"].replace("version: 1", "version: 9")
    shelf = load_shelf(home_with(tmp_path, mine=mine))
    assert playbook_for(shelf.playbooks, detection("exfil.curl")).version == 9
    assert playbook_for(shelf.playbooks, None).version == 9
    assert playbook_for(shelf.playbooks, detection("burst")).id == "burst"


def test_a_broken_default_leaves_the_shipped_one_in_force(tmp_path: Path) -> None:
    shelf = load_shelf(home_with(tmp_path, default=SHIPPED["default.yml"].replace("do: freeze", "do: kill")))
    assert len(shelf.broken) > 0
    assert playbook_for(shelf.playbooks, None).version == 1
    assert shelf.named("default") is not None
    assert shelf.named("absent") is None


def test_the_number_and_the_size_of_site_files_are_bounded(tmp_path: Path) -> None:
    home = home_with(tmp_path, big="#" * (limits.YAML_MAX_BYTES + 1))
    assert "bytes of YAML" in str(load_shelf(home).broken[0])
    for number in range(limits.PLAYBOOKS_MAX + 5):
        Path(home.at("playbooks", f"{number}.yml")).touch()
    assert len(site_files(home)) == limits.PLAYBOOKS_MAX
