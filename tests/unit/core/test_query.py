"""What a query reads and gives."""

from pathlib import Path

import pytest

from headwater.model import Column, TableName
from headwater.query import Analysis, analyse
from headwater.sqltype import SqlType


def _table(**columns: str) -> tuple[Column, ...]:
    return tuple(Column(name, SqlType.parse(kind)) for name, kind in columns.items())


SCHEMA = {
    TableName.parse("ods.a"): _table(k="BIGINT", x="INT", happened_at="TIMESTAMP_LTZ(3)", tags="ARRAY<STRING>"),
    TableName.parse("dwd.b"): _table(k="BIGINT", y="STRING", pair="ROW<low INT, high DOUBLE>", at_local="TIMESTAMP(3)"),
    TableName.parse("dwd.broken"): None,
}


def _analysed(sql: str, **options: bool) -> Analysis:
    return analyse(sql, Path("f.sql"), SCHEMA, **options)


def _given(sql: str) -> str:
    analysis = _analysed(sql)
    assert [str(problem) for problem in analysis.problems] == []
    return ", ".join(f"{column.name} {column.type}" for column in analysis.outputs)


def _told(sql: str, **options: bool) -> list[str]:
    return [str(problem).replace("\n    ", " ") for problem in _analysed(sql, **options).problems]


@pytest.mark.parametrize(
    ("sql", "given"),
    [
        ("SELECT * FROM dwd.b", "k BIGINT, y STRING, pair ROW<`low` INT, `high` DOUBLE>, at_local TIMESTAMP(3)"),
        (
            "SELECT b.*, a.x FROM ods.a AS a JOIN dwd.b AS b ON a.k = b.k",
            "k BIGINT, y STRING, pair ROW<`low` INT, `high` DOUBLE>, at_local TIMESTAMP(3), x INT",
        ),
        ("SELECT k, x, y FROM ods.a JOIN dwd.b USING (k)", "k BIGINT, x INT, y STRING"),
        ("WITH c AS (SELECT k AS n, x FROM ods.a) SELECT n, c.x FROM c", "n BIGINT, x INT"),
        ("WITH c (n) AS (SELECT k FROM ods.a) SELECT n FROM c", "n BIGINT"),
        ("SELECT n FROM (SELECT k AS n FROM ods.a) AS s WHERE n > 1", "n BIGINT"),
        ("SELECT x AS n FROM ods.a UNION ALL SELECT k FROM dwd.b", "n BIGINT"),
        ("SELECT dwd.b.y, b.pair.high FROM dwd.b", "y STRING, high DOUBLE"),
        ("SELECT pair.low FROM dwd.b", "low INT"),
        ("SELECT a.k, t.tag FROM ods.a AS a CROSS JOIN UNNEST(a.tags) AS t (tag)", "k BIGINT, tag STRING"),
        ("SELECT n FROM (VALUES (1, 'a'), (2, 'bc')) AS v (n, s)", "n INT"),
        ("SELECT k FROM ods.a /*+ OPTIONS('scan.parallelism'='2') */ AS a", "k BIGINT"),
        (
            "SELECT a.k, b.y FROM ods.a AS a JOIN dwd.b FOR SYSTEM_TIME AS OF a.happened_at AS b ON a.k = b.k",
            "k BIGINT, y STRING",
        ),
        (
            "SELECT a.k, n FROM ods.a AS a, LATERAL (SELECT y AS n FROM dwd.b AS b WHERE b.k = a.k)",
            "k BIGINT, n STRING",
        ),
        ("SELECT k FROM ods.a WHERE EXISTS (SELECT 1 FROM dwd.b WHERE b.k = a.k)", "k BIGINT"),
        (
            "SELECT k, r FROM (SELECT k, RANK() OVER (PARTITION BY k ORDER BY x DESC) AS r FROM ods.a) WHERE r = 1",
            "k BIGINT, r BIGINT",
        ),
        ("SELECT SUM(x) OVER w AS s FROM ods.a WINDOW w AS (PARTITION BY k ORDER BY happened_at)", "s INT"),
        ("SELECT `k` AS `order` FROM `ods`.`a`", "order BIGINT"),
        ("SELECT CAST(my_function(x) AS STRING) AS s FROM ods.a", "s STRING"),
        ("SELECT k FROM ods.a WHERE my_function(x) > 1", "k BIGINT"),
        ("SELECT UPPER(y) AS u FROM dwd.b ORDER BY u", "u STRING"),
        ("-- why\nSELECT k -- what\nFROM ods.a;\n", "k BIGINT"),
    ],
)
def test_the_columns_that_a_query_gives(sql: str, given: str):
    assert _given(sql) == given


