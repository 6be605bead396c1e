"""Today so far against another day up to the same local time, against counting minute by minute."""

import json
import sys
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest
import sqlglot

import resources.declarations
from cli.main import main
from headwater.calendar import local_day
from headwater.loader import load
from headwater.model import Market, TableName
from headwater.problem import HeadwaterError
from headwater.sofar import DAYS, SO_FAR, same_time
from headwater.stack import Stack
from resources.calendar import chosen_rows
from resources.paimon.layout import table_path
from resources.query import answer, with_values
from tests.unit.batch.daily import Write

PROJECT = Path(__file__).parents[3]
QUERY = PROJECT / "warehouse" / "queries" / "today_so_far.sql"
KPI = TableName.parse("dm.kpi_minute")
MINUTE = timedelta(minutes=1)
MEASURES = ("created", "matched", "completed", "cancelled", "waiting_seconds")


def market(zone: str) -> Market:
    return Market("xx", "", ZoneInfo(zone))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def counted(zone: str, day: date, at: datetime) -> int:
    """Minutes of the day before the one at which the clock shows what it shows at `at`, by going through them."""
    where = market(zone)
    shown, whole = at.astimezone(where.zone), local_day(where, day)
    minute, passed = whole.starts_at, 0
    while minute < whole.ends_at:
        clock = minute.astimezone(where.zone)
        is_due = clock.time() >= shown.time()
        # The second of two equal times waits for the second of two on that day, if there is one.
        again = clock.replace(fold=1).utcoffset() != clock.replace(fold=0).utcoffset()
        if is_due and not (shown.fold and again and not clock.fold):
            break
        minute, passed = minute + MINUTE, passed + 1
    return passed


# By hand: how many minutes of the day have passed when its clocks show what they show at the instant.
BY_HAND = [
    ("Asia/Kolkata", date(2026, 11, 15), "2026-11-22T04:30", 10 * 60),
    ("America/New_York", date(2026, 3, 8), "2026-03-15T18:00", 13 * 60),  # 14:00 on the day of 23 hours
    ("America/New_York", date(2026, 3, 8), "2026-03-15T06:30", 2 * 60),  # 02:30, which it does not have
    ("America/New_York", date(2026, 3, 8), "2026-03-15T07:00", 2 * 60),  # 03:00 is the next minute there
    ("America/New_York", date(2026, 11, 1), "2026-11-08T19:00", 15 * 60),  # 14:00 on the day of 25 hours
    ("America/New_York", date(2026, 11, 1), "2026-11-08T06:30", 90),  # 01:30 comes twice there: the first
    ("America/New_York", date(2026, 10, 25), "2026-11-01T05:30", 90),  # the first 01:30 of today
    ("America/New_York", date(2026, 10, 25), "2026-11-01T06:30", 90),  # the second: as the clock shows
    ("America/New_York", date(2025, 11, 2), "2026-11-01T06:30", 150),  # the second, and there are two on that day, too
    ("America/Sao_Paulo", date(2018, 11, 4), "2018-11-10T02:30", 0),  # 00:30, which that day does not have
    ("America/Sao_Paulo", date(2018, 2, 17), "2018-02-26T02:30", 23 * 60 + 30),  # 23:30 comes twice there: the first
    ("America/Mexico_City", date(2022, 10, 30), "2022-11-06T18:00", 13 * 60),
    ("Europe/Istanbul", date(2015, 11, 8), "2015-11-15T10:15", 13 * 60 + 15),
    ("Australia/Lord_Howe", date(2026, 4, 5), "2026-04-12T01:30", 12 * 60 + 30),
]


@pytest.mark.parametrize(("zone", "day", "at", "minutes"), BY_HAND)
def test_a_day_has_come_as_far_as_its_clocks_show_what_todays_do(zone: str, day: date, at: str, minutes: int) -> None:
    passed = same_time(market(zone), day, utc(at)) - local_day(market(zone), day).starts_at
    assert passed == minutes * MINUTE
    assert counted(zone, day, utc(at)) == minutes


@pytest.mark.parametrize(
    ("zone", "changes"),
    [
        ("America/New_York", [date(2026, 3, 8), date(2026, 11, 1)]),
        ("America/Sao_Paulo", [date(2018, 11, 4), date(2018, 2, 17), date(2018, 2, 18)]),
        ("Australia/Lord_Howe", [date(2026, 4, 5), date(2026, 10, 4)]),
        ("Europe/Istanbul", [date(2016, 3, 27), date(2015, 11, 8)]),
        ("Africa/Casablanca", [date(2026, 2, 15), date(2026, 3, 22)]),
        ("Asia/Kathmandu", [date(2026, 11, 1)]),
    ],
)
def test_any_two_days_are_compared_as_one_counts(zone: str, changes: list[date]) -> None:
    random = Random(zone)
    days = [change + timedelta(days=number) for change in changes for number in (-1, 0, 1)]
    for _ in range(60):
        today, other = random.choice(days), random.choice(days)
        whole = local_day(market(zone), today)
        # Mostly in the small hours, where clocks are changed.
        length = (whole.ends_at - whole.starts_at) // MINUTE
        at = whole.starts_at + random.randrange(random.choice((240, length))) * MINUTE
        passed = (same_time(market(zone), other, at) - local_day(market(zone), other).starts_at) // MINUTE
        expected = (at - whole.starts_at) // MINUTE if other == today else counted(zone, other, at)
        assert passed == expected, f"{other} at {at} (today {today})"


