# SPDX-License-Identifier: Apache-2.0
"""Approved policy: files change under the guard, and what a person approved holds (threat T7)."""

import os
import shutil
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from irkit import limits
from irkit.errors import BadInputError
from irkit.guard.approval import STATE_KEY, Change, Effective, approve, check_policy, effective, explained
from irkit.guard.store import Store
from irkit.home import Home

CONFIG = 'when_guard_down = "deny"\n'
EDITED = 'when_guard_down = "allow"\n'
PLAYBOOK = """schema: irkit.playbook/v1
id: night
title: Night
version: 1
applies_to: {rules: ["burst"]}
steps:
  - {do: freeze, mode: auto}
  - {do: keep, mode: auto}
  - {do: notify, mode: auto}
  - {do: kill, mode: ask}
"""
RULE_WITHOUT_SAMPLES = """title: x
name: site.x
logsource: {category: ai_agent}
detection: {s: {tool: Bash}, condition: s}
level: low
irkit: {risk: 1, response: observe}
"""
RULE = RULE_WITHOUT_SAMPLES.replace(
    "observe}", "observe, samples: {hit: [{tool: Bash, input: {command: ls}}], miss: [{tool: Read}]}}"
)


class Guarded:
    """A home, its state, and a guard that starts again and again."""

    def __init__(self, folder: Path) -> None:
        self.home = Home(str(folder))
        self.home.make()
        self.store = Store(self.home.database)

    def write(self, name: str, text: str | bytes) -> None:
        data = text.encode() if isinstance(text, str) else text
        Path(self.home.at(name)).write_bytes(data)

    def start(self) -> Effective:
        return effective(self.home, self.store, check_policy)


@pytest.fixture
def guarded(tmp_path: Path) -> Guarded:
    return Guarded(tmp_path)


def kinds(found: Effective) -> dict[str, str]:
    return {change.name: change.kind for change in found.changes}


def full(found: Effective) -> dict[str, Change]:
    return {change.name: change for change in explained(found, check_policy)}


def test_a_first_start_approves_what_is_there(guarded: Guarded) -> None:
    guarded.write("irkit.toml", CONFIG)
    guarded.write("playbooks/night.yml", PLAYBOOK)
    found = guarded.start()
    assert found.files == {"irkit.toml": CONFIG.encode(), "playbooks/night.yml": PLAYBOOK.encode()}
    assert not found.changes
    assert found.digest == found.current == guarded.store.get(STATE_KEY)


def test_a_first_start_of_an_empty_home_is_fine(guarded: Guarded) -> None:
    assert guarded.start().files == {}
    assert guarded.start().changes == ()


@pytest.mark.parametrize(
    ("name", "text", "where"),
    [
        ("irkit.toml", '\nwhen_guard_dwon = "ask"\n', "irkit.toml:2: unknown key 'when_guard_dwon'"),
        ("irkit.toml", b"\n\xff", "irkit.toml:2: not UTF-8 text"),
        ("irkit.toml", "a = ", "irkit.toml:1: is not TOML"),
        ("playbooks/p.yml", PLAYBOOK.replace("title", "tilte"), "playbooks/p.yml:"),
        ("rules/r.yml", RULE_WITHOUT_SAMPLES, "rules/r.yml:"),
        ("rules/r.yml", RULE.replace("site.x", "burst"), "rules/r.yml: the name `burst` is a shipped rule's"),
        ("exceptions.json", '{"rule": "burst"}', "exceptions.json: is no list of exceptions"),
    ],
)
def test_a_first_start_refuses_what_does_not_parse(
    guarded: Guarded, name: str, text: str | bytes, where: str
) -> None:
    guarded.write(name, text)
    with pytest.raises(BadInputError) as caught:
        guarded.start()
    assert caught.value.diagnostics().startswith(where)
    assert "\n" not in caught.value.diagnostics()
    assert guarded.store.get(STATE_KEY) is None


def test_a_first_start_refuses_what_cannot_be_read(guarded: Guarded) -> None:
    os.mkfifo(guarded.home.config)
    with pytest.raises(BadInputError, match="not a plain file"):
        guarded.start()


