"""DuckDB over pinned Paimon tables: the tables are all that a query can read."""

import contextlib
import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

from headwater.duckdb_text import quoted_table
from headwater.problem import HeadwaterError
from resources.paimon.filescan import MEMORY_LIMIT, open_over
from resources.paimon.lakefiles import LakeFiles, files_of
from resources.paimon.reader import PinnedTable

if TYPE_CHECKING:
    import duckdb
    import pyarrow


class ArrowRows(Protocol):
    """Rows that DuckDB can open any number of times (Arrow's PyCapsule interface).

    `rows_read` counts those given so far; `failure` is the error, for a person, with which a pass ended.
    """

    rows_read: int
    failure: HeadwaterError | None

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """A fresh pass over the rows."""
        ...


@dataclass(frozen=True, slots=True)
class Rows:
    """A result as Python values. `types` are DuckDB's; instants have the zone UTC.

    Args:
        truncated: There are more rows than were asked for.
    """

    columns: tuple[str, ...]
    types: tuple[str, ...]
    rows: Sequence[tuple[Any, ...]]
    truncated: bool = False


class Session:
    """One DuckDB in memory, in which `layer.table` stands for a pinned table. A context manager.

    The session's zone is UTC, as in the Flink jobs. Files, network and settings are out of a query's reach.

    Args:
        tables: Each is read only if the query reads it, and once for every place where it does.
        streams: Further rows, by the name that stands for them.
        memory_limit: DuckDB's own memory; more than that is spilled or refused.
        spill_limit: What may be spilled, as `2GB`; as much as the disk has room when left out.
    """

    def __init__(
        self,
        tables: Iterable[PinnedTable] = (),
        *,
        streams: Mapping[str, ArrowRows] | None = None,
        memory_limit: str = MEMORY_LIMIT,
        spill_limit: str | None = None,
    ) -> None:
        given = tuple(tables)
        self._tables: list[PinnedTable] = []
        self._streams = dict(streams or {})
        self._is_locked = False
        # What the tables' files are must be known before the door to all other files is closed.
        paths: dict[LakeFiles, list[str]] = {}
        for table in given:
            if table.is_whole:
                paths.setdefault(files_of(table.lake), []).extend(table.plan.paths)
        self._connection = open_over(paths, memory_limit, spill_limit)
        try:
            for table in given:
                self._add(table, directly=table.is_whole)
            for name, stream in self._streams.items():
                self._connection.register(name, stream)
        except BaseException:
            self._connection.close()
            raise

    def register(self, name: str, rows: ArrowRows) -> None:
        """Make further rows known under a name."""
        self._streams[name] = rows
        self._connection.register(name, rows)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        import duckdb

        # A query that would not stop goes with the process.
        with contextlib.suppress(duckdb.Error):
            self._connection.close()

    def add(self, *tables: PinnedTable) -> None:
        """Make further tables known. Their files are read by a DuckDB of their own: this one reaches no more."""
        for table in tables:
            self._add(table, directly=False)

    def _add(self, table: PinnedTable, *, directly: bool) -> None:
        import duckdb

        number = len(self._tables)
        self._tables.append(table)
        self._connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{table.name.layer.value}"')
        self._connection.register(f"pinned_{number}", table.native_rows() if directly else table)
        rows = table.relation(f"pinned_{number}") if directly else f"SELECT * FROM pinned_{number}"
        try:
            self._connection.execute(f"CREATE VIEW {quoted_table(table.name)} AS {rows}")
        except duckdb.Error as error:
            raise table.explained(error) from error

    @property
    def rows_read(self) -> int:
        """Rows that streams have given so far; those that DuckDB reads from files by itself are not counted."""
        return sum(stream.rows_read for stream in (*self._tables, *self._streams.values()))

    @property
    def progress(self) -> float:
        """Percent of the running query that DuckDB believes to be done; negative when it does not know."""
        return self._connection.query_progress()

    def prepare(self, *statements: str) -> None:
        """Run the platform's own statements, before the query. Raises HeadwaterError when one cannot be run."""
        import duckdb

        for statement in statements:
            try:
                self._connection.execute(statement)
            except duckdb.Error as error:
                raise self._explained(error, statement) from error

    def rows(self, sql: str, limit: int | None = None) -> Rows:
        """Run one SELECT. Raises HeadwaterError with DuckDB's message and the place in the text."""
        import duckdb

        try:
            relation = self._relation(sql)
            columns, types = tuple(relation.columns), tuple(str(kind) for kind in relation.types)
            found = (relation if limit is None else relation.limit(limit + 1)).fetchall()
        except duckdb.Error as error:
            raise self._explained(error, sql) from error
        truncated = limit is not None and len(found) > limit
        return Rows(columns, types, found[:limit] if truncated else found, truncated)

    def arrow(self, sql: str, limit: int | None = None) -> "pyarrow.Table":
        """Run one SELECT, the result as an Arrow table of at most so many rows. Raises as `rows` does."""
        import duckdb

        try:
            relation = self._relation(sql)
            return (relation if limit is None else relation.limit(limit)).to_arrow_table()
        except duckdb.Error as error:
            raise self._explained(error, sql) from error

    def interrupt(self) -> None:
        """Make the running query end with an error; from another thread."""
        self._connection.interrupt()

    def _relation(self, sql: str) -> "duckdb.DuckDBPyRelation":
        if not self._is_locked:
            self._connection.execute("SET lock_configuration = true")
            self._is_locked = True
        return self._connection.sql(single_select(sql))

    def _explained(self, error: Exception, sql: str) -> HeadwaterError:
        import duckdb

        for stream in (*self._tables, *self._streams.values()):
            if stream.failure is not None:
                return stream.failure
        # What a file system in Python raises comes without a kind.
        if isinstance(error, duckdb.IOException) or type(error) is duckdb.Error:
            for table in self._tables:
                if any(path in str(error) for path in table.plan.paths):
                    return table.explained(error)
        if isinstance(error, duckdb.BinderException | duckdb.CatalogException):
            return sql_error(self._placed(sql) or error)
        return sql_error(error)

    def _placed(self, sql: str) -> Exception | None:
        """The same mistake once more, over empty tables with all their columns.

        A relation's error names no place in the text, and knows only the columns that the scan was asked for.
        """
        import duckdb
        import pyarrow

        with duckdb.connect(":memory:", config={"enable_external_access": "false"}) as connection:
            for number, table in enumerate(self._tables):
                connection.register(f"empty_{number}", pyarrow.Table.from_batches([], table.full_schema()))
                connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{table.name.layer.value}"')
                connection.execute(f"CREATE VIEW {quoted_table(table.name)} AS SELECT * FROM empty_{number}")
            try:
                connection.execute(sql)
            except duckdb.Error as error:
                return error
        return None


