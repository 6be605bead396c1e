"""What Paimon makes of a streaming model's flows, as one DuckDB query: each flow's rows, merged by the table's engine.

https://paimon.apache.org/docs/master/primary-key-table/merge-engine/overview/: a deduplicate table keeps the row of a
key that came last; a partial-update table keeps, for each sequence group, the values of the row with the greatest
sequence, of equal ones that which came last, NULLs among them; a row whose sequence is NULL leaves its group alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from headwater.batchsql.topic import GONE, ORDER, PARTITION
from headwater.duckdb_text import quoted
from headwater.model import Flow, Merge, Model
from headwater.problem import HeadwaterError
from headwater.sqltype import SqlType

_WHOLE = ("TINYINT", "SMALLINT", "INT", "BIGINT")


@dataclass(frozen=True, slots=True)
class FlowRows:
    """One flow's rows.

    Args:
        flow: Which.
        sql: A DuckDB SELECT with the columns that the flow gives, typed as declared, in the order of the declaration.
        is_ordered: It has the columns PARTITION, ORDER and GONE besides: of two rows it is known which came last.
        partitions: How many partitions its topic has; rows of different ones have no order.
        is_unique: It gives one row for each of the table's keys.
    """

    flow: Flow
    sql: str
    is_ordered: bool = False
    partitions: int = 1
    is_unique: bool = False


@dataclass(frozen=True, slots=True)
class Merged:
    """A table's rows as a query.

    Args:
        sql: A SELECT with the declared columns, in their order.
        undecided: A SELECT with the keys for which the rows alone do not tell which came last; None when there are
            none for sure.
    """

    sql: str
    undecided: str | None = None


def merged(model: Model, flows: Sequence[FlowRows]) -> Merged:
    """The table's rows. Raises HeadwaterError for a table that is not merged in a way that is known here."""
    assert model.storage is not None
    if model.storage.merge is Merge.APPEND:
        parts = [f"SELECT {_given(model, rows)} FROM ({rows.sql})" for rows in flows]
        return Merged("\nUNION ALL\n".join(parts))
    known = {"merge-engine", "sequence.field", "ignore-delete", "rowkind.field", "fields.default-aggregate-function"}
    strange = sorted(
        key
        for key, _ in model.storage.options
        if key in known or (key.startswith("fields.") and not key.endswith(".sequence-group"))
    )
    if strange:
        raise _refused(model, f"its option {strange[0]} changes how rows are merged")
    if model.storage.merge is Merge.PARTIAL_UPDATE:
        return _partial_update(model, flows)
    return _deduplicate(model, flows)


def _partial_update(model: Model, flows: Sequence[FlowRows]) -> Merged:
    key = _names(model.key)
    parts, joins, columns, undecided = [], [], {}, []
    for number, rows in enumerate(flows):
        sequence = rows.flow.sequence
        if sequence is None:
            raise _refused(model, f"the flow {rows.flow.name} has no sequence")
        owned = [output.name for output in rows.flow.outputs if output.name not in model.key]
        packed = ", ".join(f"c{place} := {quoted(name)}" for place, name in enumerate(owned))
        columns |= {name: f"f{number}.g.c{place}" for place, name in enumerate(owned)}
        latest = _latest(quoted(sequence), model.column(sequence).type, is_ordered=rows.is_ordered)
        parts.append(
            f"f{number} AS (SELECT {key}, arg_max(struct_pack({packed}), {latest})"
            f" FILTER (WHERE {quoted(sequence)} IS NOT NULL) AS g\nFROM ({rows.sql}) GROUP BY {key})"
        )
        joins.append(f"f{number}" if not number else f"FULL JOIN f{number} USING ({key})")
        if not rows.is_ordered or rows.partitions > 1:
            undecided.append(
                f"SELECT {key} FROM ({rows.sql}) WHERE {quoted(sequence)} IS NOT NULL"
                f" GROUP BY {key}, {quoted(sequence)} HAVING count(DISTINCT hash({_names(owned)})) > 1"
            )
    selected = ", ".join(
        quoted(column.name)
        if column.name in model.key
        else f"{columns[column.name]} AS {quoted(column.name)}"
        if column.name in columns
        else f"CAST(NULL AS {duckdb_type(column.type)}) AS {quoted(column.name)}"
        for column in model.columns
    )
    sql = f"WITH {', '.join(parts)}\nSELECT {selected} FROM {' '.join(joins)}"
    return Merged(sql, "\nUNION\n".join(undecided) or None)


