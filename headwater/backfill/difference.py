"""What was computed held against what a table holds, in DuckDB: which rows are to be written, and which to go.

Both are relations of one session with the table's columns: `wanted` and `there`.
"""

from dataclasses import dataclass

from headwater.backfill.kind import Kind
from headwater.backfill.scope import Place, Scope
from headwater.duckdb_text import quoted
from headwater.model import Column, Model

WANTED, THERE = "wanted", "there"
_FLOATS = ("FLOAT", "DOUBLE")
# Sums of floating numbers depend on the order of the rows, which no two engines share.
_TOLERANCE = "1e-9"


@dataclass(frozen=True, slots=True)
class Difference:
    """Rows of a scope, counted.

    Args:
        same: Equal in both.
        changed: With another value in at least one column.
        missing: Computed, and not in the table.
        surplus: In the table, and not computed.
    """

    same: int = 0
    changed: int = 0
    missing: int = 0
    surplus: int = 0

    def __str__(self) -> str:
        return (
            f"{self.same:,} rows the same, {self.changed:,} changed, {self.missing:,} missing, {self.surplus:,} surplus"
        )

    def __add__(self, other: "Difference") -> "Difference":
        return Difference(
            self.same + other.same,
            self.changed + other.changed,
            self.missing + other.missing,
            self.surplus + other.surplus,
        )

    def is_nothing_to(self, kind: Kind, *, removes: bool) -> bool:
        """A backfill of this kind has nothing to write.

        Args:
            removes: Surplus rows are to go.
        """
        if kind is Kind.FILL:
            return not self.missing
        if kind is Kind.REPLACE:
            return False
        return not (self.changed or self.missing or (removes and self.surplus))


def counts(model: Model, place: Place, scope: Scope) -> str:
    """The SELECT of the four counts, in the order of `Difference`."""
    here, there = _is_there(model, "o"), _is_there(model, "n")
    differs = _differs(model)
    return (
        f"SELECT count(*) FILTER (WHERE {here} AND {there} AND NOT ({differs})),"
        f" count(*) FILTER (WHERE {here} AND {there} AND ({differs})),"
        f" count(*) FILTER (WHERE NOT {here}), count(*) FILTER (WHERE NOT {there})"
        f" FROM {_of(THERE, place, scope)} AS o FULL JOIN {_of(WANTED, place, scope)} AS n ON {_same_key(model)}"
    )


def to_write(model: Model, place: Place, scope: Scope, kind: Kind) -> str:
    """The SELECT of the rows that a backfill of this kind writes."""
    rows = f"SELECT n.* FROM {_of(WANTED, place, scope)} AS n"
    if kind is Kind.REPLACE:
        return rows
    missing = f"NOT {_is_there(model, 'o')}"
    condition = missing if kind is Kind.FILL else f"{missing} OR {_differs(model)}"
    return f"{rows} LEFT JOIN {_of(THERE, place, scope)} AS o ON {_same_key(model)} WHERE {condition}"


def to_remove(model: Model, place: Place, scope: Scope) -> str:
    """The SELECT of the keys of rows that the table has and that were not computed."""
    keys = ", ".join(f"o.{quoted(name)}" for name in model.key)
    return (
        f"SELECT {keys} FROM {_of(THERE, place, scope)} AS o ANTI JOIN {_of(WANTED, place, scope)} AS n"
        f" ON {_same_key(model)}"
    )


def doubled(model: Model) -> str:
    """The SELECT of how many rows were computed more than one of whose key there are."""
    keys = ", ".join(map(quoted, model.key))
    return f"SELECT coalesce(sum(rows), 0) FROM (SELECT count(*) AS rows FROM {WANTED} GROUP BY {keys}) WHERE rows > 1"


def emptied(model: Model, place: Place, scope: Scope) -> str:
    """The SELECT of the partitions that hold rows and of which nothing was computed."""
    parts = ", ".join(map(quoted, model.partition_by))
    return (
        f"SELECT DISTINCT {parts} FROM {_of(THERE, place, scope)}"
        f" EXCEPT SELECT {parts} FROM {_of(WANTED, place, scope)} ORDER BY ALL"
    )


def _of(relation: str, place: Place, scope: Scope) -> str:
    return f"(SELECT * FROM {relation} WHERE {place.condition(scope)})"


def _is_there(model: Model, alias: str) -> str:
    return f"({alias}.{quoted(model.key[0])} IS NOT NULL)"


def _same_key(model: Model) -> str:
    return " AND ".join(f"o.{name} = n.{name}" for name in map(quoted, model.key))


def _differs(model: Model) -> str:
    return " OR ".join(_differ(column) for column in model.columns if column.name not in model.key) or "FALSE"


def _differ(column: Column) -> str:
    old, new = f"o.{quoted(column.name)}", f"n.{quoted(column.name)}"
    differ = f"{old} IS DISTINCT FROM {new}"
    if column.type.root in _FLOATS:
        near = f"isfinite({old}) AND isfinite({new}) AND abs({old} - {new}) <= {_TOLERANCE} * (abs({old}) + abs({new}))"
        differ = f"({differ} AND NOT coalesce({near}, FALSE))"
    return differ
