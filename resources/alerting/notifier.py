"""What brings a message to its destination: a notification library, and the log."""

import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from resources.alerting.addresses import LOG, Destination, without_secrets
from resources.alerting.book import Message


class Notifier(Protocol):
    """What sends."""

    def send(self, message: Message) -> str:
        """Send a message and wait until it is taken; why it was not, or "". Never raises."""
        ...


class LogNotifier:
    """Writes to the log of this process."""

    def send(self, message: Message) -> str:
        """A line, and the text below it."""
        sys.stderr.write(f"{message.title}\n" + "".join(f"    {line}\n" for line in message.body.splitlines()))
        sys.stderr.flush()
        return ""


class AppriseNotifier:
    """Sends through apprise (https://github.com/caronc/apprise), which knows some hundred and fifty services.

    A webhook (`json://`, `jsons://`) gets the incident as JSON, too, under `incident`. The service answers within
    some seconds or the message is not taken: apprise's own limits, which `?cto=` and `?rto=` in the address change.
    """

    def __init__(self, destination: Destination) -> None:
        self._destination = destination
        self._service: Any = None

    def send(self, message: Message) -> str:
        """Any trouble is told without what is secret in the address."""
        import apprise

        url = self._destination.url
        kind = {"resolved": "success"}.get(message.change, "failure" if message.severity == "error" else "warning")
        with _complaints() as heard:
            try:
                if self._service is None:
                    self._service = apprise.Apprise.instantiate(url, suppress_exceptions=True)
                if not self._service:
                    return "this is no address that apprise knows"
                if getattr(self._service, "payload_extras", None) is not None and url.startswith("json"):
                    self._service.payload_extras["incident"] = message.content
                taken = self._service.notify(
                    body=message.body, title=message.title, notify_type=apprise.NotifyType(kind)
                )
            except Exception as error:  # noqa: BLE001 - a service's plug-in may raise anything, and must not end the others
                return without_secrets(f"{type(error).__name__}: {error}", url)
        return "" if taken else without_secrets(" ".join(heard) or "it was not taken", url)


def notifier(destination: Destination) -> Notifier:
    """What sends to this destination."""
    return LogNotifier() if destination.key == LOG else AppriseNotifier(destination)


class _Complaints(logging.Handler):
    """Keeps what one thread says."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.heard: list[str] = []
        self._thread = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self._thread:
            self.heard.append(record.getMessage())


@contextmanager
def _complaints() -> Iterator[list[str]]:
    """What apprise warns of in this thread. Nowhere else does it go: it may hold a part of an address."""
    logger = logging.getLogger("apprise")
    logger.propagate = False
    logger.setLevel(logging.WARNING)
    handler = _Complaints()
    logger.addHandler(handler)
    try:
        yield handler.heard
    finally:
        logger.removeHandler(handler)