@pytest.mark.parametrize("name", ["TUMBLE", "HOP", "CUMULATE", "SESSION"])
@pytest.mark.parametrize("form", ["TABLE({})", "{}"])
def test_a_window_adds_its_three_columns(name: str, form: str):
    intervals = "INTERVAL '5' MINUTE, INTERVAL '10' MINUTES" if name in ("HOP", "CUMULATE") else "INTERVAL '5' MINUTES"
    call = form.format(f"{name}(TABLE ods.a, DESCRIPTOR(happened_at), {intervals})")
    analysis = _analysed(f"SELECT k, window_start, window_end, window_time FROM {call} AS w")
    assert analysis.problems == ()
    assert [str(column.type) for column in analysis.outputs] == [
        "BIGINT",
        "TIMESTAMP(3)",
        "TIMESTAMP(3)",
        "TIMESTAMP_LTZ(3)",
    ]
    assert analysis.time_columns == ((TableName.parse("ods.a"), "happened_at"),)


def test_a_window_takes_named_arguments_a_partition_and_a_sub_query():
    assert _given(
        "SELECT k FROM TABLE(TUMBLE(DATA => TABLE ods.a, TIMECOL => DESCRIPTOR(happened_at), SIZE => INTERVAL '1' DAY))"
    )
    assert _given(
        "SELECT k FROM TABLE(SESSION(TABLE ods.a PARTITION BY k, x, DESCRIPTOR(happened_at), INTERVAL '1' HOUR))"
    )
    renamed = "SELECT t FROM TABLE(TUMBLE((SELECT happened_at AS t FROM ods.a), DESCRIPTOR(t), INTERVAL '1' DAY))"
    assert _analysed(renamed).time_columns == ((TableName.parse("ods.a"), "happened_at"),)


def test_tables_are_listed_once_in_order_of_appearance():
    sql = "WITH c AS (SELECT k FROM dwd.b) SELECT a.k FROM ods.a AS a JOIN c ON a.k = c.k JOIN dwd.b AS d ON d.k = a.k"
    assert list(map(str, _analysed(sql).reads)) == ["dwd.b", "ods.a"]


def test_the_calendar_is_no_dependency():
    analysis = _analysed(
        "SELECT d.local_date FROM ods.a AS a JOIN calendar.local_day AS d ON TRUE", may_read_calendar=True
    )
    assert (list(map(str, analysis.reads)), analysis.calendars, analysis.problems) == (
        ["ods.a"],
        ("calendar.local_day",),
        (),
    )


def test_columns_of_a_table_that_cannot_be_read_are_not_doubted():
    analysis = _analysed("SELECT anything, b.more FROM dwd.broken AS b WHERE other = 1")
    assert (analysis.problems, list(map(str, analysis.reads))) == ((), ["dwd.broken"])


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("SELECT a FROM", ["f.sql:1:10: «table name» is expected before the end"]),
        ("SELECT k, FROM ods.a", ["f.sql:1:9: a column is expected after this comma"]),
        ("SELECT k\nFROM ods.a\nWHERE k = = 1", ["f.sql:3:11: «=» is not expected here"]),
        ("SELECT CAST(k AS TEXT) AS k FROM ods.a", ["f.sql:1:18: «TEXT» is not a type that Flink knows"]),
        ("SELECT CAST(k INT) AS k FROM ods.a", ["f.sql:1:15: «AS» is expected before «INT»"]),
        (
            'SELECT "k" FROM ods.a',
            ["f.sql:1:8: in Flink SQL a name stands in backticks and a text in '…'; \" is neither"],
        ),
        ("SELECT 'a\nFROM ods.a", ["f.sql:1:8: the ' that is opened here is never closed"]),
        ("SELECT k /* why\nFROM ods.a", ["f.sql:1:10: the /* that is opened here is never closed"]),
        ("SELECT K FROM ods.a", ["f.sql:1:8: no table of this query has a column «K» Did you mean k?"]),
        ("SELECT A.k FROM ods.a AS a", ["f.sql:1:8: «A» is no table or row of this query Did you mean a?"]),
        ("SELECT c.* FROM ods.a AS a", ["f.sql:1:8: «c» is no table of this query"]),
        ("SELECT pair.mid FROM dwd.b", ["f.sql:1:13: «pair» is ROW<`low` INT, `high` DOUBLE> and has no field «mid»"]),
        ("SELECT x AS n, n + 1 AS m FROM ods.a", ["f.sql:1:16: no table of this query has a column «n»"]),
        (
            "SELECT k FROM ods.a JOIN dwd.b USING (z)",
            [
                "f.sql:1:39: «z» of USING is not a column of both sides",
                "f.sql:1:8: «k» may be ods.a.k or dwd.b.k Write which one is meant.",
            ],
        ),
        (
            "SELECT y FROM ods.a NATURAL JOIN dwd.b",
            ["f.sql:1:34: a NATURAL JOIN changes its meaning when a column is added Write JOIN … ON."],
        ),
        ("SELECT NULL AS n FROM ods.a", ["f.sql:1:16: NULL alone has no type Write CAST(NULL AS …)."]),
        (
            "SELECT CASE WHEN k > 1 THEN x ELSE 'no' END AS c FROM ods.a",
            ["f.sql:1:18: the type of this expression is not known Wrap it in CAST(… AS …)."],
        ),
        ("SELECT y || k AS c FROM dwd.b", ["f.sql:1:8: Flink has no STRING || BIGINT CAST both sides to STRING."]),
        ("SELECT n FROM UNNEST(1) AS u (n)", ["f.sql:1:22: UNNEST takes an ARRAY, MAP or MULTISET, not INT"]),
        (
            "SELECT k FROM TABLE(TUMBLE(TABLE ods.a, DESCRIPTOR(happend_at), INTERVAL '1' DAY))",
            ["f.sql:1:52: no table of this query has a column «happend_at» Did you mean happened_at?"],
        ),
        (
            "SELECT k FROM TABLE(HOP(TABLE ods.a, DESCRIPTOR(happened_at), INTERVAL '1' DAY))",
            ["f.sql:1:21: HOP needs 2 intervals"],
        ),
        (
            "SELECT k FROM TABLE(TUMBLE(ods.a, happened_at, INTERVAL '1' DAY))",
            ["f.sql:1:21: TUMBLE needs TABLE <table>, DESCRIPTOR(<time column>)"],
        ),
        ("SELECT k FROM an.other.place", ["f.sql:1:15: there is no table an.other.place"]),
        ("DROP TABLE ods.a", ["f.sql:1:1: this is not a SELECT but DROP"]),
    ],
)
def test_a_mistake_is_told_where_it_stands(sql: str, told: list[str]):
    assert _told(sql) == told


