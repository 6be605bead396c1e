"""Computed rows held against a table's, on DuckDB itself."""

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from headwater.backfill.difference import Difference, counts, doubled, emptied, to_remove, to_write
from headwater.backfill.kind import Kind
from headwater.backfill.scope import Place, Scope
from headwater.model import Column, Model, TableName
from headwater.sqltype import SqlType

DAY, NEXT, LATER = date(2026, 11, 1), date(2026, 11, 2), date(2026, 11, 9)
PLACE = Place("day", True, "market", True, True)
ALL = Scope(DAY, NEXT)
MODEL = Model(
    TableName.parse("dm.sales"),
    Path("table.yaml"),
    "sales",
    "tests",
    (
        Column("market", SqlType.parse("STRING")),
        Column("day", SqlType.parse("DATE")),
        Column("sales", SqlType.parse("BIGINT")),
        Column("price", SqlType.parse("DOUBLE")),
    ),
    key=("market", "day"),
    partition_by=("market", "day"),
)
Row = tuple[str, date, int | None, float | None]


class Sides:
    """The two relations."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        for relation in ("wanted", "there"):
            connection.execute(f"CREATE TABLE {relation} (market VARCHAR, day DATE, sales BIGINT, price DOUBLE)")

    def are(self, wanted: Sequence[Row], there: Sequence[Row]) -> None:
        for relation, rows in (("wanted", wanted), ("there", there)):
            self._connection.execute(f"DELETE FROM {relation}")
            for row in rows:
                self._connection.execute(f"INSERT INTO {relation} VALUES (?, ?, ?, ?)", row)

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        return sorted(self._connection.execute(sql).fetchall())

    def counted(self, scope: Scope = ALL) -> Difference:
        return Difference(*self.ask(counts(MODEL, PLACE, scope))[0])


@pytest.fixture
def sides() -> Iterator[Sides]:
    with duckdb.connect() as connection:
        yield Sides(connection)


SAME: Row = ("hk", DAY, 5, 1.5)
CHANGED_OLD: Row = ("tw", DAY, 7, 2.0)
CHANGED: Row = ("tw", DAY, 8, 2.0)
MISSING: Row = ("hk", NEXT, 1, None)
SURPLUS: Row = ("sg", NEXT, 2, 1.0)
OUTSIDE: Row = ("hk", LATER, 9, 9.0)


def test_rows_are_told_apart_by_key_and_value_within_the_days(sides: Sides) -> None:
    sides.are([SAME, CHANGED, MISSING, OUTSIDE], [SAME, CHANGED_OLD, SURPLUS])
    assert sides.counted() == Difference(same=1, changed=1, missing=1, surplus=1)
    assert sides.counted(Scope(DAY, DAY)) == Difference(same=1, changed=1)
    assert sides.counted(Scope(DAY, NEXT, ("hk",))) == Difference(same=1, missing=1)
    assert sides.counted(ALL.leaving_out([DAY])) == Difference(missing=1, surplus=1)


def test_each_kind_writes_what_it_says(sides: Sides) -> None:
    sides.are([SAME, CHANGED, MISSING, OUTSIDE], [SAME, CHANGED_OLD, SURPLUS])
    assert sides.ask(to_write(MODEL, PLACE, ALL, Kind.FILL)) == [MISSING]
    assert sides.ask(to_write(MODEL, PLACE, ALL, Kind.CORRECT)) == [MISSING, CHANGED]
    assert sides.ask(to_write(MODEL, PLACE, ALL, Kind.REPLACE)) == [SAME, MISSING, CHANGED]
    assert sides.ask(to_remove(MODEL, PLACE, ALL)) == [("sg", NEXT)]


def test_a_value_that_became_null_or_was_null_differs(sides: Sides) -> None:
    sides.are([("hk", DAY, None, 1.0), ("tw", DAY, 2, 2.0)], [("hk", DAY, 1, 1.0), ("tw", DAY, None, 2.0)])
    assert sides.counted().changed == 2
    sides.are([("hk", DAY, None, None)], [("hk", DAY, None, None)])
    assert sides.counted().same == 1


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        (0.1 + 0.2, 0.3, True),
        (1e15 + 0.25, 1e15, True),
        (1.0, 1.0001, False),
        (float("inf"), float("inf"), True),
        (float("inf"), 5.0, False),
        (float("nan"), float("nan"), True),
        (0.0, None, False),
    ],
)
def test_sums_of_floating_numbers_may_differ_in_their_last_digits_alone(
    sides: Sides, old: float, new: float | None, same: bool
) -> None:
    sides.are([("hk", DAY, 1, new)], [("hk", DAY, 1, old)])
    assert sides.counted() == (Difference(same=1) if same else Difference(changed=1))


def test_partitions_that_would_be_left_empty_are_found(sides: Sides) -> None:
    sides.are([SAME], [SAME, SURPLUS, OUTSIDE])
    assert sides.ask(emptied(MODEL, PLACE, ALL)) == [("sg", NEXT)]


def test_two_computed_rows_of_one_key_are_found(sides: Sides) -> None:
    sides.are([SAME, SAME, CHANGED], [])
    assert sides.ask(doubled(MODEL)) == [(2,)]
    sides.are([SAME, CHANGED], [])
    assert sides.ask(doubled(MODEL)) == [(0,)]


def test_nothing_is_written_where_nothing_of_the_kind_differs() -> None:
    assert Difference(same=3, changed=2, surplus=1).is_nothing_to(Kind.FILL, removes=True)
    assert not Difference(missing=1).is_nothing_to(Kind.FILL, removes=True)
    assert Difference(same=3, surplus=1).is_nothing_to(Kind.CORRECT, removes=False)
    assert not Difference(same=3, surplus=1).is_nothing_to(Kind.CORRECT, removes=True)
    assert not Difference(same=3).is_nothing_to(Kind.REPLACE, removes=False)
