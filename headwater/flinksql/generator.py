"""Writes trees as Flink SQL, so that parsing the text gives the same tree again."""

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from sqlglot import exp, generator

from headwater.flinksql.datatypes import sql_type
from headwater.flinksql.nodes import (
    WINDOW_ARGUMENTS,
    ComputedColumn,
    CreateTable,
    JsonCall,
    JsonClause,
    MapLiteral,
    Matched,
    MetadataColumn,
    PhysicalColumn,
    Watermark,
    WindowBound,
    WindowTable,
)

_LITERAL_TYPES = {
    exp.DType.DATE: "DATE",
    exp.DType.TIME: "TIME",
    exp.DType.TIMESTAMP: "TIMESTAMP",
}
_TABLE_PARTS = {"this", "db", "catalog", "alias", "hints", "version", "partition", "joins"}
_PAIRED = ("JSON_OBJECT", "JSON_OBJECTAGG")


class FlinkGenerator(generator.Generator):
    """Trees to Flink SQL."""

    TABLE_HINTS = True
    QUERY_HINTS = True
    QUERY_HINT_SEP = ", "
    INTERVAL_ALLOWS_PLURAL_FORM = False
    NULL_ORDERING_SUPPORTED = True
    LIMIT_FETCH = "ALL"
    UNNEST_WITH_ORDINALITY = True
    VALUES_AS_TABLE = True
    SUPPORTS_BETWEEN_FLAGS = True
    INSERT_OVERWRITE = " OVERWRITE"
    TRANSFORMS: ClassVar[dict[type[exp.Expr], Callable[..., str]]] = {
        **generator.Generator.TRANSFORMS,
        exp.CurrentDate: lambda *_: "CURRENT_DATE",
        exp.CurrentTime: lambda *_: "CURRENT_TIME",
        exp.CurrentTimestamp: lambda *_: "CURRENT_TIMESTAMP",
        exp.Localtime: lambda *_: "LOCALTIME",
        exp.Localtimestamp: lambda *_: "LOCALTIMESTAMP",
        exp.Array: lambda self, node: f"ARRAY[{self.expressions(node, flat=True)}]",
        exp.StrPosition: lambda self, node: f"POSITION({self.sql(node, 'substr')} IN {self.sql(node, 'this')})",
        exp.Substring: lambda self, node: self.func(
            "SUBSTRING", node.this, node.args.get("start"), node.args.get("length")
        ),
        exp.Mod: lambda self, node: self.binary(node, "%"),
        exp.Trim: lambda self, node: self._trimmed(node),
        # sqlglot looks handlers up by name only for nodes of its own.
        WindowTable: lambda self, node: self._window_table(node),
        WindowBound: lambda self, node: self._window_bound(node),
        Matched: lambda self, node: self._matched(node),
        MapLiteral: lambda self, node: f"MAP[{self.expressions(node, flat=True)}]",
        JsonCall: lambda self, node: self._json_call(node),
        JsonClause: lambda self, node: self._json_clause(node),
        CreateTable: lambda self, node: self._create_table(node),
        PhysicalColumn: lambda self, node: self._column(node),
        MetadataColumn: lambda self, node: self._metadata_column(node),
        ComputedColumn: lambda self, node: self._computed_column(node),
        Watermark: lambda self, node: f"WATERMARK FOR {self.sql(node, 'this')} AS {self.sql(node, 'expression')}",
    }

    def datatype_sql(self, expression: exp.DataType) -> str:
        """A type as Flink spells it."""
        kind = sql_type(expression)
        if kind is None:
            bare = _LITERAL_TYPES.get(expression.this)
            if bare is None or expression.expressions:
                self.unsupported(f"Flink has no type {expression.sql()}")
            return bare or expression.sql()
        return str(kind)

    def cast_sql(self, expression: exp.Cast, safe_prefix: str | None = None) -> str:
        """CAST, or a literal such as TIMESTAMP '…', whose type is as fine as its text."""
        to = expression.args["to"]
        literal = _LITERAL_TYPES.get(to.this) if not to.expressions else None
        if literal and isinstance(expression.this, exp.Literal) and not safe_prefix:
            return f"{literal} {self.sql(expression, 'this')}"
        return super().cast_sql(expression, safe_prefix)

    def anonymous_sql(self, expression: exp.Anonymous) -> str:
        """A call, its name as it was written."""
        return self.func(self.sql(expression, "this"), *expression.expressions, normalize=False)

    def hexstring_sql(self, expression: exp.HexString, binary_function_repr: str | None = None) -> str:
        """x'4F'."""
        return f"x'{expression.name}'"

    def windowspec_sql(self, expression: exp.WindowSpec) -> str:
        """ROWS 2 PRECEDING has no end, and none is added."""
        if expression.args.get("end"):
            return super().windowspec_sql(expression)
        return f"{expression.text('kind')} {self.sql(expression, 'start')} {expression.text('start_side')}".strip()

    def version_sql(self, expression: exp.Version) -> str:
        """FOR SYSTEM_TIME AS OF; Flink has no other."""
        if expression.text("kind") != "AS OF":
            self.unsupported(f"FOR SYSTEM_TIME {expression.text('kind')}")
        return f"FOR SYSTEM_TIME AS OF {self.sql(expression, 'expression')}"

    def table_sql(self, expression: exp.Table, sep: str = " AS ") -> str:
        """A table with its hints before the version and the alias, where Flink wants them."""
        if strange := {part for part, value in expression.args.items() if value} - _TABLE_PARTS:
            self.unsupported(f"{', '.join(sorted(strange)).upper()} of a table")
        partition = self.sql(expression, "partition")
        hints = "".join(self.sql(hint) for hint in expression.args.get("hints") or ())
        version = self.sql(expression, "version")
        parts = f"{self.table_parts(expression)}{self._prefixed(' ', partition)}{hints}{self._prefixed(' ', version)}"
        alias = self.sql(expression, "alias")
        joins = self.expressions(expression, key="joins", sep="", flat=True)
        return f"{parts}{f'{sep}{alias}' if alias else ''}{joins}"

    def lateral_sql(self, expression: exp.Lateral) -> str:
        """LATERAL TABLE(f(x)) AS t (a), or LATERAL before a sub-query."""
        inner = expression.this
        text = self.sql(inner) if isinstance(inner, exp.Query | exp.Unnest) else f"TABLE({self.sql(inner)})"
        alias = self.sql(expression, "alias")
        return f"LATERAL {text}{f' AS {alias}' if alias else ''}"

    def _window_table(self, expression: WindowTable) -> str:
        """TUMBLE(TABLE t, DESCRIPTOR(at), INTERVAL '1' MINUTE) within TABLE(…)."""
        partition = self.expressions(expression, key="partition_by", flat=True)
        source = self._window_source(expression) + (f" PARTITION BY {partition}" if partition else "")
        # A name that `qualify` has put a table before means the same column.
        descriptor = f"DESCRIPTOR({self.sql(expression.time_column, 'this')})"
        slots = (*WINDOW_ARGUMENTS[expression.name], "offset")
        given = [self.sql(expression, slot) for slot in slots if expression.args.get(slot)]
        alias = self.sql(expression, "alias")
        call = f"TABLE({expression.name}({', '.join([source, descriptor, *given])}))"
        return f"{call}{f' AS {alias}' if alias else ''}"

    def _window_source(self, expression: WindowTable) -> str:
        inner, source = expression.this, expression.source
        plain = [item for item in inner.expressions if item.find(WindowBound) is None]
        if len(plain) == 1 and isinstance(plain[0], exp.Star):
            return f"TABLE {self.sql(source)}" if isinstance(source, exp.Table) else self.sql(source)
        rest = inner.copy()
        rest.set("expressions", [item.copy() for item in plain])
        return f"({self.sql(rest)})"

    def _window_bound(self, expression: WindowBound) -> str:
        """Never alone: it is written by the window table that it belongs to."""
        self.unsupported("the bound of a window outside its window table function")
        return expression.text("bound")

    def _matched(self, expression: Matched) -> str:
        """MATCH_RECOGNIZE with its clauses in Flink's order."""
        measures = self.expressions(expression, key="measures", flat=True)
        partition = self.expressions(expression, key="partition_by", flat=True)
        define = ", ".join(
            f"{self.sql(item, 'alias')} AS {self.sql(item, 'this')}" for item in expression.args["define"] or ()
        )
        within = self.sql(expression, "within")
        parts = [
            f"PARTITION BY {partition}" if partition else "",
            self.sql(expression, "order").strip(),
            f"MEASURES {measures}" if measures else "",
            self.sql(expression, "rows"),
            self.sql(expression, "after"),
            f"PATTERN ({self.sql(expression, 'pattern')})" + (f" WITHIN {within}" if within else ""),
            f"DEFINE {define}" if define else "",
        ]
        alias = self.sql(expression, "alias")
        body = f"{self.sql(expression, 'this')} MATCH_RECOGNIZE ({' '.join(filter(None, parts))})"
        return f"{body}{f' AS {alias}' if alias else ''}"

    def _json_call(self, expression: JsonCall) -> str:
        """A JSON function with its words."""
        arguments = [self.sql(part) for part in expression.expressions]
        if expression.name.upper() in _PAIRED:
            pairs = zip(arguments[::2], arguments[1::2], strict=True)
            arguments = [f"KEY {key} VALUE {value}" for key, value in pairs]
        words = [self.sql(clause) for clause in expression.args.get("clauses") or ()]
        if returning := expression.args.get("returning"):
            words.insert(0, f"RETURNING {self.sql(returning)}")
        return f"{expression.name}({' '.join([', '.join(arguments), *words]).strip()})"

    def _json_clause(self, expression: JsonClause) -> str:
        """DEFAULT 0 ON EMPTY."""
        default = self.sql(expression, "default")
        parts = [expression.text("this"), default, f"ON {expression.text('on')}" if expression.args.get("on") else ""]
        return " ".join(filter(None, parts))

    def _create_table(self, expression: CreateTable) -> str:
        """CREATE TABLE with its clauses in Flink's order."""
        args = expression.args
        options = ", ".join(self.sql(option) for option in args.get("options") or ())
        partitions = ", ".join(self.sql(column) for column in args.get("partitioned_by") or ())
        parts: Iterable[str] = (
            "CREATE TEMPORARY TABLE" if args.get("temporary") else "CREATE TABLE",
            "IF NOT EXISTS" if args.get("exists") else "",
            self.sql(expression, "this"),
            self._prefixed("COMMENT", self.sql(expression, "comment")),
            self._prefixed("DISTRIBUTED", self.sql(expression, "distribution")),
            f"PARTITIONED BY ({partitions})" if partitions else "",
            f"WITH ({options})" if options else "",
            self._prefixed("LIKE", self.sql(expression, "like")),
            self._prefixed("AS", self.sql(expression, "expression")),
        )
        return " ".join(filter(None, parts))

    def primarykey_sql(self, expression: exp.PrimaryKey) -> str:
        """PRIMARY KEY (a) NOT ENFORCED."""
        return f"PRIMARY KEY ({self.expressions(expression, flat=True)}) NOT ENFORCED"

    def _metadata_column(self, expression: MetadataColumn) -> str:
        """A METADATA column of CREATE TABLE."""
        key = self._prefixed(" FROM", self.sql(expression, "key"))
        return self._column(expression, f"METADATA{key}{' VIRTUAL' if expression.args.get('virtual') else ''}")

    def _column(self, expression: exp.Expr, more: str = "") -> str:
        parts = (
            self.sql(expression, "this"),
            self.sql(expression, "kind"),
            "NOT NULL" if expression.args.get("not_null") else "",
            "PRIMARY KEY NOT ENFORCED" if expression.args.get("primary_key") else "",
            more,
            self._prefixed("COMMENT", self.sql(expression, "comment")),
        )
        return " ".join(filter(None, parts))

    def _computed_column(self, expression: ComputedColumn) -> str:
        """A column of CREATE TABLE that is computed when it is read."""
        comment = self._prefixed(" COMMENT", self.sql(expression, "comment"))
        return f"{self.sql(expression, 'this')} AS {self.sql(expression, 'expression')}{comment}"

    def _prefixed(self, word: str, text: Any) -> str:
        return f"{word.rstrip()} {text}" if text else ""

    def _trimmed(self, expression: exp.Trim) -> str:
        """TRIM(BOTH 'x' FROM s)."""
        what = " ".join(filter(None, (expression.text("position"), self.sql(expression, "expression"))))
        return f"TRIM({what} FROM {self.sql(expression, 'this')})" if what else f"TRIM({self.sql(expression, 'this')})"
