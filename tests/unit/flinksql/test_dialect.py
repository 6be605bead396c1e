"""The dialect: what is read is written again as it was, and sqlglot's own tools work on it."""

from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp
from sqlglot.lineage import lineage
from sqlglot.optimizer.qualify import qualify

from headwater.flinksql import Flink, InvalidSyntax, WindowTable, cast_type, generate, parse
from headwater.sqltype import SqlType

STATEMENTS = (Path(__file__).parent / "statements.sql").read_text().split(";\n")[:-1]
SCHEMA: dict[str, object] = {
    "ods": {
        "bids": {
            "bid_at": "TIMESTAMP(3)",
            "item": "STRING",
            "price": "DECIMAL(10, 2)",
            "amount": "INT",
            "tags": "ARRAY<STRING>",
        },
        "items": {"item": "STRING", "name": "STRING"},
    }
}


@pytest.mark.parametrize("sql", STATEMENTS)
def test_a_tree_that_is_written_is_read_as_the_same_tree(sql: str):
    (tree,) = parse(sql)
    written = generate(tree)
    (again,) = parse(written)
    assert again == tree
    assert generate(again) == written


@pytest.mark.parametrize(
    ("sql", "written"),
    [
        (
            "SELECT * FROM TABLE(HOP(DATA => TABLE ods.bids, TIMECOL => DESCRIPTOR(bid_at), SIZE => INTERVAL '10'"
            " MINUTES, SLIDE => INTERVAL '5' MINUTE))",
            "SELECT * FROM TABLE(HOP(TABLE ods.bids, DESCRIPTOR(bid_at), INTERVAL '5' MINUTE, INTERVAL '10' MINUTE))",
        ),
        (
            "SELECT SUM(x) OVER w AS s FROM t WINDOW w AS (PARTITION BY k ORDER BY at)",
            "SELECT SUM(x) OVER (PARTITION BY k ORDER BY at) AS s FROM t",
        ),
        (
            "SELECT x FROM t /*+ OPTIONS('a'='b') */ FOR SYSTEM_TIME AS OF PROCTIME() AS u",
            "SELECT x FROM t /*+ OPTIONS('a' = 'b') */ FOR SYSTEM_TIME AS OF PROCTIME() AS u",
        ),
        ("SELECT ARRAY[1], MAP['a', 1], x'4F' FROM t", "SELECT ARRAY[1], MAP['a', 1], x'4F' FROM t"),
        (
            "SELECT JSON_OBJECT('a' VALUE 1 ABSENT ON NULL) FROM t",
            "SELECT JSON_OBJECT(KEY 'a' VALUE 1 ABSENT ON NULL) FROM t",
        ),
        (
            "SELECT CAST(x AS INTEGER), CAST(x AS TIMESTAMP(3) WITH LOCAL TIME ZONE) FROM t",
            "SELECT CAST(x AS INT), CAST(x AS TIMESTAMP_LTZ(3)) FROM t",
        ),
        ("SELECT DATE '2026-01-01', TIMESTAMP '2026-01-01 00:00:00' FROM t", None),
        ("INSERT OVERWRITE t PARTITION(d = '2026-01-01') SELECT a FROM u", None),
    ],
)
def test_it_is_written_as_flink_reads_it(sql: str, written: str | None):
    assert generate(parse(sql)[0]) == (written or sql)


@pytest.mark.parametrize(
    "kind",
    [
        *("STRING", "INT", "DECIMAL(12, 2)", "TIMESTAMP(3)", "TIMESTAMP_LTZ(6)", "TIME(0)", "BYTES", "CHAR(3)"),
        *("ARRAY<INT>", "MAP<STRING, ARRAY<BIGINT>>", "MULTISET<DATE>", "ROW<`a` INT, `b` ROW<`c` VARCHAR(2)>>"),
    ],
)
def test_a_type_in_a_tree_is_flinks_type(kind: str):
    (tree,) = parse(f"SELECT CAST(x AS {kind}) FROM t")
    cast = tree.find(exp.Cast)
    assert cast is not None
    assert cast_type(cast) == SqlType.parse(kind)


def test_it_is_there_by_its_name():
    assert sqlglot.parse_one("SELECT `a` FROM t", read="flink").sql(dialect="flink") == "SELECT `a` FROM t"
    assert sqlglot.transpile("SELECT `a` FROM t", read="flink", write="duckdb") == ['SELECT "a" FROM t']


