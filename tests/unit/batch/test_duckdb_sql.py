from pathlib import Path

import pytest

from headwater.duckdb_sql import Translation, translate
from headwater.model import TableName
from headwater.problem import HeadwaterError
from headwater.sqltype import SqlType

COLUMNS = {
    "i": "INT",
    "l": "BIGINT",
    "d": "DECIMAL(12, 2)",
    "wide": "DECIMAL(30, 10)",
    "f": "DOUBLE",
    "s": "STRING",
    "b": "BOOLEAN",
    "day": "DATE",
    "at": "TIMESTAMP_LTZ(3)",
    "fine": "TIMESTAMP_LTZ(6)",
    "wall": "TIMESTAMP(3)",
    "tags": "ARRAY<STRING>",
}
TABLES = {
    TableName.parse("dwd.t"): {name: SqlType.parse(kind) for name, kind in COLUMNS.items()},
    TableName.parse("dwd.u"): {"i": SqlType.parse("INT"), "name": SqlType.parse("STRING")},
}


def translated(sql: str) -> Translation:
    return translate(sql, TABLES, Path("rpt/x/select.sql"))


def refusal(sql: str) -> str:
    with pytest.raises(HeadwaterError) as caught:
        translated(sql)
    return caught.value.failed


@pytest.mark.parametrize(
    ("flink", "duckdb", "kind"),
    [
        ("i + 1", '("t"."i" + 1)', "INT"),
        ("i * l", '(CAST("t"."i" AS BIGINT) * "t"."l")', "BIGINT"),
        ("d + 1", '("t"."d" + 1)', "DECIMAL(13, 2)"),
        ("d * d", '(CAST("t"."d" AS DECIMAL(19, 2)) * "t"."d")', "DECIMAL(25, 4)"),
        ("i / 2", '("t"."i" // 2)', "INT"),
        ("f / i", '(CAST("t"."f" AS DOUBLE) / CAST("t"."i" AS DOUBLE))', "DOUBLE"),
        ("MOD(i, 3)", '("t"."i" % 3)', "INT"),
        ("-i", '(-"t"."i")', "INT"),
        ("CAST(d AS INT)", 'CAST(TRUNC("t"."d") AS INTEGER)', "INT"),
        ("CAST(f AS BIGINT)", 'CAST(TRUNC("t"."f") AS BIGINT)', "BIGINT"),
        ("CAST(i AS STRING)", 'CAST(CAST("t"."i" AS VARCHAR) AS VARCHAR)', "STRING"),
        ("CAST(s AS VARCHAR(2))", 'left("t"."s", 2)', "VARCHAR(2)"),
        ("'it' || 's'", "('it' || 's')", "STRING"),
        ("LAG(i, 2) OVER (ORDER BY at)", 'LAG("t"."i", 2) OVER (ORDER BY "t"."at" ASC NULLS FIRST)', "INT"),
        (
            "SUM(i) OVER (PARTITION BY s ORDER BY at ROWS 2 PRECEDING)",
            'CAST(SUM("t"."i") OVER (PARTITION BY "t"."s" ORDER BY "t"."at" ASC NULLS FIRST'
            " ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) AS INTEGER)",
            "INT",
        ),
        ("tags[1]", '"t"."tags"[1]', "STRING"),
        ("DATE_FORMAT(wall, 'yyyy-MM')", 'strftime(CAST("t"."wall" AS TIMESTAMP), \'%Y-%m\')', "STRING"),
        ("CAST(at AS DATE)", 'CAST("t"."at" AS DATE)', "DATE"),
        (
            "CAST(fine AS TIMESTAMP_LTZ(3))",
            'CASE WHEN epoch_us(CAST("t"."fine" AS TIMESTAMPTZ)) < 0 AND date_trunc(\'millisecond\','
            ' CAST("t"."fine" AS TIMESTAMPTZ)) <> CAST("t"."fine" AS TIMESTAMPTZ) THEN error('
            "'DuckDB is not known to run this as Flink does: cutting digits off a time before 1970') ELSE"
            ' date_trunc(\'millisecond\', CAST("t"."fine" AS TIMESTAMPTZ)) END',
            "TIMESTAMP_LTZ(3)",
        ),
        ("FLOOR(at TO MINUTE)", 'date_trunc(\'minute\', "t"."at")', "TIMESTAMP_LTZ(3)"),
        ("EXTRACT(HOUR FROM at)", 'EXTRACT(HOUR FROM "t"."at")', "BIGINT"),
        ("at + INTERVAL '5' MINUTE", '("t"."at" + INTERVAL \'5\' MINUTE)', "TIMESTAMP_LTZ(3)"),
        ("day - INTERVAL '1' DAY", 'CAST(("t"."day" - INTERVAL \'1\' DAY) AS DATE)', "DATE"),
        (
            "TIMESTAMPDIFF(SECOND, at, at)",
            'CAST((epoch_us("t"."at") - epoch_us("t"."at")) // 1000000 AS INTEGER)',
            "INT",
        ),
        ("CONCAT(s, 'x')", '("t"."s" || \'x\')', "STRING"),
        ("s NOT LIKE 'a%'", '(NOT ("t"."s" LIKE \'a%\'))', "BOOLEAN"),
        ("s NOT LIKE 'a!%' ESCAPE '!'", "(NOT (\"t\".\"s\" LIKE 'a!%' ESCAPE '!'))", "BOOLEAN"),
        ("s || 'it''s'", "(\"t\".\"s\" || 'it''s')", "STRING"),
        ("GREATEST(i, 3)", 'CASE WHEN "t"."i" IS NULL OR 3 IS NULL THEN NULL ELSE GREATEST("t"."i", 3) END', "INT"),
        ("COALESCE(i, l)", 'COALESCE(CAST("t"."i" AS BIGINT), "t"."l")', "BIGINT"),
        (
            "CASE WHEN b THEN d ELSE 0 END",
            'CASE WHEN "t"."b" THEN "t"."d" ELSE CAST(0 AS DECIMAL(12, 2)) END',
            "DECIMAL(12, 2)",
        ),
        ("IF(i > 1, 'a', 'b')", "CASE WHEN (\"t\".\"i\" > 1) THEN 'a' ELSE 'b' END", "CHAR(1)"),
        ("SUBSTRING(s, 1, 2)", 'SUBSTRING("t"."s", 1, 2)', "STRING"),
        ("CHAR_LENGTH(s)", 'CAST(LENGTH("t"."s") AS INTEGER)', "INT"),
        ("ROUND(d, 1)", 'ROUND("t"."d", 1)', "DECIMAL(12, 1)"),
        ("1.50", "CAST('1.50' AS DECIMAL(3, 2))", "DECIMAL(3, 2)"),
        ("DATE '2026-11-22'", "DATE '2026-11-22'", "DATE"),
        (
            "CAST('2026-11-22 03:04:05' AS TIMESTAMP_LTZ(3))",
            "CAST('2026-11-22 03:04:05.000' AS TIMESTAMPTZ)",
            "TIMESTAMP_LTZ(3)",
        ),
        (
            "ROW_NUMBER() OVER (PARTITION BY s ORDER BY i DESC, l)",
            'ROW_NUMBER() OVER (PARTITION BY "t"."s" ORDER BY "t"."i" DESC NULLS LAST, "t"."l" ASC NULLS FIRST)',
            "BIGINT",
        ),
    ],
)
def test_an_expression_is_written_so_that_it_means_what_flink_means(flink: str, duckdb: str, kind: str) -> None:
    found = translated(f"SELECT {flink} AS x FROM dwd.t")
    assert found.sql == f'SELECT {duckdb} AS "x" FROM "dwd"."t" AS "t"'
    assert [str(column.type) for column in found.outputs] == [kind]


