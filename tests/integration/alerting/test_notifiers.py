"""Messages to a real web server and a real mail server, through the library that sends them."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.header import decode_header, make_header
from pathlib import Path
from typing import Any

import pytest

from resources.alerting.addresses import Destination, name_of
from resources.alerting.book import Book, Message, tell
from resources.alerting.courier import Courier
from resources.alerting.notifier import AppriseNotifier
from tests.conftest import PROJECT
from tests.integration.alerting.servers import Hook, served

MESSAGE = Message(
    "a1b2c3",
    "opened",
    "error: dwd.orders is stale",
    "what:     dwd.orders is stale\nhop:      ods.orders → dwd.orders, read",
    "error",
    {"id": "a1b2c3", "change": "opened", "hop": "ods.orders → dwd.orders, read", "affects": ["dm.kpi"]},
)


@pytest.fixture
def hook() -> Iterator[Hook]:
    with served(Hook()) as running:
        yield running


def destination(url: str) -> Destination:
    return Destination(url, name_of(url), url)


def webhook(hook: Hook) -> Destination:
    return destination(f"json://user:pass1word@127.0.0.1:{hook.port}/T0KEN?rto=1&cto=1")


def test_a_webhook_gets_the_text_and_the_incident_as_json(hook: Hook):
    assert AppriseNotifier(webhook(hook)).send(MESSAGE) == ""
    (body,) = hook.got
    assert (body["path"], body["title"], body["type"]) == ("/T0KEN", MESSAGE.title, "failure")
    assert body["message"] == MESSAGE.body
    assert body["incident"] == MESSAGE.content


@pytest.mark.parametrize("answer", ["500", "403", "hang"])
def test_a_webhook_that_does_not_take_it_says_why_without_secrets(hook: Hook, answer: str):
    hook.answer = answer
    reason = AppriseNotifier(webhook(hook)).send(MESSAGE)
    assert reason
    assert answer in reason or answer == "hang"
    for secret in ("pass1word", "T0KEN"):
        assert secret not in reason


def test_a_webhook_that_nobody_listens_at_is_no_success(hook: Hook):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"json://127.0.0.1:{unused.getsockname()[1]}/T0KEN?cto=1"
        assert "onnection" in AppriseNotifier(destination(url)).send(MESSAGE)


def test_what_is_no_address_is_told_and_not_shown():
    assert AppriseNotifier(destination("nosuch://secret")).send(MESSAGE) == "this is no address that apprise knows"


def test_a_mail_has_subject_and_text():
    from aiosmtpd.controller import Controller

    mails: list[Any] = []

    class Takes:
        async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
            mails.append(envelope)
            return "250 taken"

    server = Controller(Takes(), hostname="127.0.0.1", port=_free_port())
    server.start()
    try:
        url = f"mailto://127.0.0.1:{server.port}?from=alerts@example.com&to=orders@example.com&mode=insecure"
        assert AppriseNotifier(destination(url)).send(MESSAGE) == ""
    finally:
        server.stop()
    (mail,) = mails
    assert mail.rcpt_tos == ["orders@example.com"]
    read = message_from_bytes(mail.content)
    assert str(make_header(decode_header(read["Subject"]))) == MESSAGE.title
    parts = [part for part in read.walk() if not part.is_multipart()]
    text = b"".join(bytes(part.get_payload(decode=True)) for part in parts).decode()
    assert "ods.orders → dwd.orders, read" in text


def test_a_mail_server_that_refuses_is_no_success():
    from aiosmtpd.controller import Controller

    class Refuses:
        async def handle_DATA(self, _server: Any, _session: Any, _envelope: Any) -> str:
            return "451 later"

    server = Controller(Refuses(), hostname="127.0.0.1", port=_free_port())
    server.start()
    try:
        url = f"mailto://127.0.0.1:{server.port}?from=alerts@example.com&to=orders@example.com&mode=insecure"
        assert AppriseNotifier(destination(url)).send(MESSAGE) != ""
    finally:
        server.stop()


def test_a_web_server_that_errs_hangs_and_is_gone_gets_everything_in_order_once_it_takes_it(tmp_path: Path):
    book, hook = Book(tmp_path / "book.db"), Hook()
    clock = [datetime(2026, 11, 22, tzinfo=UTC)]
    with served(hook):
        there = webhook(hook)
        courier = Courier(book, there, AppriseNotifier(there), lambda: clock[0])
        for change in ("opened", "updated", "resolved"):
            with book.writing() as page:
                content = {**MESSAGE.content, "change": change}
                tell(page, Message("a1b2c3", change, change, "…", "error", content), [there], clock[0])
        for answer in ("500", "hang"):
            hook.answer = answer
            courier.deliver()
            clock[0] += timedelta(minutes=10)
    courier.deliver()
    clock[0] += timedelta(minutes=10)
    assert [each.attempts for each in book.unsent()] == [3, 0, 0]
    hook.got.clear()
    hook.answer = "200"
    with served(hook):
        courier.deliver()
    assert hook.changes == ["opened", "updated", "resolved"]
    assert book.unsent() == ()


_SENDER = """
import sys
from pathlib import Path
from resources.alerting.addresses import Destination
from resources.alerting.book import Book
from resources.alerting.courier import Courier
from resources.alerting.notifier import AppriseNotifier
there = Destination("1", "json", sys.argv[2])
sys.stdin.readline()
Courier(Book(Path(sys.argv[1])), there, AppriseNotifier(there)).deliver()
"""


def test_a_sender_that_is_killed_between_sending_and_noting_it_sends_twice_and_never_not_at_all(
    tmp_path: Path, hook: Hook
):
    book = Book(tmp_path / "book.db")
    there = Destination("1", "json", f"json://127.0.0.1:{hook.port}/x?rto=30")
    with book.writing() as page:
        tell(page, MESSAGE, [there], datetime.now(UTC))

    def sender() -> subprocess.Popen[str]:
        command = [sys.executable, "-c", _SENDER, str(tmp_path / "book.db"), there.url]
        return subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.PIPE, text=True)

    for answer, status in (("kill", -9), ("200", 0)):
        process = sender()
        hook.answer = f"kill {process.pid}" if answer == "kill" else answer
        process.communicate("go\n", timeout=120)
        assert process.returncode == status
    assert hook.changes == ["opened", "opened"]
    assert book.unsent() == ()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]
