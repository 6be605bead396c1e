"""The addresses of the dashboard, and what each page is made of."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from fastapi import Request
from fastapi.responses import RedirectResponse
from nicegui import app, ui

from headwater.dashboard.dashboard import Dashboard
from serving.dashboard import views
from serving.dashboard.elements import Cards, Minutes, Table, Tiles, Words
from serving.dashboard.frame import Frame
from serving.dashboard.freshness import hop_in_words
from serving.dashboard.house import House
from serving.dashboard.pages import BROWSER, SQL_PATH, Page, add_style
from serving.dashboard.sql import page as questions
from serving.dashboard.sql.addresses import add_addresses
from serving.dashboard.tiles import tiles
from serving.dashboard.wording import NOTHING, duration

_ROTATION = (5, 3600)


def build(house: House) -> None:
    """Make the addresses known to NiceGUI's app."""
    app.add_static_files("/assets", BROWSER)

    @app.get("/", response_model=None)
    def root(request: Request) -> RedirectResponse:
        first = next(iter(house.feeds), "")
        query = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(f"/d/{first}{query}" if first else "/none")

    @ui.page("/none", title="Headwater")
    def none() -> None:
        add_style()
        with _main():
            Words({"heading": "No dashboard", "sentences": [_NO_DASHBOARD]})

    add_addresses(app, house.room)
    pages = {"/d/{name}": overview, "/d/{name}/why": why, "/d/{name}/freshness": freshness, SQL_PATH: sql}
    for path, fill in pages.items():
        ui.page(path, title="Headwater")(_opened(house, path, fill))


def _opened(house: House, path: str, fill: Callable[[Page], None]) -> Callable[[str, Request], RedirectResponse | None]:
    """What answers an address of a dashboard; for one that is not declared it leads to the beginning."""

    def open_page(name: str, request: Request) -> RedirectResponse | None:
        feed = house.feeds.get(name)
        if feed is None:
            return RedirectResponse("/")
        fill(Page(house, feed.dashboard, request, path.format(name=name)))
        return None

    return open_page


def overview(page: Page) -> None:
    """Today so far against the other day: all measures, the chart, markets and slices."""
    base = f"/d/{page.dashboard.name}"
    with _main():
        if not page.is_wall:
            page.add(Words(), views.heading, base)
            page.add_choices()
        with _section("Measures", "whole"):
            cards = Cards({"cards": []}, page.choose)
            page.add(cards, views.cards)
            page.shown_by(cards, lambda _frame: cards.choose(page.selection.measure))
        if not page.is_wall:
            page.add(Tiles(_NO_TILES), tiles, base)
        with _section("Chart", "panel"):
            page.add(Minutes({"label": "", "why": "Reading …", "today": [], "other": []}), views.chart)
            if not page.is_wall:
                with ui.element("details"):
                    ui.html("The chart's numbers as a table", sanitize=False, tag="summary")
                    page.add(Table(_NO_ROWS), views.chart_table)
        if page.is_wall:
            with _section("Markets", "panel"):
                page.add(Table(_NO_ROWS), views.markets, base)
            page.add(Tiles(_NO_TILES).classes("whole"), tiles, base)
        else:
            _tables(page, base)
    if not page.is_wall:
        _footer(page)
    _rotate(page)


def why(page: Page) -> None:
    """What a change is made of."""
    with _main():
        page.add(Words(), views.why_heading, f"/d/{page.dashboard.name}/why")
        page.add_choices(with_chart=False)
        with _section("What moved", "panel"):
            page.add(Words(), views.why_words)
        with ui.element("div").classes("two"):
            for place in range(1 + len(page.dashboard.dimensions)):
                with _section("Split", "panel"):
                    page.add(Table(_NO_ROWS), views.why_table, place)
            with _section("Finest", "panel"):
                page.add(Table(_NO_ROWS), views.movers)
    _footer(page)


def freshness(page: Page) -> None:
    """Where the data is on its way, hop by hop."""
    house, dashboard = page.house, page.dashboard
    with _main():
        words = Words()
        with _section("Hops", "panel"):
            hops = Table(_NO_ROWS)

        def show(frame: Frame) -> None:
            words.show(_freshness_words(house, dashboard, frame))
            hops.show(_hops(house, dashboard))

        page.shown_by(words, show)
    _footer(page)


