"""What a SELECT needs of each table it reads, so that a scan can leave the rest out.

The scan's filter is an optimisation: the engine evaluates the whole SELECT over what the scan gives. So a column or
comparison is worked out only where leaving out rows or columns provably changes nothing; in doubt, nothing is pushed.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation

from sqlglot import exp

from headwater.batch import Comparison, Literal, Operator, TableScan
from headwater.flinksql import cast_type
from headwater.model import TableName

_OPERATORS: dict[type[exp.Expr], Operator] = {
    exp.EQ: Operator.EQUAL,
    exp.NEQ: Operator.UNEQUAL,
    exp.LT: Operator.LESS,
    exp.LTE: Operator.LESS_EQUAL,
    exp.GT: Operator.GREATER,
    exp.GTE: Operator.GREATER_EQUAL,
}
_MIRRORED = {
    Operator.EQUAL: Operator.EQUAL,
    Operator.UNEQUAL: Operator.UNEQUAL,
    Operator.LESS: Operator.GREATER,
    Operator.LESS_EQUAL: Operator.GREATER_EQUAL,
    Operator.GREATER: Operator.LESS,
    Operator.GREATER_EQUAL: Operator.LESS_EQUAL,
}
_TIMESTAMPS = {
    exp.DType.TIMESTAMP: "TIMESTAMP",
    exp.DType.TIMESTAMPNTZ: "TIMESTAMP",
    exp.DType.TIMESTAMPTZ: "TIMESTAMP_LTZ",
    exp.DType.TIMESTAMPLTZ: "TIMESTAMP_LTZ",
}
_UNITS = {
    "DAY": timedelta(days=1),
    "HOUR": timedelta(hours=1),
    "MINUTE": timedelta(minutes=1),
    "SECOND": timedelta(seconds=1),
}
_MOST_DATES = 400
_PLAIN_TABLE = {"this", "db", "alias"}


def scans(
    statement: exp.Expr,
    tables: Mapping[TableName, Sequence[str]],
    calendars: Mapping[str, Mapping[str, Sequence[Literal]]] | None = None,
) -> dict[TableName, TableScan]:
    """What the statement needs of each of these tables; everything of those that it does not visibly read.

    Args:
        statement: A parsed query, in any dialect whose tables stand as `layer.table`.
        tables: The columns of every table, in order.
        calendars: Of small relations such as `calendar.local_day` the values of each column; a comparison with such a
            column becomes one with the values' least or greatest.
    """
    words = {identifier.name.lower() for identifier in statement.find_all(exp.Identifier)}
    words |= {column.name.lower() for column in statement.find_all(exp.Column)}
    found: dict[TableName, list[_Occurrence]] = {name: [] for name in tables}
    opaque = _names_columns_by_pattern(statement)
    seen: set[int] = set()
    for select in statement.find_all(exp.Select):
        for occurrence in _Sources(select, tables, calendars or {}).occurrences():
            found[occurrence.name].append(occurrence)
            seen.add(id(occurrence.node))
    hidden = {_name(table) for table in statement.find_all(exp.Table) if id(table) not in seen}
    result = {}
    for name, occurrences in found.items():
        if not occurrences or name in hidden:
            result[name] = TableScan()
            continue
        whole = opaque or any(occurrence.whole for occurrence in occurrences) or _row_names(occurrences) & words
        columns = None if whole else tuple(column for column in tables[name] if column.lower() in words)
        where = tuple(c for c in occurrences[0].where if all(c in other.where for other in occurrences))
        result[name] = TableScan(columns, where)
    return result


def conditions_on(statement: exp.Expr, relation: str) -> Sequence[tuple[str, Sequence[str]]]:
    """Of each place that reads this small relation its alias, and conditions on it alone, as DuckDB's text.

    A row for which the conditions of no place hold changes nothing in the answer. Nothing is given when a place cannot
    be understood.
    """
    found = [
        each
        for select in statement.find_all(exp.Select)
        for each in _Sources(select, {}, {relation: {}}).conditions_on(relation)
    ]
    places = [table for table in statement.find_all(exp.Table) if _spelled(table) == relation]
    return found if len(found) == len(places) else ()


@dataclass(slots=True)
class _Occurrence:
    """One place where a query names a table in FROM or JOIN."""

    name: TableName
    node: exp.Table
    whole: bool = False
    where: tuple[Comparison, ...] = ()


@dataclass(slots=True)
class _Source:
    """A direct source of one SELECT. `columns` is None when they are not known (a sub-query, say)."""

    alias: str
    node: exp.Expr
    name: TableName | None
    columns: Sequence[str] | None
    plain: bool
    nullable: bool = False
    own_condition: exp.Expr | None = None


@dataclass(slots=True)
class _Sources:
    """The FROM and JOINs of one SELECT."""

    select: exp.Select
    tables: Mapping[TableName, Sequence[str]]
    calendars: Mapping[str, Mapping[str, Sequence[Literal]]]
    sources: list[_Source] = field(default_factory=list)
    conditions: list[exp.Expr] = field(default_factory=list)
    pushable: bool = True
    natural: bool = False

    def occurrences(self) -> Iterator[_Occurrence]:
        self._gather()
        starred = self._starred()
        for source in self.sources:
            if source.name is None:
                continue
            whole = not source.plain or self.natural or source.alias in starred or "" in starred
            where = self._where(source) if self.pushable and source.plain else ()
            assert isinstance(source.node, exp.Table)
            yield _Occurrence(source.name, source.node, whole, where)

    def conditions_on(self, relation: str) -> Iterator[tuple[str, Sequence[str]]]:
        self._gather()
        for source in self.sources:
            if _spelled(source.node) == relation:
                sound = self.pushable and source.plain and not source.nullable
                parts = [part for condition in self.conditions if sound for part in _conjuncts(condition)]
                yield source.alias, [part.sql(dialect="duckdb") for part in parts if _is_about(part, source.alias)]

    def _gather(self) -> None:
        from_ = self.select.args.get("from_")
        if from_ is None:
            return
        self._add(from_.this)
        for join in self.select.args.get("joins") or ():
            self._join(join)
        if where := self.select.args.get("where"):
            self.conditions.append(where.this)
        if any(self.select.args.get(part) for part in ("laterals", "pivots", "sample", "connect", "match")):
            self.pushable = False

    def _add(self, node: exp.Expr) -> _Source:
        name = _name(node)
        name = name if name in self.tables else None
        columns: Sequence[str] | None = self.tables[name] if name else None
        calendar = self.calendars.get(_spelled(node))
        if calendar is not None:
            columns = tuple(calendar)
        set_args = {key for key, value in node.args.items() if value}
        alias = node.args.get("alias")
        plain = isinstance(node, exp.Table) and set_args <= _PLAIN_TABLE and not (alias and alias.args.get("columns"))
        source = _Source((node.alias_or_name or "").lower(), node, name, columns, plain)
        self.sources.append(source)
        return source

    def _join(self, join: exp.Join) -> None:
        side, kind, method = join.side.upper(), join.kind.upper(), (join.method or "").upper()
        self.natural = self.natural or method == "NATURAL"
        if method or kind not in ("", "INNER", "CROSS", "OUTER") or side not in ("", "LEFT", "RIGHT", "FULL"):
            self.pushable = False
        if side in ("RIGHT", "FULL"):
            for earlier in self.sources:
                earlier.nullable = True
        source = self._add(join.this)
        condition = join.args.get("on")
        if side in ("LEFT", "FULL"):
            source.nullable = True
            source.own_condition = condition if side == "LEFT" else None
        elif condition is not None and not side:
            self.conditions.append(condition)

    def _starred(self) -> set[str]:
        """Aliases whose every column the SELECT takes; "" stands for all sources."""
        starred: set[str] = set()
        for star in self.select.find_all(exp.Star):
            if star.find_ancestor(exp.Select) is not self.select or _is_count(star.parent):
                continue
            starred.add(star.parent.table.lower() if isinstance(star.parent, exp.Column) else "")
        return starred

    def _where(self, source: _Source) -> tuple[Comparison, ...]:
        """Comparisons that reject every row of this source that they are not true for."""
        conditions = [] if source.nullable else list(self.conditions)
        if source.own_condition is not None:
            conditions.append(source.own_condition)
        found = (comparison for condition in conditions for comparison in self._comparisons(condition, source))
        return tuple(dict.fromkeys(found))

    def _comparisons(self, condition: exp.Expr, source: _Source) -> Iterator[Comparison]:
        for part in _conjuncts(condition):
            match part:
                case exp.Between() if not part.args.get("symmetric"):
                    yield from self._compared(part.this, Operator.GREATER_EQUAL, part.args["low"], source)
                    yield from self._compared(part.this, Operator.LESS_EQUAL, part.args["high"], source)
                    yield from self._among_dates(part, source)
                case exp.In():
                    yield from self._member(part, source)
                case exp.Is() | exp.Not(this=exp.Is()):
                    yield from self._null_test(part, source)
                case _ if type(part) in _OPERATORS:
                    operator = _OPERATORS[type(part)]
                    yield from self._compared(part.this, operator, part.expression, source)
                    yield from self._compared(part.expression, _MIRRORED[operator], part.this, source)

    def _compared(self, left: exp.Expr, operator: Operator, right: exp.Expr, source: _Source) -> Iterator[Comparison]:
        column = self._column(left, source)
        if column is None:
            return
        value = _literal(right)
        if value is not None:
            yield Comparison(column, operator, (value,))
            return
        values = self._calendar_values(right)
        if not values:
            return
        match operator:
            case Operator.EQUAL:
                yield Comparison(column, Operator.IN, tuple(sorted(set(values))))
            case Operator.GREATER | Operator.GREATER_EQUAL:
                yield Comparison(column, operator, (min(values),))
            case Operator.LESS | Operator.LESS_EQUAL:
                yield Comparison(column, operator, (max(values),))

    def _among_dates(self, part: exp.Between, source: _Source) -> Iterator[Comparison]:
        """The dates between two of a calendar's, row by row, where they leave out some of those in between all."""
        column = self._column(part.this, source)
        low, high = (self._calendar_values(part.args[side]) for side in ("low", "high"))
        if column is None or not low or len(low) != len(high):
            return
        spans = [(a, b) for a, b in zip(low, high, strict=True) if type(a) is date and type(b) is date and a <= b]
        if len(spans) < len(low) or sum((b - a).days for a, b in spans) > _MOST_DATES:
            return
        dates = sorted({a + timedelta(days=number) for a, b in spans for number in range((b - a).days + 1)})
        if len(dates) <= (dates[-1] - dates[0]).days:
            yield Comparison(column, Operator.IN, tuple(dates))

    def _member(self, part: exp.In, source: _Source) -> Iterator[Comparison]:
        column = self._column(part.this, source)
        values = [_literal(item) for item in part.expressions]
        if column and values and not part.args.get("query") and all(value is not None for value in values):
            yield Comparison(column, Operator.IN, tuple(value for value in values if value is not None))

    def _null_test(self, part: exp.Expr, source: _Source) -> Iterator[Comparison]:
        test = part.this if isinstance(part, exp.Not) else part
        column = self._column(test.this, source)
        if column and isinstance(test.expression, exp.Null) and source.own_condition is None:
            yield Comparison(column, Operator.NOT_NULL if isinstance(part, exp.Not) else Operator.NULL)

    def _column(self, node: exp.Expr, source: _Source) -> str | None:
        """The table's name of the column, when the node is a column of this very source and no other."""
        if not isinstance(node, exp.Column) or node.args.get("db") or isinstance(node.this, exp.Star):
            return None
        owner = self._owner(node)
        if owner is not source or source.name is None:
            return None
        wanted = node.name.lower()
        return next((column for column in self.tables[source.name] if column.lower() == wanted), None)

    def _owner(self, column: exp.Column) -> _Source | None:
        if column.table:
            named = [source for source in self.sources if source.alias == column.table.lower()]
            return named[0] if len(named) == 1 else None
        if any(source.columns is None for source in self.sources) and len(self.sources) > 1:
            return None
        wanted = column.name.lower()
        having = [s for s in self.sources if wanted in {name.lower() for name in s.columns or ()}]
        return having[0] if len(having) == 1 else None

    def _calendar_values(self, node: exp.Expr) -> Sequence[Literal]:
        match node:
            case exp.Paren():
                return self._calendar_values(node.this)
            case exp.Cast() if _cast_kind(node) == "DATE":
                return [_utc_date(value) for value in self._calendar_values(node.this) if isinstance(value, datetime)]
            case exp.Add() | exp.Sub():
                return self._moved(node)
            case exp.Column():
                owner = self._owner(node)
                calendar = self.calendars.get(_spelled(owner.node)) if owner is not None else None
                return calendar.get(node.name.lower(), ()) if calendar else ()
        return ()

    def _moved(self, node: exp.Add | exp.Sub) -> Sequence[Literal]:
        """The values of a calendar's instants, moved by a literal interval; in UTC a day has 24 hours."""
        by = _interval(node.expression)
        if by is None:
            return ()
        by = by if isinstance(node, exp.Add) else -by
        return [value + by for value in self._calendar_values(node.this) if isinstance(value, datetime)]


