"""The Paimon options of a table, chosen from its declaration, and the DDL that creates or extends it."""

from collections.abc import Sequence
from itertools import pairwise

from headwater.compile import text
from headwater.model import ChangelogProducer, Column, Merge, Model, Storage, TableName

CATALOG = "lake"

# Rows of a running reader must not expire while its job is down; a week covers a long holiday.
CONSUMER_KEPT = "7 d"


def table_options(model: Model) -> dict[str, str]:
    """Every Paimon option that the declaration implies, declared ones last so that they win.

    - A fixed bucket count: a table that a stream and a batch both write may not use dynamic buckets.
    - `ignore-delete` with partial-update: Paimon refuses retractions there otherwise
      (https://paimon.apache.org/docs/master/primary-key-table/merge-engine/partial-update/).
    - One sequence group per flow: a late or repeated fact never overwrites a newer one.
    - `consumer.expiration-time`: it is the writer that expires consumers, so that a reader which is gone for good
      does not keep snapshots for ever (https://paimon.apache.org/docs/master/flink/consumer-id/).
    - `changelog-producer.row-deduplicate` with lookup: rewriting a row with itself is no change for readers.
    """
    storage = _storage(model)
    chosen: dict[str, str] = {"consumer.expiration-time": CONSUMER_KEPT}
    if storage.merge is not Merge.APPEND:
        chosen["bucket"] = str(storage.buckets)
        chosen["merge-engine"] = storage.merge.value
        chosen["changelog-producer"] = storage.changelog.value
        if storage.changelog is ChangelogProducer.LOOKUP:
            chosen["changelog-producer.row-deduplicate"] = "true"
    if storage.merge is Merge.PARTIAL_UPDATE:
        chosen["ignore-delete"] = "true"
        for flow in model.flows:
            if flow.sequence is None:
                continue
            ordered = [
                output.name for output in flow.outputs if output.name not in model.key and output.name != flow.sequence
            ]
            if ordered:
                chosen[f"fields.{flow.sequence}.sequence-group"] = ",".join(ordered)
    return chosen | dict(storage.options)


def ignores_deletes(model: Model) -> bool:
    """The table takes a row's deletion, and what an update says of the row before it, for nothing."""
    return table_options(model).get("ignore-delete") == "true"


def columns_clause(model: Model, *, comments: bool) -> str:
    """The column list of a table of this model, with its key."""
    lines = [_column(column, not_null=column.name in model.key, comment=comments) for column in model.columns]
    if model.key:
        lines.append(f"  PRIMARY KEY ({text.identifiers(model.key)}) NOT ENFORCED")
    return ",\n".join(lines)


def partition_clause(model: Model) -> str:
    """`PARTITIONED BY (…)`, or nothing."""
    return f" PARTITIONED BY ({text.identifiers(model.partition_by)})" if model.partition_by else ""


def create_catalog(lake_uri: str) -> str:
    """The session's Paimon catalog over the lake."""
    return f"CREATE CATALOG {CATALOG} WITH (\n{text.options({'type': 'paimon', 'warehouse': lake_uri})}\n)"


def create_table(model: Model) -> tuple[str, ...]:
    """The statements that create the table in the Paimon catalog."""
    return (
        f"CREATE DATABASE IF NOT EXISTS {CATALOG}.{text.identifier(model.name.layer.value)}",
        f"CREATE TABLE IF NOT EXISTS {CATALOG}.{text.table(model.name)} (\n{columns_clause(model, comments=True)}\n)"
        f" COMMENT {text.literal(model.description)}{partition_clause(model)}"
        f" WITH (\n{text.options(table_options(model))}\n)",
    )


def add_columns(model: Model, columns: Sequence[Column]) -> str:
    """The statement that adds columns where they are declared; they are nullable, old rows have NULL.

    Jobs bind the table with its columns in declared order, and Paimon refuses a binding in any other.
    """
    places = {later.name: f" AFTER {text.identifier(earlier.name)}" for earlier, later in pairwise(model.columns)}
    lines = ",\n".join(
        _column(column, not_null=False, comment=True) + places.get(column.name, " FIRST") for column in columns
    )
    return f"ALTER TABLE {CATALOG}.{text.table(model.name)} ADD (\n{lines}\n)"


def drop_columns(model: Model, columns: Sequence[Column]) -> str:
    """The statement that takes added columns away again."""
    return f"ALTER TABLE {CATALOG}.{text.table(model.name)} DROP ({text.identifiers(c.name for c in columns)})"


def set_options(model: Model, options: dict[str, str]) -> str:
    """The statement that changes table options."""
    return f"ALTER TABLE {CATALOG}.{text.table(model.name)} SET (\n{text.options(options)}\n)"


def reset_options(model: Model, keys: Sequence[str]) -> str:
    """The statement that takes table options back to Paimon's defaults."""
    return f"ALTER TABLE {CATALOG}.{text.table(model.name)} RESET ({', '.join(map(text.literal, keys))})"


def roll_back(table: TableName, snapshot_id: int) -> str:
    """The statement that makes a snapshot the newest one. https://paimon.apache.org/docs/master/flink/procedures/"""
    return f"CALL {CATALOG}.sys.rollback_to(`table` => {text.literal(str(table))}, snapshot_id => {snapshot_id})"


def _column(column: Column, *, not_null: bool, comment: bool) -> str:
    line = f"  {text.identifier(column.name)} {column.type}"
    if not_null:
        line += " NOT NULL"
    if comment and column.description:
        line += f" COMMENT {text.literal(column.description)}"
    return line


def _storage(model: Model) -> Storage:
    if model.storage is None:
        raise ValueError(f"{model.name} has no storage: it is a topic")
    return model.storage
