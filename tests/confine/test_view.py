# SPDX-License-Identifier: Apache-2.0
"""What is seen inside, as a plan: nothing is started here."""

import subprocess
from pathlib import Path

from irkit.agents.registry import AGENTS
from irkit.confine import environment, placeholders, places, seccomp, view


def of(home: Path, cwd: Path, **more: list[str]) -> view.View:
    return view.view_of(
        home=str(home / ".local/share/irkit"), user_home=str(home), cwd=str(cwd),
        binds=more.get("binds", []), hides=more.get("hides", []), own=more.get("own", []), user=1,
    )  # fmt: skip


def test_every_folder_above_a_cover_is_a_mount_point_first(tmp_path: Path) -> None:
    project = tmp_path / "a" / "b" / "shop"
    (project / ".git" / "hooks").mkdir(parents=True)
    binds = [bind[-1] for bind in of(tmp_path, project).binds]
    order = [str(tmp_path), str(tmp_path / "a"), str(tmp_path / "a/b"), str(project), str(project / ".git")]
    assert [path for path in binds if path in order] == order
    assert binds.index(str(project / ".git")) < binds.index(str(project / ".git/hooks"))


def test_a_linked_work_tree_has_its_repositorys_hooks_covered(tmp_path: Path) -> None:
    main, linked = tmp_path / "main", tmp_path / "linked"
    (main / ".git" / "worktrees" / "linked").mkdir(parents=True)
    (main / ".git" / "hooks").mkdir()
    (main / ".git" / "worktrees" / "linked" / "commondir").write_text("../..\n")
    linked.mkdir()
    (linked / ".git").write_text(f"gitdir: {main}/.git/worktrees/linked\n")
    found = of(tmp_path, linked)
    assert str(main / ".git" / "hooks") in dict(found.readonly)


def test_a_link_is_watched_and_its_target_covered(tmp_path: Path) -> None:
    (tmp_path / "dotfiles").mkdir()
    (tmp_path / "dotfiles" / "bashrc").write_text("")
    (tmp_path / ".bashrc").symlink_to("dotfiles/bashrc")
    found = of(tmp_path, tmp_path)
    assert str(tmp_path / ".bashrc") in dict(found.watched)
    assert str(tmp_path / "dotfiles" / "bashrc") in dict(found.readonly)


def test_a_folder_that_holds_more_than_a_project_is_not_writable(tmp_path: Path) -> None:
    home = tmp_path / "people" / "me"
    home.mkdir(parents=True)
    for cwd in (tmp_path / "people", Path("/"), Path("/etc")):
        found = of(home, cwd)
        assert found.writable == [str(home)]
        assert found.notes


def test_every_agents_hooks_are_in_the_table() -> None:
    covered = [place.path for place in places.IN_HOME]
    for spec in AGENTS:
        assert any(spec.settings == path or spec.settings.startswith(path + "/") for path in covered), (
            spec.name
        )


def test_the_environment_is_cut_to_a_list() -> None:
    given = {
        "HOME": "/h",
        "AWS_SECRET_ACCESS_KEY": "x",
        "OPENAI_API_KEY": "k",
        "LC_ALL": "C",
        "LD_PRELOAD": "l",
        "MY": "1",
    }
    kept, dropped = environment.cut(given, ["MY"])
    assert sorted(kept) == ["HOME", "LC_ALL", "MY", "OPENAI_API_KEY"]
    assert dropped == ["AWS_SECRET_ACCESS_KEY", "LD_PRELOAD"]
    assert environment.secrets_kept(kept) == ["OPENAI_API_KEY"]


def test_the_filter_is_whole_instructions_and_jumps_stay_inside() -> None:
    for machine in ("x86_64", "aarch64"):
        program = seccomp.no_typing(machine)
        lines = [program[at : at + 8] for at in range(0, len(program), 8)]
        assert len(program) == 8 * len(lines)
        for number, line in enumerate(lines):
            if line[0] == 0x15:
                assert number + 1 + max(line[2], line[3]) < len(lines)
        assert seccomp.TIOCSTI.to_bytes(4, "little") in program
    assert seccomp.no_typing("mips") == b""


def test_placeholders_go_when_empty_and_unused_only(tmp_path: Path) -> None:
    wanted = [
        (str(tmp_path / "a" / "file"), "file"),
        (str(tmp_path / "b"), "folder"),
        (str(tmp_path / "c"), "file"),
    ]
    first, second = placeholders.Placeholders(), placeholders.Placeholders()
    first.make(wanted)
    second.make(wanted)
    first.remove()
    assert (tmp_path / "b").is_dir()
    second.remove()
    assert (tmp_path / "b").is_dir()  # made by the first, needed by the second: it stays, empty
    third = placeholders.Placeholders()
    third.make(
        [(str(tmp_path / "x"), "file"), (str(tmp_path / "y"), "folder"), (str(tmp_path / "n" / "z"), "file")]
    )
    (tmp_path / "x").write_text("mine")
    third.remove()
    assert (tmp_path / "x").read_text() == "mine"
    assert not (tmp_path / "y").exists()
    assert not (tmp_path / "n").exists()


def test_the_fast_part_imports_nothing_slow() -> None:
    import sys

    code = (
        "import sys; before = set(sys.modules); import irkit.cli.commands.run, irkit.confine.relay;"
        " print(sorted({'argparse','dataclasses','enum','typing','msgspec','subprocess','contextlib','re','json',"
        "'shutil','ctypes','socket'} & (set(sys.modules) - before)))"
    )
    argv = [sys.executable, "-S", "-c", code]
    root = str(Path(__file__).parents[2])
    done = subprocess.run(argv, capture_output=True, text=True, cwd=root, timeout=60, check=False)
    assert done.stdout.strip() == "[]", done
