# SPDX-License-Identifier: Apache-2.0
"""`irkit playbook`: shipped and site playbooks, and one line for each problem."""

import json
from pathlib import Path

import pytest

from irkit import exit_codes
from irkit.cli.main import main
from irkit.shipped import shipped

BURST = dict(shipped("playbooks"))["burst.yml"]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home's own playbooks."""
    monkeypatch.setenv("IRKIT_HOME", str(tmp_path))
    folder = tmp_path / "playbooks"
    folder.mkdir()
    return folder


def test_the_shipped_ones_are_listed_without_a_home(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    site.rmdir()
    assert main(["playbook", "list", "--json"]) == exit_codes.DONE
    listed = json.loads(capsys.readouterr().out)
    assert [(one["id"], one["from"]) for one in listed["playbooks"]] == [
        ("burst", "shipped: burst.yml"),
        ("default", "shipped: default.yml"),
    ]


def test_a_sites_own_comes_first_and_a_broken_one_is_put_aside(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (site / "mine.yml").write_text(BURST.replace("version: 1", "version: 7"), encoding="utf-8")
    (site / "twin.yml").write_text(BURST, encoding="utf-8")
    (site / "bad.yml").write_bytes(b"a: 1\nb: \xff\n")
    assert main(["playbook", "list", "--json"]) == exit_codes.NEGATIVE
    out, err = capsys.readouterr()
    assert [(one["id"], one["version"]) for one in json.loads(out)["playbooks"]] == [
        ("burst", 7),
        ("default", 1),
    ]
    assert err.splitlines() == [
        f"put aside: {site}/bad.yml:2: not UTF-8 text; save it as UTF-8",
        f"put aside: {site}/twin.yml: the id `burst` is taken by {site}/mine.yml; give it another id",
    ]


def test_show_says_what_this_version_does_not_do(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["playbook", "show", "burst"]) == exit_codes.DONE
    shown = capsys.readouterr().out
    assert "1  freeze   at once: latch the session" in shown
    assert (
        "7  revoke   after the answer: revoke touched credentials and probe them dead; one way  [by hand"
        in shown
    )
    assert "told again after 300 s, then the deputy, then it stays frozen" in shown
    assert main(["playbook", "show", "burst", "--json"]) == exit_codes.DONE
    steps = json.loads(capsys.readouterr().out)["steps"]
    assert {step["do"]: step["supported"] for step in steps}["revoke"] is False


def test_what_is_not_there_is_one_line(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["playbook", "show", "b\x1b[2J"]) == exit_codes.BAD_INPUT
    assert capsys.readouterr().err == "irkit: no playbook 'b␛[2J'; choose one of burst, default\n"


def test_lint_names_file_line_and_fix(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = site / "bad.yml"
    bad.write_text(BURST.replace("do: keep", "do: kill", 1), encoding="utf-8")
    assert main(["playbook", "lint"]) == exit_codes.NEGATIVE
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"{bad}:15: `kill` has no `keep` before it")
    assert any("breaks the safe order; write freeze → keep" in line for line in lines)
    assert main(["playbook", "lint", str(site / "absent.yml")]) == exit_codes.NEGATIVE
    assert "absent.yml: cannot be read (No such file or directory)" in capsys.readouterr().out
    bad.write_text(BURST, encoding="utf-8")
    assert main(["playbook", "lint", "--json", str(bad)]) == exit_codes.DONE
    assert json.loads(capsys.readouterr().out)["problems"] == []


def test_lint_prints_the_schema_as_it_is_published(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["playbook", "lint", "--schema"]) == exit_codes.DONE
    published = Path(__file__).parents[2] / "docs/schemas/playbook.v1.json"
    assert capsys.readouterr().out == published.read_text(encoding="utf-8")
