"""The page `/metrics`, as Prometheus reads it."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families
from prometheus_client.parser import text_string_to_metric_families

from headwater.cost.bill import Bill, Usage
from headwater.cost.prices import Prices
from headwater.cost.share import Pace
from headwater.footprint import Footprint
from resources.applylog import Applied
from resources.watch.catalogue import METRICS, Kind, page
from resources.watch.consumer import OpenAlert
from resources.watch.exposition import Metrics
from resources.watch.picture import Picture
from resources.watch.pushes import Pushes
from tests.conftest import PROJECT
from tests.unit.assets.declared import CLICKS, HITS, VISITS
from tests.unit.watch.pictures import DAGSTER, DECLARED, FAILED_CHECK, NOW, WELL, ended, lag, with_dagster

OPEN = OpenAlert("freshness", "dwd.visits", "web-team", "error", NOW)
FILES = Footprint(17, 3, (), 12, 5_000_000_000, 4, 2_000_000_000, ())
BILL = Bill(
    NOW,
    (Usage(VISITS, Pace(0.5, NOW, 30.0), 100, 1_000_000_000, FILES), Usage(HITS, None, 0, 0, None)),
    (),
    Prices("EUR", 0.01, 0.02, 0.1),
)
FULL = replace(
    WELL,
    bill=BILL,
    lags=(lag(VISITS, age=70), lag(HITS)),
    dagster=replace(DAGSTER, runs=(ended(1, "FAILURE", "rpt/daily"),), checks=(FAILED_CHECK,), backfills=("b",)),
)

Labels = frozenset[tuple[str, str]]


class Page:
    """A page that was made of these pictures, one after the other."""

    def __init__(self, *pictures: Picture) -> None:
        pushes = Pushes()
        pushes.take("taskmanager", b"")
        self.metrics = Metrics(lambda: (OPEN,), pushes)
        for picture in pictures:
            self.metrics.take(picture, 0.25)

    @property
    def families(self) -> Mapping[str, str]:
        """The type of each metric, by the name that its samples have."""
        found = text_string_to_metric_families(self.text())
        return {f"{each.name}_total" if each.type == "counter" else each.name: each.type for each in found}

    def text(self, accept: str = "") -> str:
        return self.metrics.page(accept)[1].decode()

    def value(self, name: str, **labels: str) -> float | None:
        """The value of one series, or None."""
        samples = (sample for family in text_string_to_metric_families(self.text()) for sample in family.samples)
        found = [sample.value for sample in samples if sample.name == f"headwater_{name}" and sample.labels == labels]
        return found[0] if found else None


def test_the_page_has_every_metric_of_the_catalogue_and_no_other() -> None:
    assert Page(FULL).families == {metric.name: metric.kind.value for metric in METRICS}


def test_every_series_has_the_labels_that_the_catalogue_names_and_stands_once() -> None:
    declared = {metric.name: set(metric.labels) for metric in METRICS}
    seen: set[tuple[str, Labels]] = set()
    for family in text_string_to_metric_families(Page(FULL).text()):
        for sample in family.samples:
            assert set(sample.labels) == declared[sample.name]
            series = (sample.name, frozenset(sample.labels.items()))
            assert series not in seen
            seen.add(series)


def test_names_and_units_follow_the_conventions() -> None:
    for metric in METRICS:
        assert re.fullmatch(r"headwater_[a-z][a-z0-9_]*", metric.name)
        assert metric.name.endswith("_total") is (metric.kind is Kind.COUNTER)
        bare = metric.name.removesuffix("_total")
        if metric.unit == "seconds since 1970":
            assert bare.endswith("_timestamp_seconds")
        elif metric.unit == "seconds":
            assert bare.endswith("_seconds")
        assert (metric.unit == "bytes") is bare.endswith("_bytes")
        assert metric.meaning.endswith(".")


def test_what_an_asset_uses_and_costs_is_said_and_what_is_not_known_is_left_out() -> None:
    page = Page(FULL)
    assert page.value("asset_cpu_cores", table=str(VISITS)) == 0.5
    assert page.value("asset_state_bytes", table=str(VISITS)) == 1_000_000_000
    assert page.value("asset_stored_bytes", table=str(VISITS)) == 5_000_000_000
    assert page.value("asset_held_bytes", table=str(VISITS)) == 3_000_000_000
    assert page.value("asset_files", table=str(VISITS)) == 12
    assert page.value("asset_month_cost", table=str(VISITS), currency="EUR") == pytest.approx(3.65 + 0.1 + 0.1)
    assert page.value("asset_cpu_cores", table=str(HITS)) is None
    assert page.value("asset_stored_bytes", table=str(HITS)) is None
    assert (
        Page(replace(FULL, bill=replace(BILL, prices=None))).value(
            "asset_month_cost", table=str(VISITS), currency="EUR"
        )
        is None
    )


def test_applies_are_counted_once_each_from_when_the_process_began() -> None:
    before = Applied("2026-11-01T00:00:00+00:00", "applying all jobs")
    later = [(datetime.now(UTC) + timedelta(seconds=number)).isoformat() for number in (1, 2, 3)]
    done = tuple(Applied(at, "applying all jobs", failed) for at, failed in zip(later, ("", "broken", ""), strict=True))
    page = Page(replace(WELL, applies=(before, *done[:2])), replace(WELL, applies=(before, *done)))
    assert page.value("applies_total", outcome="success") == 2
    assert page.value("applies_total", outcome="failure") == 1


def test_a_table_that_is_late_is_so_at_the_hop_that_eats_the_time() -> None:
    page = Page(FULL)
    assert page.value("lag_seconds", table=str(VISITS), source=str(CLICKS), hop="read") == 70
    assert page.value("lag_backlog", table=str(VISITS), source=str(CLICKS), hop="read") == 70
    assert page.value("table_behind_seconds", table=str(VISITS)) == 70
    guilty = {"table": str(VISITS), "culprit": str(VISITS), "source": str(CLICKS), "hop": "read"}
    assert page.value("table_guilty_hop", **guilty) == 1
    assert page.value("table_state", table=str(VISITS), state="late") == 1
    assert page.value("table_state", table=str(VISITS), state="fresh") == 0
    assert page.value("table_state", table=str(HITS), state="fresh") == 1
    assert page.value("table_promise_seconds", table=str(VISITS), level="fail") == 300
    assert page.value("table_info", table=str(VISITS), layer="dwd", owner=DECLARED.model(VISITS).owner) == 1


def test_a_table_that_could_not_be_measured_says_so() -> None:
    blind = replace(lag(VISITS), unmeasured="Kafka does not answer", watermark_lag=None)
    page = Page(replace(WELL, lags=(blind,)))
    assert page.value("table_unmeasured", table=str(VISITS)) == 1
    assert page.value("table_behind_seconds", table=str(VISITS)) is None
    assert page.value("table_state", table=str(VISITS), state="unknown") == 1


def test_processes_have_their_processor_time_and_memory() -> None:
    page = Page(WELL)
    assert page.value("process_cpu_seconds_total", process="kafka") == 12.5
    assert page.value("process_resident_memory_bytes", process="kafka") == 200_000_000
    assert page.value("process_start_timestamp_seconds", process="kafka") == NOW.timestamp() - 3600


def test_a_run_is_counted_once_by_what_it_was_for_and_how_it_ended() -> None:
    runs = (
        ended(1, "SUCCESS", "flink/dwd_visits"),
        ended(2, "FAILURE", "rpt/daily_hits", backfill="b1"),
        ended(3, "CANCELED", "rpt/daily_hits"),
        ended(4, "SUCCESS"),
    )
    picture = with_dagster(replace(DAGSTER, ended=runs))
    page = Page(picture, picture)
    assert page.value("runs_total", kind="apply", outcome="success") == 1
    assert page.value("runs_total", kind="backfill", outcome="failure") == 1
    assert page.value("runs_total", kind="report", outcome="canceled") == 1
    assert page.value("runs_total", kind="other", outcome="success") == 1
    assert page.value("runs_total", kind="apply", outcome="failure") == 0


def test_a_run_that_ended_before_the_process_began_is_not_counted() -> None:
    old = replace(ended(1, "FAILURE"), ended_at=NOW - timedelta(hours=1))
    assert Page(with_dagster(replace(DAGSTER, ended=(old,)))).value("runs_total", kind="other", outcome="failure") == 0


def test_a_stack_without_dagster_has_no_figures_of_it() -> None:
    names = Page(with_dagster(replace(DAGSTER, at=None))).families
    assert not [name for name in names if "dagster" in name or "instigator" in name]


def test_before_the_first_look_the_page_says_that_nothing_is_well() -> None:
    page = Page()
    assert page.value("healthy") == 0
    assert page.value("look_timestamp_seconds") is None


@pytest.mark.parametrize("accept", ["application/openmetrics-text; version=1.0.0"])
def test_the_page_is_open_metrics_for_whoever_asks_for_that(accept: str) -> None:
    found = {family.name for family in openmetrics_families(Page(FULL).text(accept))}
    assert {metric.name.removesuffix("_total") for metric in METRICS} == found


def test_the_committed_page_of_metrics_is_the_generated_one() -> None:
    assert (PROJECT / "docs" / "metrics.md").read_text() == page(), "run: python -m resources.watch.catalogue"


def test_no_label_is_one_that_prometheus_gives_each_series_itself() -> None:
    assert not [metric.name for metric in METRICS if {"job", "instance"} & set(metric.labels)]
