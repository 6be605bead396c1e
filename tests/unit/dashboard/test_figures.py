"""Today so far, the other day, the chart's line: against going through the rows one by one."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from urllib.parse import parse_qsl

import numpy as np
import pytest

from headwater.calendar import local_date, local_day
from headwater.sofar import same_time
from serving.dashboard import views
from serving.dashboard.comparison import Against, other_edges
from serving.dashboard.diagnosis import splits
from serving.dashboard.figures import by_slice, change, grouped, pair, total, value, written
from serving.dashboard.frame import Slice, minute_of
from serving.dashboard.selection import NO_VALUE, Selection
from serving.dashboard.series import line, spark
from tests.unit.dashboard.frames import (
    CREATED,
    DASHBOARD,
    MARKETS,
    RATE,
    REVENUE,
    SCALES,
    Row,
    counted,
    frame_of,
    rows_of,
)

ORDINARY = datetime(2026, 11, 20, 15, 37, tzinfo=UTC)
CLOCKS_CHANGED_IN_NEW_YORK = datetime(2026, 11, 2, 7, 12, tzinfo=UTC)
JUST_MIDNIGHT_IN_HONG_KONG = datetime(2026, 11, 20, 16, 0, tzinfo=UTC)
NOWS = [ORDINARY, CLOCKS_CHANGED_IN_NEW_YORK, JUST_MIDNIGHT_IN_HONG_KONG]
AGAINST = [Against(1), Against(7), Against(0, date(2026, 10, 30)), Against(0, date(2026, 11, 1))]


def within(each: Slice, low: int, high: int) -> Callable[[Row], bool]:
    """Rows of this slice, from one minute to before another."""
    return lambda row: row.slice == each and low <= row.minute < high


@pytest.mark.parametrize("now", NOWS)
@pytest.mark.parametrize("against", AGAINST)
def test_today_and_the_other_day_are_what_counting_row_by_row_gives(now: datetime, against: Against) -> None:
    rows = rows_of(3, now, days=26, rows=500)
    frame = frame_of(rows, now, [against])
    today, other = by_slice(frame, against)
    for number, each in enumerate(frame.slices):
        market = next((market for market in MARKETS if market.code == each.market), None)
        for column, scale in SCALES.items():
            if market is None:
                assert today[column][number] == other[column][number] == 0
                continue
            begin = minute_of(local_day(market, local_date(market, now)).starts_at)
            of_today = counted(rows, column, within(each, begin, minute_of(now)))
            assert Fraction(int(today[column][number]), 10**scale) == of_today
            day = against.day_of(market, now)
            span = minute_of(local_day(market, day).starts_at), minute_of(same_time(market, day, now))
            of_other = counted(rows, column, within(each, *span))
            assert Fraction(int(other[column][number]), 10**scale) == of_other


def test_a_date_is_the_same_in_every_market_and_days_ago_go_by_each_markets_own_today() -> None:
    late = datetime(2026, 11, 20, 20, 0, tzinfo=UTC)  # in Hong Kong it is the 21st already
    assert [Against(1).day_of(market, late).day for market in MARKETS] == [19, 20, 20]
    assert [Against(0, date(2026, 11, 13)).day_of(market, late).day for market in MARKETS] == [13, 13, 13]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("1d", Against(1)),
        ("7d", Against(7)),
        ("2026-11-13", Against(0, date(2026, 11, 13))),
        ("", Against(1)),
        ("0d", Against(1)),
        ("9999d", Against(1)),
        ("2026-11-21", Against(1)),
        ("2019-01-01", Against(1)),
        ("'; DROP", Against(1)),
    ],
)
def test_an_address_says_the_other_day_and_nonsense_is_yesterday(text: str, meant: Against) -> None:
    assert Against.parse(text, date(2026, 11, 21)) == meant
    assert Against.parse(str(meant), date(2026, 11, 21)) == meant


@pytest.mark.parametrize("now", NOWS)
@pytest.mark.parametrize("hours", [1, 3, 24])
def test_the_charts_line_is_what_counting_minute_by_minute_gives(now: datetime, hours: int) -> None:
    rows = rows_of(5, now, rows=400)
    against = Against(7)
    frame = frame_of(rows, now, [against])
    selection = Selection((), (("a",), ()), "created", against, hours)
    found = line(frame, selection, CREATED)
    assert len(found.today) == hours * 60 // found.step
    codes = {market.code: market for market in MARKETS}

    edges = [found.start + place * found.step for place in range(len(found.today) + 1)]
    others = {code: other_edges(market, edges, now, against) for code, market in codes.items()}
    mine = [row for row in rows if row.slice.market in codes and row.slice.values[0] == "a"]
    for place, (shown, shown_other) in enumerate(zip(found.today, found.other, strict=True)):
        spans = [(each, edges[place], edges[place + 1]) for each in frame.slices]
        assert shown == sum(counted(mine, "created", within(*span)) for span in spans)
        spans = [(each, *others[each.market or ""][place : place + 2]) for each in frame.slices if each.market in codes]
        assert shown_other == sum(counted(mine, "created", within(*span)) for span in spans)


@pytest.mark.parametrize("now", NOWS)
def test_the_other_days_minutes_are_those_at_which_the_clocks_showed_the_same(now: datetime) -> None:
    edges = list(range(minute_of(now) - 24 * 60, minute_of(now) + 1, 15))
    for market in MARKETS:
        for ago in (1, 7):
            for edge, other in zip(edges, other_edges(market, edges, now, Against(ago)), strict=True):
                at = datetime.fromtimestamp(edge * 60, UTC)
                day = local_date(market, at) - timedelta(days=ago)
                assert other == minute_of(same_time(market, day, at))


def test_sums_of_any_span_are_exact_however_the_span_lies_to_the_days() -> None:
    rows = rows_of(11, ORDINARY, rows=500)
    frame = frame_of(rows, ORDINARY)
    end = minute_of(ORDINARY)
    for low, high in [
        (end - 3000, end),
        (end - 1440, end - 1440),
        (end, end - 60),
        (end - 1, end),
        (end - 2000, end - 700),
    ]:
        slices = np.arange(len(frame.slices), dtype=np.int64)
        sums = frame.sums(slices, np.array(low), np.array(high))
        for number, each in enumerate(frame.slices):
            assert sums["revenue"][number] == sum(
                row.values["revenue"] for row in rows if row.slice == each and low <= row.minute < high
            )


def test_groups_add_up_to_the_whole_and_null_has_a_name() -> None:
    frame = frame_of(rows_of(1, ORDINARY), ORDINARY)
    selection = Selection((), ((), ()), "created")
    groups = grouped(frame, selection, lambda each: each.values[0] or NO_VALUE)
    whole = total(frame, selection)
    assert set(groups) == {"a", "b", NO_VALUE}
    for column in SCALES:
        assert sum(each.today[column] for each in groups.values()) == whole.today[column]
    chosen = total(frame, selection.with_value(0, NO_VALUE))
    assert chosen == groups[NO_VALUE]


SEVERAL = [
    Selection(("us", "hk"), ((), ()), "created"),
    Selection((), (("a", NO_VALUE), ()), "created"),
    Selection(("in", "hk"), (("a", "b"), ("s",)), "created", Against(7)),
    Selection(("us",), (("b", "nowhere"), ("m", "s")), "created"),
]


def is_chosen(selection: Selection, row: Row) -> bool:
    """Going through one row's own values, NULL by its name."""
    names = [NO_VALUE if value is None else value for value in row.slice.values]
    return (row.slice.market in (selection.markets or [market.code for market in MARKETS])) and all(
        not chosen or name in chosen for chosen, name in zip(selection.values, names, strict=True)
    )


