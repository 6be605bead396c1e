"""The same expressions in Flink batch and, translated, in DuckDB, over one table with NULLs, signs and edges."""

import re
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from headwater.duckdb_sql import translate
from headwater.model import TableName
from headwater.stack import Stack
from resources.duckdb import Session
from resources.paimon.reader import PinnedTable
from resources.paimon.store import FilesystemTableStore
from tests.integration.paimon.flinkbatch import FlinkBatch

NAME = TableName.parse("dwd.samples")
EXPRESSIONS = """
i + l; i - 7; i * 3; l * l; d + d; d - i; d * d; d + 1.005; f * i; f / i; i / 4; -i / 4; l / i; MOD(i, 4); MOD(-i, 4)
i % 3; CAST(d AS INT); CAST(-d AS INT); CAST(f AS BIGINT); CAST(i AS STRING); CAST(d AS STRING); CAST(d AS DOUBLE)
CAST(d AS DECIMAL(10, 1)); CAST(-d AS DECIMAL(10, 1)); CAST(i AS DECIMAL(12, 2)); CAST(day AS STRING); CAST(i AS DOUBLE)
CAST(at AS DATE); CAST(at AS TIMESTAMP(3)); CAST(wall AS TIMESTAMP_LTZ(3)); CAST(day AS TIMESTAMP(3))
CAST(wall AS DATE); CAST(wall AS TIMESTAMP(0)); FLOOR(at TO SECOND)
FLOOR(at TO MINUTE); FLOOR(at TO HOUR); FLOOR(wall TO DAY); FLOOR(f)
FLOOR(at TO DAY); EXTRACT(YEAR FROM later); EXTRACT(MONTH FROM day); EXTRACT(HOUR FROM later); EXTRACT(SECOND FROM wall)
at + INTERVAL '90' SECOND; at - INTERVAL '2' HOUR; wall + INTERVAL '1' DAY; day + INTERVAL '40' DAY
day - INTERVAL '1' DAY; TIMESTAMPDIFF(SECOND, at, later)
TIMESTAMPDIFF(SECOND, later, at); TIMESTAMPDIFF(MINUTE, at, later)
TIMESTAMPDIFF(HOUR, later, at); TIMESTAMPDIFF(DAY, at, later)
GREATEST(i, 3); LEAST(i, 3); GREATEST(d, 1.5); COALESCE(i, 0); COALESCE(i, l); COALESCE(s, 'none'); NULLIF(i, 7)
CASE WHEN i > 3 THEN d ELSE 0 END; CASE i WHEN 7 THEN 'seven' WHEN -7 THEN 'minus' END; CASE WHEN b THEN 1 END
IF(b, i, l); b AND i > 0; b OR i > 0; NOT b; b IS TRUE; b IS NOT FALSE; i IN (7, 8); s IN ('x', 'y'); i BETWEEN -7 AND 7
s LIKE '%港%'; s LIKE 'a_c'; CONCAT(s, '!'); s || s; SUBSTRING(s, 2, 2); SUBSTRING(s, 2); TRIM(s); CHAR_LENGTH(s)
ABS(i); ABS(d); ROUND(d, 1); ROUND(-d, 1); FLOOR(d); i = 7; s <> 'abc'; d >= 2.50; day < DATE '2026-03-01'
"""
AGGREGATES = """
COUNT(*); COUNT(i); COUNT(DISTINCT s); SUM(i); SUM(l); SUM(d); AVG(i); AVG(l); AVG(f); MIN(i); MAX(d); MIN(s)
MAX(at); MAX(day); SUM(i) FILTER (WHERE i > 0); COUNT(*) FILTER (WHERE s IS NULL); MAX(f) FILTER (WHERE b)
SUM(CASE WHEN b THEN 1 ELSE 0 END); SUM(DISTINCT i); AVG(CAST(d AS DOUBLE)); MIN(FLOOR(at TO MINUTE)); SUM(d * 2) + 1
"""


def listed(text: str) -> list[str]:
    return [part.strip() for line in text.strip().splitlines() for part in line.split("; ")]


