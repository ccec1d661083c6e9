# SPDX-License-Identifier: Apache-2.0
"""Where known secret values come from: the environment, and the credential files that programs are known to keep.

Read once at the guard's start, into memory only. Bounded and careful: regular files of this user, no links, 64 KiB
each. `.env` files belong to projects and are left alone.
"""

import base64
import binascii
import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import unquote

from irkit import limits
from irkit.stream.secret_names import role_of

FILES = (
    ".aws/credentials",
    ".netrc",
    ".pgpass",
    ".npmrc",
    ".pypirc",
    ".git-credentials",
    ".config/gh/hosts.yml",
    ".config/glab-cli/config.yml",
    ".docker/config.json",
    ".vault-token",
    ".terraform.d/credentials.tfrc.json",
    ".cache/huggingface/token",
    ".claude/.credentials.json",
    ".codex/auth.json",
)
"""Below the home folder; the programs' documentation names them."""
_ASSIGNED = re.compile(
    r"""["']?([A-Za-z_][\w.:/-]{1,80})["']?[ \t]{0,8}[:=][ \t]{0,8}["']?([^\s"',]{8,4096})"""
)
_NETRC = re.compile(r"\bpassword\s{1,16}(\S{6,512})")
_PGPASS = re.compile(r"(?:(?:[^:\\\n]|\\.){0,255}:){4}((?:[^:\\\n]|\\.){1,512})")
"""Five fields; `\\:` and `\\\\` inside them (PostgreSQL's documentation of the password file)."""
_URL_LOGIN = re.compile(r"://[^\s/:@]{0,256}:([^\s/@]{6,512})@")


class EnvironmentAndFiles:
    """Values by name from an environment, and from files below a home folder."""

    def __init__(self, environ: Mapping[str, str], home_dir: str) -> None:
        self._environ = environ
        self._home = home_dir

    def values(self) -> Iterable[tuple[str, str]]:
        """(kind, value) pairs; the masker drops what is too short or too common."""
        for name, value in self._environ.items():
            role = role_of(name)
            if role is not None and not value.startswith(("/", "~")):
                yield f"env-{role}", value
            for password in _url_passwords(value):
                yield "env-password", password
        for name in FILES:
            text = _read(os.path.join(self._home, name))
            if text:
                yield from _in_file(name, text)


def _in_file(name: str, text: str) -> Iterator[tuple[str, str]]:
    if name in {".vault-token", ".cache/huggingface/token"}:
        yield "token", text.strip()
        return
    if name == ".pgpass":
        for line in text.splitlines():
            fields = None if line.startswith("#") else _PGPASS.match(line)
            if fields is not None:
                yield "password", re.sub(r"\\(.)", r"\1", fields[1])
        return
    for match in _NETRC.finditer(text):
        yield "password", match[1]
    for password in _url_passwords(text):
        yield "password", password
    for match in _ASSIGNED.finditer(text):
        key = match[1].rsplit(":", 1)[-1].rsplit("/", 1)[-1]
        role = role_of(key)
        if role is not None:
            yield role, match[2]
        if role == "auth":
            yield "password", _password_of_login(match[2])


def _url_passwords(text: str) -> Iterator[str]:
    """As they stand in the URL, and as they are typed."""
    for match in _URL_LOGIN.finditer(text):
        yield from {match[1], unquote(match[1])}


def _password_of_login(value: str) -> str:
    """The password in the base64 of `user:password`; empty when it is none."""
    try:
        plain = base64.b64decode(value, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return ""
    return plain.partition(":")[2]


def _read(path: str) -> str:
    """The start of a regular file of this user; empty when it is not one."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.getuid():
            return ""
        return os.read(descriptor, limits.CREDENTIAL_FILE_MAX_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""
    finally:
        os.close(descriptor)
