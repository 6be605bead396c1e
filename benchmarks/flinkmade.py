"""Tables that Flink makes in batch mode for the reader's benchmarks."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks.stand import Stand
from headwater.model import TableName
from headwater.stack import Stack
from resources.flink.gateway import Gateway
from resources.paimon.store import FilesystemTableStore

Execute = Callable[[str], list[list[Any]]]
_PROPERTIES = {
    "execution.runtime-mode": "batch",
    "table.dml-sync": "true",
    "parallelism.default": "1",
    "table.local-time-zone": "UTC",
    "restart-strategy.type": "none",
    "table.exec.sink.upsert-materialize": "NONE",
}
_PATIENCE_SECONDS = 900

_IDS = "default_catalog.default_database.ids"

COLUMNS = """market STRING, order_id BIGINT, status STRING, vehicle STRING, price DECIMAL(12, 2), waited INT,
  distance DOUBLE, created_at TIMESTAMP_LTZ(3), updated_at TIMESTAMP_LTZ(3)"""


@contextmanager
def flink_batch(stand: Stand, name: str) -> Iterator[tuple[Stack, Execute]]:
    """A batch session of Flink in UTC, over a lake of the benchmark's own."""
    place = stand.place(name, stand.stack.warehouse)
    place.lake.mkdir(parents=True, exist_ok=True)
    gateway = Gateway(stand.stack.gateway_url)
    try:
        with gateway.session(_PROPERTIES) as session:

            def execute(statement: str) -> list[list[Any]]:
                return session.rows(statement, timeout=_PATIENCE_SECONDS)

            execute(f"CREATE CATALOG lake WITH ('type' = 'paimon', 'warehouse' = 'file://{place.lake}')")
            execute("USE CATALOG lake")
            execute("CREATE DATABASE IF NOT EXISTS dwd")
            yield place, execute
    finally:
        gateway.close()


def make_orders(execute: Execute, name: str, rows: int, *, key: bool, updates: float = 0, options: str = "") -> None:
    """A table of orders with that many rows; a key table can get some of them again, in a second commit.

    Args:
        updates: Share of the keys that are written again.
        options: Further ones, as `, 'a' = 'b'`.
    """
    constraint = ", PRIMARY KEY (market, order_id) NOT ENFORCED" if key else ""
    bucket = "2" if key else "-1"
    execute(
        f"CREATE TABLE {name} ({COLUMNS}{constraint}) PARTITIONED BY (market) WITH ('bucket' = '{bucket}'{options})"
    )
    insert_orders(execute, name, rows)
    if updates:
        insert_orders(execute, name, int(rows * updates), step=round(1 / updates), version=1)


def insert_orders(execute: Execute, name: str, rows: int, *, step: int = 1, version: int = 0) -> None:
    """Write the orders `step`, 2 `step`, …; what they say depends on the version."""
    execute(
        f"CREATE TEMPORARY TABLE {_IDS} (n BIGINT) WITH ('connector' = 'datagen', 'number-of-rows' = '{rows}',"
        " 'rows-per-second' = '100000000',"
        f" 'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '{rows}')"
    )
    n = f"(n * {step})"
    execute(
        f"""INSERT INTO {name} SELECT
          CASE MOD({n}, 3) WHEN 0 THEN 'hk' WHEN 1 THEN 'br' ELSE 'in' END, {n},
          CASE MOD({n} + {version}, 4) WHEN 0 THEN 'created' WHEN 1 THEN 'matched' WHEN 2 THEN 'completed'
            ELSE CAST(NULL AS STRING) END,
          CASE MOD({n}, 5) WHEN 0 THEN 'van' ELSE 'motorcycle' END,
          CAST(MOD({n} * 7919, 100000) AS DECIMAL(12, 2)) / 100 + {version}, CAST(MOD({n} * 31, 900) AS INT),
          MOD({n} * 104729, 30000) / 7e0, TO_TIMESTAMP_LTZ(1760000000000 + {n} * 977, 3),
          TO_TIMESTAMP_LTZ(1760000000000 + {n} * 977 + {version} * 60000, 3) FROM {_IDS}"""
    )
    execute(f"DROP TEMPORARY TABLE {_IDS}")


def newest(stack: Stack, name: str) -> int:
    """The table's newest snapshot."""
    snapshot = FilesystemTableStore(stack.lake).latest_snapshot(TableName.parse(name))
    if snapshot is None:
        raise ValueError(f"{name} has no snapshot")
    return snapshot.id
