"""One browser, one lake and one dashboard for all tests of a file.

Not for the whole run: while Playwright is there, an event loop runs, and no other test of this process could run one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from benchmarks.orderlake import MINUTE, OrdersLake, rows_between
from resources.local import ports
from tests.integration.dashboard.chromium import chromium
from tests.integration.dashboard.site import Site


@dataclass
class Shop:
    """A dashboard over orders that go on when a test says so."""

    site: Site
    lake: OrdersLake
    now: datetime

    def go_on(self) -> int:
        """Another ten seconds of orders, in one commit; give the snapshot's number."""
        self.now += timedelta(seconds=10)
        minute = self.now.replace(second=0, microsecond=0)
        rows = rows_between(self.site.markets, minute - MINUTE, minute, seed=self.now.second)
        return self.lake.write(list(rows), self.now)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Nine days of orders, with an hour of every minute before now, and the dashboard over them."""
    folder: Path = tmp_path_factory.mktemp("dashboard")
    site = Site(folder, ports.free_ports(), {"HEADWATER_DASHBOARD_SQL": "*", "HEADWATER_DASHBOARD_SQL_SECONDS": "8"})
    lake = OrdersLake(site.stack.lake)
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    hour = now - timedelta(hours=1)
    history = list(rows_between(site.markets, now - timedelta(days=8, hours=16), hour, every=30 * MINUTE))
    lake.write([*history, *rows_between(site.markets, hour, now)], now)
    try:
        site.start()
        yield Shop(site, lake, now)
    finally:
        site.stop()
