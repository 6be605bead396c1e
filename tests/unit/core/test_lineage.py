"""Which columns the values of a column come from."""

from pathlib import Path

import pytest

from headwater.compile.rejects import rejected_model
from headwater.lineage import column_lineage
from headwater.loader import load
from headwater.model import Column, TableName
from headwater.query import analyse
from headwater.sqltype import SqlType
from tests.unit.core.conftest import Sensors


def table(**columns: str) -> tuple[Column, ...]:
    return tuple(Column(name, SqlType.parse(kind)) for name, kind in columns.items())


SCHEMA = {
    TableName.parse("ods.a"): table(
        k="BIGINT", x="INT", y="INT", s="STRING", ts="TIMESTAMP_LTZ(3)", tags="ARRAY<STRING>", m="MAP<STRING, INT>"
    ),
    TableName.parse("dwd.b"): table(
        k="BIGINT", s="STRING", pair="ROW<low INT, high DOUBLE>", till="TIMESTAMP_LTZ(3)", z="INT"
    ),
}


def origins(sql: str) -> str:
    """`column < origins` of each output, the layers left out."""
    analysis = analyse(sql, Path("f.sql"), SCHEMA, may_read_calendar=True)
    assert [str(problem) for problem in analysis.problems] == []
    return "; ".join(
        f"{output.name} < {'?' if found is None else ' '.join(f'{name.table}.{column}' for name, column in found)}"
        for output, found in zip(analysis.outputs, analysis.made_of, strict=True)
    )


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT x FROM ods.a", "x < a.x"),
        ("SELECT x AS n, x + y AS z, CAST(s AS INT) AS i FROM ods.a", "n < a.x; z < a.x a.y; i < a.s"),
        ("SELECT CAST(1 AS INT) AS n, CURRENT_TIMESTAMP AS t, LOCALTIMESTAMP AS l FROM ods.a", "n < ; t < ; l < "),
        ("SELECT * FROM (SELECT k, x AS n FROM ods.a) AS q", "k < a.k; n < a.x"),
        ("SELECT q.* FROM (SELECT x + y AS n FROM ods.a) AS q", "n < a.x a.y"),
        ("WITH c AS (SELECT x + y AS n FROM ods.a), d AS (SELECT n * 2 AS m FROM c) SELECT m FROM d", "m < a.x a.y"),
        ("WITH c (n) AS (SELECT x FROM ods.a) SELECT n AS m FROM c", "m < a.x"),
        ("SELECT q.n FROM (SELECT x FROM ods.a) AS q (n)", "n < a.x"),
        ("SELECT b.pair.low, pair.high FROM dwd.b", "low < b.pair; high < b.pair"),
        ("SELECT m['one'] AS n, MAP['a', x] AS o, ARRAY[x, y] AS p FROM ods.a", "n < a.m; o < a.x; p < a.x a.y"),
        ("SELECT TIMESTAMPDIFF(SECOND, ts, TIMESTAMPADD(DAY, x, ts)) AS n FROM ods.a", "n < a.ts a.x"),
        ("SELECT COALESCE(s, 'none') AS c, NULLIF(x, y) AS n FROM ods.a", "c < a.s; n < a.x a.y"),
        ("SELECT CAST(my_own(x) AS STRING) || s AS o FROM ods.a", "o < a.s a.x"),
        ("SELECT FLOOR(ts TO MINUTE) AS f, EXTRACT(DAY FROM ts) AS d FROM ods.a", "f < a.ts; d < a.ts"),
        ("SELECT TRIM(s) AS t, SUBSTRING(s FROM x) AS u FROM ods.a", "t < a.s; u < a.s a.x"),
        ("SELECT x > 1 AND s IS NULL AS b FROM ods.a", "b < a.s a.x"),
    ],
)
def test_a_value_comes_from_what_its_expression_reads(sql: str, expected: str) -> None:
    assert origins(sql) == expected


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT k FROM ods.a WHERE x > 1 AND s = 'a'", "k < a.k"),
        ("SELECT SUM(x) AS n FROM ods.a GROUP BY s HAVING MAX(y) > 1", "n < a.x"),
        ("SELECT a.k, z FROM ods.a AS a JOIN dwd.b AS b ON a.k = b.k AND a.s = b.s", "k < a.k; z < b.z"),
        ("SELECT a.x FROM ods.a AS a JOIN dwd.b FOR SYSTEM_TIME AS OF a.ts AS b ON a.k = b.k", "x < a.x"),
        ("SELECT SUM(x) FILTER (WHERE y > 1) AS n FROM ods.a", "n < a.x"),
        ("SELECT COUNT(*) AS n, COUNT(DISTINCT x) AS d FROM ods.a", "n < ; d < a.x"),
        ("SELECT SUM(x) OVER (PARTITION BY s ORDER BY ts) AS n FROM ods.a", "n < a.x"),
        ("SELECT LAG(x) OVER w AS n FROM ods.a WINDOW w AS (PARTITION BY s ORDER BY ts)", "n < a.x"),
        ("SELECT k, ROW_NUMBER() OVER (PARTITION BY k ORDER BY ts DESC) AS place FROM ods.a", "k < a.k; place < "),
        ("SELECT LISTAGG(s) WITHIN GROUP (ORDER BY x) AS l FROM ods.a", "l < a.s"),
        ("SELECT x FROM ods.a WHERE k IN (SELECT k FROM dwd.b)", "x < a.x"),
        ("SELECT EXISTS (SELECT 1 FROM dwd.b WHERE b.k = a.k) AS e FROM ods.a", "e < "),
        ("SELECT k, x FROM ods.a ORDER BY y", "k < a.k; x < a.x"),
    ],
)
def test_what_chooses_groups_and_orders_rows_does_not_count(sql: str, expected: str) -> None:
    assert origins(sql) == expected


