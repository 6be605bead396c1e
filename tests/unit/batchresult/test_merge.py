"""Rows of flows merged as Paimon merges them."""

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from headwater.batchsql.flow import groups_by_key, touches_by_rows
from headwater.flinksql import parse
from headwater.loader import load
from headwater.model import Merge, Storage, TableName, Warehouse
from headwater.problem import HeadwaterError
from resources.batch.rows import DuckBatch
from tests.unit.batchresult.conftest import BatchOf, Topics, pinned

Declare = Callable[..., Warehouse]
_COLUMNS = "columns:\n  id: {type: BIGINT, required: true}\n  x: {type: STRING}\n  n: {type: BIGINT}\n"


@pytest.fixture
def declare(tmp_path: Path) -> Declare:
    """A topic, and a table over it."""

    def written(table: str, sql: str, *, form: str = "debezium-json", partitions: int = 1) -> Warehouse:
        files = {
            "ods/things/table.yaml": "description: d\nowner: o\n"
            f"topic: {{name: things, format: {form}, partitions: {partitions}}}\nkey: [id]\n{_COLUMNS}",
            "dwd/things/table.yaml": f"description: d\nowner: o\n{table}",
            "dwd/things/select.sql": sql,
        }
        for path, text in files.items():
            file = tmp_path / "warehouse" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return load(tmp_path / "warehouse")

    return written


def changes(*rows: tuple[dict[str, Any] | None, dict[str, Any] | None]) -> list[bytes | None]:
    """Changes of a row from what it was before to what it is after."""
    return [
        json.dumps({"op": "d" if after is None else "u" if before else "c", "before": before, "after": after}).encode()
        for before, after in rows
    ]


def found(rows: Iterable[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return sorted(tuple(row.values()) for row in rows)


A1, A2, A3, B1 = ({"id": 1, "x": x, "n": n} for x, n in (("a", 10), ("b", 30), ("c", 20), ("d", 30)))


def test_a_table_keeps_the_row_that_came_last_and_no_row_that_went(
    declare: Declare, topics: Topics, batch_of: BatchOf
) -> None:
    other = {"id": 2, "x": "z", "n": 1}
    topics["things"] = changes((None, A1), (None, other), (A1, A2), (A2, A3), (other, None))
    declared = declare(f"key: [id]\n{_COLUMNS}", "SELECT id, x, n FROM ods.things")
    assert found(batch_of(declared, "dwd.things")) == [(1, "c", 20)]


def test_a_row_that_a_condition_no_longer_lets_through_is_gone(
    declare: Declare, topics: Topics, batch_of: BatchOf
) -> None:
    topics["things"] = changes((None, A1), (A1, A2))
    declared = declare(f"key: [id]\n{_COLUMNS}", "SELECT id, x, n FROM ods.things WHERE n < 25")
    assert found(batch_of(declared, "dwd.things")) == []


def test_a_sequence_decides_whatever_came_last_and_of_equal_ones_the_last_with_its_nulls(
    declare: Declare, topics: Topics, batch_of: BatchOf
) -> None:
    empty = {"id": 1, "x": None, "n": 30}
    topics["things"] = changes((None, A2), (A2, A3), (A3, B1), (B1, empty), (empty, A1))
    declared = declare(f"key: [id]\n{_COLUMNS}flows: {{select: {{sequence: n}}}}\n", "SELECT id, x, n FROM ods.things")
    assert declared.model(TableName.parse("dwd.things")).storage == Storage(
        Merge.PARTIAL_UPDATE,
        declared.model(TableName.parse("dwd.things")).storage.changelog,  # type: ignore[union-attr]
    )
    assert found(batch_of(declared, "dwd.things")) == [(1, None, 30)]


def test_sums_over_a_topic_of_changes_count_each_row_as_it_is_now(
    declare: Declare, topics: Topics, batch_of: BatchOf
) -> None:
    topics["things"] = changes((None, A1), (None, {"id": 2, "x": "c", "n": 5}), (A1, A2), (A2, A3))
    declared = declare(
        "key: [x]\ncolumns: {x: {type: STRING}, total: {type: BIGINT}}\n",
        "SELECT x, SUM(n) AS total FROM ods.things GROUP BY x",
    )
    assert found(batch_of(declared, "dwd.things")) == [("c", 25)]


def test_a_key_whose_rows_lie_in_several_partitions_is_undecided(declare: Declare, topics: Topics, stack: Any) -> None:
    topics["things"] = changes((None, A1))
    declared = declare(f"key: [id]\n{_COLUMNS}", "SELECT id, x, n FROM ods.things", partitions=2)
    model = declared.model(TableName.parse("dwd.things"))
    with DuckBatch(stack, declared, model, pinned(declared, "dwd.things", topics)) as batch:
        assert batch.flows.merged.undecided is not None
        assert batch.session.rows(batch.flows.merged.undecided).rows == []


def test_an_option_that_changes_how_rows_are_merged_is_refused_by_name(
    declare: Declare, topics: Topics, stack: Any
) -> None:
    declared = declare(f"key: [id]\n{_COLUMNS}", "SELECT id, x, n FROM ods.things")
    model = declared.model(TableName.parse("dwd.things"))
    assert model.storage is not None
    other = replace(model, storage=replace(model.storage, options=(("sequence.field", "n"),)))
    with pytest.raises(HeadwaterError, match=r"sequence\.field"):
        DuckBatch(stack, declared, other, pinned(declared, "dwd.things", topics))


@pytest.mark.parametrize(
    ("sql", "by_rows"),
    [
        ("SELECT id, x FROM ods.t WHERE n > 1", True),
        ("SELECT x, id FROM (SELECT x, id FROM ods.t UNION ALL SELECT x, n FROM ods.t) GROUP BY x, id", True),
        ("SELECT CAST(id AS STRING) AS id, x, COUNT(*) AS c FROM ods.t GROUP BY id, x", False),
        ("SELECT id, x FROM ods.t GROUP BY id, x HAVING COUNT(*) > 1", False),
        ("SELECT id, COUNT(*) AS x FROM (SELECT id, x FROM ods.t GROUP BY id, x) GROUP BY id", False),
        ("SELECT a.id, b.x FROM ods.t AS a JOIN ods.t AS b ON a.id = b.id", False),
        ("SELECT id, SUM(n) OVER (PARTITION BY x) AS x FROM ods.t", False),
        ("SELECT id, x FROM ods.t WHERE id IN (SELECT n FROM ods.t)", False),
        ("SELECT x, id FROM TABLE(SESSION(TABLE ods.t, DESCRIPTOR(at), INTERVAL '1' MINUTE)) GROUP BY x, id", False),
    ],
)
def test_what_a_changed_row_touches_is_told_by_that_row_alone_only_where_it_is_so(sql: str, by_rows: bool) -> None:
    model = load(Path(__file__).parents[3] / "warehouse").model(TableName.parse("dwd.orders"))
    (tree,) = parse(sql)
    assert touches_by_rows(replace(model, key=("id", "x")), tree) is by_rows


def test_windows_give_one_row_for_each_start_but_where_starts_are_shared() -> None:
    reference = load(Path(__file__).parents[3] / "warehouse")
    model = reference.model(TableName.parse("dm.driver_activity"))
    (tree,) = parse(model.flows[0].sql)
    assert groups_by_key(model, tree)
    steps = model.flows[0].sql.replace("TUMBLE", "CUMULATE").replace("MINUTE)", "MINUTE, INTERVAL '1' HOUR)")
    (tree,) = parse(steps)
    assert not groups_by_key(model, tree)