def test_a_check_needs_neither_names_nor_types():
    assert _told("SELECT COUNT(*), my_function(k) FROM ods.a", is_check=True) == []
    assert _told("SELECT COUNT(*), kk FROM ods.a", is_check=True) == [
        "f.sql:1:18: no table of this query has a column «kk» Did you mean k?"
    ]


@pytest.mark.parametrize(
    ("sql", "alone"),
    [
        ("SELECT k, x + 1 AS n FROM ods.a WHERE x > 1", True),
        (
            "SELECT UPPER(y) AS y, CASE WHEN k > 1 THEN COALESCE(y, 'a') ELSE CAST(k AS STRING) END AS z FROM dwd.b",
            True,
        ),
        ("SELECT k FROM ods.a UNION ALL SELECT k FROM dwd.b", True),
        ("WITH c AS (SELECT k FROM ods.a) SELECT k FROM (SELECT k FROM c WHERE k IN (1, 2)) AS d", True),
        ("SELECT k FROM ods.a UNION SELECT k FROM dwd.b", False),
        ("SELECT DISTINCT k FROM ods.a", False),
        ("SELECT k, COUNT(*) AS n FROM ods.a GROUP BY k", False),
        ("SELECT MAX(k) AS k FROM ods.a", False),
        ("SELECT k FROM ods.a INTERSECT SELECT k FROM dwd.b", False),
        ("SELECT k FROM (SELECT k, COUNT(*) AS n FROM ods.a GROUP BY k) AS g", False),
        ("WITH c AS (SELECT k FROM ods.a GROUP BY k) SELECT k FROM c", False),
        ("SELECT k, ROW_NUMBER() OVER (PARTITION BY k ORDER BY x) AS n FROM ods.a", False),
        ("SELECT k FROM ods.a ORDER BY k", False),
        ("SELECT k FROM ods.a LIMIT 3", False),
        ("SELECT k FROM ods.a WHERE k IN (SELECT k FROM dwd.b)", False),
        ("SELECT k FROM ods.a WHERE EXISTS (SELECT 1 AS n FROM dwd.b)", False),
        ("SELECT a.k FROM ods.a AS a JOIN dwd.b AS b ON a.k = b.k", False),
        ("SELECT a.k FROM ods.a AS a, dwd.b AS b", False),
        ("SELECT a.k, t.tag FROM ods.a AS a CROSS JOIN UNNEST(a.tags) AS t (tag)", False),
        ("SELECT k, CAST(MY_OWN(x) AS INT) AS n FROM ods.a", False),
        ("SELECT window_start, k FROM TABLE(TUMBLE(TABLE ods.a, DESCRIPTOR(happened_at), INTERVAL '1' MINUTE))", False),
    ],
)
def test_a_query_that_needs_no_other_rows_is_told_from_one_that_does(sql: str, alone: bool) -> None:
    assert _analysed(sql).row_by_row is alone
