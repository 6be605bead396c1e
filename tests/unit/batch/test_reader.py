import shutil
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import orjson
import pytest

from headwater.batch import Comparison, Operator
from headwater.model import TableName
from headwater.problem import HeadwaterError
from headwater.stack import Stack
from resources.duckdb import Session
from resources.paimon.layout import table_path
from resources.paimon.reader import PinnedTable, scan
from tests.unit.batch.daily import ORDER_COLUMNS, ORDERS, Write

AT = datetime(2026, 11, 22, 3, 4, 5, 678000, tzinfo=UTC)


@pytest.fixture
def orders(stack: Stack, write: Write) -> Path:
    write("dwd.orders", ORDER_COLUMNS, [("hk", 1, AT, Decimal("1.50"), "created")])
    write(
        "dwd.orders", ORDER_COLUMNS, [("au", 2, AT, Decimal("99999999.99"), None), ("au", 3, None, None, "completed")]
    )
    return stack.lake


def test_each_snapshot_is_read_as_it_was(orders: Path) -> None:
    assert scan(orders, ORDERS, 1).read_all().num_rows == 1
    rows = scan(orders, ORDERS, 2).read_all()
    assert sorted(rows["order_id"].to_pylist()) == [1, 2, 3]
    assert rows.schema.names == list(ORDER_COLUMNS)
    assert str(rows.schema.field("created_at").type) == "timestamp[ms, tz=UTC]"
    assert str(rows.schema.field("price").type) == "decimal128(12, 2)"


def test_columns_come_in_the_order_asked_for_and_rows_are_filtered(orders: Path) -> None:
    where = (Comparison("price", Operator.GREATER, (Decimal("1.50"),)),)
    rows = scan(orders, ORDERS, 2, ["price", "market"], where).read_all()
    assert rows.to_pylist() == [{"price": Decimal("99999999.99"), "market": "au"}]


def test_rows_can_be_counted_without_columns(orders: Path) -> None:
    assert scan(orders, ORDERS, 2, []).read_all().num_rows == 3


def test_a_stream_can_be_opened_again(orders: Path) -> None:
    table = PinnedTable(orders, ORDERS, 2)
    assert table.reader().read_all().num_rows == table.reader().read_all().num_rows == 3
    assert table.rows_read == 6


def test_an_unknown_table_column_or_snapshot_is_refused(orders: Path) -> None:
    with pytest.raises(HeadwaterError, match=r"There is no table dwd.nope"):
        scan(orders, TableName.parse("dwd.nope"), 1)
    with pytest.raises(HeadwaterError, match=r"dwd.orders has no column nope; it has market, order_id"):
        scan(orders, ORDERS, 2, ["nope"])
    with pytest.raises(HeadwaterError, match=r"Snapshot 3 of dwd.orders does not exist"):
        scan(orders, ORDERS, 3)


def test_a_missing_file_is_an_error_and_nothing_else(orders: Path) -> None:
    data = next(Path(table_path(orders, ORDERS)).rglob("data-*"))
    data.unlink()
    with pytest.raises(HeadwaterError) as caught, Session([PinnedTable(orders, ORDERS, 2)]) as session:
        session.rows("SELECT count(*) FROM dwd.orders")
    assert "dwd.orders cannot be read at snapshot 2" in caught.value.failed
    assert "no row of this read was used" in caught.value.left


def test_a_snapshot_that_expires_before_it_is_read_is_told_apart(orders: Path) -> None:
    table = PinnedTable(orders, ORDERS, 1)
    Path(table_path(orders, ORDERS), "snapshot", "snapshot-1").unlink()
    with pytest.raises(HeadwaterError, match=r"Snapshot 1 of dwd.orders has expired"), Session([table]) as session:
        session.rows("SELECT count(*) FROM dwd.orders")


@pytest.mark.parametrize(
    ("key", "options", "reason"),
    [
        (["order_id"], {"merge-engine": "first-row"}, "its merge engine is first-row"),
        (["order_id"], {"merge-engine": "new-thing"}, "its merge engine «new-thing» is not known here"),
        (["order_id"], {"bucket": "-2"}, "its bucket is postponed"),
        ([], {"deletion-vectors.enabled": "true"}, "it keeps deletion vectors"),
        ([], {"scan.fallback-branch": "b"}, "it has scan.fallback-branch"),
    ],
)
def test_a_table_that_would_be_read_wrongly_is_refused_with_the_reason(
    orders: Path, key: list[str], options: dict[str, str], reason: str
) -> None:
    file = Path(table_path(orders, ORDERS), "schema", "schema-0")
    schema = orjson.loads(file.read_bytes())
    schema["options"] |= options
    file.write_bytes(orjson.dumps({**schema, "primaryKeys": key}))
    with pytest.raises(HeadwaterError, match=f"dwd.orders cannot be read here, because {reason}"):
        scan(orders, ORDERS, 2)


def test_options_of_the_table_do_not_choose_another_snapshot(orders: Path) -> None:
    file = Path(table_path(orders, ORDERS), "schema", "schema-0")
    schema = orjson.loads(file.read_bytes())
    schema["options"] |= {"scan.mode": "from-timestamp", "scan.timestamp-millis": "1", "scan.tag-name": "none"}
    file.write_bytes(orjson.dumps(schema))
    assert scan(orders, ORDERS, 2).read_all().num_rows == 3


def test_a_column_added_since_is_null_in_an_older_snapshot(orders: Path) -> None:
    folder = Path(table_path(orders, ORDERS), "schema")
    schema = orjson.loads((folder / "schema-0").read_bytes())
    fields = [*schema["fields"], {"id": 5, "name": "coupon", "type": "BIGINT"}]
    (folder / "schema-1").write_bytes(orjson.dumps({**schema, "id": 1, "fields": fields, "highestFieldId": 5}))
    assert scan(orders, ORDERS, 1).read_all()["coupon"].to_pylist() == [None]


def test_a_tag_keeps_an_expired_snapshot_readable(orders: Path) -> None:
    from resources.paimon import tags

    tags.create(orders, ORDERS, 1, "t")
    Path(table_path(orders, ORDERS), "snapshot", "snapshot-1").unlink()
    assert PinnedTable(orders, ORDERS, 1, tag="t").reader().read_all().num_rows == 1


def test_a_dropped_table_fails_the_read(orders: Path) -> None:
    table = PinnedTable(orders, ORDERS, 2)
    shutil.rmtree(table_path(orders, ORDERS))
    with pytest.raises(HeadwaterError), Session([table]) as session:
        session.rows("SELECT count(*) FROM dwd.orders")