def sql(page: Page) -> None:
    """A question in SQL, for who may ask."""
    with _main():
        questions.fill(page)


def _tables(page: Page, base: str) -> None:
    with ui.element("div").classes("two"):
        with _section("Markets", "panel"):
            page.add(Table(_NO_ROWS), views.markets, base)
        with _section("Movers", "panel"):
            page.add(Table(_NO_ROWS), views.movers)
        for place in range(len(page.dashboard.dimensions)):
            with _section("Dimension", "panel"):
                page.add(Table(_NO_ROWS), views.dimension, base, place)


def _rotate(page: Page) -> None:
    """On a large screen, one market after the other, if the address says how many seconds each."""
    seconds = page.query.get("rotate", "")
    if page.is_wall and seconds.isdigit():
        ui.timer(min(max(int(seconds), _ROTATION[0]), _ROTATION[1]), page.rotate)


@contextmanager
def _main() -> Iterator[None]:
    with ui.element("main").props("id=main tabindex=-1"):
        yield


@contextmanager
def _section(label: str, kind: str) -> Iterator[None]:
    with ui.element("section").classes(kind).props(f'aria-label="{label}"'):
        yield


def _footer(page: Page) -> None:
    table = page.dashboard.table
    asset = f"{page.house.stack.dagster_url}/assets/{table.layer.value}/{table.table}"
    with ui.element("footer"):
        Words(
            {
                "sentences": [
                    f"Every number here is of one snapshot of {table}; {page.dashboard.owner} looks after it."
                ],
                "links": [{"label": f"{table} in Dagster", "href": asset}],
            }
        )


def _freshness_words(house: House, dashboard: Dashboard, frame: Frame) -> dict[str, Any]:
    found, news = house.measured(dashboard), house.freshness.news
    up_to = frame.snapshot.watermark or frame.snapshot.committed_at
    said = [house.stale_words(dashboard) or "The numbers are as fresh as promised."]
    if found is None or news.trouble:
        said.append(f"The hops are not measured: {news.trouble or 'nothing is known of this table yet'}.")
    if found is not None:
        behind = "not measured" if found.behind is None else duration(found.behind)
        said.append(f"Behind its sources: {behind}; that is «{found.state.value}» against its promise.")
        said += [f"Most of the time goes at {hop_in_words(found.guilty)}."] if found.guilty else []
    said.append(
        f"Snapshot {frame.snapshot.id} of {dashboard.table} was committed at "
        f"{frame.snapshot.committed_at:%H:%M:%S} UTC and is complete up to {up_to:%H:%M:%S} UTC; "
        f"numbers count up to {frame.now:%H:%M} UTC, the last whole minute."
    )
    if frame.undeclared:
        said.append(f"Not shown: rows of markets that markets.yaml does not have: {', '.join(frame.undeclared)}.")
    return {"heading": "Freshness", "lead": True, "sentences": said}


def _hops(house: House, dashboard: Dashboard) -> dict[str, Any]:
    found = house.measured(dashboard)
    rows = [
        {
            "id": f"{hop.source} {hop.table} {hop.kind.value}",
            "cells": {
                "hop": {"text": str(hop.table) if hop.source == hop.table else f"{hop.source} → {hop.table}"},
                "step": {"text": hop.kind.value},
                "waiting": {"text": NOTHING if hop.waiting is None else f"{hop.waiting:,}"},
                "age": {"text": duration(hop.age) if hop.age else NOTHING},
                "own": {"text": duration(hop.own) if hop.own else NOTHING},
            },
        }
        for hop in (found.hops if found else ())
    ]
    labels = {"hop": "Hop", "step": "Step", "waiting": "Waiting", "age": "Oldest", "own": "Here for"}
    columns = [{"key": key, "label": label, "numeric": key not in ("hop", "step")} for key, label in labels.items()]
    caption = "From the sources to this table"
    return {"caption": caption, "columns": columns, "rows": rows, "empty": "Nothing waits, or nothing was measured."}


_NO_TILES: dict[str, Any] = {"caption": "", "about": "", "tiles": []}
_NO_ROWS: dict[str, Any] = {"caption": "", "columns": [], "rows": [], "empty": "Reading …"}
_NO_DASHBOARD = (
    "This warehouse declares none. Write dashboards/<name>.yaml in its folder: a table with a row for each market and "
    "minute, and the measures to show; docs/dashboard.md says how. Then start this process again."
)
