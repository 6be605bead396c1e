"""The suite's tables and cases in Flink, batch or streaming."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headwater.sqltype import SqlType
from headwater.stack import Stack
from tests.integration.engines.suite import SAMPLES, Table, typed
from tests.integration.paimon.flinkbatch import FlinkBatch, gateway_session

_QUICKLY = {
    # What a stream gives is handed over at a checkpoint.
    "execution.checkpointing.interval": "200 ms",
    "state.backend.type": "hashmap",
}


@contextmanager
def flink(stack: Stack, mode: str, tables: Sequence[Table], folder: Path) -> Iterator["Flink"]:
    """A session in `batch` or `streaming` mode that has the suite's tables, which `write` has put into the folder."""
    with gateway_session(stack, **_QUICKLY, **{"execution.runtime-mode": mode}) as session:
        for layer in dict.fromkeys(table.name.layer.value for table in tables):
            session.execute(f"CREATE DATABASE IF NOT EXISTS {layer}")
        for table in tables:
            session.execute(_ddl(table, folder))
        yield Flink(session)


@dataclass(frozen=True, slots=True)
class Flink:
    """One engine."""

    session: FlinkBatch

    def select(self, sql: str) -> tuple[list[SqlType], list[list[Any]]]:
        """The types and final rows of a query: its changes added up. Raises StatementFailed."""
        answer = self.session.answer(sql)
        kinds = [_kind(column["logicalType"]) for column in answer.columns]
        rows: Counter[str] = Counter()
        for change, fields in answer.changes:
            rows[json.dumps(fields, default=str, ensure_ascii=False)] += (
                1 if change in ("INSERT", "UPDATE_AFTER") else -1
            )
        if any(count < 0 for count in rows.values()):
            raise AssertionError(f"{sql}: rows are taken back that were never given")
        folded = [json.loads(row) for row in rows.elements()]
        return kinds, [[typed(value, kind) for value, kind in zip(row, kinds, strict=True)] for row in folded]

    def expressions(self, texts: Sequence[str]) -> tuple[list[SqlType], dict[int, list[Any]]]:
        """The types of expressions over the samples, and for each row's id their values, by one statement."""
        columns = ", ".join(f"{text} AS c{number}" for number, text in enumerate(texts))
        kinds, rows = self.select(f"SELECT id, {columns} FROM {SAMPLES}")
        return kinds[1:], {row[0]: row[1:] for row in rows}


def _kind(logical: Mapping[str, Any]) -> SqlType:
    """A type as the gateway describes it."""
    root = {
        "INTEGER": "INT",
        "TIMESTAMP_WITHOUT_TIME_ZONE": "TIMESTAMP",
        "TIMESTAMP_WITH_LOCAL_TIME_ZONE": "TIMESTAMP_LTZ",
    }
    name = root.get(logical["type"]) or str(logical["type"])
    match name:
        case "ARRAY" | "MULTISET":
            return SqlType(name, elements=(_kind(logical["elementType"]),))
        case "MAP":
            return SqlType(name, elements=(_kind(logical["keyType"]), _kind(logical["valueType"])))
        case "ROW":
            fields = logical["fields"]
            return SqlType(name, (), tuple(_kind(f["fieldType"]) for f in fields), tuple(f["name"] for f in fields))
        case "VARCHAR" if logical["length"] == 2147483647:
            return SqlType("STRING")
        case "DECIMAL":
            return SqlType(name, (logical["precision"], logical["scale"]))
    arguments = [logical[part] for part in ("length", "precision") if part in logical]
    return SqlType(name, tuple(arguments))


def write(table: Table, folder: Path) -> None:
    """Write a table as a file of JSON lines."""
    place = folder / table.name.table
    place.mkdir(parents=True, exist_ok=True)
    with (place / "rows.json").open("w") as file:
        for row in table.rows:
            cells = {
                column: _cell(value, kind) for value, (column, kind) in zip(row, table.columns.items(), strict=True)
            }
            file.write(json.dumps(cells, ensure_ascii=False) + "\n")


def _cell(value: Any, kind: SqlType) -> Any:
    if value is None:
        return None
    if kind.root == "DATE":
        return str(value)
    if kind.root == "TIMESTAMP_LTZ":
        return f"{value}Z"
    return value


def _ddl(table: Table, folder: Path) -> str:
    columns = [f"`{column}` {kind}" for column, kind in table.columns.items()]
    if table.time:
        columns.append(f"WATERMARK FOR `{table.time}` AS `{table.time}`")
    if table.key:
        columns.append(f"PRIMARY KEY ({', '.join(table.key)}) NOT ENFORCED")
    return (
        f"CREATE TEMPORARY TABLE {table.name} ({', '.join(columns)}) WITH ('connector' = 'filesystem',"
        f" 'path' = 'file://{folder / table.name.table}', 'format' = 'json')"
    )
