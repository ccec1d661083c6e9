# SPDX-License-Identifier: Apache-2.0
"""Commands and webhooks, against real programs and a real server on loopback."""

import hmac
import http.server
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from irkit import limits
from irkit.guard.config import WebhookConfig
from irkit.guard.outward import CommandNotifier, WebhookNotifier
from irkit.incident.commands import Done, Failed, Unverified
from tests.guard.notices import FROZEN

DEADLINE_S = 0.5


class Receiver(http.server.ThreadingHTTPServer):
    """Keeps what it got and answers as the path says: /200, /302, /500, /slow, /drip."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Post)
        self.got: list[tuple[str, dict[str, str], bytes]] = []

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}{path}"


class _Post(http.server.BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, dict(self.headers), body))
        if self.path == "/slow":
            time.sleep(3 * DEADLINE_S)
            return
        if self.path == "/drip":
            self._drip()
            return
        self.send_response(int(self.path[1:4]))
        self.send_header("Location", self.server.url("/200"))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _drip(self) -> None:
        try:
            for letter in b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 100:
                self.wfile.write(bytes([letter]))
                time.sleep(DEADLINE_S / 5)
        except OSError:
            return

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def hook(url: str, secret_file: str = "") -> WebhookNotifier:
    return WebhookNotifier(WebhookConfig(url=url, secret_file=secret_file, deadline_s=DEADLINE_S))


def test_a_webhook_is_signed_over_time_and_body(receiver: Receiver, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("not-a-secret\n")
    key.chmod(0o600)
    assert hook(receiver.url("/200?a=b"), str(key)).tell(FROZEN, 1) == Done("200")
    ((path, headers, body),) = receiver.got
    assert path == "/200?a=b"
    stamp, _, mac = headers["Irkit-Signature"].removeprefix("t=").partition(",v1=")
    assert hmac.new(b"not-a-secret", f"{stamp}.".encode() + body, "sha256").hexdigest() == mac
    assert abs(int(stamp) - time.time()) < 60
    told = json.loads(body)
    assert (told["incident"], told["round"], told["project"]) == ("INC-2026-014", 1, "/home/me/shop")


def test_no_proxy_of_the_environment_is_used(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert isinstance(hook(receiver.url("/200")).tell(FROZEN, 0), Done)


@pytest.mark.parametrize("status", [302, 404, 500])
def test_any_other_status_fails_and_no_redirect_is_followed(receiver: Receiver, status: int) -> None:
    assert hook(receiver.url(f"/{status}")).tell(FROZEN, 0) == Failed(f"127.0.0.1 answered {status}")
    assert len(receiver.got) == 1


@pytest.mark.parametrize("path", ["/slow", "/drip"])
def test_a_late_answer_is_unverified_at_the_deadline(receiver: Receiver, path: str) -> None:
    begun = time.monotonic()
    assert hook(receiver.url(path)).tell(FROZEN, 0) == Unverified(f"no answer in {DEADLINE_S:g} s")
    assert time.monotonic() - begun < 2.5 * DEADLINE_S


def test_nobody_listens() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{bound.getsockname()[1]}/"
    assert isinstance(hook(url).tell(FROZEN, 0), Failed)


def test_an_address_that_is_none_fails() -> None:
    assert isinstance(hook("http://127.0.0.1:99999/").tell(FROZEN, 0), Failed)


@pytest.mark.parametrize(
    ("text", "mode", "why"), [("", 0o600, "empty"), ("k", 0o644, "0600"), (None, 0, "No such")]
)
def test_without_its_key_nothing_is_sent(
    receiver: Receiver, tmp_path: Path, text: str | None, mode: int, why: str
) -> None:
    key = tmp_path / "key"
    if text is not None:
        key.write_text(text)
        key.chmod(mode)
    outcome = hook(receiver.url("/200"), str(key)).tell(FROZEN, 0)
    assert isinstance(outcome, Failed)
    assert why in outcome.reason
    assert receiver.got == []


def command(code: str, *argv: str, deadline_s: float = 20.0) -> CommandNotifier:
    return CommandNotifier((sys.executable, "-c", code, *argv), deadline_s)


def test_a_command_gets_the_notice_and_a_clean_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_TOKEN", "x")
    out = tmp_path / "out"
    code = "import json, os, sys; json.dump([json.load(sys.stdin), dict(os.environ)], open(sys.argv[1], 'w'))"
    assert command(code, str(out)).tell(FROZEN, 2) == Done(sys.executable)
    told, environ = json.loads(out.read_text())
    assert (told["incident"], told["round"]) == ("INC-2026-014", 2)
    assert "SOME_TOKEN" not in environ
    assert "PATH" in environ


def test_a_command_that_fails_says_why_without_its_escapes() -> None:
    outcome = command("import sys; sys.stderr.write('\\x1b[2Jno pager'); sys.exit(3)").tell(FROZEN, 0)
    assert outcome == Failed(f"{sys.executable} ended with 3: ␛[2Jno pager")


def test_a_flood_of_words_is_read_and_dropped() -> None:
    outcome = command("import sys; sys.stderr.write('x' * 10_000_000); sys.exit(1)").tell(FROZEN, 0)
    assert isinstance(outcome, Failed)
    assert len(outcome.reason) < limits.NOTIFY_OUTPUT_MAX_BYTES


def test_a_late_command_is_ended_with_what_it_started(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    code = (
        "import os, subprocess, sys, time\n"
        "child = subprocess.Popen(['sleep', '60'])\n"
        "open(sys.argv[1], 'w').write(f'{os.getpid()} {child.pid}')\n"
        "time.sleep(60)\n"
    )
    outcome = command(code, str(pids), deadline_s=2.0).tell(FROZEN, 0)
    assert outcome == Unverified(f"{sys.executable} did not end in 2 s")
    for pid in pids.read_text().split():
        ends = time.monotonic() + 10
        while _runs(pid):
            assert time.monotonic() < ends, f"{pid} still runs"


def _runs(pid: str) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_command_that_is_not_there_fails() -> None:
    outcome = CommandNotifier((os.path.join(os.sep, "no", "such"),)).tell(FROZEN, 0)
    assert outcome == Failed("/no/such: No such file or directory")


def test_a_command_need_not_read_the_notice() -> None:
    assert isinstance(command("import os; os.close(0)").tell(FROZEN, 0), Done)
