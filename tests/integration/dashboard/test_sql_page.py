"""What a person does on the SQL page, in a real browser over a real lake."""

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from benchmarks.orderlake import KPI
from resources.query import answer
from tests.integration.dashboard.chromium import opened
from tests.integration.dashboard.conftest import Shop
from tests.integration.dashboard.looking import PALE, UNNAMED

ENDLESS = "SELECT sum(a.range * b.range) FROM range(10000000) AS a, range(10000000) AS b"
BY_MARKET = "SELECT market, sum(created) AS created FROM dm.kpi_minute GROUP BY market ORDER BY market"


@pytest.fixture
def page(shop: Shop, browser: Browser) -> Iterator[Page]:
    with opened(browser, f"{shop.site.url}/d/operations/sql", viewport={"width": 1280, "height": 900}) as page:
        page.get_by_role("textbox", name="One SELECT").wait_for()
        yield page


def ask(page: Page, sql: str) -> None:
    page.get_by_role("textbox", name="One SELECT").fill(sql)
    page.get_by_role("button", name="Run").click()


def said(page: Page, words: str) -> str:
    """What the page says, once it says this."""
    page.locator("[data-test=said]", has_text=re.compile(words)).wait_for()
    return page.inner_text("[data-test=said]")


def rows(page: Page) -> list[list[str]]:
    return [row.locator("td").all_inner_texts() for row in page.locator("section[aria-label=Answer] tbody tr").all()]


def test_a_question_is_answered_at_a_snapshot_that_gives_the_same_again(shop: Shop, page: Page, tmp_path: Path) -> None:
    page.get_by_role("link", name="SQL").wait_for()
    page.get_by_role("textbox", name="One SELECT").fill(BY_MARKET)
    page.keyboard.press("Control+Enter")
    assert "4 rows, in" in said(page, "rows, in")
    snapshot = int(page.inner_text("[data-test=pinned]"))
    found = answer(shop.site.stack.lake, BY_MARKET, at={KPI: snapshot})
    wanted = [[str(value) for value in row] for row in found.rows.rows]
    assert rows(page) == wanted
    page.get_by_role("button", name="created").click()
    page.locator("th[aria-sort=ascending]").wait_for()
    assert rows(page) == sorted(wanted, key=lambda row: int(row[1]))
    page.get_by_role("button", name="created").click()
    page.locator("th[aria-sort=descending]").wait_for()
    assert rows(page) == sorted(wanted, key=lambda row: -int(row[1]))
    with page.expect_download() as download:
        page.get_by_role("link", name="Download CSV").click()
    file = tmp_path / "answer.csv"
    download.value.save_as(file)
    assert list(csv.reader(file.open())) == [["market", "created"], *wanted]
    shop.go_on()
    page.get_by_role("button", name="Keep to these snapshots").click()
    assert page.locator("input[name=at]").input_value() == f"dm.kpi_minute={snapshot}"
    page.get_by_role("button", name="Run").click()
    page.locator("section[aria-label=Answer] th[aria-sort]").wait_for(state="detached")
    said(page, "rows, in")
    assert rows(page) == wanted
    lines = (shop.site.stack.home / "dashboard" / "audit.jsonl").read_text().splitlines()
    assert json.loads(lines[0])["target"].startswith("/sql SELECT market"), "it is noted"


def test_the_example_can_be_run_and_says_what_the_overview_says(shop: Shop, page: Page) -> None:
    page.get_by_role("button", name="Example").click()
    page.get_by_role("button", name="Run").click()
    assert "4 rows, in" in said(page, "rows, in")


def test_mistakes_are_told_with_their_place_and_files_are_out_of_reach(page: Page) -> None:
    ask(page, "SELECT market,\n  creatd FROM dm.kpi_minute")
    said(page, "no answer")
    alert = page.get_by_role("alert").filter(has_text="DuckDB")
    assert "LINE 2" in alert.inner_text() and "^" in alert.inner_text()
    ask(page, "SELECT * FROM read_csv('/etc/passwd')")
    page.locator("[data-test=wrong]", has_text="disabled by configuration").wait_for()
    assert page.locator("section[aria-label=Answer]").count() == 0
    ask(page, "SELECT * FROM dm.kpi_minut")
    page.locator("[data-test=wrong]", has_text="did you mean dm.kpi_minute?").wait_for()


def test_a_slow_question_is_ended_with_words_and_by_whoever_asked(page: Page) -> None:
    ask(page, ENDLESS)
    said(page, "Running")
    page.get_by_role("button", name="Stop").click()
    said(page, "Stopped")
    ask(page, ENDLESS)
    page.locator("[data-test=wrong]", has_text="did not end within 8 s and was stopped").wait_for()
    ask(page, "SELECT range FROM range(20000)")
    assert "10,000 rows of more" in said(page, "rows of more"), "the next question finds room"
    assert len(rows(page)) == 500


def test_tables_and_columns_can_be_looked_at_without_a_mouse(page: Page) -> None:
    assert page.evaluate(UNNAMED) == 0
    page.get_by_text("Tables and their columns").focus()
    page.keyboard.press("Enter")
    table = page.locator("details.table > summary", has_text="dm.kpi_minute")
    table.focus()
    page.keyboard.press("Enter")
    page.get_by_role("rowheader", name="waiting_seconds").wait_for()
    assert page.locator("th:not([scope])").count() == 0
    page.get_by_role("textbox", name="One SELECT").focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.name") == "when", "the text does not catch the keyboard"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_is_readable_in_both_themes_on_a_phone_and_on_a_desk(
    shop: Shop, browser: Browser, scheme: Any, width: int
) -> None:
    view = {"width": width, "height": 844}
    with opened(browser, f"{shop.site.url}/d/operations/sql", viewport=view, color_scheme=scheme) as page:
        page.get_by_role("textbox", name="One SELECT").wait_for()
        page.get_by_label("Read at").select_option("at")
        page.get_by_label("Which").fill("nonsense=1")
        ask(page, BY_MARKET)
        said(page, "no answer")
        assert page.evaluate(PALE) == []
        page.get_by_label("Read at").select_option("now")
        ask(page, "SELECT *, NULL AS nothing FROM dm.kpi_minute LIMIT 20")
        said(page, "rows, in")
        assert page.evaluate(PALE) == [], "contrast AA"
        assert page.evaluate("document.documentElement.scrollWidth") <= width, "nothing sticks out"
