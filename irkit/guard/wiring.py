# SPDX-License-Identifier: Apache-2.0
"""What a guard is made of, put together once at start: policy, keys, redactor, rules, playbooks."""

import os
import secrets
from typing import NamedTuple

import msgspec

from irkit.detect.exception import RuleException
from irkit.detect.load import load_rules
from irkit.detect.rule import RuleSet
from irkit.errors import BadInputError
from irkit.guard.approval import Effective, check_policy, effective
from irkit.guard.config import Config, load_config
from irkit.guard.shelf import shelf_of
from irkit.guard.store import Store
from irkit.home import Home
from irkit.incident.playbook import Playbook
from irkit.shipped import shipped
from irkit.stream.ingest import Ingest
from irkit.stream.redact import Redactor, build_redactor
from irkit.stream.value_sources import EnvironmentAndFiles

KEY_BYTES = 32


class PolicyInForce(NamedTuple):
    """The approved policy, parsed."""

    approved: Effective
    config: Config
    rules: RuleSet
    playbooks: tuple[Playbook, ...]
    exceptions: tuple[RuleException, ...]


def policy_in_force(home: Home, store: Store) -> PolicyInForce:
    """Read the policy. A first start refuses what does not parse; later the last approved copy holds (threat T7)."""
    found = effective(home, store, check_policy)
    config = load_config(found.files.get("irkit.toml", b"").decode(), home.config)
    site = [(name, data.decode()) for name, data in found.files.items() if name.startswith("rules/")]
    rules = load_rules([*shipped("rules"), *site])
    plans = [(name, data.decode()) for name, data in found.files.items() if name.startswith("playbooks/")]
    return PolicyInForce(found, config, rules, shelf_of(plans).playbooks, _exceptions(found.files))


def _exceptions(files: dict[str, bytes]) -> tuple[RuleException, ...]:
    text = files.get("exceptions.json")
    if not text:
        return ()
    try:
        return msgspec.json.decode(text, type=tuple[RuleException, ...])
    except msgspec.DecodeError as error:
        raise BadInputError(f"exceptions cannot be read ({error})", where="exceptions.json") from error


def build_ingest(
    home: Home, config: Config, environ: dict[str, str], user_home: str
) -> tuple[Ingest, Redactor]:
    """The redactor by the settings, and the ingest that uses it. Two keys: fingerprints and argument hashes."""
    exact = EnvironmentAndFiles(environ, user_home).values() if config.redaction.known_values else ()
    redactor = build_redactor(key_of(home, "redact.key"), exact=exact, detector=config.redaction.detector)
    return Ingest(redactor, key_of(home, "args.key")), redactor


def key_of(home: Home, name: str) -> bytes:
    """A secret of this home, made at first use, readable by this user only. Raises OSError."""
    path = os.path.join(home.keys, name)
    try:
        with open(path, "rb") as file:
            found = file.read(KEY_BYTES)
        if len(found) == KEY_BYTES:
            return found
    except FileNotFoundError:
        pass
    made = secrets.token_bytes(KEY_BYTES)
    beside = f"{path}.{os.getpid()}.new"
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with open(
        descriptor, "wb"
    ) as file:  # a crash leaves the whole key or none: half a key would be another key
        file.write(made)
        file.flush()
        os.fsync(descriptor)
    os.replace(beside, path)
    return made
