"""What Dagster shows of a table: its column schema, where it is declared, how fresh it has to be."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import dagster as dg

from assets.lineage import in_words
from headwater.engines import ActualTable
from headwater.model import Column, Freshness, Model

# The shortest window that a Dagster freshness policy takes (dagster/_core/definitions/freshness.py).
SHORTEST_WINDOW = timedelta(seconds=60)

COLUMN_SCHEMA = "dagster/column_schema"
UPDATED_AT = "dagster/last_updated_timestamp"


def column_schema(model: Model) -> dg.TableSchema:
    """The declared columns, each with where its values come from."""
    said = in_words(model)
    return dg.TableSchema(columns=[_described(column, said.get(column.name)) for column in model.columns])


def actual_schema(table: ActualTable) -> dg.TableSchema:
    """The columns as the table has them on disk."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                column.name,
                str(column.type),
                description=column.description or None,
                constraints=dg.TableColumnConstraints(nullable=column.nullable),
            )
            for column in table.columns
        ]
    )


def table_metadata(model: Model) -> dict[str, Any]:
    """What the table's asset says of it before anything has been written."""
    metadata: dict[str, Any] = {
        "dagster/table_name": str(model.name),
        COLUMN_SCHEMA: column_schema(model),
        "headwater/declared_in": declared_in(model),
    }
    if model.key:
        metadata["headwater/key"] = ", ".join(model.key)
    if model.partition_by:
        metadata["headwater/partition_by"] = ", ".join(model.partition_by)
    if model.event_time:
        metadata["headwater/event_time"] = model.event_time.column
    if model.freshness and shortest(model.freshness) < SHORTEST_WINDOW:
        metadata["headwater/freshness"] = (
            f"declared {seconds(model.freshness)}; Dagster judges commits by windows of 60 s at least"
        )
    return metadata


def declared_in(model: Model) -> str:
    """The model's file, relative to the warehouse."""
    return f"{model.name.layer.value}/{model.name.table}/{model.file.name}"


@lru_cache
def freshness_policy(freshness: Freshness) -> dg.FreshnessPolicy:
    """The promise about a table's age, of its commits and in windows of a minute at least: Dagster knows no finer."""
    fail = max(freshness.fail_after, SHORTEST_WINDOW)
    warn = None if freshness.warn_after is None else max(freshness.warn_after, SHORTEST_WINDOW)
    return dg.FreshnessPolicy.time_window(fail_window=fail, warn_window=warn if warn and warn < fail else None)


def shortest(freshness: Freshness) -> timedelta:
    """The tightest of the declared windows."""
    return min(freshness.fail_after, freshness.warn_after or freshness.fail_after)


def seconds(freshness: Freshness) -> str:
    """The declared windows, for people."""
    fail = f"fail after {freshness.fail_after.total_seconds():g} s"
    return fail if freshness.warn_after is None else f"warn after {freshness.warn_after.total_seconds():g} s, {fail}"


def timestamp(at: datetime) -> dg.TimestampMetadataValue:
    """An instant that the page shows in the reader's zone."""
    return dg.MetadataValue.timestamp(at.astimezone(UTC))


def present(values: Mapping[str, Any]) -> dict[str, Any]:
    """The entries that have a value."""
    return {key: value for key, value in values.items() if value is not None}


def _described(column: Column, said: str | None) -> dg.TableColumn:
    declared = _declared_column(column)
    if said is None:
        return declared
    text = f"{column.description}\n\n{said}" if column.description else said
    return dg.TableColumn(column.name, declared.type, text, declared.constraints)


@lru_cache(maxsize=1 << 16)
def _declared_column(column: Column) -> dg.TableColumn:
    return dg.TableColumn(
        column.name,
        str(column.type),
        description=column.description or None,
        constraints=dg.TableColumnConstraints(nullable=not column.required),
    )