def test_a_day_that_a_zone_left_out_has_nothing() -> None:
    # Samoa went from 29 to 31 December 2011.
    day = local_day(market("Pacific/Apia"), date(2011, 12, 30))
    assert day.starts_at == day.ends_at
    assert same_time(market("Pacific/Apia"), date(2011, 12, 30), utc("2012-01-05T03:00")) == day.starts_at


def test_an_instant_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="has no zone"):
        same_time(market("UTC"), date(2026, 1, 1), datetime(2026, 1, 1))


ZONES = {"us": "America/New_York", "in": "Asia/Kolkata", "au": "Australia/Sydney"}
MARKETS = tuple(Market(code, "", ZoneInfo(zone)) for code, zone in ZONES.items())
FIRST, LAST = utc("2026-10-30T00:00"), utc("2026-11-09T12:00")


@pytest.fixture(scope="module")
def minutes() -> list[dict[str, Any]]:
    """Every fourth minute of ten days in three markets; the clocks of New York go back on 1 November."""
    random = Random(6)
    count = (LAST - FIRST) // (4 * MINUTE)
    return [
        {
            "minute_day": minute.date(),
            "market": code,
            "minute_at": minute,
            "price_category": random.choice(["saver", "regular"]),
            "vehicle_type": "car",
            **{name: random.randrange(9) for name in MEASURES},
            "revenue": Decimal(random.randrange(10_000)) / 100,
        }
        for code in ZONES
        for minute in (FIRST + number * 4 * MINUTE for number in range(count))
    ]


@pytest.fixture
def lake(stack: Stack, write: Write, minutes: list[dict[str, Any]]) -> Stack:
    columns = {column.name: str(column.type) for column in load(PROJECT / "warehouse").model(KPI).columns}
    write(str(KPI), columns, [tuple(row[column] for column in columns) for row in minutes])
    return stack


def asked(stack: Stack, against: str, now: str) -> dict[tuple[str, date], dict[str, Any]]:
    sql = with_values(QUERY.read_text(encoding="utf-8"), {"against": against})
    found = answer(stack.lake, sql, markets=lambda: MARKETS, now=utc(now)).rows
    rows = [dict(zip(found.columns, row, strict=True)) for row in found.rows]
    return {(row["market"], row["local_date"]): row for row in rows}


@pytest.mark.parametrize(
    ("against", "now"),
    [
        ("2026-11-01", "2026-11-08T19:00"),  # 14:00 in New York, against the day of 25 hours
        ("2026-11-01", "2026-11-08T06:31"),
        ("2026-10-31", "2026-11-01T06:30"),  # 01:30 for the second time
        ("2026-11-02", "2026-11-08T13:00"),  # midnight in Sydney
        ("2026-11-05", "2026-11-07T18:30"),  # midnight in Kolkata
    ],
)
def test_every_measure_of_both_days_is_what_one_counts(
    lake: Stack, minutes: list[dict[str, Any]], against: str, now: str
) -> None:
    found = asked(lake, against, now)
    expected = {}
    for code, zone in ZONES.items():
        today = utc(now).astimezone(ZoneInfo(zone)).date()
        for day in {today, date.fromisoformat(against)}:
            begin = local_day(market(zone), day).starts_at
            passed = (utc(now) - begin) // MINUTE if day == today else counted(zone, day, utc(now))
            end = begin + passed * MINUTE
            mine = [row for row in minutes if row["market"] == code and begin <= row["minute_at"] < end]
            sums = {name: sum(row[name] for row in mine) for name in MEASURES}
            expected[code, day] = {**sums, "revenue": sum(row["revenue"] for row in mine)}
    assert {key: {name: row[name] for name in (*MEASURES, "revenue")} for key, row in found.items()} == expected
    for row in found.values():
        mean = row["waiting_seconds"] / row["matched"] if row["matched"] else None
        assert row["average_wait_seconds"] == pytest.approx(mean)


