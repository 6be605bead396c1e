"""What a person does with the dashboard, in a real browser over a real lake."""

import re
import threading
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from benchmarks.orderlake import KPI
from headwater.calendar import local_date
from resources.query import answer
from tests.integration.dashboard.chromium import opened
from tests.integration.dashboard.conftest import Shop
from tests.integration.dashboard.looking import PALE, UNNAMED
from tests.integration.waiting import eventually

SUMS = ("created", "matched", "completed", "cancelled")

_SHOWN = """() => ({
  snapshot: Number(document.querySelector("[data-test=snapshot]").textContent),
  cards: Object.fromEntries(
    [...document.querySelectorAll(".card")].map((card) => [card.dataset.measure, {...card.dataset}])),
})"""


def shown(page: Page) -> dict[str, Any]:
    """The snapshot that the page names and its cards, at one moment."""
    page.wait_for_selector(".card-value")
    return page.evaluate(_SHOWN)


def asked(shop: Shop, snapshot: int, where: str, against: date | None = None) -> Mapping[str, Any]:
    """What `headwater query --at` says of today so far, or of another day, at this snapshot."""
    day = "s.days_ago = 0" if against is None else f"s.local_date = DATE '{against}'"
    sums = ", ".join(f"COALESCE(SUM(k.{column}), 0) AS {column}" for column in (*SUMS, "revenue"))
    sql = f"""SELECT {sums}, SUM(k.waiting_seconds) / SUM(k.matched) AS waiting
        FROM calendar.so_far AS s JOIN dm.kpi_minute AS k
          ON k.market = s.market AND k.minute_at >= s.starts_at AND k.minute_at < s.until
        WHERE {day} AND {where}"""
    found = answer(shop.site.stack.lake, sql, at={KPI: snapshot}, markets=lambda: shop.site.markets)
    return dict(zip(found.rows.columns, found.rows.rows[0], strict=True))


def assert_equal(cards: Mapping[str, Any], said: Mapping[str, Any], key: str = "exact") -> None:
    for column in SUMS:
        assert cards[column][key] == str(said[column])
    assert abs(float(cards["waiting"][key]) - float(said["waiting"])) < 0.001


def number(text: str) -> float:
    """A number as a page writes it: `+1,234`, `−8.1`, `±0`."""
    return float(text.replace("\u2212", "-").replace("±", "").replace(",", ""))


def tick(page: Page, name: str, *labels: str) -> None:
    """Tick values of a filter without a mouse, and wait until the address says so."""
    page.locator(f"[data-filter={name}] summary").focus()
    page.keyboard.press("Enter")
    for label in labels:
        box = page.locator(f"[data-filter={name}]").get_by_label(label, exact=True)
        value = box.get_attribute("value")
        box.focus()
        page.keyboard.press("Space")
        page.wait_for_function(
            "([name, value]) => new URLSearchParams(location.search).getAll(name).includes(value)", arg=[name, value]
        )
    page.keyboard.press("Escape")


def test_several_markets_and_values_are_summed_over_and_stand_in_the_address(shop: Shop, browser: Browser) -> None:
    with opened(browser, shop.site.url, viewport={"width": 1280, "height": 900}) as page:
        shown(page)
        tick(page, "market", "Hong Kong", "India")
        tick(page, "vehicle_type", "van", "motorcycle")
        assert page.locator("[data-filter=market] fieldset").is_hidden(), "Escape closes it"
        page.get_by_role("heading", name="Hong Kong, India · motorcycle, van", level=1).wait_for()
        where = "k.market IN ('hk', 'in') AND k.vehicle_type IN ('van', 'motorcycle')"
        found = shown(page)
        assert_equal(found["cards"], asked(shop, found["snapshot"], where))
        assert page.locator("[data-row=hk]").count() and not page.locator("[data-row=us]").count()
        shared = page.url
        page.locator("[data-filter=market] summary").click()
        page.locator("[data-filter=market]").get_by_role("button", name="All").click()
        page.get_by_role("heading", name="All markets · motorcycle, van").wait_for()
    with opened(browser, shared.replace("/operations?", "/operations/why?")) as page:
        page.get_by_role("heading", name="Hong Kong, India · motorcycle, van").wait_for()
        page.locator("table", has_text="The change by market").locator("[data-row=India]").wait_for()


