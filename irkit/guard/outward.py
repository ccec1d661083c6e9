# SPDX-License-Identifier: Apache-2.0
"""Notices that leave: a command of the site's, and a signed webhook.

A command is a list of words; the notice comes as JSON on its input, in a scrubbed environment. A webhook's request
carries `Irkit-Signature: t=SECONDS,v1=HEX`, HMAC-SHA-256 over `t.body` under the key in `secret_file`. No proxies, no
redirects, no credentials from the environment.
"""

import contextlib
import hmac
import http.client
import os
import select
import signal
import socket
import ssl
import stat
import subprocess
import threading
import time
from typing import IO
from urllib.parse import SplitResult, urlsplit

import msgspec

from irkit import limits
from irkit.guard.config import WebhookConfig
from irkit.incident.commands import AnyOutcome, Done, Failed, Unverified
from irkit.incident.incident import Incident
from irkit.report import safe
from irkit.report.incident_text import payload

_KEPT = ("HOME", "LANG", "LC_ALL", "LOGNAME", "PATH", "TZ", "USER")
KEY_MAX_BYTES = 4096


class CommandNotifier:
    """Runs a command with the notice on its input."""

    name = "command"

    def __init__(self, argv: tuple[str, ...], deadline_s: float = limits.NOTIFY_MAX_S) -> None:
        self._argv = argv
        self._deadline_s = deadline_s

    def tell(self, incident: Incident, number: int) -> AnyOutcome:
        """Done when it ended with 0."""
        environ = {name: os.environ[name] for name in _KEPT if name in os.environ}
        body = msgspec.json.encode(payload(incident, number)) + b"\n"
        try:
            return self._run(environ, body)
        except OSError as error:
            return Failed(f"{self._argv[0]}: {error.strerror}")

    def _run(self, environ: dict[str, str], body: bytes) -> AnyOutcome:
        """Run it, with all that it starts in one process group, which is ended at the deadline."""
        ends = time.monotonic() + self._deadline_s
        with subprocess.Popen(
            self._argv,
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        ) as child:
            with contextlib.suppress(BrokenPipeError):  # it need not read the notice
                _of(child.stdin).write(body)
                _of(child.stdin).flush()
            with contextlib.suppress(BrokenPipeError):
                _of(child.stdin).close()
            try:
                said = _said(_of(child.stderr), ends)
                code = child.wait(max(0.0, ends - time.monotonic()))
            except (TimeoutError, subprocess.TimeoutExpired):
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)
                return Unverified(f"{self._argv[0]} did not end in {self._deadline_s:g} s")
        return Done(self._argv[0]) if code == 0 else Failed(f"{self._argv[0]} ended with {code}: {said}")


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
        try:
            status = self._post(parts, path, body, headers)
        except TimeoutError:
            return Unverified(f"no answer in {self._config.deadline_s:g} s")
        except (OSError, ValueError, http.client.HTTPException) as error:
            return Failed(f"{parts.hostname}: {error}"[:200])
        if 200 <= status < 300:
            return Done(f"{status}")
        return Failed(f"{parts.hostname} answered {status}")

    def _post(self, parts: SplitResult, path: str, body: bytes, headers: dict[str, str]) -> int:
        """The status. Raises TimeoutError when the whole exchange takes longer than the deadline."""
        connection = _connection(parts.scheme, parts.hostname or "", parts.port, self._config.deadline_s)
        late = threading.Event()

        def cut() -> None:  # a socket's own timeout is for one read, and an answer may come byte by byte
            late.set()
            if connection.sock is not None:
                with contextlib.suppress(OSError):
                    connection.sock.shutdown(socket.SHUT_RDWR)

        alarm = threading.Timer(self._config.deadline_s, cut)
        alarm.daemon = True
        alarm.start()
        try:
            connection.request("POST", path, body, headers)
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            if late.is_set():
                raise TimeoutError from None
            raise
        finally:
            alarm.cancel()
            connection.close()


def signature(key: bytes, body: bytes, now: int) -> str:
    """The header's value."""
    return f"t={now},v1={hmac.digest(key, b'%d.' % now + body, 'sha256').hex()}"


def _said(stderr: IO[bytes], ends: float) -> str:
    """The start of what it wrote, once it wrote all. Raises TimeoutError at the deadline. More is read and dropped."""
    kept = b""
    while True:
        if not select.select([stderr], [], [], max(0.0, ends - time.monotonic()))[0]:
            raise TimeoutError
        part = os.read(stderr.fileno(), 65536)
        if not part:
            return safe.terminal(kept.decode("utf-8", "replace").strip(), 200)
        kept += part[: limits.NOTIFY_OUTPUT_MAX_BYTES - len(kept)]
        if time.monotonic() > ends:
            raise TimeoutError


def _of(pipe: IO[bytes] | None) -> IO[bytes]:
    """The pipe that was asked for."""
    if pipe is None:
        raise BrokenPipeError
    return pipe


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
        key = os.read(descriptor, KEY_MAX_BYTES).strip()
        if not key:
            raise OSError(0, "is empty")
        return key
    finally:
        os.close(descriptor)
