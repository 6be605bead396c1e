"""The comparison of two relations with the same columns, in DuckDB's SQL.

First one order-free hash for each partition of both sides; then, of those partitions alone whose hashes differ, the
keys and their columns. Floating columns are compared by a tolerance, which no hash can do: with such columns the keys
are compared at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from headwater.batchsql.merge import duckdb_type
from headwater.duckdb_text import quoted
from headwater.model import Column, Model

STREAMED, BATCHED, SKIPPED, UNEQUAL = "streamed", "batch", "skipped", "unequal"
"""The relations: the streamed table, the batch result, keys of which nothing is said, partitions that differ."""

_FLOATS = ("FLOAT", "DOUBLE")


@dataclass(frozen=True, slots=True)
class Comparison:
    """How a model's two sides are compared.

    Args:
        model: Whose.
        only: A condition on the rows of both sides; "TRUE" for all.
        tolerance: Of floating columns, as a share of the larger.
    """

    model: Model
    only: str = "TRUE"
    tolerance: float = 1e-9

    @property
    def is_hashed(self) -> bool:
        """A hash of each partition tells whether it is equal."""
        return not any(column.type.root in _FLOATS for column in self.model.columns)

    @property
    def partitions(self) -> str:
        """What partitions the rows."""
        return _names(self.model.partition_by) if self.model.partition_by else "0 AS whole"

    def hashes(self, side: str) -> str:
        """A SELECT with each partition's hash and count of rows."""
        columns = ", ".join(_typed(column) for column in self.model.columns)
        return (
            f"SELECT {self.partitions}, count(*) AS n, sum(CAST(hash({columns}) AS HUGEINT)) AS h\n"
            f"FROM {side} AS r WHERE {self._wanted('r')} GROUP BY ALL"
        )

    def unequal(self) -> str:
        """A SELECT with the partitions that differ."""
        names = self.model.partition_by or ("whole",)
        same = " AND ".join(f"s.{quoted(name)} IS NOT DISTINCT FROM b.{quoted(name)}" for name in names)
        chosen = ", ".join(f"coalesce(s.{quoted(n)}, b.{quoted(n)}) AS {quoted(n)}" for n in names)
        return (
            f"SELECT {chosen} FROM streamed_hashes AS s FULL JOIN batch_hashes AS b ON {same}\n"
            "WHERE s.n IS DISTINCT FROM b.n OR s.h IS DISTINCT FROM b.h"
        )

    def keys(self, *, narrowed: bool) -> str:
        """A SELECT with the keys that differ, each with both rows as structs (NULL where a side has none).

        Args:
            narrowed: Only in the partitions that `unequal` found.
        """
        where = self._wanted("r")
        if narrowed and self.model.partition_by:
            partition = _names(self.model.partition_by)
            where += f" AND ({partition}) IN (SELECT ({partition}) FROM {UNEQUAL})"
        columns = ", ".join(f"{_typed(column)} AS {quoted(column.name)}" for column in self.model.columns)
        sides = {
            side: f"(SELECT {columns}, TRUE AS present FROM {side} AS r WHERE {where})" for side in (STREAMED, BATCHED)
        }
        same = " AND ".join(f"s.{quoted(name)} = b.{quoted(name)}" for name in self.model.key)
        differ = " OR ".join(
            ["s.present IS NULL", "b.present IS NULL"]
            + [self._differs(column) for column in self.model.columns if column.name not in self.model.key]
        )
        key = ", ".join(f"coalesce(s.{quoted(name)}, b.{quoted(name)}) AS {quoted(name)}" for name in self.model.key)
        return (
            f"SELECT {key}, s.present IS NOT NULL AS in_streamed, b.present IS NOT NULL AS in_batch,\n"
            f"  {self._packed('s')} AS streamed, {self._packed('b')} AS batched\n"
            f"FROM {sides[STREAMED]} AS s FULL JOIN {sides[BATCHED]} AS b ON {same}\nWHERE {differ}"
        )

    def bags(self) -> str:
        """For a table without a key, a SELECT with the rows that stand too often or too seldom.

        `new_rows` are those of the batch result that the stream may not have written yet.
        """
        columns = _names([column.name for column in self.model.columns])
        typed = ", ".join(f"{_typed(column)} AS {quoted(column.name)}" for column in self.model.columns)
        parts = [
            f"SELECT {typed}, {counts} FROM {side} AS r WHERE {self.only}"
            for side, counts in (
                (BATCHED, "1 AS b, 0 AS n, 0 AS s"),
                ("new_rows", "0, 1, 0"),
                (STREAMED, "0, 0, 1"),
            )
        ]
        return (
            f"SELECT {columns}, sum(b) AS b, sum(n) AS n, sum(s) AS s FROM ({' UNION ALL '.join(parts)})\n"
            f"GROUP BY {columns}\n"
            "HAVING NOT (sum(s) BETWEEN sum(b) - sum(n) AND sum(b))"
        )

    def count(self) -> str:
        """A SELECT with the number of streamed rows that are compared."""
        return f"SELECT count(*) FROM {STREAMED} AS r WHERE {self._wanted('r')}"

    def rows(self, side: str, where: str) -> str:
        """A SELECT with the rows of one side for which a condition on `r` holds."""
        columns = ", ".join(f"{_typed(column)} AS {quoted(column.name)}" for column in self.model.columns)
        return f"SELECT {columns} FROM {side} AS r WHERE {where}"

    def differs(self, column: str, streamed: object, batched: object) -> bool:
        """Two values of a column differ."""
        if isinstance(streamed, float) and isinstance(batched, float):
            return streamed != batched and abs(streamed - batched) > self.tolerance * max(abs(streamed), abs(batched))
        return streamed != batched

    def _wanted(self, side: str) -> str:
        if not self.model.key:
            return self.only
        same = " AND ".join(f"x.{quoted(name)} = {side}.{quoted(name)}" for name in self.model.key)
        return f"{self.only} AND NOT EXISTS (SELECT 1 FROM {SKIPPED} AS x WHERE {same})"

    def _differs(self, column: Column) -> str:
        left, right = f"s.{quoted(column.name)}", f"b.{quoted(column.name)}"
        if column.type.root not in _FLOATS:
            return f"{left} IS DISTINCT FROM {right}"
        near = f"abs({left} - {right}) <= {self.tolerance!r} * greatest(abs({left}), abs({right}))"
        return f"({left} IS DISTINCT FROM {right} AND NOT coalesce({near}, FALSE))"

    def _packed(self, side: str) -> str:
        values = ", ".join(
            f"c{place} := {side}.{quoted(column.name)}" for place, column in enumerate(self.model.columns)
        )
        return f"struct_pack({values})"


def _typed(column: Column) -> str:
    return f"CAST(r.{quoted(column.name)} AS {duckdb_type(column.type)})"


def _names(columns: Sequence[str]) -> str:
    return ", ".join(map(quoted, columns))
