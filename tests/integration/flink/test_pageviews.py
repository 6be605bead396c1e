"""A warehouse of page views, which knows nothing of orders, runs on the same platform."""

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import date

import httpx
import pytest

from benchmarks.lakerows import rows
from headwater.batch import Partition
from headwater.engines import ActualJob
from headwater.model import Layer, TableName
from headwater.problem import HeadwaterError
from headwater.stack import Stack
from resources.declarations import warehouse
from resources.deploy import deploy, engine
from resources.kafka import writer
from resources.report import run_report
from tests.conftest import PROJECT
from tests.integration.waiting import eventually

TABLES = frozenset(map(TableName.parse, ("dwd.page_views", "dwd.pages", "dm.page_hour", "dm.views_window")))


@pytest.fixture
def site(stack: Stack) -> Iterator[Stack]:
    place = replace(stack, warehouse=PROJECT / "tests" / "warehouses" / "pageviews")
    yield place
    with engine(place) as flink, suppress(HeadwaterError):
        for job in flink.jobs():
            if job.model in TABLES:
                flink.cancel(job)


def tables(stack: Stack, job: ActualJob) -> tuple[set[TableName], list[str]]:
    """The tables that Flink says a running job scans, and those that it commits to, without their layer."""
    said = httpx.get(f"{stack.flink_url}/jobs/{job.id}/plan").text
    scanned = re.findall(r"TableSourceScan\(table=\[\[\w+, (\w+), (\w+?)__bound", said)
    return {TableName(Layer(layer), table) for layer, table in scanned}, re.findall(r"Global Committer : (\w+)", said)


def view(site: str, number: int, minute: int, visitor: str, seconds: int | None) -> bytes:
    event = {"view_id": f"v{number}", "site": site, "visitor": visitor, "page": "/a", "seconds": seconds}
    return json.dumps({**event, "viewed_at": f"2026-11-22T10:{minute:02}:30.000Z"}).encode()


def test_another_trade_runs_from_topic_to_report(site: Stack) -> None:
    declared = warehouse(site)
    code = declared.markets[0].code
    jobs = deploy(site, lambda _line: None, models=TABLES).jobs
    assert {name: tables(site, jobs[name]) for name in TABLES} == {
        name: ({*declared.model(name).reads}, [name.table]) for name in TABLES
    }
    with writer(site.kafka) as topics:
        for number, (minute, visitor, seconds) in enumerate([(0, "x", 4), (0, "y", 6), (1, "x", None), (9, "z", 2)]):
            topics.write("ods.page_views", view(code, number, minute, visitor, seconds))
        title = {"site": code, "page": "/a", "title": "A", "edited_at": "2026-11-22T09:00:00.000Z"}
        topics.write("ods.page_titles", json.dumps({"before": None, "after": title, "op": "c"}).encode())

    def hour() -> list[tuple[int, float]]:
        return [(row["views"], row["average_seconds"]) for row in rows(site.lake, "dm.page_hour")]

    def windows() -> list[tuple[int, int, int]]:
        found = sorted(rows(site.lake, "dm.views_window"), key=lambda row: row["window_start"])
        return [(row["views"], row["visitors"], row["seconds"]) for row in found]

    def titles() -> list[tuple[str, str]]:
        return [(row["title"], row["last_visitor"]) for row in rows(site.lake, "dwd.pages")]

    eventually(lambda: hour() == [(4, 4.0)], lambda: f"the hour's measures, not {hour()}")
    eventually(lambda: titles() == [("A", "z")], lambda: f"the page of two facts, not {titles()}")
    eventually(lambda: windows()[:2] == [(2, 2, 10), (1, 1, None)], lambda: f"closed windows, not {windows()}")

    report = declared.model(TableName.parse("rpt.daily_pages"))
    run_report(site, report, [Partition(code, date(2026, 11, 22))], markets=declared.markets)
    assert [(row["title"], row["views"]) for row in rows(site.lake, "rpt.daily_pages")] == [("A", 4)]
