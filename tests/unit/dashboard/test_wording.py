"""How numbers, changes and ages are said."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest

from headwater.dashboard.dashboard import Good
from headwater.lag.hops import Hop, HopKind, State
from headwater.model import Freshness, TableName
from serving.dashboard import wording
from serving.dashboard.freshness import Measured, hop_in_words, in_words, measured
from tests.unit.dashboard.frames import CANCELLED, CREATED, RATE, REVENUE, WAITING

NOW = datetime(2026, 11, 20, 15, 37, tzinfo=UTC)
KPI, ORDERS = TableName.parse("dm.kpi_minute"), TableName.parse("dwd.orders")
PROMISE = Freshness(timedelta(minutes=3), timedelta(minutes=10))


def plain(text: str) -> str:
    return text.replace(wording.NARROW, " ").replace(wording.MINUS, "-")


@pytest.mark.parametrize(
    ("measure", "number", "currency", "said"),
    [
        (CREATED, Fraction(1234567), "", "1,234,567"),
        (CREATED, None, "", "–"),
        (REVENUE, Fraction(123456, 10), "HKD", "HKD 12,346"),
        (REVENUE, Fraction(1234, 100), "HKD", "HKD 12.34"),
        (WAITING, Fraction(192), "", "3 min 12 s"),
        (WAITING, Fraction(45), "", "45 s"),
        (WAITING, Fraction(3780), "", "1 h 03 min"),
        (RATE, Fraction(9314, 10000), "", "93.1 %"),
    ],
)
def test_a_value_is_shown_in_its_unit(measure, number, currency, said) -> None:
    assert plain(wording.shown(measure, number, currency)) == said


@pytest.mark.parametrize(
    ("measure", "before", "after", "said", "tone", "direction"),
    [
        (CREATED, 100, 108, "+8.0 %", "good", "up"),
        (CREATED, 100, 92, "-8.0 %", "bad", "down"),
        (CANCELLED, 100, 108, "+8.0 %", "bad", "up"),
        (CREATED, 100_000, 100_010, "±0 %", "even", "even"),
        (CREATED, 0, 5, "–", "good", "up"),
        (RATE, Fraction(1, 10), Fraction(12, 100), "+2.0 points", "bad", "up"),
        (RATE, Fraction(91, 1000), Fraction(90996, 1000000), "±0.0 points", "even", "even"),
        (CREATED, 1, 25, "+2,400 %", "good", "up"),
    ],
)
def test_a_change_is_told_as_news(measure, before, after, said, tone, direction) -> None:
    values = Fraction(before), Fraction(after)
    assert plain(wording.changed(measure, *values)) == said
    assert wording.tone(measure, *values) == tone
    assert wording.direction(*values) == direction
    assert wording.tone(replace(measure, good=Good.NEITHER), *values) == "even"


def looked(state: State, *hops: Hop, at: datetime = NOW) -> Measured:
    return Measured(at, hops, timedelta(minutes=4), state)


def test_stale_numbers_are_told_with_the_hop_where_the_time_goes() -> None:
    hop = Hop(HopKind.COMMIT, KPI, KPI, timedelta(minutes=4), timedelta(minutes=3, seconds=50), 2989)
    said = plain(in_words(looked(State.LATE, hop), PROMISE, NOW - timedelta(minutes=5), NOW, NOW))
    assert plain(hop_in_words(hop)) == "dm.kpi_minute, commit: 3 min 50 s of it, 2,989 waiting"
    assert said == "Numbers are 5 min old: most of that at the hop dm.kpi_minute, commit."


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (State.STALE, "; what has come waits longest at the hop {}."),
        (State.FRESH, ": what has come lately is being caught up with; 2,989 wait at the hop {}."),
    ],
)
def test_what_happened_long_before_it_was_sent_is_not_blamed_on_a_hop_alone(state: State, words: str) -> None:
    hop = Hop(HopKind.READ, ORDERS, KPI, timedelta(minutes=4), timedelta(minutes=4), 2989)
    said = plain(in_words(looked(state, hop), PROMISE, NOW - timedelta(minutes=26), NOW, NOW))
    assert said == f"Numbers are 26 min old{words.format(hop.label)}"


@pytest.mark.parametrize(
    ("found", "age", "begins"),
    [
        (looked(State.FRESH), 1, ""),
        (None, 1, ""),
        (None, 5, "Numbers are 5 min old; at which hop"),
        (looked(State.STALE, at=NOW - timedelta(minutes=9)), 5, "Numbers are 5 min old; at which hop"),
        (looked(State.QUIET), 5, "Nothing new has happened for 5 min"),
        (looked(State.FRESH), 5, "Numbers are 5 min old, though nothing waits"),
    ],
)
def test_the_words_are_those_of_what_is_known(found: Measured | None, age: int, begins: str) -> None:
    said = plain(in_words(found, PROMISE, NOW - timedelta(minutes=age), NOW, NOW))
    assert said.startswith(begins) if begins else said == ""


@pytest.mark.parametrize(
    ("complete", "read", "words"),
    [
        (6 * 60, 6 * 60, "Numbers are 6 min old: the table was last read 6 min ago, and is being read again …"),
        (4 * 60, 40, "Numbers are 4 min old: the table was last read 40 s ago, and is being read again …"),
        (50, 40, ""),
    ],
    ids=["nobody has looked", "one look takes long", "still as fresh as promised"],
)
def test_numbers_of_a_table_that_was_not_read_for_a_while_are_not_blamed_on_the_sources(
    complete: int, read: int, words: str
) -> None:
    up_to, looked_at = NOW - timedelta(seconds=complete), NOW - timedelta(seconds=read)
    assert plain(in_words(looked(State.FRESH), PROMISE, up_to, looked_at, NOW)) == words


def test_the_hops_are_read_from_what_watch_says_and_only_those_on_the_tables_way() -> None:
    text = """\
# TYPE headwater_lag_seconds gauge
headwater_lag_seconds{hop="read",source="ods.orders",table="dwd.orders"} 61.5
headwater_lag_seconds{hop="read",source="ods.driver_status",table="dwd.driver_status"} 99
# TYPE headwater_lag_own_seconds gauge
headwater_lag_own_seconds{hop="read",source="ods.orders",table="dwd.orders"} 60
# TYPE headwater_lag_backlog gauge
headwater_lag_backlog{hop="read",source="ods.orders",table="dwd.orders"} 42
# TYPE headwater_table_behind_seconds gauge
headwater_table_behind_seconds{table="dm.kpi_minute"} 61.5
# TYPE headwater_table_state gauge
headwater_table_state{state="fresh",table="dm.kpi_minute"} 0
headwater_table_state{state="late",table="dm.kpi_minute"} 1
"""
    found = measured(text, frozenset({KPI, ORDERS, TableName.parse("ods.orders")}), KPI)
    assert found.state is State.LATE
    assert found.behind == timedelta(seconds=61.5)
    (hop,) = found.hops
    assert (hop.label, hop.own, hop.waiting) == ("ods.orders → dwd.orders, read", timedelta(seconds=60), 42)
    assert found.guilty == hop