def test_the_numbers_of_a_page_are_those_of_a_query_at_the_snapshot_that_it_names(shop: Shop, browser: Browser) -> None:
    with opened(browser, shop.site.url) as page:
        for _ in range(3):
            newest = shop.go_on()
            eventually(lambda newest=newest: shown(page)["snapshot"] >= newest, "the new snapshot on the page")
            found = shown(page)
            assert_equal(found["cards"], asked(shop, found["snapshot"], "true"))
            assert found["cards"]["revenue"]["exact"] == "", "four currencies have no sum"


def test_filters_and_the_way_down_to_a_market_stand_in_the_address(shop: Shop, browser: Browser) -> None:
    with opened(browser, shop.site.url, viewport={"width": 1280, "height": 900}) as page:
        page.wait_for_selector("[data-row=hk]")
        tick(page, "price_category", "regular")
        page.locator("[data-row=hk]").get_by_role("link", name="Hong Kong").click()
        page.get_by_role("heading", name="Hong Kong · regular", level=1).wait_for()
        assert "Asia/Hong_Kong" in page.inner_text("#main"), "the market's zone is named"
        assert "your zone" in page.inner_text("header"), "and so is the viewer's"
        found = shown(page)
        said = asked(shop, found["snapshot"], "k.market = 'hk' AND k.price_category = 'regular'")
        assert_equal(found["cards"], said)
        assert Decimal(found["cards"]["revenue"]["exact"]) == said["revenue"]
        page.locator("[data-measure=revenue]").click()
        page.wait_for_url("**measure=revenue**")
        page.get_by_role("link", name="van").click()
        page.get_by_role("heading", name="Hong Kong · regular · van").wait_for()
        shared = page.url
        page.go_back()
        page.get_by_role("heading", name="Hong Kong · regular", exact=True).wait_for()
    with opened(browser, shared) as page:
        page.get_by_role("heading", name="Hong Kong · regular · van").wait_for()
        assert page.locator("[data-measure=revenue]").get_attribute("aria-pressed") == "true"


def test_any_day_can_be_compared_with_up_to_the_same_local_time(shop: Shop, browser: Browser) -> None:
    # Where a day has just begun there is nothing to compare: the market with the latest clock has most of its day.
    market = max(shop.site.markets, key=lambda market: shop.now.astimezone(market.zone).time())
    with opened(browser, f"{shop.site.url}/d/operations?market={market.code}") as page:
        day = local_date(market, shop.now) - timedelta(days=5)
        shown(page)
        page.locator("input[type=date]").fill(day.isoformat())
        page.wait_for_url(f"**against={day}**")
        note = page.locator("[data-measure=created] .card-note")
        eventually(lambda: day.isoformat() in note.inner_text(), "the comparison with that day")
        found = shown(page)
        assert_equal(found["cards"], asked(shop, found["snapshot"], f"k.market = '{market.code}'", day), "other")


