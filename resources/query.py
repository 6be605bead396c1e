"""SQL over the lake: every table pinned to one snapshot, once, and the answer names them."""

import contextlib
import difflib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from headwater.batch import Literal, PinnedInput, Served, TableScan
from headwater.duckdb_text import texted
from headwater.model import Market, TableName
from headwater.problem import HeadwaterError
from headwater.pushdown import scans
from headwater.sofar import QUERY_CALENDARS
from resources.calendar import Rows as CalendarRows
from resources.calendar import bounds, chosen_rows, statements
from resources.duckdb import MEMORY_LIMIT, Rows, Session, run_interruptibly, single_select, table_names
from resources.paimon.lakefiles import Lake, RemoteLake
from resources.paimon.reader import PinnedTable
from resources.paimon.store import FilesystemTableStore

if TYPE_CHECKING:
    import pyarrow
    from sqlglot import exp


Moment = int | str | datetime
"""A snapshot by its number, by a tag of it, or as the newest one committed by a time."""

_QUOTED_OR_NAME = re.compile(
    r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|/\*.*?\*/|\$\$.*?\$\$|\$(?P<name>[A-Za-z_]\w*)""", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Answer:
    """Rows, the snapshots they were computed from, and by which path each was read."""

    rows: Rows
    inputs: tuple[PinnedInput, ...]
    served: Mapping[TableName, Served]

    @property
    def as_of(self) -> datetime | None:
        """The oldest commit among the snapshots: the answer holds nothing newer in every table. None without tables."""
        return oldest(self.inputs)


@dataclass(frozen=True, slots=True)
class ArrowAnswer:
    """The same in Arrow's form; a repeated column name is kept as DuckDB gives it.

    Args:
        truncated: There are more rows than were asked for.
    """

    rows: "pyarrow.Table"
    inputs: tuple[PinnedInput, ...]
    served: Mapping[TableName, Served]
    truncated: bool = False

    @property
    def as_of(self) -> datetime | None:
        """As an `Answer`'s."""
        return oldest(self.inputs)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A query, ready to be run over its pinned tables."""

    session: Session
    text: str
    inputs: tuple[PinnedInput, ...]
    tables: Sequence[PinnedTable]

    @property
    def served(self) -> Mapping[TableName, Served]:
        return {table.name: table.served for table in self.tables}


def oldest(inputs: Sequence[PinnedInput]) -> datetime | None:
    """The oldest commit among the snapshots; None when there are none."""
    return min((pinned.snapshot.committed_at for pinned in inputs), default=None)


def answer(
    lake: Lake,
    sql: str,
    *,
    at: Mapping[TableName, Moment] | Moment | None = None,
    limit: int | None = None,
    memory_limit: str = MEMORY_LIMIT,
    waiting: Callable[[Session], None] = lambda session: None,
    markets: Callable[[], Sequence[Market]] = tuple,
    now: datetime | None = None,
) -> Answer:
    """Answer a SELECT in DuckDB's dialect over the tables of the lake, `layer.table`.

    Args:
        at: What to read instead of the newest snapshot: its number, a tag, or a time, at which the newest one
            committed by then is meant. By table; or one of them alone: a time for every table, a number or tag when
            the query reads one table.
        limit: Rows at most.
        waiting: Called while the query runs.
        markets: Called for the markets when the query reads the calendar (headwater.sofar).
        now: What the calendar takes for now, at most as far as the tables are complete; the clock's when left out.

    Raises HeadwaterError for a table that is unknown, not committed to, expired or not readable, and for wrong SQL;
    KeyboardInterrupt after the query was stopped.
    """
    with _asked(lake, sql, at, memory_limit, markets, now) as asked:
        rows = run_interruptibly(asked.session, asked.text, limit, waiting)
    return Answer(rows, asked.inputs, asked.served)


def arrow_answer(
    lake: Lake,
    sql: str,
    *,
    at: Mapping[TableName, Moment] | Moment | None = None,
    limit: int | None = None,
    memory_limit: str = MEMORY_LIMIT,
    spill_limit: str | None = None,
    markets: Callable[[], Sequence[Market]] = tuple,
    now: datetime | None = None,
) -> ArrowAnswer:
    """As `answer`, with the rows in Arrow's form; it is not interrupted by Ctrl-C while DuckDB works.

    Args:
        spill_limit: What may be spilled to disk, as `2GB`.
    """
    with _asked(lake, sql, at, memory_limit, markets, now, spill_limit) as asked:
        rows = asked.session.arrow(asked.text, None if limit is None else limit + 1)
    if limit is None or rows.num_rows <= limit:
        return ArrowAnswer(rows, asked.inputs, asked.served)
    return ArrowAnswer(rows.slice(0, limit), asked.inputs, asked.served, truncated=True)


@contextlib.contextmanager
def _asked(
    lake: Lake,
    sql: str,
    at: Mapping[TableName, Moment] | Moment | None,
    memory_limit: str,
    markets: Callable[[], Sequence[Market]],
    now: datetime | None,
    spill_limit: str | None = None,
) -> Iterator[_Asked]:
    """Pin every table that the query names, and open a session over what it needs of them."""
    store = FilesystemTableStore(lake)
    text = single_select(sql)
    statement = _parsed(text)
    named = _named(text, statement)
    names = _resolve(store, tuple(name for name in named if name.lower() not in QUERY_CALENDARS))
    inputs = _pin(store, names, at)
    asked = [name.lower() for name in named if name.lower() in QUERY_CALENDARS]
    days = _calendars(asked, statement, inputs, markets, now or datetime.now(UTC)) if asked else {}
    needs = _needs(store, statement, names, bounds(days))
    tables = [
        PinnedTable(
            lake,
            pinned.table,
            pinned.snapshot.id,
            needs[pinned.table].columns,
            needs[pinned.table].where,
            pinned.tag,
        )
        for pinned in inputs
    ]
    with Session(tables, memory_limit=memory_limit, spill_limit=spill_limit) as session:
        if days:
            session.prepare(*statements(days))
        yield _Asked(session, text, inputs, tables)


def parse_moment(text: str) -> Moment:
    """A number is a snapshot's, what begins as a date is a time, anything else a tag. Without a zone it is UTC.

    Raises ValueError, in words.
    """
    if text.isdigit():
        return int(text)
    if not re.match(r"\d{4}-\d{2}-\d{2}([T ]|$)", text):
        if not text:
            raise ValueError("a snapshot's number, a tag or a time is missing")
        return text
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"«{text}» is no time: {error}; write 2026-11-22T08:00Z") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def parse_moments(texts: Sequence[str]) -> Mapping[TableName, Moment] | Moment | None:
    """`TABLE=MOMENT` any number of times, or one moment alone; None for nothing. Raises ValueError, in words."""
    if len(texts) == 1 and "=" not in texts[0]:
        return parse_moment(texts[0])
    chosen: dict[TableName, Moment] = {}
    for text in texts:
        name, mark, moment = text.partition("=")
        try:
            if not mark:
                raise ValueError
            chosen[TableName.parse(name)] = parse_moment(moment)
        except ValueError:
            raise ValueError(
                f"«{text}» is not TABLE=SNAPSHOT, such as dwd.orders=42, dwd.orders=month-end or"
                " dwd.orders=2026-11-22T08:00Z"
            ) from None
    return chosen or None


def with_values(sql: str, values: Mapping[str, str]) -> str:
    """The query with each `$name` outside quotes and comments replaced by its value as a text literal.

    DuckDB takes such a literal for a date or a number where it is compared with one. Raises HeadwaterError for a name
    without a value, and for a value without a name.
    """
    used: set[str] = set()

    def written(found: re.Match[str]) -> str:
        name = found.group("name")
        if name is None:
            return found.group()
        if name not in values:
            raise HeadwaterError(f"The query has ${name}, and no value for it", next_command=f"--set {name}=…")
        used.add(name)
        return texted(values[name])

    text = _QUOTED_OR_NAME.sub(written, sql)
    stray = [name for name in values if name not in used]
    if stray:
        raise HeadwaterError(f"The query has no ${stray[0]}", next_command=f"leave out --set {stray[0]}")
    return text


def _calendars(
    asked: Sequence[str],
    statement: "exp.Expr | None",
    inputs: Sequence[PinnedInput],
    markets: Callable[[], Sequence[Market]],
    now: datetime,
) -> dict[str, CalendarRows]:
    """The rows of these relations of the calendar.

    Now is when the tables are complete up to, where they say so: today so far, up to a moment that the table has not
    come to, would be less than it is.
    """
    declared = markets()
    if not declared:
        raise HeadwaterError(
            f"{asked[0]} has a row for each market, and the warehouse has none",
            next_command="declare them in markets.yaml",
        )
    known = [pinned.snapshot.watermark for pinned in inputs if pinned.snapshot.watermark is not None]
    return {name: chosen_rows(name, declared, min([now, *known]), statement) for name in asked}


def _resolve(store: FilesystemTableStore, spelled: tuple[str, ...]) -> tuple[TableName, ...]:
    known = {str(name).lower(): name for name in store.tables()}
    unknown = [name for name in spelled if name.lower() not in known]
    if not unknown:
        return tuple(dict.fromkeys(known[name.lower()] for name in spelled))
    if not known:
        raise HeadwaterError(
            f"There is no table {unknown[0]}: the lake {store.lake} is empty",
            next_command=f"name the place that holds {spelled[0].partition('.')[0]}.db with --lake"
            if isinstance(store.lake, RemoteLake)
            else "headwater up, or headwater apply when the stack runs",
        )
    meant = _meant(unknown[0], known)
    raise HeadwaterError(
        f"There is no table {unknown[0]}" + (f"; did you mean {meant}?" if meant else ""),
        left=f"the tables are {', '.join(str(name) for name in known.values())}",
        next_command="name a table as layer.table",
    )


def _meant(spelled: str, known: Mapping[str, TableName]) -> TableName | None:
    bare = [name for name in known.values() if name.table.lower() == spelled.lower()]
    close = difflib.get_close_matches(spelled.lower(), known, n=1, cutoff=0.6)
    return bare[0] if bare else known[close[0]] if close else None


def _pin(
    store: FilesystemTableStore, names: tuple[TableName, ...], at: Mapping[TableName, Moment] | Moment | None
) -> tuple[PinnedInput, ...]:
    if isinstance(at, datetime):
        at = dict.fromkeys(names, at)
    elif isinstance(at, int | str):
        if len(names) != 1:
            raise HeadwaterError(
                f"--at {at} does not say of which table: the query reads {', '.join(map(str, names)) or 'none'}",
                next_command=f"--at {names[0] if names else 'layer.table'}={at}",
            )
        at = {names[0]: at}
    at = at or {}
    stray = [name for name in at if name not in names]
    if stray:
        raise HeadwaterError(
            f"--at names {stray[0]}, which the query does not read",
            next_command=f"leave it out; the query reads {', '.join(map(str, names)) or 'no table'}",
        )
    return tuple(_pinned(store, name, at.get(name)) for name in names)


def _pinned(store: FilesystemTableStore, name: TableName, moment: Moment | None) -> PinnedInput:
    match moment:
        case None:
            snapshot = store.latest_snapshot(name)
        case int():
            snapshot = store.snapshot(name, moment)
        case str():
            return PinnedInput(name, store.tagged(name, moment), moment)
        case datetime():
            snapshot = store.snapshot_at(name, moment)
    if snapshot is None:
        raise HeadwaterError(
            f"{name} has no snapshot yet: nothing has been committed to it",
            next_command="headwater status, to see whether its job runs",
        )
    return PinnedInput(name, snapshot)


def _parsed(sql: str) -> "exp.Expr | None":
    """The tree, or None where this parser does not know what DuckDB does."""
    import sqlglot
    from sqlglot.errors import SqlglotError

    try:
        return sqlglot.parse_one(sql, dialect="duckdb")
    except SqlglotError:
        return None


def _named(sql: str, statement: "exp.Expr | None") -> tuple[str, ...]:
    """The tables that the text names, as it spells them, CTEs left out."""
    from sqlglot import exp

    if statement is None:
        return table_names(sql)
    ctes = {cte.alias.lower() for cte in statement.find_all(exp.CTE)}
    tables = [table for table in statement.find_all(exp.Table) if isinstance(table.this, exp.Identifier)]
    names = {f"{table.db}.{table.name}" if table.db else table.name for table in tables}
    return tuple(sorted(name for name in names if name.lower() not in ctes))


def _needs(
    store: FilesystemTableStore,
    statement: "exp.Expr | None",
    names: tuple[TableName, ...],
    calendars: Mapping[str, Mapping[str, Sequence[Literal]]],
) -> Mapping[TableName, TableScan]:
    if statement is None:
        return {name: TableScan() for name in names}
    columns = {}
    for name in names:
        table = store.table(name)
        assert table is not None
        columns[name] = tuple(column.name for column in table.columns)
    return scans(statement, columns, calendars)