@pytest.mark.parametrize("selection", SEVERAL)
@pytest.mark.parametrize("now", NOWS)
def test_several_values_of_a_filter_are_summed_over_in_cards_chart_and_tables(
    selection: Selection, now: datetime
) -> None:
    rows = rows_of(6, now, rows=900)
    frame = frame_of(rows, now)
    begins = {each.code: minute_of(local_day(each, local_date(each, now)).starts_at) for each in MARKETS}
    end = minute_of(now)

    def counts(row: Row) -> bool:
        return is_chosen(selection, row) and begins[row.slice.market or ""] <= row.minute < end

    wanted = counted(rows, "created", counts)
    assert total(frame, selection).today["created"] == wanted
    found = line(frame, selection, CREATED)
    assert sum(each or 0 for each in found.today) == counted(
        rows, "created", lambda row: is_chosen(selection, row) and found.start <= row.minute < end
    )
    groups = grouped(frame, selection, lambda each: each.values[0] or NO_VALUE)
    assert set(groups) <= set(selection.values[0]) or not selection.values[0]
    assert sum(each.today["created"] for each in groups.values()) == wanted
    of_markets = views.markets(frame, selection, "/d/shop")
    assert {row["id"] for row in of_markets["rows"]} == set(selection.markets or begins)
    for split in splits(frame, selection, CREATED).values():
        assert sum(part.effect for part in split) == wanted - total(frame, selection).other["created"]
    names = {each.code: each.name for each in MARKETS}
    said = views.heading(frame, selection, "/d/shop")["heading"]
    assert all(names[code] in said for code in selection.markets)


