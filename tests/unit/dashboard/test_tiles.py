"""The market grid: what its tiles say, against going through the rows one by one."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from headwater.calendar import local_date, local_day
from headwater.model import Market
from serving.dashboard.frame import minute_of
from serving.dashboard.selection import Selection
from serving.dashboard.tiles import tiles
from tests.unit.dashboard.frames import MARKETS, Row, counted, frame_of, rows_of

NOW = datetime(2026, 11, 20, 15, 37, tzinfo=UTC)
ALL = Selection((), ((), ()), "created")


def test_a_tile_says_what_counting_row_by_row_gives_for_its_market_as_it_is_filtered() -> None:
    rows = rows_of(4, NOW, rows=900)
    selection = ALL.with_value(0, "a")
    shown = tiles(frame_of(rows, NOW), selection, "/d/shop")["tiles"]
    assert [tile["name"] for tile in shown] == ["Hong Kong", "India", "United States"], "by name"
    for tile in shown:
        market = next(each for each in MARKETS if each.code == tile["id"])
        begin, end = minute_of(local_day(market, local_date(market, NOW)).starts_at), minute_of(NOW)

        def counts(row: Row, code: str = market.code, begin: int = begin, end: int = end) -> bool:
            return row.slice.market == code and row.slice.values[0] == "a" and begin <= row.minute < end

        assert tile["value"] == f"{int(counted(rows, 'created', counts)):,}"
        assert tile["clock"] == f"{NOW.astimezone(market.zone):%a %H:%M}"
        assert tile["href"] == f"/d/shop?market={market.code}&kind=a", "it leads down, with the filters"


def test_a_change_is_told_by_a_sign_and_a_direction_beside_its_colour() -> None:
    for tile in tiles(frame_of(rows_of(4, NOW, rows=900), NOW), ALL, "/d/shop")["tiles"]:
        assert (tile["direction"], tile["change"][0]) in (("up", "+"), ("down", "\u2212"))
        assert (tile["by"] > 0) is (tile["direction"] == "up")


@pytest.mark.parametrize(("quiet", "said"), [(0, ""), (12, ""), (15, "nothing for 15"), (59, ""), (61, "an hour")])
def test_a_market_that_says_nothing_more_is_marked_in_words_whatever_is_filtered_by(quiet: int, said: str) -> None:
    end = minute_of(NOW)
    sure = [replace(row, minute=end - 1 - minute) for minute in range(120) for row in rows_of(minute, NOW, rows=40)]
    rows = [row for row in sure if row.slice.market != "hk" or row.minute < end - quiet]
    found = {tile["id"]: tile["old"] for tile in tiles(frame_of(rows, NOW), ALL, "/d/shop")["tiles"]}
    assert found["us"] == found["in"] == ""
    assert said in found["hk"] and bool(found["hk"]) is (quiet >= 15)
    filtered = tiles(frame_of(rows, NOW), ALL.with_value(0, "b"), "/d/shop")["tiles"]
    assert {tile["id"]: tile["old"] for tile in filtered} == found


def test_only_the_chosen_markets_have_a_tile_and_one_alone_has_none() -> None:
    frame = frame_of(rows_of(4, NOW), NOW)
    two = tiles(frame, ALL.but(markets=("us", "hk")), "/d/shop")["tiles"]
    assert [tile["id"] for tile in two] == ["hk", "us"]
    assert tiles(frame, ALL.but(markets=("us",)), "/d/shop")["tiles"] == []


def test_thirteen_markets_are_a_few_kilobytes() -> None:
    names = [f"m{number}" for number in range(13)]
    codes = dict(zip(["us", "in", "hk"], names, strict=False))
    rows = [
        replace(row, slice=replace(row.slice, market=name))
        for name in names
        for row in rows_of(5, NOW, days=1, rows=600)
        if codes.get(row.slice.market or "")
    ]
    many = tuple(Market(name, f"Market {name}", ZoneInfo("Asia/Kolkata"), "INR") for name in names)
    view = tiles(replace(frame_of(rows, NOW), markets=many), ALL.but(measure="rate"), "/d/shop")
    assert len(view["tiles"]) == 13
    assert len(json.dumps(view)) < 6000