def test_the_diagnosis_adds_up_and_says_so_in_words(shop: Shop, browser: Browser) -> None:
    with opened(browser, f"{shop.site.url}/d/operations/why?measure=matched&against=7d") as page:
        page.wait_for_selector("tr[data-row='Hong Kong']")
        cells = page.locator("tr[data-row] [data-cell=effect]")
        table = page.locator("table", has_text="The change by market")
        parts = table.locator("[data-cell=effect]").all_inner_texts()
        numbers = [int(number(text.split()[-1])) for text in parts]
        assert cells.count() > len(numbers)
        lead = page.locator(".lead").inner_text()
        if sum(numbers):
            assert f"{abs(sum(numbers)):,}" in lead


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_pages_are_readable_in_both_themes_on_a_phone_and_on_a_desk(
    shop: Shop, browser: Browser, scheme: Any, width: int
) -> None:
    view = {"width": width, "height": 800}
    with opened(browser, shop.site.url, viewport=view, color_scheme=scheme) as page:
        for path in ("", "/d/operations/why", "/d/operations/freshness"):
            page.goto(f"{shop.site.url}{path}")
            page.wait_for_selector("#main tr:visible, #main .lead:visible")
            assert page.evaluate("document.documentElement.scrollWidth") <= width, "nothing sticks out"
            assert page.evaluate(PALE) == [], "contrast AA"
            if page.locator("[data-filter=market]").count():
                page.locator("[data-filter=market] summary").click()
                assert page.evaluate("document.documentElement.scrollWidth") <= width, "nor does an open filter"


def test_keyboards_and_screen_readers_find_their_way(shop: Shop, browser: Browser) -> None:
    with opened(browser, shop.site.url) as page:
        shown(page)
        for role in ("banner", "main", "navigation", "contentinfo", "search"):
            assert page.get_by_role(role).count() == 1, role
        assert page.locator("h1").count() == 1
        assert page.locator("table:not(:has(caption))").count() == 0
        assert page.locator("th:not([scope])").count() == 0
        assert page.evaluate(UNNAMED) == 0
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to the numbers"
        page.locator("[data-measure=matched]").focus()
        page.keyboard.press("Enter")
        page.wait_for_url("**measure=matched**")
        newest = shop.go_on()
        eventually(lambda: shown(page)["snapshot"] >= newest, "the new snapshot on the page")
        assert page.evaluate("document.activeElement.dataset.measure") == "matched", "an update takes no focus"
        page.get_by_text("The chart's numbers as a table").click()
        assert page.locator("details table tbody tr").count() > 10, "the chart has an alternative"


def test_colours_follow_the_system_until_somebody_chooses(shop: Shop, browser: Browser) -> None:
    background = "getComputedStyle(document.body).backgroundColor"
    with opened(browser, shop.site.url, color_scheme="dark") as page:
        shown(page)
        dark = page.evaluate(background)
        button = page.get_by_role("button", name="Colours: auto")
        button.click()
        assert page.evaluate(background) != dark
        page.reload()
        shown(page)
        assert page.evaluate("document.documentElement.dataset.theme") == "light", "it is remembered"
        assert page.evaluate(background) != dark


def test_a_large_screen_has_big_type_and_no_controls_and_shows_one_market_after_the_other(
    shop: Shop, browser: Browser
) -> None:
    view = {"width": 1920, "height": 1080}
    with opened(browser, f"{shop.site.url}/d/operations?screen=wall&rotate=5", viewport=view) as page:
        shown(page)
        assert page.locator("select, input, nav").count() == 0
        assert page.evaluate("parseFloat(getComputedStyle(document.documentElement).fontSize)") >= 20
        eventually(lambda: "Australia" in page.inner_text(".brand"), "the first market's turn")
        assert page.evaluate("document.documentElement.scrollWidth") <= 1920
        assert page.evaluate("document.documentElement.scrollHeight") <= 1080, "nothing need be scrolled to"


