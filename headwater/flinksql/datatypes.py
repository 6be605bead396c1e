"""Flink's types in a sqlglot tree and back, without loss."""

from sqlglot import exp

from headwater.flinksql.nodes import JsonCall
from headwater.sqltype import SqlType

_KINDS = {
    "STRING": exp.DType.TEXT,
    "CHAR": exp.DType.CHAR,
    "VARCHAR": exp.DType.VARCHAR,
    "BOOLEAN": exp.DType.BOOLEAN,
    "TINYINT": exp.DType.TINYINT,
    "SMALLINT": exp.DType.SMALLINT,
    "INT": exp.DType.INT,
    "BIGINT": exp.DType.BIGINT,
    "FLOAT": exp.DType.FLOAT,
    "DOUBLE": exp.DType.DOUBLE,
    "DECIMAL": exp.DType.DECIMAL,
    "DATE": exp.DType.DATE,
    "TIME": exp.DType.TIME,
    "TIMESTAMP": exp.DType.TIMESTAMP,
    "TIMESTAMP_LTZ": exp.DType.TIMESTAMPLTZ,
    "BYTES": exp.DType.BLOB,
    "BINARY": exp.DType.BINARY,
    "VARBINARY": exp.DType.VARBINARY,
    "ARRAY": exp.DType.ARRAY,
    "MAP": exp.DType.MAP,
    # sqlglot has no multiset; a list is the nearest that no other of Flink's types needs.
    "MULTISET": exp.DType.LIST,
    "ROW": exp.DType.STRUCT,
}
_ROOTS = {kind: root for root, kind in _KINDS.items()}
_LITERALS = (exp.DType.TIME, exp.DType.TIMESTAMP, exp.DType.TIMESTAMPLTZ)


def data_type(kind: SqlType) -> exp.DataType:
    """A Flink type as a node."""
    parts: list[exp.Expr] = [exp.DataTypeParam(this=exp.Literal.number(number)) for number in kind.arguments]
    if kind.root == "ROW":
        parts += [
            exp.ColumnDef(this=exp.to_identifier(name, quoted=True), kind=data_type(element))
            for name, element in zip(kind.names, kind.elements, strict=True)
        ]
    else:
        parts += [data_type(element) for element in kind.elements]
    return exp.DataType(this=_KINDS[kind.root], expressions=parts, nested=bool(kind.elements))


def sql_type(node: exp.DataType) -> SqlType | None:
    """The Flink type of a node; None for one that Flink does not have, and for the open type of a literal."""
    root = _ROOTS.get(node.this)
    if root is None or (node.this in _LITERALS and not node.expressions):
        return None
    numbers = tuple(int(part.this.name) for part in node.find_all(exp.DataTypeParam) if part.parent is node)
    names = tuple(part.name for part in node.expressions if isinstance(part, exp.ColumnDef))
    inner = [part.args["kind"] if isinstance(part, exp.ColumnDef) else part for part in node.expressions]
    elements = [sql_type(part) for part in inner if isinstance(part, exp.DataType)]
    if None in elements:
        return None
    return SqlType(root, numbers, tuple(element for element in elements if element), names)


def cast_type(node: exp.Expr) -> SqlType | None:
    """The type that a CAST, or a JSON function with RETURNING, names; None when it names none."""
    named = node.args.get("returning") if isinstance(node, JsonCall) else node.args.get("to")
    return sql_type(named) if isinstance(named, exp.DataType) else None