def test_the_conditions_of_a_case_count() -> None:
    assert origins("SELECT SUM(CASE WHEN s = 'done' THEN 1 ELSE 0 END) AS n FROM ods.a") == "n < a.s"
    assert origins("SELECT CASE k WHEN 1 THEN x ELSE y END AS n, IF(x > 1, y, 0) AS i FROM ods.a") == (
        "n < a.k a.x a.y; i < a.x a.y"
    )


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT x AS n FROM ods.a UNION ALL SELECT z FROM dwd.b", "n < b.z a.x"),
        ("SELECT k FROM ods.a INTERSECT SELECT k FROM dwd.b", "k < a.k"),
        ("SELECT k FROM ods.a EXCEPT SELECT k FROM dwd.b", "k < a.k"),
        ("SELECT n FROM (VALUES (1, 'a')) AS v (n, s)", "n < "),
        ("SELECT k FROM ods.a JOIN dwd.b USING (k)", "k < a.k"),
        ("SELECT k FROM ods.a RIGHT JOIN dwd.b USING (k)", "k < b.k"),
        ("SELECT k, a.k AS mine FROM ods.a AS a FULL JOIN dwd.b AS b USING (k)", "k < b.k a.k; mine < a.k"),
        ("SELECT (SELECT MAX(z) FROM dwd.b WHERE b.k = a.k) AS n FROM ods.a", "n < b.z"),
        ("SELECT x IN (SELECT z FROM dwd.b) AS n FROM ods.a", "n < b.z a.x"),
        ("SELECT n FROM ods.a AS a, LATERAL (SELECT z + a.x AS n FROM dwd.b AS b WHERE b.k = a.k)", "n < b.z a.x"),
        ("SELECT k, tag FROM ods.a CROSS JOIN UNNEST(tags) AS t (tag)", "k < a.k; tag < a.tags"),
        ("SELECT d.market, x FROM ods.a JOIN calendar.local_day AS d ON ts >= d.starts_at", "market < ; x < a.x"),
    ],
)
def test_relations_hand_on_what_their_columns_are_made_of(sql: str, expected: str) -> None:
    assert origins(sql) == expected


@pytest.mark.parametrize("name", ["TUMBLE", "HOP", "CUMULATE", "SESSION"])
def test_the_bounds_of_a_window_come_from_its_time(name: str) -> None:
    intervals = "INTERVAL '5' MINUTE, INTERVAL '10' MINUTE" if name in ("HOP", "CUMULATE") else "INTERVAL '5' MINUTE"
    window = f"TABLE({name}(TABLE ods.a, DESCRIPTOR(ts), {intervals}))"
    sql = f"SELECT window_start, window_end, window_time, x, SUM(y) AS n FROM {window} GROUP BY 1, 2, 3, x"
    assert origins(sql) == "window_start < a.ts; window_end < a.ts; window_time < a.ts; x < a.x; n < a.y"


def test_what_cannot_be_worked_out_is_said_not_guessed() -> None:
    sql = "SELECT k, CAST(t.tag AS STRING) AS tag FROM ods.a CROSS JOIN UNNEST(my_own(x)) AS t (tag)"
    assert origins(sql) == "k < a.k; tag < ?"


def test_a_column_comes_from_what_each_flow_gives_for_it(sensors: Sensors) -> None:
    lineage = column_lineage(load(sensors.root).model(TableName.parse("dwd.sensors")))
    places, readings = TableName.parse("ods.places"), TableName.parse("ods.readings")
    assert lineage == {
        "sensor": ((places, "sensor"), (readings, "sensor")),
        "place": ((places, "place"),),
        "moved_at": ((places, "moved_at"),),
        "degrees": ((readings, "degrees"),),
        "read_at": ((readings, "read_at"),),
    }


def test_one_flow_that_is_not_worked_out_leaves_the_column_unknown(sensors: Sensors) -> None:
    sensors.replace(
        "dwd/sensors/from_places.sql",
        "SELECT sensor, place, moved_at FROM ods.places",
        "SELECT CAST(p.piece AS STRING) AS sensor, CAST(p.piece AS STRING) AS place, moved_at\n"
        "FROM ods.places CROSS JOIN UNNEST(my_own(place)) AS p (piece)",
    )
    lineage = column_lineage(load(sensors.root).model(TableName.parse("dwd.sensors")))
    assert [name for name, origins in lineage.items() if origins is None] == ["sensor", "place"]


def test_a_report_has_lineage_and_a_source_has_none(sensors: Sensors) -> None:
    sensors.replace("rpt/daily_warmth/select.sql", "COUNT(*)", "COUNT(DISTINCT s.sensor)")
    warehouse = load(sensors.root)
    lineage = column_lineage(warehouse.model(TableName.parse("rpt.daily_warmth")))
    assert lineage["sensors"] == ((TableName.parse("dwd.sensors"), "sensor"),)
    assert lineage["market"] == ()
    assert column_lineage(warehouse.model(TableName.parse("ods.readings"))) == {}


def test_rejected_records_are_bytes_and_come_from_no_declared_column(sensors: Sensors) -> None:
    rejected = rejected_model(load(sensors.root).sources)
    assert set(column_lineage(rejected).values()) == {()}


def test_lineage_is_kept_in_the_loaders_cache(sensors: Sensors, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    name = TableName.parse("dwd.sensors")
    first = column_lineage(load(sensors.root, cache).model(name))
    assert cache.exists()
    assert column_lineage(load(sensors.root, cache).model(name)) == first