def test_later_the_approved_texts_hold(guarded: Guarded) -> None:
    guarded.write("irkit.toml", CONFIG)
    guarded.write("playbooks/night.yml", PLAYBOOK)
    first = guarded.start()
    guarded.write("irkit.toml", EDITED)
    os.unlink(guarded.home.at("playbooks/night.yml"))
    guarded.write("playbooks/other.yml", PLAYBOOK.replace("night", "other"))
    guarded.write("rules/broken.yml", ": [")
    for _ in range(2):
        found = guarded.start()
        assert found.files == first.files
        assert found.digest == first.digest != found.current
        assert kinds(found) == {
            "irkit.toml": "edited",
            "playbooks/night.yml": "removed",
            "playbooks/other.yml": "added",
            "rules/broken.yml": "added",
        }
    changes = full(found)
    assert '-when_guard_down = "deny"\n+when_guard_down = "allow"' in changes["irkit.toml"].diff
    assert changes["playbooks/night.yml"].diff.startswith("--- approved/playbooks/night.yml")
    assert (changes["playbooks/other.yml"].kind, changes["playbooks/other.yml"].problem) == ("added", "")
    assert changes["rules/broken.yml"].kind == "broken"
    assert changes["rules/broken.yml"].problem.startswith("rules/broken.yml:")


@pytest.mark.parametrize("made", ["unknown_key = 1", "a = ", b"\xff\xfe", ""])
def test_no_text_stops_a_guard_that_ran_before(guarded: Guarded, made: str | bytes) -> None:
    guarded.write("irkit.toml", CONFIG)
    guarded.start()
    guarded.write("irkit.toml", made)
    found = guarded.start()
    assert found.files == {"irkit.toml": CONFIG.encode()}
    assert kinds(found) == {"irkit.toml": "edited"}
    assert full(found)["irkit.toml"].kind == ("broken" if made else "edited")


def test_a_file_that_cannot_be_read_is_tampering(guarded: Guarded) -> None:
    guarded.write("irkit.toml", CONFIG)
    guarded.start()
    os.unlink(guarded.home.config)
    os.mkfifo(guarded.home.config)
    found = guarded.start()
    assert found.files == {"irkit.toml": CONFIG.encode()}
    assert found.changes[0].problem == "cannot be read (not a plain file)"
    with pytest.raises(BadInputError, match="not a plain file"):
        approve(guarded.home, guarded.store, found.current)


def test_putting_it_back_ends_the_tampering(guarded: Guarded) -> None:
    guarded.write("irkit.toml", CONFIG)
    guarded.start()
    guarded.write("irkit.toml", EDITED)
    assert guarded.start().changes
    guarded.write("irkit.toml", CONFIG)
    assert not guarded.start().changes


def test_approval_makes_the_change_hold(guarded: Guarded) -> None:
    guarded.write("irkit.toml", CONFIG)
    old = guarded.start().digest
    guarded.write("irkit.toml", EDITED)
    assert approve(guarded.home, guarded.store, guarded.start().current) != old
    found = guarded.start()
    assert (found.files, found.changes) == ({"irkit.toml": EDITED.encode()}, ())
    assert os.listdir(guarded.home.at("policy")) == [found.digest]


def test_approval_takes_only_what_was_shown(guarded: Guarded) -> None:
    guarded.write("irkit.toml", CONFIG)
    guarded.start()
    guarded.write("irkit.toml", "# a harmless comment\n" + CONFIG)
    shown = guarded.start().current
    guarded.write("irkit.toml", EDITED)
    with pytest.raises(BadInputError, match="not the one that was shown"):
        approve(guarded.home, guarded.store, shown)
    assert guarded.start().files == {"irkit.toml": CONFIG.encode()}


def test_a_site_rule_is_approved(guarded: Guarded) -> None:
    guarded.write("rules/site.yml", RULE)
    assert guarded.start().files == {"rules/site.yml": RULE.encode()}


def test_approval_refuses_what_is_broken(guarded: Guarded) -> None:
    guarded.start()
    guarded.write("rules/r.yml", RULE_WITHOUT_SAMPLES)
    with pytest.raises(BadInputError, match=r"rules/r\.yml:"):
        approve(guarded.home, guarded.store, guarded.start().current)


def test_a_changed_copy_is_not_used(guarded: Guarded) -> None:
    guarded.write("irkit.toml", CONFIG)
    digest = guarded.start().digest
    copy = guarded.home.at("policy", digest, "irkit.toml")
    os.unlink(copy)
    Path(copy).write_text(EDITED)
    guarded.write("irkit.toml", EDITED)
    found = guarded.start()
    assert found.files == {}, "irkit's own defaults"
    assert found.changes[0].name == f"policy/{digest[:12]}"
    guarded.write("irkit.toml", CONFIG)
    assert guarded.start().files == {"irkit.toml": CONFIG.encode()}
    assert Path(copy).read_text() == CONFIG, "the copy is made anew from files that have the digest"


