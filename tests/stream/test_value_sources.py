# SPDX-License-Identifier: Apache-2.0
"""Known values come from where programs keep them, and from nowhere else."""

import base64
import json
import os
from pathlib import Path

import pytest

from irkit import limits
from irkit.stream.redact import build_redactor
from irkit.stream.value_sources import FILES, EnvironmentAndFiles
from tests.stream.secret_corpus import ALNUM, Maker

SECRET = Maker(11).of(ALNUM, 20)
LOGIN = base64.b64encode(f"ada:{SECRET}".encode()).decode()
CONTENT = {
    ".aws/credentials": f"[default]\naws_access_key_id = x\naws_secret_access_key = {SECRET}\n",
    ".netrc": f"machine h\n  login ada\n  password {SECRET}\n",
    ".pgpass": f"# a comment: with: many: colons: here\nlocalhost:5432:db:ada:{SECRET}\n",
    ".npmrc": f"//registry.npmjs.org/:_authToken={SECRET}\n",
    ".pypirc": f"[pypi]\nusername = __token__\npassword = {SECRET}\n",
    ".git-credentials": f"https://ada:{SECRET}@github.com\n",
    ".config/gh/hosts.yml": f"github.com:\n    oauth_token: {SECRET}\n    user: ada\n",
    ".config/glab-cli/config.yml": f"hosts:\n  gitlab.com:\n    token: {SECRET}\n",
    ".docker/config.json": json.dumps({"auths": {"https://index.docker.io/v1/": {"auth": LOGIN}}}),
    ".vault-token": SECRET + "\n",
    ".terraform.d/credentials.tfrc.json": json.dumps({"credentials": {"app.terraform.io": {"token": SECRET}}}),
    ".cache/huggingface/token": SECRET,
    ".claude/.credentials.json": json.dumps({"claudeAiOauth": {"accessToken": SECRET, "expiresAt": 1}}),
    ".codex/auth.json": json.dumps({"OPENAI_API_KEY": None, "tokens": {"access_token": SECRET}}, indent=1),
}  # fmt: skip


def values(home: Path, **environ: str) -> set[str]:
    return {value for _, value in EnvironmentAndFiles(environ, str(home)).values()}


def put(home: Path, name: str, text: str) -> Path:
    path = home / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_every_file_has_a_sample() -> None:
    assert set(CONTENT) == set(FILES)


@pytest.mark.parametrize("name", FILES)
def test_a_programs_file_tells_its_value(tmp_path: Path, name: str) -> None:
    put(tmp_path, name, CONTENT[name])
    assert SECRET in values(tmp_path)


def test_the_environment_tells_passwords_and_not_paths(tmp_path: Path) -> None:
    found = values(
        tmp_path,
        DB_PASSWORD=SECRET,
        KEY_FILE="/run/keys/x",
        API_KEY="~/keys/x",
        EDITOR="vi",
        PWD="/work",
        DATABASE_URL=f"postgres://ada:p%40{SECRET}@db/x",
    )
    assert found == {SECRET, f"p%40{SECRET}", f"p@{SECRET}"}


def test_escapes_in_pgpass_are_undone(tmp_path: Path) -> None:
    put(tmp_path, ".pgpass", "h:5432:d:u:one\\:two\\\\three\n")
    assert values(tmp_path) == {"one:two\\three"}


@pytest.mark.parametrize("kind", ["link", "fifo", "folder", "missing"])
def test_what_is_no_regular_file_is_left_alone(tmp_path: Path, kind: str) -> None:
    path = tmp_path / ".vault-token"
    if kind == "link":
        path.symlink_to(put(tmp_path, "elsewhere", SECRET))
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    assert values(tmp_path) == set()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_is_left_alone(tmp_path: Path) -> None:
    os.chown(put(tmp_path, ".vault-token", SECRET), 12345, -1)
    assert values(tmp_path) == set()


def test_a_large_file_is_read_to_its_bound(tmp_path: Path) -> None:
    put(tmp_path, ".npmrc", "a=b\n" * (limits.CREDENTIAL_FILE_MAX_BYTES // 4) + f"_authToken={SECRET}\n")
    assert values(tmp_path) == set()


def test_a_known_value_is_masked_wherever_it_stands(tmp_path: Path) -> None:
    put(tmp_path, ".vault-token", SECRET)
    redactor = build_redactor(b"k" * 32, exact=EnvironmentAndFiles({}, str(tmp_path)).values())
    for form in (SECRET, base64.b64encode(b"xy" + SECRET.encode()).decode()):
        assert SECRET not in redactor.text(f"got {form}!")[0]
        assert redactor.text(f"got {form}!")[1]