def test_what_is_split_by_is_what_the_filters_leave_open() -> None:
    frame = frame_of(rows_of(6, ORDINARY), ORDINARY)
    assert set(splits(frame, SEVERAL[0], CREATED)) == {"Market", "Kind", "Size"}
    assert set(splits(frame, SEVERAL[2], CREATED)) == {"Market", "Kind"}
    assert set(splits(frame, SEVERAL[3], CREATED)) == {"Kind", "Size"}


def test_markets_of_one_currency_have_a_sum_however_many_they_are() -> None:
    rows = rows_of(1, ORDINARY)
    frame = frame_of(rows, ORDINARY)
    assert Selection(("us", "hk"), ((), ())).currency(frame, REVENUE) is None
    said = views.why_words(frame, Selection(("us", "hk"), ((), ()), "revenue"))["sentences"][0]
    assert "in 2 currencies" in said, "those of the chosen markets are counted"
    same = replace(frame, markets=tuple(replace(market, currency="EUR") for market in frame.markets))
    assert Selection(("us", "hk"), ((), ())).currency(same, REVENUE) == "EUR"


def test_rows_of_a_market_that_is_not_declared_are_left_out_and_said() -> None:
    frame = frame_of(rows_of(1, ORDINARY), ORDINARY)
    assert frame.undeclared == ("zz",)
    assert all(frame.slices[number].market != "zz" for number in Selection((), ((), ())).slices(frame))


def test_amounts_in_several_currencies_have_no_sum() -> None:
    frame = frame_of(rows_of(1, ORDINARY), ORDINARY)
    assert Selection((), ((), ())).currency(frame, REVENUE) is None
    assert Selection(("hk",), ((), ())).currency(frame, REVENUE) == "HKD"
    assert Selection((), ((), ())).currency(frame, CREATED) == ""


def test_a_ratio_is_that_of_the_sums_and_has_no_value_over_nothing() -> None:
    parts = {"created": Fraction(8), "cancelled": Fraction(2), "revenue": Fraction(0), "seconds": Fraction(0)}
    assert value(RATE, parts) == Fraction(1, 4)
    assert value(RATE, parts | {"created": Fraction(0)}) is None
    assert change(Fraction(4), Fraction(5)) == Fraction(1, 4)
    assert change(Fraction(0), Fraction(5)) is None


def test_a_value_is_written_as_sql_gives_it() -> None:
    assert written(Fraction(123456, 100), 2) == "1234.56"
    assert written(Fraction(7), 0) == "7"
    assert written(None, 2) == ""


def test_the_small_line_is_the_last_hour() -> None:
    rows = rows_of(2, ORDINARY, days=1, rows=2000)
    frame = frame_of(rows, ORDINARY)
    slices = Selection(("hk",), ((), ())).slices(frame)
    found = spark(frame, slices, CREATED)
    assert len(found) == 20
    end = minute_of(ORDINARY)
    assert sum(number or 0 for number in found) == counted(
        rows, "created", lambda row: row.slice.market == "hk" and end - 60 <= row.minute < end
    )


def test_an_empty_table_is_all_noughts() -> None:
    frame = frame_of([], ORDINARY)
    selection = Selection((), ((), ()), "created")
    assert total(frame, selection).of(CREATED) == (0, 0)
    assert set(line(frame, selection, CREATED).today) == {0}
    assert pair(frame, Against(1), selection.slices(frame)).of(RATE) == (None, None)


def test_a_selection_comes_back_from_its_address() -> None:
    codes = {market.code: market for market in MARKETS}
    one = Selection(("hk",), (("a",), ()), "rate", Against(7), 24)
    assert one.query(DASHBOARD) == "?market=hk&kind=a&measure=rate&against=7d&span=24", "as it always was"
    several = Selection(("us", "hk"), (("a", "b, c"), ("m",)), "created")
    for selection in (one, several):
        query = parse_qsl(selection.query(DASHBOARD).removeprefix("?"))
        assert Selection.parse(query, DASHBOARD, codes, date(2026, 11, 21)) == selection
    turned = [("kind", "b, c"), ("market", "hk"), ("kind", "a"), ("size", "m"), ("market", "us"), ("kind", "a")]
    assert Selection.parse(turned, DASHBOARD, codes, date(2026, 11, 21)) == several, "the order means nothing"
    assert Selection.parse(
        [("market", "xx"), ("measure", "x"), ("span", "99"), ("kind", "")], DASHBOARD, codes, date(2026, 11, 21)
    ) == Selection((), ((), ()), "created")
