"""Merging in SQL beside Paimon's merge functions, written down row by row as Paimon has them."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import duckdb
import pyarrow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.sqltype import SqlType
from resources.paimon.columns import Unreadable
from resources.paimon.merge import KIND, SEQUENCE, MergeRule, merged

Row = dict[str, Any]
Run = list[Row]
TYPES = {name: SqlType.parse("BIGINT") for name in ("k", "a", "b", "c", "s", "t")}
VALUES = ("a", "b", "c", "s", "t")
RETRACTED = (1, 3)
_duckdb: duckdb.DuckDBPyConnection


@st.composite
def runs(draw: st.DrawFn, deletes: bool) -> list[Run]:
    """Runs as they lie in a bucket: of each a key occurs once, and every row of one is older than those of the next."""
    sequence = 0
    found = []
    for _ in range(draw(st.integers(2, 4))):
        run = []
        for key in draw(st.lists(st.integers(0, 4), unique=True, min_size=1, max_size=5)):
            values = {name: draw(st.none() | st.integers(0, 3)) for name in VALUES}
            kind = draw(st.sampled_from((0, 2, 1, 3))) if deletes else draw(st.sampled_from((0, 2)))
            run.append({"k": key, **values, SEQUENCE: sequence, KIND: kind})
            sequence += 1
        found.append(run)
    return found


@pytest.fixture(scope="module", autouse=True)
def engine() -> Iterator[None]:
    """One DuckDB for all examples: opening it costs more than a query."""
    global _duckdb
    _duckdb = duckdb.connect(":memory:")
    yield
    _duckdb.close()


def in_sql(rule: MergeRule, found: list[Run], columns: Sequence[str]) -> list[tuple]:
    kinds = {KIND: pyarrow.int8()}
    schema = pyarrow.schema([(name, kinds.get(name, pyarrow.int64())) for name in found[0][0]])
    _duckdb.register("base", pyarrow.Table.from_pylist(found[0], schema))
    _duckdb.register("upper", pyarrow.Table.from_pylist([row for run in found[1:] for row in run], schema))
    sql = merged(rule, "SELECT * FROM base", "SELECT * FROM upper", columns, TYPES)
    return sorted(_duckdb.sql(sql).fetchall(), key=str)


def by_rows(merge: Callable[[list[Row]], Row | None], found: list[Run], columns: Sequence[str]) -> list[tuple]:
    """ReducerMergeFunctionWrapper: a key's only row is not merged. Then DropDeleteReader."""
    keys: Mapping[int, list[Row]] = defaultdict(list)
    for run in found:
        for row in run:
            keys[row["k"]].append(row)
    results = [rows[0] if len(rows) == 1 else merge(rows) for rows in keys.values()]
    there = [row for row in results if row is not None and row[KIND] not in RETRACTED]
    return sorted((tuple(row[column] for column in columns) for row in there), key=str)


def newest(ignore_delete: bool) -> Callable[[list[Row]], Row | None]:
    def merge(rows: list[Row]) -> Row | None:
        counted = [row for row in rows if not (ignore_delete and row[KIND] in RETRACTED)]
        return counted[-1] if counted else None

    return merge


def partial(groups: Mapping[str, tuple[str, ...]]) -> Callable[[list[Row]], Row]:
    def rank(values: Sequence[int | None]) -> tuple:
        return tuple((value is not None, value or 0) for value in values)

    def merge(rows: list[Row]) -> Row:
        result: Row = {"k": rows[0]["k"], **dict.fromkeys(VALUES), KIND: 0}
        for row in rows:
            before = dict(result)
            for column in VALUES:
                group = groups.get(column)
                if group is None:
                    if row[column] is not None:
                        result[column] = row[column]
                elif any(row[name] is not None for name in group) and rank([row[name] for name in group]) >= rank(
                    [before[name] for name in group]
                ):
                    result[column] = row[column]
        return result

    return merge


def aggregated(functions: Mapping[str, str]) -> Callable[[list[Row]], Row]:
    def step(function: str, so_far: int | None, value: int | None) -> int | None:
        if function == "last_value":
            return value
        if value is None or so_far is None:
            return so_far if value is None else value
        return {
            "sum": so_far + value,
            "max": max(so_far, value),
            "min": min(so_far, value),
            "last_non_null_value": value,
        }[function]

    def merge(rows: list[Row]) -> Row:
        result: Row = {"k": rows[0]["k"], **dict.fromkeys(VALUES), KIND: 0}
        for row in rows:
            for column in VALUES:
                result[column] = step(functions[column], result[column], row[column])
        return result

    return merge


@given(runs(deletes=True), st.booleans())
@settings(max_examples=40, deadline=None)
def test_of_a_deduplicated_key_the_newest_row_stays(found: list[Run], ignores: bool) -> None:
    rule = MergeRule("deduplicate", ("k",), ignores_deletes=ignores)
    assert in_sql(rule, found, ["k", "a"]) == by_rows(newest(ignores), found, ["k", "a"])


@given(
    runs(deletes=False),
    st.sampled_from(
        (
            {},
            {"a": ("s",), "s": ("s",)},
            {"a": ("s",), "s": ("s",), "b": ("t",), "t": ("t",)},
            {"a": ("s", "t"), "b": ("s", "t"), "s": ("s", "t"), "t": ("s", "t")},
        )
    ),
)
@settings(max_examples=60, deadline=None)
def test_a_partial_update_takes_each_group_from_the_row_of_its_highest_sequence(
    found: list[Run], groups: dict[str, tuple[str, ...]]
) -> None:
    rule = MergeRule("partial-update", ("k",), groups)
    assert in_sql(rule, found, ["k", *VALUES]) == by_rows(partial(groups), found, ["k", *VALUES])


@given(runs(deletes=False), st.permutations(("sum", "max", "min", "last_value", "last_non_null_value")))
@settings(max_examples=40, deadline=None)
def test_an_aggregation_folds_every_column_by_its_function(found: list[Run], chosen: list[str]) -> None:
    functions: dict[str, str] = dict(zip(VALUES, chosen, strict=True))
    rule = MergeRule("aggregation", ("k",), functions=functions)
    assert in_sql(rule, found, ["k", *VALUES]) == by_rows(aggregated(functions), found, ["k", *VALUES])


@pytest.mark.parametrize(
    ("function", "kind"), [("sum", "DOUBLE"), ("max", "FLOAT"), ("product", "BIGINT"), ("listagg", "STRING")]
)
def test_what_depends_on_more_than_the_values_is_left_alone(function: str, kind: str) -> None:
    rule = MergeRule("aggregation", ("k",), functions={"a": function})
    with pytest.raises(Unreadable, match=f"the aggregation {function} of a"):
        merged(rule, "", "", ["a"], {"k": SqlType.parse("INT"), "a": SqlType.parse(kind)})


def test_a_decimal_sum_that_outgrows_its_type_is_refused() -> None:
    rule = MergeRule("aggregation", ("k",), functions={"a": "sum"})
    types = {"k": SqlType.parse("INT"), "a": SqlType.parse("DECIMAL(3, 1)")}
    rows = f"SELECT 1 AS k, 99.9::DECIMAL(3, 1) AS a, {{}}::BIGINT AS {SEQUENCE}, 0::TINYINT AS {KIND}"
    with duckdb.connect(":memory:") as connection, pytest.raises(duckdb.Error, match="outgrows its type"):
        connection.sql(merged(rule, rows.format(0), rows.format(1), ["a"], types)).fetchall()
