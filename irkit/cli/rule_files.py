# SPDX-License-Identifier: Apache-2.0
"""The rules of this home: those that come with irkit, then the site's own below `rules/`."""

import os
from collections.abc import Iterable, Iterator

from irkit import limits
from irkit.detect.load import load_rules
from irkit.detect.rule import RuleSet
from irkit.errors import BadInputError
from irkit.home import Home
from irkit.shipped import shipped


def home_rules(home: Home) -> RuleSet:
    """Everything that a guard of this home would run. Raises BadInputError when a site's file cannot be read."""
    return load_rules([*shipped("rules"), *_read(_site(home))])


def file_rules(paths: Iterable[str]) -> RuleSet:
    """Only these files. Raises BadInputError when one cannot be read."""
    return load_rules(_read(paths))


def _site(home: Home) -> list[str]:
    try:
        names = sorted(name for name in os.listdir(home.at("rules")) if name.endswith((".yml", ".yaml")))
    except FileNotFoundError:
        return []
    return [home.at("rules", name) for name in names[: limits.RULE_FILES_MAX]]


def _read(paths: Iterable[str]) -> Iterator[tuple[str, str]]:
    for path in paths:
        try:
            with open(path, "rb") as file:
                data = file.read(limits.YAML_MAX_BYTES + 1)
        except OSError as error:
            raise BadInputError(
                f"cannot be read ({error.strerror})", where=path, fix="check the path and its rights"
            ) from error
        yield path, data.decode("utf-8", "replace")
