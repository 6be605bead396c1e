"""Checks of recent time: volume against earlier weeks, rejected and late records."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from headwater.checks.hours import newest_whole_hour, same_hours_before
from headwater.checks.kinds import Check, Late, Malformed, Volume
from headwater.compile.rejects import REJECTED
from headwater.engines import ActualJob, JobHealth, JobState, TaskLoad
from headwater.model import Flow, Layer, Model, TableName, Topic, TopicFormat
from headwater.stack import Stack
from resources.checks import late
from resources.checks.examine import examine
from resources.checks.look import Found, Look
from resources.kafka import KafkaBroker, Span
from resources.paimon.store import FilesystemTableStore
from tests.unit.batch.checking import MODEL, declared, outcome, warehouse
from tests.unit.batch.daily import ORDER_COLUMNS, Write

REJECTED_COLUMNS = {"source": "STRING", "kafka_partition": "INT", "kafka_offset": "BIGINT", "reason": "STRING"}
CLICKS = TableName(Layer.ODS, "clicks")


@pytest.mark.parametrize(
    ("zone", "known_to", "starts_at"),
    [
        ("UTC", "2026-11-22T10:00:00+00:00", "2026-11-22T09:00:00+00:00"),
        ("UTC", "2026-11-22T09:59:59.999+00:00", "2026-11-22T08:00:00+00:00"),
        ("Asia/Kolkata", "2026-11-22T10:15:00+00:00", "2026-11-22T08:30:00+00:00"),
        # The hour from 1:00 comes twice in New York: in UTC from 5:00 and from 6:00.
        ("America/New_York", "2026-11-01T06:10:00+00:00", "2026-11-01T05:00:00+00:00"),
        ("America/New_York", "2026-11-01T07:00:00+00:00", "2026-11-01T06:00:00+00:00"),
    ],
)
def test_the_newest_whole_hour_is_one_of_the_zone_s_clocks(zone: str, known_to: str, starts_at: str) -> None:
    hour = newest_whole_hour(ZoneInfo(zone), datetime.fromisoformat(known_to))
    assert hour.starts_at.isoformat() == starts_at
    assert hour.ends_at - hour.starts_at == timedelta(hours=1)


def test_an_hour_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="is not an instant"):
        newest_whole_hour(ZoneInfo("UTC"), datetime(2026, 11, 22))


def test_the_same_hour_of_earlier_weeks_is_the_same_on_the_clock_over_a_change_of_time() -> None:
    zone = ZoneInfo("America/New_York")
    hour = newest_whole_hour(zone, datetime(2026, 11, 5, 15, 30, tzinfo=UTC))  # 9:00 to 10:00, in winter time
    assert hour.starts_at.hour == 14
    assert [(each.starts_at.day, each.starts_at.hour) for each in same_hours_before(zone, hour, 2)] == [
        (29, 13),
        (22, 13),
    ]


def sold(stack: Stack, write: Write, counts: dict[tuple[str, int], int]) -> datetime:
    """Orders in the newest whole hour of each market, some weeks back; gives now, at a full hour in Hong Kong."""
    until = datetime(2026, 11, 22, 10, 45, tzinfo=UTC)
    zones = {market.code: market.zone for market in warehouse().markets}
    rows = []
    for (market, weeks), number in counts.items():
        hour = newest_whole_hour(zones[market], until)
        at = hour.starts_at + timedelta(minutes=20) - timedelta(weeks=weeks)
        rows += [(market, len(rows) + place, at, Decimal(1), "x") for place in range(number)]
    # Just outside of the hours.
    rows += [("hk", 99_000 + place, datetime(2026, 11, 22, 10, 1, tzinfo=UTC), Decimal(1), "x") for place in range(99)]
    write("dwd.orders", ORDER_COLUMNS, rows)
    del stack
    return until


@pytest.fixture
def at_quarter_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "resources.checks.volume.known_to", lambda model, snapshot: datetime(2026, 11, 22, 10, 45, tzinfo=UTC)
    )


@pytest.mark.usefixtures("at_quarter_to")
def test_an_hour_far_from_the_same_hour_of_earlier_weeks_is_told_by_market(stack: Stack, write: Write) -> None:
    sold(stack, write, {("hk", 0): 40, ("hk", 1): 100, ("hk", 2): 100, ("in", 0): 55, ("in", 1): 50, ("in", 2): 60})
    found = outcome(stack, declared(Volume(0.5, weeks=3)))
    assert (found.passed, found.failing, found.counted) == (False, 1, "hours")
    assert found.sample == ({"market": "hk", "hour": "2026-11-22T09:00:00+00:00", "rows": "40", "expected": "100"},)
    assert found.said == "hour from 2026-11-22 09:00 UTC, against 2 of 3 weeks"
    assert outcome(stack, declared(Volume(0.7, weeks=3))).passed


@pytest.mark.usefixtures("at_quarter_to")
def test_an_hour_without_rows_is_told(stack: Stack, write: Write) -> None:
    sold(stack, write, {("hk", 0): 100, ("hk", 1): 100, ("in", 1): 50})
    (sample,) = outcome(stack, declared(Volume(0.5))).sample
    assert (sample["market"], sample["rows"]) == ("in", "0")


@pytest.mark.usefixtures("at_quarter_to")
def test_few_rows_and_a_young_table_are_not_judged(stack: Stack, write: Write) -> None:
    sold(stack, write, {("hk", 0): 100})
    young = outcome(stack, declared(Volume(0.1)))
    assert (young.passed, young.said) == (True, "nothing to compare with: no rows in the 4 weeks before")
    sold(stack, write, {("hk", 1): 100, ("in", 1): 10})
    found = outcome(stack, declared(Volume(0.1)), whole=True)
    assert found.passed
    assert found.said.endswith("against 1 of 4 weeks; 1 of 2 not judged, with fewer than 20 rows expected")


@pytest.mark.usefixtures("at_quarter_to")
def test_an_hour_is_judged_once(stack: Stack, write: Write) -> None:
    sold(stack, write, {("hk", 0): 40, ("hk", 1): 100})
    model = declared(Volume(0.5))
    first = outcome(stack, model)
    sold(stack, write, {("hk", 0): 60})
    again = outcome(stack, model)
    assert (again.read, again.failing, again.sample, again.said) == (0, 1, first.sample, first.said)
    assert outcome(stack, model, whole=True).passed


def test_rejected_records_are_a_share_of_what_came_over_the_topics(
    stack: Stack, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[list[str], datetime]] = []

    def came_since(_: KafkaBroker, topics: dict[str, TableName], since: datetime) -> tuple[Span, ...]:
        asked.append((list(topics), since))
        return (Span("web.clicks", 0, 100, 300), Span("web.clicks", 1, 50, 50))

    monkeypatch.setattr(KafkaBroker, "came_since", came_since)
    model, others = reading_clicks(Malformed(0.01, timedelta(minutes=30)))
    write("dwd.orders", ORDER_COLUMNS, [("hk", 1, None, None, None)])

    def found() -> tuple[bool, int, str]:
        (told,) = examine(stack, warehouse(model, others), model).outcomes
        return told.passed, told.failing, told.said

    assert found() == (True, 0, "0 of 200 records within 30m were rejected, 0.00%")
    rows = [("ods.clicks", 0, offset, "not_json") for offset in (99, 100, 300)]
    write(str(REJECTED), REJECTED_COLUMNS, [*rows, ("ods.other", 0, 150, "not_json"), ("ods.clicks", 1, 49, "x")])
    assert found() == (True, 1, "1 of 200 records within 30m were rejected, 0.50%")
    write(str(REJECTED), REJECTED_COLUMNS, [("ods.clicks", 0, offset, "not_json") for offset in (101, 102)])
    assert found() == (False, 3, "3 of 200 records within 30m were rejected, 1.50%")
    assert asked[0][0] == ["web.clicks"]
    assert datetime.now(UTC) - asked[0][1] >= timedelta(minutes=30)


def reading_clicks(asks: Malformed) -> tuple[Model, Model]:
    source = replace(
        MODEL, name=CLICKS, topic=Topic("web.clicks", TopicFormat.JSON), checks=(), file=Path("ods/clicks/table.yaml")
    )
    flow = Flow("from_clicks", Path("a.sql"), "SELECT 1", (CLICKS,), ())
    return replace(declared(asks), flows=(flow,)), source


def judged(
    stack: Stack, dropped: int, given: int, *, restarts: int = 0, before: Found | None = None, most: float = 0.1
) -> Found:
    store = FilesystemTableStore(stack.lake)
    table, snapshot = store.table(MODEL.name), store.latest_snapshot(MODEL.name)
    assert table is not None
    assert snapshot is not None
    check = Check(Late(most))
    model = replace(MODEL, checks=(check,))
    remembered = {} if before is None else {check.name: before[1]}
    look = Look(stack, warehouse(model), model, table, snapshot, 1, datetime.now(UTC), "1GB", remembered)
    tasks = (
        TaskLoad("Source: ods.clicks -> LocalWindowAggregate[3]", 0, 0, 0, read=1_000_000),
        TaskLoad("GlobalWindowAggregate[5] -> Sink", 0, 0, 0, read=given),
    )
    health = JobHealth(JobState.RUNNING, 3, None, None, restarts, late_dropped=dropped, tasks=tasks)
    job = ActualJob("job", model.name, "f", JobState.RUNNING, datetime.now(UTC), "")
    return late.judge(look, check, Late(most), job, health)


def test_late_records_are_a_share_of_what_the_windows_were_given(stack: Stack, write: Write) -> None:
    write("dwd.orders", ORDER_COLUMNS, [("hk", 1, None, None, None)])
    first = judged(stack, 20, 100)
    assert (first[0].passed, first[0].failing) == (False, 20)
    assert first[0].said == "20 of 100 records since the job last started were dropped as late, 20.00%"
    second = judged(stack, 21, 200, before=first)
    assert (second[0].passed, second[0].said) == (
        True,
        "1 of 100 records since the look before were dropped as late, 1.00%",
    )
    restarted = judged(stack, 5, 10, restarts=1, before=second)
    assert (restarted[0].passed, restarted[0].failing) == (False, 5)
    assert judged(stack, 0, 0)[0].passed
