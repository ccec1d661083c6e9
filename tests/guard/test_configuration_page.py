# SPDX-License-Identifier: Apache-2.0
"""docs/configuration.md says what the schema says: each table, each key, each default."""

import re
import tomllib
from pathlib import Path
from typing import Any, get_type_hints

import msgspec
import pytest

from irkit.guard import config

PAGE = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")
SECTIONS: dict[str, type[msgspec.Struct]] = {
    "Top level": config.Config,
    "`[agents.NAME]`": config.AgentConfig,
    "`[[watch]]`": config.WatchConfig,
    "`[redaction]`": config.RedactionConfig,
    "`[notify]`": config.NotifyConfig,
    "`[notify.webhook]`": config.WebhookConfig,
    "`[notify.deputy]`": config.DeputyConfig,
    "`[rules]`": config.RulesConfig,
    "`[proof]`": config.ProofConfig,
}


def rows(heading: str) -> dict[str, str]:
    """Key -> the default's cell, of one heading's table."""
    part = re.split(r"^#+ ", PAGE.split(f"# {heading}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]
    return dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", part, re.MULTILINE))


def test_every_table_of_the_schema_has_its_heading() -> None:
    hinted = {name for name in SECTIONS if f"# {name}\n" in PAGE}
    assert hinted == set(SECTIONS)
    known = {found for section in SECTIONS.values() for found in section.__struct_fields__}
    assert known == set(config.known_keys())


@pytest.mark.parametrize("heading", SECTIONS)
def test_keys_and_defaults_are_the_schemas(heading: str) -> None:
    section = SECTIONS[heading]
    told = rows(heading)
    assert list(told) == list(section.__struct_fields__)
    for field in msgspec.structs.fields(section):
        cell = told[field.name]
        if cell.startswith("`"):
            assert _plain(tomllib.loads(f"value = {cell.strip('`')}")["value"]) == _plain(field.default)
        elif cell == "required":
            assert field.required
        else:
            assert cell in {"", "none", "as above"}
            absent = field.default is None or isinstance(field.default, msgspec.Struct)
            assert absent or field.default_factory is dict or field.default == ()


@pytest.mark.parametrize("heading", SECTIONS)
def test_every_word_that_a_key_may_have_is_named(heading: str) -> None:
    part = re.split(r"^#+ ", PAGE.split(f"# {heading}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]
    for name, hint in get_type_hints(SECTIONS[heading]).items():
        for word in getattr(hint, "__args__", ()):
            if isinstance(word, str):
                line = next(one for one in part.splitlines() if one.startswith(f"| `{name}`"))
                assert word in line


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