def _name(node: exp.Expr) -> TableName | None:
    if not isinstance(node, exp.Table) or not node.db or node.catalog:
        return None
    try:
        return TableName.parse(f"{node.db.lower()}.{node.name}")
    except ValueError:
        return None


def _spelled(node: exp.Expr) -> str:
    return f"{node.db}.{node.name}".lower() if isinstance(node, exp.Table) else ""


def _is_about(condition: exp.Expr, alias: str) -> bool:
    """It compares columns of this source with nothing but literals, and means the same whenever it is asked."""
    columns = list(condition.find_all(exp.Column))
    others = (node for node in condition.walk() if isinstance(node, exp.Query | exp.Window | exp.Parameter | exp.Func))
    strange = any(not isinstance(node, exp.Cast | exp.Connector) for node in others)
    return bool(columns) and not strange and all(column.table.lower() == alias for column in columns)


def _interval(node: exp.Expr) -> timedelta | None:
    """The length of `INTERVAL '7' DAY`, as Flink and DuckDB spell it; None for what is not understood."""
    unit = node.args.get("unit") if isinstance(node, exp.Interval) else None
    length = _UNITS.get(unit.name.upper().removesuffix("S")) if unit is not None else None
    amount = node.this
    if length is None or not isinstance(amount, exp.Literal) or not amount.name.isdigit():
        return None
    return int(amount.name) * length


