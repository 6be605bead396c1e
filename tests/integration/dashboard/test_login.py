"""Logging in to the real process, with a warehouse that has no dashboard to show."""

import shutil
from pathlib import Path

import httpx
from playwright.sync_api import Browser

from headwater.stack import Ports
from resources.accounts import Accounts
from tests.integration.dashboard.chromium import opened
from tests.integration.dashboard.site import Site


def test_an_account_is_let_in_and_a_warehouse_without_a_dashboard_is_told_what_to_do(
    tmp_path: Path, free_ports: Ports, browser: Browser
) -> None:
    site = Site(tmp_path, free_ports, {"HEADWATER_DASHBOARD_LOGIN": "accounts"})
    shutil.rmtree(site.stack.warehouse / "dashboards")
    Accounts.of(site.stack).add("mei", "correct horse")
    site.start()
    try:
        assert httpx.get(f"{site.url}/_nicegui_ws/socket.io/?EIO=4&transport=polling").status_code == 401
        with opened(browser, f"{site.url}/", quiet=False) as page:
            page.get_by_label("Name").fill("mei")
            page.get_by_label("Password").fill("wrong horse")
            page.get_by_role("button", name="Log in").click()
            page.get_by_role("alert").wait_for()
            page.get_by_label("Name").fill("mei")
            page.get_by_label("Password").fill("correct horse")
            page.get_by_role("button", name="Log in").click()
            page.get_by_role("heading", name="No dashboard").wait_for()
            assert "dashboards/<name>.yaml" in page.inner_text("main")
    finally:
        site.stop()