def test_the_market_grid_is_ordered_as_chosen_and_leads_down_to_a_market(shop: Shop, browser: Browser) -> None:
    with opened(browser, shop.site.url, viewport={"width": 1280, "height": 900}) as page:
        shown(page)
        names = [text.strip() for text in page.locator(".tile-name").all_inner_texts()]
        assert names == sorted(names) and len(names) == 4
        page.get_by_label("Order").select_option("change")
        page.locator(".tile").nth(1).focus()
        focused = page.evaluate("document.activeElement.dataset.tile")
        newest = shop.go_on()
        eventually(lambda: shown(page)["snapshot"] >= newest, "the new snapshot on the page")
        assert page.evaluate("document.activeElement.dataset.tile") == focused, "an update takes no focus"
        page.reload()
        shown(page)
        changes = page.locator(".tile-change").all_inner_texts()
        # A market whose day has just begun has nothing to compare, and stands with those that have not changed.
        sizes = [number(text.split("%")[0].split()[1]) if "%" in text else 0.0 for text in changes]
        assert sum("%" in text for text in changes) > 1
        assert [abs(size) for size in sizes] == sorted((abs(size) for size in sizes), reverse=True), "it is remembered"
        tile = page.locator("[data-tile=hk]")
        assert tile.get_by_text(re.compile("more|less|as it was|nothing to compare")).count() == 1, "told in words, too"
        tile.focus()
        page.keyboard.press("Enter")
        page.get_by_role("heading", name="Hong Kong", level=1).wait_for()
        assert page.locator(".tile").count() == 0


LATE = """\
# TYPE headwater_lag_seconds gauge
headwater_lag_seconds{hop="commit",source="dm.kpi_minute",table="dm.kpi_minute"} 250
# TYPE headwater_lag_own_seconds gauge
headwater_lag_own_seconds{hop="commit",source="dm.kpi_minute",table="dm.kpi_minute"} 240
# TYPE headwater_table_behind_seconds gauge
headwater_table_behind_seconds{table="dm.kpi_minute"} 250
# TYPE headwater_table_state gauge
headwater_table_state{state="late",table="dm.kpi_minute"} 1
"""


@pytest.fixture
def late(shop: Shop) -> Iterator[None]:
    """A process `watch` that says the table is late."""

    class Says(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(LATE.encode())

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", shop.site.stack.ports.watch), Says)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield
    server.shutdown()
    server.server_close()


def test_stale_numbers_are_told_in_words_with_the_hop_that_holds_them_up(
    shop: Shop, browser: Browser, late: None
) -> None:
    with opened(browser, f"{shop.site.url}/d/operations/freshness") as page:
        words = page.get_by_role("status")
        eventually(lambda: "at the hop dm.kpi_minute, commit" in words.inner_text(), lambda: words.inner_text())
        assert int(words.inner_text().split("Numbers are")[1].split()[0]) >= 4
        assert page.locator("tr", has_text="commit").count() == 1
        assert page.get_by_role("link", name="dm.kpi_minute in Dagster").get_attribute("href") == (
            f"{shop.site.stack.dagster_url}/assets/dm/kpi_minute"
        )


def test_a_page_that_is_open_for_many_updates_does_not_grow(shop: Shop, browser: Browser) -> None:
    with opened(browser, shop.site.url) as page:
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable")

        def updated() -> None:
            newest = shop.go_on()
            eventually(lambda: shown(page)["snapshot"] >= newest, "the new snapshot on the page")

        def size() -> dict[str, float]:
            session.send("HeapProfiler.collectGarbage")
            found = session.send("Performance.getMetrics")["metrics"]
            return {each["name"]: each["value"] for each in found}

        for _ in range(3):
            updated()
        before = size()
        for _ in range(12):
            updated()
        after = size()
        assert after["JSEventListeners"] <= before["JSEventListeners"]
        assert after["Nodes"] <= before["Nodes"] * 1.05
        assert after["JSHeapUsedSize"] <= before["JSHeapUsedSize"] + 1_500_000


def test_a_lost_connection_is_told_in_words_and_heals(shop: Shop, browser: Browser) -> None:
    with opened(browser, shop.site.url, quiet=False) as page:
        shown(page)
        shop.site.stop(kill=True)
        eventually(lambda: "Connection lost" in page.inner_text("[data-test=lost]"), "the words")
        assert page.get_by_role("alert").is_visible()
        newest = shop.go_on()
        shop.site.start()
        eventually(
            lambda: (
                page.locator("[data-test=snapshot]").count() == 1
                and page.inner_text("[data-test=lost]") == ""
                and shown(page)["snapshot"] >= newest
            ),
            "numbers again",
        )