def test_a_lost_database_is_no_first_start(guarded: Guarded) -> None:
    guarded.write("irkit.toml", CONFIG)
    guarded.start()
    guarded.store.close()
    os.unlink(guarded.home.database)
    guarded.store = Store(guarded.home.database)
    guarded.write("irkit.toml", EDITED)
    found = guarded.start()
    assert found.files == {"irkit.toml": CONFIG.encode()}
    assert kinds(found) == {"irkit.toml": "edited"}


def test_an_approved_policy_that_this_version_cannot_read_leaves_the_defaults(guarded: Guarded) -> None:
    guarded.write("irkit.toml", "from_a_newer_irkit = 1\n")
    effective(guarded.home, guarded.store, lambda _files: None)
    guarded.write("irkit.toml", CONFIG)
    found = guarded.start()
    assert found.files == {}
    assert "cannot read what was approved" in found.changes[0].problem


def test_a_crash_between_copy_and_state_leaves_the_old_policy(guarded: Guarded) -> None:
    guarded.write("irkit.toml", CONFIG)
    old = guarded.start().digest
    guarded.write("irkit.toml", EDITED)
    new = approve(guarded.home, guarded.store, guarded.start().current)
    # The copy was written, the state was not.
    guarded.store.set(STATE_KEY, old)
    shutil.copytree(guarded.home.at("policy", new), guarded.home.at("policy", old))
    Path(guarded.home.at("policy", old, "irkit.toml")).chmod(0o600)
    Path(guarded.home.at("policy", old, "irkit.toml")).write_text(CONFIG)
    assert guarded.start().files == {"irkit.toml": CONFIG.encode()}


def test_another_edit_is_another_change(guarded: Guarded) -> None:
    guarded.start()
    guarded.write("rules/x.yml", "name: 1")
    first = guarded.start().changes
    assert guarded.start().changes == first
    guarded.write("rules/x.yml", "name: 2")
    assert guarded.start().changes != first


def test_looking_parses_nothing(guarded: Guarded) -> None:
    """An agent can put any text there, and the guard looks on its loop: this one takes seconds to parse."""
    guarded.start()
    guarded.write("rules/slow.yml", "a: [" + "x, " * 80_000)
    guarded.write("rules/many.yml", "#\n" * (limits.POLICY_FILE_MAX_BYTES // 2))
    before = time.monotonic()
    found = guarded.start()
    assert time.monotonic() - before < 0.5
    assert kinds(found) == {"rules/many.yml": "added", "rules/slow.yml": "added"}
    assert {change.problem for change in explained(found, check_policy)} == {
        "too long to compare here; it is checked when it is approved"
    }
    assert time.monotonic() - before < 1


def test_explaining_is_bounded_in_time_over_all_files(guarded: Guarded) -> None:
    guarded.start()
    for number in range(50):
        guarded.write(f"rules/{number:02}.yml", "name: x")
    now = time.monotonic()

    def slow(files: Mapping[str, bytes]) -> None:
        time.sleep(limits.POLICY_EXPLAIN_MAX_S / 4)

    changes = explained(guarded.start(), slow)
    assert time.monotonic() - now < 2 * limits.POLICY_EXPLAIN_MAX_S
    assert len(changes) == 50
    assert changes[0].problem == ""
    assert changes[-1].problem.startswith("too long to compare here")


def test_a_diff_is_bounded(guarded: Guarded) -> None:
    guarded.start()
    guarded.write("rules/long.yml", "x: y\n" * (limits.POLICY_DIFF_MAX_LINES + 50))
    guarded.write("rules/many.yml", "#\n" * (limits.POLICY_EXPLAINED_MAX_BYTES // 2))
    guarded.write("rules/wide.yml", "#" * 10_000)
    long, many, wide = explained(guarded.start(), lambda _files: None)
    assert len(long.diff.splitlines()) == limits.POLICY_DIFF_MAX_LINES + 1
    assert long.diff.endswith("(53 more lines)")
    assert "too many to compare" in many.diff
    assert max(map(len, wide.diff.splitlines())) == limits.SHOWN_MAX_CHARS