@pytest.mark.parametrize(
    ("flink", "duckdb", "kind"),
    [
        ("COUNT(*)", "COUNT(*)", "BIGINT"),
        ("COUNT(DISTINCT s)", 'COUNT(DISTINCT "t"."s")', "BIGINT"),
        ("SUM(i)", 'CAST(SUM("t"."i") AS INTEGER)', "INT"),
        ("SUM(d)", 'SUM("t"."d")', "DECIMAL(38, 2)"),
        ("AVG(i)", 'CAST(SUM("t"."i") // NULLIF(COUNT("t"."i"), 0) AS INTEGER)', "INT"),
        ("AVG(f)", 'AVG("t"."f")', "DOUBLE"),
        ("MAX(at)", 'MAX("t"."at")', "TIMESTAMP_LTZ(3)"),
        ("COUNT(*) FILTER (WHERE b)", 'COUNT(*) FILTER (WHERE "t"."b")', "BIGINT"),
        ("SUM(l) FILTER (WHERE b)", 'CAST(SUM("t"."l") FILTER (WHERE "t"."b") AS BIGINT)', "BIGINT"),
    ],
)
def test_an_aggregate_has_flinks_type(flink: str, duckdb: str, kind: str) -> None:
    found = translated(f"SELECT {flink} AS x FROM dwd.t")
    assert found.sql == f'SELECT {duckdb} AS "x" FROM "dwd"."t" AS "t"'
    assert [str(column.type) for column in found.outputs] == [kind]


