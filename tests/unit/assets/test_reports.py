"""Materialising report partitions."""

from datetime import date

import dagster as dg
import pytest
from dagster._core.definitions.automation_tick_evaluation_context import build_run_requests_with_backfill_policies
from dagster._core.definitions.events import AssetKeyPartitionKey

from assets.naming import table_key
from assets.partitions import partition_key
from assets.reports import REOPENED, SCHEDULED, WHY
from headwater.batch import Partition
from headwater.model import Grain, TableName
from headwater.problem import HeadwaterError
from tests.unit.assets.conftest import Platform
from tests.unit.assets.declared import DAILY, HITS, MODELS, VISITS, WEEKLY, monthly, warehouse

MONTHLY = TableName.parse("rpt.monthly_hits")
RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


def materializations(result: dg.ExecuteInProcessResult) -> dict[str | None, dg.AssetMaterialization]:
    events = [event.step_materialization_data.materialization for event in result.get_asset_materialization_events()]
    return {event.partition: event for event in events}


def test_a_partition_is_a_local_day_of_a_market(platform: Platform) -> None:
    result = platform.materialize(table_key(DAILY), partition_key="2026-11-16|in")
    assert result.success
    assert platform.reporter.asked == [(DAILY, (Partition("in", date(2026, 11, 16)),))]


def test_it_records_what_it_read_and_wrote(platform: Platform) -> None:
    result = platform.materialize(table_key(DAILY), partition_key="2026-11-16|in")
    metadata = {key: value.value for key, value in materializations(result)["2026-11-16|in"].metadata.items()}
    assert metadata[f"headwater/input/{HITS}"] == metadata[f"headwater/input/{VISITS}"] == 7
    assert metadata["paimon/snapshot_id"] == 42
    assert metadata["dagster/partition_row_count"] == 16
    assert metadata["headwater/complete"] is True
    assert metadata["headwater/reason"] == "first"
    # Midnight in Kolkata, half an hour off every full hour of UTC.
    assert metadata["headwater/starts_at"] == "2026-11-15T18:30:00+00:00"


def test_its_code_version_is_that_of_the_declaration(platform: Platform) -> None:
    result = platform.materialize(table_key(DAILY), partition_key="2026-11-16|in")
    tags = materializations(result)["2026-11-16|in"].tags
    assert tags is not None
    assert tags["dagster/code_version"] == platform.warehouse.versions[DAILY]


def test_a_range_is_computed_at_once_and_recorded_by_partition(platform: Platform) -> None:
    result = platform.materialize(table_key(DAILY), tags={RANGE_START: "2026-02-01|us", RANGE_END: "2026-02-03|us"})
    assert result.success
    ((_, asked),) = platform.reporter.asked
    assert asked == tuple(Partition("us", date(2026, 2, day)) for day in (1, 2, 3))
    rows = {
        key: (event.metadata["dagster/partition_row_count"].value, event.metadata["headwater/complete"].value)
        for key, event in materializations(result).items()
    }
    assert rows == {"2026-02-01|us": (1, True), "2026-02-02|us": (2, False), "2026-02-03|us": (3, True)}


def test_a_report_of_a_report_comes_after_it(platform: Platform) -> None:
    platform.materialize(table_key(WEEKLY), table_key(DAILY), partition_key="2026-11-16|in")
    assert [name for name, _ in platform.reporter.asked] == [DAILY, WEEKLY]


def test_a_failed_report_is_told_in_its_own_words(platform: Platform) -> None:
    platform.reporter.error = HeadwaterError("dm.hits has no commit yet", next_command="headwater status")
    result = platform.materialize(table_key(DAILY), partition_key="2026-11-16|in")
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    told = failure.step_failure_data.user_failure_data
    assert told is not None
    assert told.description == "dm.hits has no commit yet\n  next:  headwater status"
    assert materializations(result) == {}


@pytest.mark.parametrize(
    ("days", "markets", "runs"),
    [
        (3, ("au", "us"), {("2026-02-01|au", "2026-02-03|au"), ("2026-02-01|us", "2026-02-03|us")}),
        (
            40,
            ("in",),
            {("2026-02-01|in", "2026-03-03|in"), ("2026-03-04|in", "2026-03-12|in")},
        ),
    ],
)
def test_a_backfill_is_cut_by_market_and_month(
    platform: Platform, days: int, markets: tuple[str, ...], runs: set[tuple[str, str]]
) -> None:
    first = date(2026, 2, 1).toordinal()
    wanted = [
        AssetKeyPartitionKey(table_key(DAILY), partition_key(Partition(market, date.fromordinal(first + day))))
        for day in range(days)
        for market in markets
    ]
    requests = build_run_requests_with_backfill_policies(
        wanted, platform.definitions().resolve_asset_graph(), platform.instance
    )
    assert {(request.tags[RANGE_START], request.tags[RANGE_END]) for request in requests} == runs


def test_a_report_by_months_is_a_partition_a_month_and_depends_on_its_days(platform: Platform) -> None:
    platform.warehouse = warehouse(*MODELS, monthly(MONTHLY, DAILY, HITS))
    result = platform.materialize(table_key(MONTHLY), partition_key="2026-03|us")
    assert result.success
    assert platform.reporter.asked == [(MONTHLY, (Partition("us", date(2026, 3, 1), Grain.MONTH),))]
    metadata = {key: value.value for key, value in materializations(result)["2026-03|us"].metadata.items()}
    assert metadata["headwater/starts_at"] == "2026-03-01T05:00:00+00:00"
    assert metadata["headwater/ends_at"] == "2026-04-01T04:00:00+00:00"
    graph = platform.definitions().resolve_asset_graph()
    mapping = graph.get_partition_mapping(table_key(MONTHLY), table_key(DAILY))
    days, months = (graph.get(table_key(name)).partitions_def for name in (DAILY, MONTHLY))
    assert days is not None
    assert months is not None
    found = mapping.get_upstream_mapped_partitions_result_for_partitions(
        months.subset_with_partition_keys(["2026-02|us"]), months, days
    )
    assert len(found.partitions_subset) == 28
    assert {key.partition("|")[2] for key in found.partitions_subset.get_partition_keys()} == {"us"}


def test_a_person_who_starts_a_run_has_asked_for_it_and_a_schedule_has_not(platform: Platform) -> None:
    platform.materialize(table_key(DAILY), partition_key="2026-11-16|in")
    platform.materialize(table_key(DAILY), partition_key="2026-11-16|in", tags={WHY: SCHEDULED})
    assert platform.reporter.why == [(True, False), (False, False)]


def test_a_look_at_past_days_tells_only_of_those_that_came_out_otherwise(platform: Platform) -> None:
    platform.reporter.corrected = {Partition("us", date(2026, 2, 2))}
    tags = {RANGE_START: "2026-02-01|us", RANGE_END: "2026-02-03|us", WHY: REOPENED}
    result = platform.materialize(table_key(DAILY), tags=tags)
    assert result.success
    assert platform.reporter.why == [(False, True)]
    (found,) = materializations(result).items()
    assert found[0] == "2026-02-02|us"
    assert found[1].metadata["headwater/reason"].value == "first"
    assert found[1].metadata["paimon/snapshot_id"].value == 42
    made = platform.instance.get_materialized_partitions(table_key(DAILY))
    assert made == {"2026-02-02|us"}


def test_a_look_at_past_days_that_finds_nothing_leaves_no_materialisation(platform: Platform) -> None:
    result = platform.materialize(table_key(DAILY), partition_key="2026-02-01|us", tags={WHY: REOPENED})
    assert result.success
    assert materializations(result) == {}
