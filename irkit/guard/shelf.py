# SPDX-License-Identifier: Apache-2.0
"""The playbooks that hold here: the site's own before the shipped ones.

A site's playbook with the id of a shipped one takes its place. A broken one is put aside and reported; the others hold,
and what no playbook is for falls to the shipped `default`.
"""

import os
from collections.abc import Iterable
from typing import NamedTuple

from irkit import limits
from irkit.detect.detection import Detection
from irkit.errors import BadInputError
from irkit.home import Home
from irkit.incident.playbook import Playbook, choose, parse
from irkit.shipped import shipped


class Shelved(NamedTuple):
    """One playbook and where it came from: a path, or `shipped: NAME`."""

    playbook: Playbook
    where: str


class Shelf(NamedTuple):
    """What holds, in the order of precedence, and what was put aside."""

    held: tuple[Shelved, ...]
    broken: tuple[BadInputError, ...]

    @property
    def playbooks(self) -> tuple[Playbook, ...]:
        """The plans alone."""
        return tuple(one.playbook for one in self.held)

    def named(self, ident: str) -> Shelved | None:
        """By id."""
        return next((one for one in self.held if one.playbook.id == ident), None)


def load_shelf(home: Home) -> Shelf:
    """Read the site's playbooks and the shipped ones. Never raises on what a file holds."""
    texts: list[tuple[str, str]] = []
    broken: list[BadInputError] = []
    for where in site_files(home):
        try:
            texts.append((where, read_text(where)))
        except BadInputError as problem:
            broken.append(problem)
    shelf = shelf_of(texts)
    return Shelf(shelf.held, (*broken, *shelf.broken))


def shelf_of(site: Iterable[tuple[str, str]]) -> Shelf:
    """The shelf of these site playbooks (name, text) and the shipped ones."""
    held: list[Shelved] = []
    broken: list[BadInputError] = []
    for where, text in site:
        try:
            _put(held, parse(text, where), where)
        except BadInputError as problem:
            broken.append(problem)
    for name, text in shipped("playbooks"):
        if name.endswith((".yml", ".yaml")):
            where = f"shipped: {name}"
            playbook = parse(text, where)
            if all(one.playbook.id != playbook.id for one in held):
                held.append(Shelved(playbook, where))
    return Shelf(tuple(held), tuple(broken))


def playbook_for(playbooks: tuple[Playbook, ...], detection: Detection | None) -> Playbook:
    """The plan for this detection; without one (by hand), or when none is for it, `default`."""
    chosen = choose(playbooks, detection) if detection else None
    return chosen or next(one for one in playbooks if one.id == "default")


def site_files(home: Home) -> list[str]:
    """Paths of the site's playbooks, sorted; at most `PLAYBOOKS_MAX`."""
    try:
        names = sorted(name for name in os.listdir(home.at("playbooks")) if name.endswith((".yml", ".yaml")))
    except FileNotFoundError:
        return []
    return [home.at("playbooks", name) for name in names[: limits.PLAYBOOKS_MAX]]


def read_text(path: str) -> str:
    """A file of a person, within bounds. Raises BadInputError."""
    try:
        with open(path, "rb") as file:
            data = file.read(limits.YAML_MAX_BYTES + 1)
    except OSError as error:
        raise BadInputError(
            f"cannot be read ({error.strerror})", where=path, fix="check the path and its rights"
        ) from error
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise BadInputError("not UTF-8 text", where=f"{path}:{line}", fix="save it as UTF-8") from error


def _put(held: list[Shelved], playbook: Playbook, where: str) -> None:
    twin = next((one for one in held if one.playbook.id == playbook.id), None)
    if twin is not None:
        raise BadInputError(
            f"the id `{playbook.id}` is taken by {twin.where}", where=where, fix="give it another id"
        )
    held.append(Shelved(playbook, where))
