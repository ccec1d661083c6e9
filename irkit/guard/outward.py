# SPDX-License-Identifier: Apache-2.0
"""Notices that leave: a command of the site's, and a signed webhook.

A command is a list of words; the notice comes as JSON on its input, in a scrubbed environment. A webhook's request
carries `Irkit-Signature: t=SECONDS,v1=HEX`, HMAC-SHA-256 over `t.body` under the key in `secret_file`. No proxies, no
redirects, no credentials from the environment.
"""

import hmac
import http.client
import os
import ssl
import stat
import subprocess
import time
from urllib.parse import urlsplit

import msgspec

from irkit import limits
from irkit.guard.config import WebhookConfig
from irkit.incident.commands import AnyOutcome, Done, Failed, Unverified
from irkit.incident.incident import Incident
from irkit.report.incident_text import payload

_KEPT = ("HOME", "LANG", "LC_ALL", "LOGNAME", "PATH", "TZ", "USER")
KEY_MAX_BYTES = 4096


class CommandNotifier:
    """Runs a command with the notice on its input."""

    name = "command"

    def __init__(self, argv: tuple[str, ...]) -> None:
        self._argv = argv

    def tell(self, incident: Incident, number: int) -> AnyOutcome:
        """Done when it ended with 0."""
        environ = {name: os.environ[name] for name in _KEPT if name in os.environ}
        body = msgspec.json.encode(payload(incident, number)) + b"\n"
        try:
            done = subprocess.run(
                self._argv,
                input=body,
                env=environ,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                timeout=limits.NOTIFY_MAX_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Unverified(f"{self._argv[0]} did not end in {limits.NOTIFY_MAX_S:g} s")
        except OSError as error:
            return Failed(f"{self._argv[0]}: {error.strerror}")
        if done.returncode:
            said = done.stderr[:200].decode("utf-8", "replace").strip()
            return Failed(f"{self._argv[0]} ended with {done.returncode}: {said}")
        return Done(self._argv[0])


class WebhookNotifier:
    """Posts the notice, signed."""

    name = "webhook"

    def __init__(self, config: WebhookConfig) -> None:
        self._config = config

    def tell(self, incident: Incident, number: int) -> AnyOutcome:
        """Done when the other side answered 2xx."""
        body = msgspec.json.encode(payload(incident, number))
        headers = {"Content-Type": "application/json", "User-Agent": "irkit"}
        if self._config.secret_file:
            try:
                headers["Irkit-Signature"] = signature(_key(self._config.secret_file), body, int(time.time()))
            except OSError as error:
                return Failed(f"{self._config.secret_file}: {error.strerror}")
        parts = urlsplit(self._config.url)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection = _connection(parts.scheme, parts.hostname or "", parts.port, self._config.deadline_s)
        try:
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            answer.read(4096)
        except TimeoutError:
            return Unverified(f"no answer in {self._config.deadline_s:g} s")
        except (OSError, http.client.HTTPException) as error:
            return Failed(f"{parts.hostname}: {error}"[:200])
        finally:
            connection.close()
        return (
            Done(f"{answer.status}")
            if 200 <= answer.status < 300
            else Failed(f"{parts.hostname} answered {answer.status}")
        )


def signature(key: bytes, body: bytes, now: int) -> str:
    """The header's value."""
    return f"t={now},v1={hmac.digest(key, b'%d.' % now + body, 'sha256').hex()}"


def _connection(scheme: str, host: str, port: int | None, timeout: float) -> http.client.HTTPConnection:
    if scheme == "https":
        return http.client.HTTPSConnection(host, port, timeout=timeout, context=ssl.create_default_context())
    return http.client.HTTPConnection(host, port, timeout=timeout)


def _key(path: str) -> bytes:
    """The signing key of a file that only its owner can read. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_mode & 0o077:
            raise PermissionError(1, "must be a regular file of mode 0600")
        return os.read(descriptor, KEY_MAX_BYTES).strip()
    finally:
        os.close(descriptor)