@pytest.fixture(scope="module")
def samples(flink: FlinkBatch) -> TableName:
    flink.execute(
        """CREATE TABLE dwd.samples (id INT, i INT, l BIGINT, d DECIMAL(12, 2), f DOUBLE, s STRING, b BOOLEAN, day DATE,
          at TIMESTAMP_LTZ(3), later TIMESTAMP_LTZ(3), wall TIMESTAMP(3))""".replace(
            " day DATE", " `day` DATE"
        ).replace("at TIMESTAMP", "`at` TIMESTAMP")
    )
    moments = [
        ("2026-03-08 06:59:59.999", "2026-03-08 07:00:00.000"),
        ("2026-11-01 05:30:00.500", "2026-11-03 05:30:00.499"),
        ("1969-12-31 23:59:58.700", "1970-01-01 00:00:01.200"),
    ]
    values = [
        (7, 2**30, "2.55", "2.5", "'abc'", "TRUE", "2026-02-28"),
        (-7, -3, "-2.55", "-2.5", "'香港x'", "FALSE", "2024-02-29"),
        (3, 1000, "1.25", "0.1", "' a '", "CAST(NULL AS BOOLEAN)", "2026-12-31"),
    ]
    rows = []
    for number, ((i, big, d, f, s, b, day), (start, end)) in enumerate(zip(values, moments, strict=True)):
        times = ", ".join(f"CAST(TIMESTAMP '{moment}' AS TIMESTAMP_LTZ(3))" for moment in (start, end))
        rows.append(
            f"({number}, {i}, {big}, {d}, CAST({f} AS DOUBLE), {s}, {b}, DATE '{day}', {times}, TIMESTAMP '{end}')"
        )
    kinds = ["INT", "BIGINT", "DECIMAL(12, 2)", "DOUBLE", "STRING", "BOOLEAN", "DATE"]
    nulls = [f"CAST(NULL AS {kind})" for kind in (*kinds, "TIMESTAMP_LTZ(3)", "TIMESTAMP_LTZ(3)", "TIMESTAMP(3)")]
    flink.execute(f"INSERT INTO dwd.samples VALUES {', '.join(rows)}, (3, {', '.join(nulls)})")
    return NAME


def quoted(text: str) -> str:
    """`at` and `day` are words of Flink's grammar."""
    return re.sub(r"(?<![\w`'])(at|day)(?![\w`'])", r"`\1`", text)


def ours(stack: Stack, sql: str) -> list[list[object]]:
    store = FilesystemTableStore(stack.lake)
    table, snapshot = store.table(NAME), store.latest_snapshot(NAME)
    assert table is not None
    assert snapshot is not None
    found = translate(sql, {NAME: {column.name: column.type for column in table.columns}}, Path("test.sql"))
    with Session([PinnedTable(stack.lake, NAME, snapshot.id)]) as session:
        return [list(row) for row in session.rows(found.sql).rows]


def same(theirs: object, mine: object) -> bool:
    if theirs is None or mine is None:
        return theirs is mine
    if isinstance(mine, datetime):
        return datetime.fromisoformat(str(theirs)).replace(tzinfo=None) == mine.replace(tzinfo=None)
    if isinstance(mine, date):
        return str(theirs) == mine.isoformat()
    if isinstance(mine, float):
        return abs(float(str(theirs)) - mine) <= 1e-12 * max(1.0, abs(mine))
    if isinstance(mine, Decimal) or isinstance(theirs, Decimal):
        return Decimal(str(theirs)) == Decimal(str(mine))
    return theirs == mine


def differences(names: list[str], theirs: list[list[object]], mine: list[list[object]]) -> list[str]:
    assert len(theirs) == len(mine)
    return [
        f"row {number}: {name}: Flink {one!r}, DuckDB {other!r}"
        for number, (left, right) in enumerate(zip(theirs, mine, strict=True))
        for name, one, other in zip(names, left, right, strict=True)
        if not same(one, other)
    ]


def test_expressions_give_what_flink_gives(stack: Stack, flink: FlinkBatch, samples: TableName) -> None:
    names = listed(EXPRESSIONS)
    outputs = ", ".join(f"{quoted(name)} AS c{number}" for number, name in enumerate(names))
    sql = f"SELECT id, {outputs} FROM dwd.samples"
    theirs, mine = sorted(flink.execute(sql)), sorted(ours(stack, sql))
    assert differences(["id", *names], theirs, mine) == []


@pytest.mark.parametrize("condition", ["TRUE", "i IS NULL", "id > 99"])
def test_aggregates_give_what_flink_gives(stack: Stack, flink: FlinkBatch, samples: TableName, condition: str) -> None:
    names = listed(AGGREGATES)
    outputs = ", ".join(f"{quoted(name)} AS c{number}" for number, name in enumerate(names))
    sql = f"SELECT {outputs} FROM dwd.samples WHERE {condition}"
    assert differences(names, flink.execute(sql), ours(stack, sql)) == []


def test_rankings_sort_null_as_flink_does(stack: Stack, flink: FlinkBatch, samples: TableName) -> None:
    sql = """SELECT id, ROW_NUMBER() OVER (ORDER BY i) AS up, ROW_NUMBER() OVER (ORDER BY d DESC) AS down,
      RANK() OVER (PARTITION BY b ORDER BY id) AS ranked FROM dwd.samples"""
    assert sorted(flink.execute(sql)) == sorted(ours(stack, sql))


def test_joins_and_unions_give_what_flink_gives(stack: Stack, flink: FlinkBatch, samples: TableName) -> None:
    sql = """WITH c AS (SELECT id, i FROM dwd.samples WHERE i IS NOT NULL)
      SELECT a.id, b.i FROM dwd.samples AS a LEFT JOIN c AS b ON a.id = b.id AND b.i > 0
      WHERE EXISTS (SELECT 1 AS x FROM dwd.samples AS z WHERE z.id = a.id AND z.id < 3)
      UNION ALL SELECT id + 10, CAST(NULL AS INT) FROM dwd.samples WHERE id NOT IN (SELECT id FROM c)"""
    assert sorted(flink.execute(sql), key=str) == sorted(ours(stack, sql), key=str)
