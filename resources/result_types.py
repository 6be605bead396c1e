"""A query's result brought to declared columns: no value changes, or it is an error."""

from typing import TYPE_CHECKING

from headwater.model import TableName
from headwater.problem import HeadwaterError

if TYPE_CHECKING:
    import pyarrow


def conform(name: TableName, found: "pyarrow.Table", declared: "pyarrow.Schema") -> "pyarrow.Table":
    """The result with exactly the declared columns, in their order and of their types.

    Raises HeadwaterError that lists every column that is missing, not declared, of a type that does not widen to the
    declared one, too large for it, or NULL where it must not be.
    """
    import pyarrow

    wrong = [
        f"{column}: declared, but the SELECT does not give it"
        for column in declared.names
        if column not in found.column_names
    ]
    wrong += [
        f"{column}: the SELECT gives it, but it is not declared"
        for column in found.column_names
        if column not in declared.names
    ]
    wrong += [
        f"{column}: the SELECT gives it twice"
        for column in {c for c in found.column_names if found.column_names.count(c) > 1}
    ]
    if wrong:
        raise _mismatch(name, wrong)
    columns = []
    for field in declared:
        column = found.column(field.name)
        try:
            columns.append(_widened(column, field.type))
        except (TypeError, pyarrow.ArrowInvalid) as error:
            wrong.append(f"{field.name}: {str(error).splitlines()[0]}")
            continue
        if not field.nullable and column.null_count:
            wrong.append(f"{field.name}: {column.null_count} rows have NULL, and it must not")
    if wrong:
        raise _mismatch(name, wrong)
    return pyarrow.Table.from_arrays(columns, schema=declared)


def _mismatch(name: TableName, wrong: list[str]) -> HeadwaterError:
    return HeadwaterError(
        f"The SELECT of {name} does not give what its table.yaml declares:\n    " + "\n    ".join(wrong),
        left="nothing was written",
        next_command="CAST in the SELECT, or correct the declaration",
    )


def _widened(column: "pyarrow.ChunkedArray", wanted: "pyarrow.DataType") -> "pyarrow.ChunkedArray":
    """The column as the wanted type. Raises TypeError when it does not widen, ArrowInvalid when one is too large."""
    given = column.type
    if given == wanted:
        return column
    if not _widens(given, wanted):
        raise TypeError(f"the SELECT gives {given}, declared is {wanted}")
    return column.cast(wanted, safe=True)


def _widens(given: "pyarrow.DataType", wanted: "pyarrow.DataType") -> bool:
    from pyarrow import types

    whole = types.is_integer(given) or (types.is_decimal(given) and given.scale == 0)
    if types.is_null(given):
        return True
    if types.is_integer(wanted):
        return whole
    if types.is_decimal(wanted):
        return whole or (types.is_decimal(given) and given.scale <= wanted.scale)
    if types.is_float64(wanted):
        return types.is_float32(given) or types.is_integer(given)
    if types.is_timestamp(wanted):
        return types.is_timestamp(given) and (given.tz is None) == (wanted.tz is None)
    return types.is_string(wanted) and types.is_large_string(given)