def test_only_the_days_that_are_compared_are_read(lake: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    import resources.query

    found = []

    def noting(*arguments: Any) -> Any:
        found.append(scans(*arguments))
        return found[-1]

    scans = resources.query.scans
    monkeypatch.setattr(resources.query, "scans", noting)
    asked(lake, "2026-11-02", "2026-11-08T12:00")
    days = {day.day for each in found[0][KPI].where if each.column == "minute_day" for day in each.values[:4]}
    assert days == {1, 2, 7, 8}


def test_now_is_no_later_than_the_table_is_complete(lake: Stack) -> None:
    file = Path(table_path(lake.lake, KPI), "snapshot", "snapshot-1")
    moment = int(utc("2026-11-05T09:30").timestamp() * 1000)
    file.write_bytes(orjson.dumps({**orjson.loads(file.read_bytes()), "watermark": moment + 59_999}))
    found = asked(lake, "2026-11-03", "2026-11-08T12:00")
    assert found["in", date(2026, 11, 5)]["until"] == utc("2026-11-05T09:30")
    assert found["in", date(2026, 11, 3)]["until"] == utc("2026-11-03T09:30")


def test_days_and_months_can_be_joined_too(lake: Stack) -> None:
    sql = """SELECT d.local_date, COUNT(*) FROM dm.kpi_minute AS k JOIN calendar.local_day AS d
      ON k.market = d.market AND k.minute_at >= d.starts_at AND k.minute_at < d.ends_at
      WHERE d.market = 'us' AND d.local_date BETWEEN DATE '2026-10-31' AND DATE '2026-11-02' GROUP BY ALL ORDER BY 1"""
    found = answer(lake.lake, sql, markets=lambda: MARKETS, now=LAST).rows
    assert [count for _, count in found.rows] == [360, 375, 360]
    sql = "SELECT local_month, last_date FROM calendar.local_month WHERE market = 'in' ORDER BY 1 DESC LIMIT 1"
    found = answer(lake.lake, sql, markets=lambda: MARKETS, now=LAST)
    assert (found.rows.rows, found.as_of) == ([(date(2026, 11, 1), date(2026, 11, 30))], None)


def test_a_calendar_without_markets_is_refused(lake: Stack) -> None:
    with pytest.raises(HeadwaterError, match="has a row for each market, and the warehouse has none"):
        answer(lake.lake, f"SELECT * FROM {SO_FAR}")


@pytest.mark.parametrize(
    ("condition", "rows"),
    [
        ("s.days_ago IN (0, 7) AND s.market = 'in'", 2),
        ("s.days_ago = 0 OR s.local_date = '2026-11-01'", 6),
        ("s.days_ago = 0 AND random() < 2", 3),
        ("random() < 2", 3 * (DAYS + 1)),
        ("s.nonsense = 1", 3 * (DAYS + 1)),
        ("days_ago = 0", 3 * (DAYS + 1)),
    ],
)
def test_rows_that_a_condition_surely_leaves_out_are_left_out_beforehand(condition: str, rows: int) -> None:
    statement = sqlglot.parse_one(f"SELECT * FROM {SO_FAR} AS s WHERE {condition}", dialect="duckdb")
    assert len(chosen_rows(SO_FAR, MARKETS, LAST, statement)) == rows
    outer = sqlglot.parse_one(f"SELECT * FROM x LEFT JOIN {SO_FAR} AS s ON {condition}", dialect="duckdb")
    assert len(chosen_rows(SO_FAR, MARKETS, LAST, outer)) == 3 * (DAYS + 1)


def test_names_are_replaced_outside_quotes_and_comments_only() -> None:
    sql = "SELECT '$a', \"$a\" /* $a */, $a -- $a\n, $b"
    assert with_values(sql, {"a": "x", "b": "it's"}) == "SELECT '$a', \"$a\" /* $a */, 'x' -- $a\n, 'it''s'"
    with pytest.raises(HeadwaterError, match=r"The query has \$b, and no value for it"):
        with_values(sql, {"a": "x"})
    with pytest.raises(HeadwaterError, match=r"The query has no \$c"):
        with_values(sql, {"a": "x", "b": "y", "c": "z"})


def test_the_shipped_query_answers_on_the_command_line(
    lake: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    declared = load(PROJECT / "warehouse")
    monkeypatch.setattr(resources.declarations, "warehouse", lambda _: declared)
    command = ["query", "--file", str(QUERY), "--set", "against=2026-11-01", "--now", "2026-11-08T19:00Z", "--json"]
    monkeypatch.setattr(sys, "argv", ["headwater", *command])
    with pytest.raises(SystemExit) as done:
        main()
    assert done.value.code == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert len(rows) == 2 * 13
    (before,) = [row for row in rows if (row["market"], row["local_date"]) == ("us", "2026-11-01")]
    assert (before["starts_at"], before["until"]) == ("2026-11-01T04:00:00.000Z", "2026-11-01T19:00:00.000Z")