LINEAGE = [
    (
        "SELECT window_start, SUM(price) AS s FROM TABLE(TUMBLE(TABLE ods.bids, DESCRIPTOR(bid_at), INTERVAL '10'"
        " MINUTE)) GROUP BY window_start, window_end",
        {"window_start": {"bids.bid_at"}, "s": {"bids.price"}},
    ),
    (
        "SELECT window_end, SUM(n) AS s FROM TABLE(CUMULATE((SELECT window_time AS t, SUM(amount) AS n FROM TABLE(HOP("
        "TABLE ods.bids, DESCRIPTOR(bid_at), INTERVAL '1' MINUTE, INTERVAL '2' MINUTE)) GROUP BY"
        " window_start, window_end, window_time), DESCRIPTOR(t), INTERVAL '5' MINUTE, INTERVAL '15' MINUTE))"
        " GROUP BY window_start, window_end",
        {"window_end": {"bids.bid_at"}, "s": {"bids.amount"}},
    ),
    (
        "SELECT item, n FROM (SELECT *, ROW_NUMBER() OVER w AS n FROM ods.bids WINDOW w AS (PARTITION BY item ORDER BY"
        " bid_at)) WHERE n = 1",
        {"item": {"bids.item"}, "n": {"bids.item", "bids.bid_at"}},
    ),
    (
        "SELECT b.item, i.name FROM ods.bids /*+ OPTIONS('a' = 'b') */ AS b JOIN ods.items FOR SYSTEM_TIME AS OF"
        " b.bid_at AS i ON b.item = i.item",
        {"item": {"b.item"}, "name": {"i.name"}},
    ),
    (
        "SELECT /*+ BROADCAST(b) */ t.tag, MAP['a', b.amount]['a'] AS m, TIMESTAMPDIFF(SECOND, b.bid_at,"
        " LOCALTIMESTAMP) AS age FROM ods.bids AS b CROSS JOIN UNNEST(b.tags) AS t (tag)",
        {"tag": {"b.tags"}, "m": {"b.amount"}, "age": {"b.bid_at"}},
    ),
]


@pytest.mark.parametrize(("sql", "sources"), LINEAGE, ids=range(len(LINEAGE)))
def test_sqlglots_own_lineage_follows_columns(sql: str, sources: dict[str, set[str]]):
    for column, expected in sources.items():
        node = lineage(column, sql, dialect=Flink, schema=SCHEMA)
        assert {leaf.name for leaf in node.walk() if not leaf.downstream} == expected


def test_a_qualified_tree_is_flink_sql_still():
    tree = qualify(parse(LINEAGE[0][0])[0], dialect=Flink, schema=SCHEMA)
    written = generate(tree)
    assert "TUMBLE((SELECT `bids`.`bid_at` AS `bid_at`, " in written
    assert "DESCRIPTOR(`bid_at`), INTERVAL '10' MINUTE)) AS `_0`" in written
    window = parse(written)[0].find(WindowTable)
    assert window is not None
    assert (window.name, window.time_column.name, window.interval("size").this.name) == ("TUMBLE", "bid_at", "10")


@pytest.mark.parametrize(
    ("sql", "offset", "message"),
    [
        ("SELECT a FROM t WHERE", 16, "something is missing at the end"),
        ("SELECT * FROM TABLE(TUMBLE(TABLE t, INTERVAL '1' DAY))", 20, "TUMBLE needs TABLE <table>, DESCRIPTOR"),
        ("SELECT * FROM TABLE(HOP(TABLE t, DESCRIPTOR(a), INTERVAL '1' DAY))", 20, "HOP needs 2 intervals"),
        (
            "SELECT * FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(a), SIZE => INTERVAL '1' DAY, GAP => INTERVAL '1' DAY))",
            77,
            "TUMBLE takes SIZE, OFFSET, each once; «GAP» is none of them",
        ),
        ("SELECT * FROM t MATCH_RECOGNIZE (ORDER BY a)", 43, "«PATTERN» is expected before «)»"),
        ("SELECT JSON_VALUE(a, '$.x' NULL ERROR) FROM t", 37, "«ON» is expected before «)»"),
        ("SELECT a + INTERVAL '1' FROM t", 24, "«a unit, such as MINUTE» is expected before «FROM»"),
        ("CREATE TABLE t (a INT, b TEXT)", 25, "«TEXT» is not a type that Flink knows"),
        ("CREATE TABLE t (a INT", 18, "«)» is expected before the end"),
    ],
)
def test_a_mistake_has_its_place(sql: str, offset: int, message: str):
    with pytest.raises(InvalidSyntax) as caught:
        parse(sql)
    assert message in str(caught.value)
    assert caught.value.offset == offset