def test_the_days_being_computed_are_joined_like_a_table() -> None:
    found = translated(
        "SELECT d.market, COUNT(*) AS n FROM dwd.t AS o JOIN calendar.local_day AS d"
        " ON o.s = d.market AND o.at >= d.starts_at GROUP BY d.market"
    )
    assert found.sql == (
        'SELECT "d"."market" AS "market", COUNT(*) AS "n" FROM "dwd"."t" AS "o" JOIN "calendar"."local_day" AS "d"'
        ' ON (("o"."s" = "d"."market") AND ("o"."at" >= "d"."starts_at")) GROUP BY "d"."market"'
    )
    assert [(column.name, str(column.type)) for column in found.outputs] == [("market", "STRING"), ("n", "BIGINT")]


def test_ctes_sub_queries_stars_and_unions_are_followed() -> None:
    found = translated(
        "WITH c AS (SELECT i, s FROM dwd.t WHERE b) SELECT x.*, u.name FROM (SELECT * FROM c) AS x"
        " LEFT JOIN dwd.u AS u ON u.i = x.i WHERE EXISTS (SELECT 1 AS y FROM dwd.u AS v WHERE v.i = x.i)"
        " UNION ALL SELECT l, s, s FROM dwd.t"
    )
    assert [(column.name, str(column.type)) for column in found.outputs] == [
        ("i", "BIGINT"),
        ("s", "STRING"),
        ("name", "STRING"),
    ]
    assert '(SELECT "c"."i" AS "i", "c"."s" AS "s" FROM "c" AS "c") AS "x"' in found.sql
    assert ') UNION ALL (SELECT "t"."l" AS "l"' in found.sql


