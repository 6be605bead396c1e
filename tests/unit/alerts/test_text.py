"""What people and programs are told."""

from datetime import timedelta
from zoneinfo import ZoneInfo

from headwater.alerts.policy import UTC
from headwater.alerts.text import as_json, body, title
from tests.unit.alerts.looks import START, Looks, job, late, process


def test_times_are_in_the_zone_asked_for_and_it_is_named():
    looks = Looks()
    (notice,) = looks.see(late("dwd.orders"), seconds=30)
    assert "as of:    2026-11-22 21:00:30 JST" in body(notice, looks.at, ZoneInfo("Asia/Tokyo"))
    assert "as of:    2026-11-22 12:00:30 UTC" in body(notice, looks.at, UTC)
    assert as_json(notice.incident)["since"] == "2026-11-22T12:00:10.000Z"


def test_what_else_is_wrong_of_the_same_cause_stands_below_it():
    looks = Looks()
    (notice,) = looks.see(process("kafka"), job("dwd.orders"), late("dwd.orders", affects=("dm.kpi",)), seconds=30)
    assert title(notice) == "error: kafka is BACKOFF"
    lines = body(notice, looks.at, UTC).splitlines()
    assert "also:     the job of dwd.orders fails; dwd.orders is stale" in lines
    assert "affects:  dwd.orders; dm.kpi" in lines
    assert "hop:      dwd.orders, checkpoint" in lines


def test_a_long_list_is_counted():
    looks = Looks(jobs=40)
    (notice,) = looks.see(process("kafka"), *(late(f"dwd.t{number:02}") for number in range(40)), seconds=30)
    assert "dwd.t11; and 28 more" in body(notice, looks.at, UTC)
    assert len(as_json(notice.incident)["affects"]) == 40


def test_an_end_says_when_and_asks_for_nothing():
    looks = Looks()
    looks.see(late("dwd.orders"), seconds=60)
    (notice,) = looks.see(seconds=70)
    assert title(notice) == "over: dwd.orders is stale"
    lines = body(notice, looks.at, UTC).splitlines()
    assert "over:     2026-11-22 12:02:10 UTC" in lines
    assert "next:     nothing; it is over" in lines
    assert as_json(notice.incident)["state"] == "over"
    assert looks.at - START == timedelta(seconds=130)
