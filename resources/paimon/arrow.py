"""Flink SQL types as Arrow types, the way Paimon's readers and writers have them."""

from typing import TYPE_CHECKING

from headwater.sqltype import SqlType

if TYPE_CHECKING:
    import pyarrow


def arrow_type(sql_type: SqlType) -> "pyarrow.DataType":
    """The Arrow type of a column. An instant is a timestamp in UTC. Raises ValueError for a type without one."""
    import pyarrow

    simple = {
        "STRING": pyarrow.string,
        "CHAR": pyarrow.string,
        "VARCHAR": pyarrow.string,
        "BOOLEAN": pyarrow.bool_,
        "TINYINT": pyarrow.int8,
        "SMALLINT": pyarrow.int16,
        "INT": pyarrow.int32,
        "BIGINT": pyarrow.int64,
        "FLOAT": pyarrow.float32,
        "DOUBLE": pyarrow.float64,
        "DATE": pyarrow.date32,
        "BYTES": pyarrow.binary,
        "BINARY": pyarrow.binary,
        "VARBINARY": pyarrow.binary,
    }
    if sql_type.root in simple:
        return simple[sql_type.root]()
    match sql_type.root:
        case "DECIMAL":
            return pyarrow.decimal128(sql_type.precision, sql_type.scale)
        case "TIMESTAMP":
            return pyarrow.timestamp(_unit(sql_type.precision))
        case "TIMESTAMP_LTZ":
            return pyarrow.timestamp(_unit(sql_type.precision), "UTC")
        case "TIME":
            return pyarrow.time32("ms")
        case "ARRAY":
            return pyarrow.list_(arrow_type(sql_type.elements[0]))
        case "MAP":
            return pyarrow.map_(arrow_type(sql_type.elements[0]), arrow_type(sql_type.elements[1]))
        case "MULTISET":
            return pyarrow.map_(arrow_type(sql_type.elements[0]), pyarrow.int32())
        case "ROW":
            fields = zip(sql_type.names, sql_type.elements, strict=True)
            return pyarrow.struct([pyarrow.field(name, arrow_type(element)) for name, element in fields])
        case root:
            raise ValueError(f"{root} has no Arrow type")


def _unit(precision: int) -> str:
    """Paimon's choice of unit for a precision in digits."""
    return ("s", "ms", "us", "ns")[(precision + 2) // 3]