@pytest.mark.parametrize(
    ("flink", "reason"),
    [
        ("INITCAP(s)", "INITCAP is not among the constructs"),
        ("CURRENT_TIMESTAMP", "CURRENT_TIMESTAMP reads the clock"),
        ("LISTAGG(s)", "LISTAGG puts values together in no fixed order"),
        ("LAST_VALUE(s)", "LAST_VALUE without OVER depends on the order in which rows arrive"),
        ("d / 2", "DuckDB divides decimals as doubles; CAST both sides to DOUBLE"),
        ("AVG(d)", "AVG(CAST(… AS DOUBLE)) is the same in both"),
        ("wide * wide", "a product of more than 38 digits"),
        ("CAST(s AS TIMESTAMP_LTZ(3))", "CAST(STRING AS TIMESTAMP_LTZ(3)) is not known"),
        ("CAST(f AS STRING)", "CAST(DOUBLE AS STRING) is not known"),
        ("CAST(f AS DECIMAL(10, 2))", "CAST(DOUBLE AS DECIMAL(10, 2)) is not known"),
        ("CAST(tags AS STRING)", "CAST(ARRAY<STRING> AS STRING) is not known"),
        ("CAST('2026-11-22 03:04:05.1234' AS TIMESTAMP(4))", "at most three digits"),
        ("FLOOR(at TO WEEK)", "TO SECOND, MINUTE, HOUR, DAY, MONTH, QUARTER, YEAR"),
        ("at + INTERVAL '1-2' YEAR TO MONTH", "a whole number of seconds, minutes, hours, days, months or years"),
        ("TIMESTAMPDIFF(WEEK, at, at)", "SECOND to YEAR"),
        ("TIMESTAMPDIFF(SECOND, at, wall)", "two times of one kind"),
        ("ROUND(f, 1)", "the engines round doubles differently"),
        ("s LIKE 'a\\%'", "the engines escape differently"),
        ("s = i", "STRING and INT meet without a CAST"),
        ("at > TIMESTAMP '2026-11-22 00:00:00'", "TIMESTAMP_LTZ(3) and TIMESTAMP(0) meet without a CAST"),
        ("CASE WHEN i THEN 1 END", "a condition is wanted and this is INT"),
        ("COUNT(DISTINCT i) OVER (ORDER BY at ROWS 1 PRECEDING)", "DISTINCT over a frame"),
        ("NTILE(i) OVER (ORDER BY at)", "the number of NTILE is a literal of at least 1"),
        ("ROW_NUMBER() OVER (PARTITION BY s)", "without ORDER BY gives any row"),
        ("(SELECT i FROM dwd.u)", "a sub-query as a value is an aggregate without GROUP BY"),
        ("SUBSTRING(s, 0, 2)", "the start of SUBSTRING is a literal of at least 1"),
        ("REGEXP(s, '(?i)a')", "only plain ones are known"),
        ("JSON_QUERY(s, '$.a')", "JSON_QUERY writes JSON"),
        ("CEIL(wall TO MONTH)", "TO SECOND, MINUTE, HOUR, DAY is known"),
        ("s LIKE 'a!b' ESCAPE '!'", "before something other than % or _"),
        ("AVG(CAST(i AS SMALLINT))", "Flink's sum wraps"),
        ("tags = tags", "a comparison of ARRAY<STRING>"),
        ("COUNT(i, l)", "COUNT with 2 arguments"),
    ],
)
def test_what_the_engines_do_differently_is_refused_by_name(flink: str, reason: str) -> None:
    message = refusal(f"SELECT\n  {flink} AS x\nFROM dwd.t")
    assert reason in message
    assert "DuckDB, which computes this, is not known to run it as Flink does" in message


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("SELECT i FROM dwd.t ORDER BY i", "ORDER where a table is made"),
        ("SELECT i FROM dwd.t LIMIT 1", "LIMIT where a table is made"),
        ("SELECT i FROM dwd.t GROUP BY 1", "GROUP BY a position"),
        ("SELECT tags FROM dwd.t GROUP BY tags", "GROUP BY ARRAY<STRING>"),
        ("SELECT dwd.u.name FROM dwd.t FULL JOIN dwd.u USING (i)", "FULL JOIN with USING"),
        ("SELECT x.i FROM (SELECT t.i, u.i AS I FROM dwd.t JOIN dwd.u ON t.i = u.i) AS x", "blind to case"),
        (
            "SELECT i FROM TABLE(TUMBLE(TABLE dwd.t, DESCRIPTOR(at), INTERVAL '1' MINUTE, INTERVAL '1' SECOND))",
            "TUMBLE with an offset",
        ),
        (
            "SELECT i FROM TABLE(HOP(TABLE dwd.t, DESCRIPTOR(at), INTERVAL '2' MINUTE, INTERVAL '5' MINUTE))",
            "whose size is no multiple of its slide",
        ),
        (
            "SELECT i FROM TABLE(TUMBLE(TABLE dwd.t, DESCRIPTOR(fine), INTERVAL '1' MINUTE))",
            "at most three digits",
        ),
        ("SELECT t.i FROM dwd.t JOIN dwd.u FOR SYSTEM_TIME AS OF t.at ON t.i = u.i", "the newest row of a key"),
        ("SELECT i FROM dwd.t, LATERAL TABLE(f(s)) AS x (y)", "a table function"),
        ("SELECT i FROM dwd.t MATCH_RECOGNIZE (ORDER BY at PATTERN (A) DEFINE A AS TRUE)", "MATCH_RECOGNIZE"),
        ("SELECT /*+ STATE_TTL('t' = '1d') */ i FROM dwd.t", "the hint STATE_TTL"),
        ("SELECT i FROM dwd.t /*+ OPTIONS('scan.snapshot-id' = '1') */", "the option scan.snapshot-id"),
        ("SELECT 1 AS x", "a SELECT without FROM"),
    ],
)
def test_a_query_of_another_shape_is_refused(sql: str, reason: str) -> None:
    assert reason in refusal(sql)


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("SELECT t.i\nFROM dwd.t\nWHERE nope > 1", "rpt/x/select.sql:3:7: there is no column nope; there are i, l, d,"),
        (
            "SELECT i FROM dwd.nope",
            "rpt/x/select.sql:1:15: there is no table dwd.nope among dwd.t, dwd.u,"
            " calendar.local_day, calendar.local_month",
        ),
        ("SELECT i FROM t", "rpt/x/select.sql:1:15: there is no t: name a table as layer.table"),
        ("SELECT i FROM dwd.t, dwd.u", "rpt/x/select.sql:1:8: i could be of t or u"),
        ("SELECT S FROM dwd.t", "there is no column S"),
        ("SELECT i FROM dwd.t AS a JOIN dwd.u AS a ON TRUE", "two sources are called a"),
        ("SELECT i FROM dwd.t WHERE", "rpt/x/select.sql:1:"),
        ("SELECT 1 AS x FROM dwd.t; SELECT 2 AS x FROM dwd.t", "one SELECT is wanted"),
    ],
)
def test_a_mistake_is_reported_with_its_place(sql: str, reason: str) -> None:
    message = refusal(sql)
    assert reason in message
    assert "not known to run" not in message
