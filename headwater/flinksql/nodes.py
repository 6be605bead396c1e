"""What Flink adds to SQL, as nodes of a sqlglot tree."""

from collections.abc import Mapping
from typing import ClassVar

from sqlglot import exp
from sqlglot.errors import ParseError
from sqlglot.expressions.core import Expression, Func

WINDOW_ARGUMENTS: Mapping[str, tuple[str, ...]] = {
    "TUMBLE": ("size",),
    "HOP": ("slide", "size"),
    "CUMULATE": ("step", "size"),
    "SESSION": ("gap",),
}
"""Window table functions and the intervals each takes, in order. Each takes an `offset` last, but for SESSION.

Source: https://nightlies.apache.org/flink/flink-docs-release-2.0/docs/dev/table/sql/queries/window-tvf/
"""

WINDOW_COLUMNS = ("window_start", "window_end", "window_time")
"""The columns that a window table function adds, in order."""


class InvalidSyntax(ParseError):
    """The text is not Flink SQL. `offset` counts characters of the text from 0."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message, [{}])  # sqlglot writes into the first entry when it tries alternatives
        self.offset = offset


class WindowBound(Expression, Func):
    """The bound (`window_start`, `window_end` or `window_time`) of the window that a row falls into."""

    arg_types: ClassVar[dict[str, bool]] = {"this": True, "bound": True}


class WindowTable(exp.Subquery):
    """A window table function over a table, as the sub-query that it stands for.

    `this` is SELECT *, and the three bounds, FROM the table: so names resolve and lineage works without anything that
    knows windows. `function` is its name; `partition_by` is there for SESSION only.
    """

    arg_types: ClassVar[dict[str, bool]] = {
        **exp.Subquery.arg_types,
        "function": True,
        "size": False,
        "slide": False,
        "step": False,
        "gap": False,
        "offset": False,
        "partition_by": False,
    }

    @property
    def name(self) -> str:
        """TUMBLE, HOP, CUMULATE or SESSION."""
        return self.args["function"]

    @property
    def source(self) -> exp.Expr:
        """The table or sub-query whose rows get windows."""
        return self.this.args["from_"].this

    @property
    def time_column(self) -> exp.Column:
        """The column that the windows go by."""
        bound = self.this.find(WindowBound)
        assert bound is not None
        return bound.this

    @property
    def intervals(self) -> tuple[exp.Expr, ...]:
        """Its intervals in the order of WINDOW_ARGUMENTS, without the offset."""
        return tuple(self.args[argument] for argument in WINDOW_ARGUMENTS[self.name])

    def interval(self, argument: str) -> exp.Expr:
        """The interval given as `size`, `slide`, `step` or `gap`. Raises KeyError when there is none."""
        return self.args[argument]


class JsonCall(exp.Anonymous):
    """A JSON function, whose arguments are followed by words: RETURNING INT NULL ON EMPTY.

    `expressions` are the plain arguments; of JSON_OBJECT keys and values in turn.
    """

    arg_types: ClassVar[dict[str, bool]] = {**exp.Anonymous.arg_types, "returning": False, "clauses": False}


class JsonClause(Expression):
    """What a JSON function does when something is not as hoped: `this` says what, `on` EMPTY, ERROR or NULL, or ""."""

    arg_types: ClassVar[dict[str, bool]] = {"this": True, "default": False, "on": False}


class MapLiteral(Expression, Func):
    """MAP['a', 1, 'b', 2]: keys and values in turn."""

    arg_types: ClassVar[dict[str, bool]] = {"expressions": False}
    is_var_len_args = True


class Matched(Expression):
    """MATCH_RECOGNIZE over a table: a row for each stretch of rows that matches a pattern.

    `this` is the table. The columns that it gives are not worked out, so nothing resolves through it.
    """

    arg_types: ClassVar[dict[str, bool]] = {
        "this": True,
        "partition_by": False,
        "order": False,
        "measures": False,
        "rows": False,
        "after": False,
        "pattern": True,
        "within": False,
        "define": False,
        "alias": False,
    }


class MetadataColumn(Expression):
    """`at TIMESTAMP(3) METADATA FROM 'timestamp' VIRTUAL` in CREATE TABLE."""

    arg_types: ClassVar[dict[str, bool]] = {
        "this": True,
        "kind": True,
        "key": False,
        "virtual": False,
        "not_null": False,
        "comment": False,
    }


class PhysicalColumn(Expression):
    """`price DECIMAL(10, 2) NOT NULL COMMENT 'in euros'` in CREATE TABLE."""

    arg_types: ClassVar[dict[str, bool]] = {
        "this": True,
        "kind": True,
        "not_null": False,
        "primary_key": False,
        "comment": False,
    }


class ComputedColumn(Expression):
    """`day AS CAST(at AS DATE)` in CREATE TABLE."""

    arg_types: ClassVar[dict[str, bool]] = {"this": True, "expression": True, "comment": False}


class Watermark(Expression):
    """`WATERMARK FOR at AS at - INTERVAL '5' SECOND`."""

    arg_types: ClassVar[dict[str, bool]] = {"this": True, "expression": True}


class CreateTable(exp.Create):
    """CREATE TABLE: `this` is a Schema of the table and its columns, watermark and key.

    `options` are those of WITH, as equations of strings; `distribution` is the text after DISTRIBUTED.
    """

    arg_types: ClassVar[dict[str, bool]] = {
        **exp.Create.arg_types,
        "temporary": False,
        "comment": False,
        "distribution": False,
        "partitioned_by": False,
        "options": False,
        "like": False,
    }