def single_select(sql: str) -> str:
    """The text if it is one SELECT. Raises HeadwaterError when it does not parse, or is more or something else."""
    import duckdb

    with duckdb.connect(":memory:") as connection:
        try:
            statements = connection.extract_statements(sql)
        except duckdb.Error as error:
            raise sql_error(error) from error
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise HeadwaterError(
            f"One SELECT is wanted, and the text has {len(statements)} statements"
            if len(statements) != 1
            else f"Only a SELECT can be run, not {statements[0].type.name}",
            next_command='headwater query "SELECT …"',
        )
    return statements[0].query.strip().rstrip(";")


def table_names(sql: str) -> tuple[str, ...]:
    """The tables that a SELECT names, CTEs left out, as it spells them; for text that only DuckDB can parse.

    DuckDB binds the text to do so, over tables without columns: a JOIN … USING fails here. Raises HeadwaterError then.
    """
    import duckdb

    with duckdb.connect(":memory:") as connection:
        try:
            named = connection.get_table_names(sql, qualified=True)
        except duckdb.Error as error:
            raise sql_error(error) from error
    # DuckDB adds the alias to a qualified name.
    return tuple(sorted({re.split(r"\s+AS\s+", name)[0].replace('"', "") for name in named}))


def sql_error(error: Exception) -> HeadwaterError:
    """DuckDB's error for a person: its message, and the line with the mark under the place."""
    kind, _, rest = str(error).partition(": ")
    message = rest if kind.endswith("Error") else str(error)
    if "memory" in kind.lower():
        return HeadwaterError(
            f"The query needs more memory than it may use: {message.splitlines()[0]}",
            next_command="select fewer columns or rows, or group earlier",
        )
    return HeadwaterError(f"DuckDB: {message.strip()}", next_command="correct the SQL")


def run_interruptibly(session: Session, sql: str, limit: int | None, waiting: Callable[[Session], None]) -> Rows:
    """Run a SELECT in a thread of its own, so that Ctrl-C is heard at once.

    Args:
        waiting: Called every tenth of a second with the session while the query runs.

    Raises what `Session.rows` raises, and KeyboardInterrupt once the query has been told to stop.
    """
    result: list[Rows] = []
    failure: list[BaseException] = []

    def work() -> None:
        try:
            result.append(session.rows(sql, limit))
        except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
            failure.append(error)

    thread = threading.Thread(target=work, name="query", daemon=True)
    thread.start()
    try:
        while thread.is_alive():
            thread.join(0.1)
            waiting(session)
    except KeyboardInterrupt:
        # An interrupt that comes before the query runs stops nothing: it is said again until the query has ended.
        for _ in range(100):
            session.interrupt()
            thread.join(0.1)
            if not thread.is_alive():
                break
        raise
    if failure:
        raise failure[0]
    return result[0]
