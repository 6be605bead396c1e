"""Debian's Chromium, driven by Playwright; what a page says on its console that it should not, fails the test."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from tests.integration.debian import program


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser, until the block ends."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program("chromium", "chromium"), args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def opened(browser: Browser, url: str, *, quiet: bool = True, **context: Any) -> Iterator[Page]:
    """A page in a window of its own.

    Args:
        url: What it shows first.
        quiet: Fail when it tells of errors on its console.
        context: As Playwright takes it: viewport, color_scheme, timezone_id …
    """
    window = browser.new_context(**context)
    page = window.new_page()
    page.set_default_timeout(60_000)
    told: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            told.append(f"{message.type}: {message.text}")

    page.on("console", note)
    page.on("pageerror", lambda error: told.append(str(error)))
    foreign: list[str] = []
    page.on(
        "request",
        lambda request: (
            foreign.append(request.url)
            if "127.0.0.1" not in request.url and not request.url.startswith("data:")
            else None
        ),
    )
    page.goto(url)
    yield page
    window.close()
    assert not foreign, "everything comes from loopback"
    if quiet:
        assert not told
