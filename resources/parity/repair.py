"""Writing the rows of batch over streamed ones that late data explains, beside the running stream.

The rows go in by an INSERT of Flink batch, which commits in the same TaskManager as the stream: Paimon's commits to one
table exclude each other within a process, not between processes. Files are added and nothing is compacted
(`write-only`), so the compactions of the stream find what they expect. Only closed windows are written, or groups that
the stream has forgotten: rows that the stream writes no more.
"""

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from headwater.checks.kinds import TOLERANCE
from headwater.compile import binding, text
from headwater.compile.batchjob import PROPERTIES
from headwater.model import Model, Warehouse
from headwater.problem import HeadwaterError
from headwater.stack import Stack
from resources.deploy import addresses
from resources.duckdb import MEMORY_LIMIT
from resources.flink.gateway import Gateway
from resources.paimon.writer import writing
from resources.parity.keep import keep
from resources.parity.run import Dates, Outcome, compare

_ROWS_AT_ONCE = 500
_SECONDS = 600.0
_PATIENCE = 300.0
_WRITTEN = frozenset(
    {
        *("STRING", "CHAR", "VARCHAR", "BOOLEAN", "TINYINT", "SMALLINT", "INT", "BIGINT", "FLOAT", "DOUBLE"),
        *("DECIMAL", "DATE", "TIMESTAMP", "TIMESTAMP_LTZ"),
    }
)


def observed(
    stack: Stack,
    declared: Warehouse,
    model: Model,
    *,
    dates: Dates | None = None,
    tolerance: float = TOLERANCE,
    memory_limit: str = MEMORY_LIMIT,
) -> Outcome:
    """Compare, and keep the late records that were found. Raises HeadwaterError as `compare` does."""
    found = compare(stack, declared, model, dates=dates, tolerance=tolerance, memory_limit=memory_limit)
    keep(stack, model, found.late, is_repaired=False)
    return found


def repaired(
    stack: Stack,
    declared: Warehouse,
    model: Model,
    *,
    dates: Dates | None = None,
    tolerance: float = TOLERANCE,
    memory_limit: str = MEMORY_LIMIT,
) -> Outcome:
    """Compare, keep the late records that were found, write what they explain, and compare again.

    Raises HeadwaterError as `compare` does; with nothing written, when Flink does not answer; and when rows that were
    written are not in the table.
    """
    with writing(stack.home, model.name, _PATIENCE):
        found = compare(stack, declared, model, dates=dates, tolerance=tolerance, memory_limit=memory_limit)
        if not found.rows:
            keep(stack, model, found.late, is_repaired=False)
            return found
        write_rows(stack, model, tuple(found.rows.values()))
        keep(stack, model, found.late, is_repaired=True)
        after = compare(stack, declared, model, dates=dates, tolerance=tolerance, memory_limit=memory_limit)
    lost = [key for key, row in after.rows.items() if found.rows.get(key) == row]
    if lost:
        raise HeadwaterError(
            f"{len(lost)} of {len(found.rows)} rows of {model.name} were written and are not in the table",
            left=f"the first is {', '.join(map(str, lost[0]))}; what has been written can be written again",
            next_command=f"headwater parity {model.name}, and headwater status: whether two jobs write the table",
        )
    parity = replace(after.parity, repaired=len(found.rows), late_by_market=found.parity.late_by_market)
    return replace(after, parity=parity)


def write_rows(stack: Stack, model: Model, rows: Sequence[Sequence[Any]]) -> None:
    """Upsert rows, in the order of the model's columns, each at once by its key. Raises HeadwaterError."""
    strange = [column for column in model.columns if column.type.root not in _WRITTEN]
    if model.distributes is not None:
        raise HeadwaterError(
            f"Rows of {model.name} are not repaired: those who read its topic «{model.distributes.name}» would not see"
            " them",
            left="nothing was written",
            next_command=f"headwater apply --fresh {model.name} writes every row anew, to the table and to the topic",
        )
    if strange or not model.key:
        why = f"its column {strange[0].name} is {strange[0].type}" if strange else "it has no key"
        raise HeadwaterError(
            f"Rows of {model.name} are not repaired: {why}",
            left="nothing was written",
            next_command=f"headwater apply --rebuild {model.name}",
        )
    place = addresses(stack)
    bound = binding.write_table(model, place, model.name, {"write-only": "true"})
    with contextlib.closing(Gateway(stack.gateway_url)) as gateway, gateway.session(PROPERTIES) as session:
        for statement in (*binding.databases((model,)), *bound):
            session.execute(statement)
        for first in range(0, len(rows), _ROWS_AT_ONCE):
            statement = insert(model, rows[first : first + _ROWS_AT_ONCE])
            session.execute(statement, {"pipeline.name": f"repair of {model.name}"}, timeout=_SECONDS)


def insert(model: Model, rows: Sequence[Sequence[Any]]) -> str:
    """The INSERT of these rows; values stand as texts, which Flink casts to the declared types."""
    names = [f"c{number}" for number in range(len(model.columns))]
    casts = ", ".join(f"CAST({name} AS {column.type})" for name, column in zip(names, model.columns, strict=True))
    values = ",\n".join("(" + ", ".join(map(_literal, row)) + ")" for row in rows)
    columns = text.identifiers(column.name for column in model.columns)
    return (
        f"INSERT INTO {text.table(model.name)} ({columns})\nSELECT {casts}\n"
        f"FROM (VALUES\n{values}\n) AS v({', '.join(names)})"
    )


def _literal(value: object) -> str:
    if value is None:
        return "CAST(NULL AS STRING)"
    if isinstance(value, bool):
        return text.literal(str(value).lower())
    if isinstance(value, datetime):
        instant = value.astimezone(UTC) if value.tzinfo else value
        return text.literal(instant.strftime("%Y-%m-%d %H:%M:%S.%f"))
    return text.literal(str(value))