def _latest(sequence: str, kind: SqlType, *, is_ordered: bool) -> str:
    """What is greatest for the row that Paimon keeps. One number where that can be: it is compared fastest."""
    if not is_ordered:
        return sequence
    if kind.root in ("TIMESTAMP", "TIMESTAMP_LTZ"):
        return f"CAST(epoch_us({sequence}) AS HUGEINT) * 18446744073709551616 + {ORDER}"
    if kind.root in _WHOLE:
        return f"CAST({sequence} AS HUGEINT) * 18446744073709551616 + {ORDER}"
    return f"struct_pack(s := {sequence}, o := {ORDER})"


def _deduplicate(model: Model, flows: Sequence[FlowRows]) -> Merged:
    key = _names(model.key)
    if len(flows) == 1 and flows[0].is_unique:
        return Merged(f"SELECT {_given(model, flows[0])} FROM ({flows[0].sql})")
    values = [column.name for column in model.columns if column.name not in model.key]
    packed = ", ".join(f"c{place} := {quoted(name)}" for place, name in enumerate(values)) or "c0 := 0"
    parts = []
    for number, rows in enumerate(flows):
        order = (
            f"{PARTITION} AS p, {ORDER} AS o, {GONE} AS gone" if rows.is_ordered else "0 AS p, 0 AS o, FALSE AS gone"
        )
        parts.append(f"SELECT {_given(model, rows)}, {number} AS flow, {order} FROM ({rows.sql})")
    every = "\nUNION ALL\n".join(parts)
    unpacked = ", ".join(
        quoted(column.name)
        if column.name in model.key
        else f"g.v.c{values.index(column.name)} AS {quoted(column.name)}"
        for column in model.columns
    )
    sql = (
        f"SELECT {unpacked} FROM (\n"
        f"SELECT {key}, arg_max(struct_pack(gone := gone, v := struct_pack({packed})), o) AS g\n"
        f"FROM ({every}) GROUP BY {key}) WHERE NOT g.gone"
    )
    (first, *others) = flows
    if not others and first.is_ordered and first.partitions == 1:
        return Merged(sql)
    places = "count(DISTINCT (flow, p)) > 1" if all(rows.is_ordered for rows in flows) else "TRUE"
    row = ", ".join(("gone", *map(quoted, values)))
    return Merged(
        sql, f"SELECT {key} FROM ({every}) GROUP BY {key} HAVING {places} AND count(DISTINCT hash({row})) > 1"
    )


def duckdb_type(kind: SqlType) -> str:
    """DuckDB's name of a column's type. Raises HeadwaterError for one without a name here."""
    names = {
        "STRING": "VARCHAR",
        "CHAR": "VARCHAR",
        "VARCHAR": "VARCHAR",
        "INT": "INTEGER",
        "TIMESTAMP_LTZ": "TIMESTAMPTZ",
        "BYTES": "BLOB",
        "BINARY": "BLOB",
        "VARBINARY": "BLOB",
    }
    if kind.root == "DECIMAL":
        return f"DECIMAL({kind.precision}, {kind.scale})"
    if kind.elements:
        raise HeadwaterError(f"The type {kind} is not compared here", next_command="leave the model out")
    return names.get(kind.root, kind.root)


def _given(model: Model, rows: FlowRows) -> str:
    """The declared columns of a flow's rows; NULL for those that it does not give."""
    given = {output.name for output in rows.flow.outputs}
    return ", ".join(
        quoted(column.name)
        if column.name in given
        else f"CAST(NULL AS {duckdb_type(column.type)}) AS {quoted(column.name)}"
        for column in model.columns
    )


def _refused(model: Model, why: str) -> HeadwaterError:
    return HeadwaterError(
        f"The rows of {model.name} are not merged in DuckDB: {why}", next_command="run it on Flink batch"
    )


def _names(columns: Sequence[str]) -> str:
    return ", ".join(map(quoted, columns))
