"""Merging the runs of a key table in DuckDB's SQL, as Paimon's merge functions do it row by row.

Where the rules come from (package org.apache.paimon.mergetree.compact): DeduplicateMergeFunction,
PartialUpdateMergeFunction, aggregate.AggregateMergeFunction, and ReducerMergeFunctionWrapper, by which a key that has
one row only keeps it as it is. Rows are merged in the order of their sequence numbers. The rows of the oldest run
whose keys occur in no newer one are not touched: they are most of a table, and are not sorted, hashed or held.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from headwater.duckdb_text import quoted, texted
from headwater.sqltype import SqlType
from resources.paimon.columns import Unreadable

SEQUENCE, KIND = "_SEQUENCE_NUMBER", "_VALUE_KIND"
_ADDED = f"{KIND} IN (0, 2)"
_NUMBERS = ("TINYINT", "SMALLINT", "INT", "BIGINT")
_INTEGER_OF = {
    **dict.fromkeys(_NUMBERS, "{}::BIGINT"),
    "DATE": "epoch_us({}::TIMESTAMP)",
    "TIMESTAMP": "epoch_us({})",
    "TIMESTAMP_LTZ": "epoch_us({})",
}


@dataclass(frozen=True, slots=True)
class MergeRule:
    """How rows of one key become one.

    Args:
        engine: deduplicate, partial-update or aggregation.
        key: The table's key, partition columns included.
        groups: Of a partial update, the sequence columns of each column that has some, itself among them.
        functions: Of an aggregation, the function of each column.
        ignores_deletes: Rows that take a row back count for nothing.
        completes: Rows above level 0 hold what those of higher levels hold (`changelog-producer` lookup).
    """

    engine: str
    key: tuple[str, ...]
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    functions: Mapping[str, str] = field(default_factory=dict)
    ignores_deletes: bool = False
    completes: bool = False

    @property
    def takes_deletes(self) -> bool:
        """A row that takes a row back is merged here too."""
        return self.engine == "deduplicate"

    def needed(self, columns: Sequence[str]) -> tuple[str, ...]:
        """The columns that must be read so that these can be given."""
        asked = [*self.key, *columns, *(part for column in columns for part in self.groups.get(column, ()))]
        return tuple(dict.fromkeys(asked))


def plain(source: str, columns: Sequence[str], *, with_deletes: bool) -> str:
    """The rows of files in which every key occurs once."""
    where = f" WHERE {_ADDED}" if with_deletes else ""
    return f"SELECT {_list(columns)} FROM ({source}){where}"


def merged(rule: MergeRule, base: str, upper: str, columns: Sequence[str], types: Mapping[str, SqlType]) -> str:
    """The rows of sections of several runs.

    Args:
        base: SELECT of the oldest run of every section, with `needed` columns, sequence number and kind.
        upper: Likewise of all newer runs.
        columns: To be given.
        types: Of all columns.

    Raises Unreadable for a column whose merging is not proved here.
    """
    if rule.engine == "deduplicate" and rule.ignores_deletes:
        upper = f"SELECT * FROM ({upper}) WHERE {_ADDED}"
    keys = f"SELECT {_list(rule.key)} FROM ({upper})"
    same = " AND ".join(f"older.{quoted(name)} = newer.{quoted(name)}" for name in rule.key)
    kept = f"SELECT older.* FROM ({base}) AS older {{}} JOIN ({keys}) AS newer ON {same}"
    untouched = f"SELECT {_list(columns)} FROM ({kept.format('ANTI')}) WHERE {_ADDED}"
    if rule.engine == "deduplicate":
        return f"{untouched} UNION ALL {_newest(rule, upper, columns)}"
    met = f"{kept.format('SEMI')} UNION ALL {upper}"
    return f"{untouched} UNION ALL {_combined(rule, met, columns, types)}"


def _newest(rule: MergeRule, upper: str, columns: Sequence[str]) -> str:
    newest = f"SELECT {_list(rule.key)}, max({SEQUENCE}) FROM ({upper}) GROUP BY ALL"
    return f"SELECT {_list(columns)} FROM ({upper}) WHERE ({_list((*rule.key, SEQUENCE))}) IN ({newest}) AND {_ADDED}"


def _combined(rule: MergeRule, rows: str, columns: Sequence[str], types: Mapping[str, SqlType]) -> str:
    key = set(rule.key)
    groups = {rule.groups[column] for column in columns if column in rule.groups}
    inner = [f"{quoted(name)}" for name in rule.key] + ['count(*) AS "#"']
    names: dict[tuple[str, ...], str] = {}
    for number, group in enumerate(sorted(groups)):
        names[group] = f'"#{number}"'
        members = [column for column in columns if rule.groups.get(column) == group]
        inner.append(f"{_winner(group, members, types)} AS {names[group]}")
    outer = []
    for column in columns:
        name = quoted(column)
        if column in key:
            outer.append(name)
        elif column in rule.groups:
            inner.append(f"any_value({name}) AS {name}")
            winner = f"struct_extract({names[rule.groups[column]]}, {texted(column)})"
            outer.append(f'CASE WHEN "#" = 1 THEN {name} ELSE {winner} END AS {name}')
        else:
            function = rule.functions[column] if rule.engine == "aggregation" else "last_non_null_value"
            inner.append(f"{_aggregate(function, column, types[column])} AS {name}")
            outer.append(name)
    return f"SELECT {', '.join(outer)} FROM (SELECT {', '.join(inner)} FROM ({rows}) GROUP BY {_list(rule.key)})"


def _winner(group: tuple[str, ...], members: Sequence[str], types: Mapping[str, SqlType]) -> str:
    """The values of the row with the highest sequence; of equal ones the latest; rows without any sequence are none."""
    values = "struct_pack(" + ", ".join(f"{quoted(name)} := {quoted(name)}" for name in members) + ")"
    given = " OR ".join(f"{quoted(name)} IS NOT NULL" for name in group)
    if any(types[name].root in ("FLOAT", "DOUBLE") for name in group):
        raise Unreadable("a sequence of floating point is left to the native reader")
    if len(group) == 1 and types[group[0]].root in _INTEGER_OF:
        # Both numbers in one: a hash table of fixed-size states is much faster than an ordered aggregate.
        order = _INTEGER_OF[types[group[0]].root].format(quoted(group[0]))
        return f"arg_max({values}, {order}::HUGEINT * 18446744073709551616 + {SEQUENCE}) FILTER (WHERE {given})"
    order = ", ".join(f"{quoted(name)} DESC NULLS LAST" for name in group)
    return f"first({values} ORDER BY {order}, {SEQUENCE} DESC) FILTER (WHERE {given})"


def _aggregate(function: str, column: str, kind: SqlType) -> str:
    name = quoted(column)
    match function:
        case "last_non_null_value":
            return f"arg_max({name}, {SEQUENCE}) FILTER (WHERE {name} IS NOT NULL)"
        case "last_value":
            return f"struct_extract(arg_max(struct_pack(v := {name}), {SEQUENCE}), 'v')"
        case "max" | "min" if kind.root not in ("FLOAT", "DOUBLE", "BYTES", "BINARY", "VARBINARY"):
            return f"{function}({name})"
        case "bool_and" | "bool_or":
            return f"{function}({name})"
        case "sum" if kind.root in _NUMBERS:
            return f"CAST(sum({name}) AS {_SUMS[kind.root]})"
        case "sum" if kind.root == "DECIMAL":
            return _decimal_sum(name, kind)
        case _:
            raise Unreadable(f"the aggregation {function} of {column} {kind} is left to the native reader")


_SUMS = {"TINYINT": "TINYINT", "SMALLINT": "SMALLINT", "INT": "INTEGER", "BIGINT": "BIGINT"}


def _decimal_sum(name: str, kind: SqlType) -> str:
    """Paimon's sum is NULL where it outgrows the type, and goes on from there: refused, as nobody means it."""
    if kind.precision > 36:
        raise Unreadable(f"the sum of {kind} is left to the native reader")
    bound = f"{10 ** (kind.precision - kind.scale)}"
    return (
        f"CASE WHEN sum(abs({name})) >= {bound} THEN error('the sum of {name[1:-1].replace(chr(39), '')} outgrows"
        f" its type {kind}') ELSE CAST(sum({name}) AS DECIMAL({kind.precision}, {kind.scale})) END"
    )


def _list(columns: Sequence[str]) -> str:
    return ", ".join(quoted(column) for column in columns)