def _is_count(node: exp.Expr | None) -> bool:
    return isinstance(node, exp.Count) or (isinstance(node, exp.Anonymous) and node.name.upper() == "COUNT")


def _cast_kind(node: exp.Cast) -> str:
    """DATE, TIMESTAMP or TIMESTAMP_LTZ, from the tree of any dialect; "" for other types."""
    named = cast_type(node)
    if named is not None:
        return named.root
    return "DATE" if node.to.this is exp.DType.DATE else _TIMESTAMPS.get(node.to.this, "")


def _names_columns_by_pattern(statement: exp.Expr) -> bool:
    """DuckDB's COLUMNS(…) and PIVOT take columns that the text does not name."""
    if any(True for _ in statement.find_all(exp.Pivot, exp.Columns)):
        return True
    return any(call.name.upper() == "COLUMNS" for call in statement.find_all(exp.Anonymous))


def _row_names(occurrences: Sequence[_Occurrence]) -> set[str]:
    """Names by which an expression could mean the whole row of a table, as in `SELECT t FROM dwd.t`."""
    names = set()
    for occurrence in occurrences:
        root = occurrence.node.root()
        alias = (occurrence.node.alias_or_name or "").lower()
        if any(not column.table and column.name.lower() == alias for column in root.find_all(exp.Column)):
            names.add(alias)
    return names


def _conjuncts(condition: exp.Expr) -> Iterator[exp.Expr]:
    bare = condition.unnest()
    if isinstance(bare, exp.And):
        yield from _conjuncts(bare.this)
        yield from _conjuncts(bare.expression)
    else:
        yield bare


def _literal(node: exp.Expr) -> Literal | None:
    """The value of a literal, or None when the node is not one that is understood."""
    try:
        match node:
            case exp.Literal():
                return node.name if node.is_string else _number(node.name)
            case exp.Neg(this=exp.Literal()) if not node.this.is_string:
                return -_number(node.this.name)
            case exp.Boolean():
                return bool(node.this)
            case exp.Cast(this=exp.Literal()) if node.this.is_string and _cast_kind(node) == "DATE":
                return date.fromisoformat(node.this.name)
            case exp.Cast(this=exp.Literal()) if node.this.is_string and _cast_kind(node) in _TIMESTAMPS.values():
                return datetime.fromisoformat(node.this.name)
    except (ValueError, InvalidOperation):
        return None
    return None


def _number(text: str) -> int | Decimal:
    return int(text) if text.isdigit() else Decimal(text)


def _utc_date(instant: datetime) -> date:
    return instant.astimezone(UTC).date()
