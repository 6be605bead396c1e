"""The editions of a report's partitions, read from its snapshots, and what one changed against the one before."""

import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from headwater.batch import Comparison, Operator, Partition, PinnedInput
from headwater.calendar import last_date, period
from headwater.duckdb_text import quoted
from headwater.edition import Change, Edition, editions
from headwater.model import Grain, Layer, TableName
from resources.paimon.lakefiles import read_small
from resources.paimon.layout import numbered, parse_metadata, table_path
from resources.paimon.reader import scan
from resources.paimon.store import FilesystemTableStore

if TYPE_CHECKING:
    import pyarrow

# Doubles that were added up in another order differ in their last digits.
_TOLERANCE = 1e-9


def history(store: FilesystemTableStore, report: TableName, up_to: int | None = None) -> Iterator[Edition]:
    """Every edition that the report's snapshots still hold, newest first; up to a snapshot when one is given."""
    folder = f"{table_path(store.lake, report)}/snapshot"
    for number in reversed(numbered(folder, "snapshot-")):
        content = read_small(f"{folder}/snapshot-{number}") if up_to is None or number <= up_to else None
        if content is not None:
            fields = parse_metadata(f"{folder}/snapshot-{number}", content)
            committed_at = datetime.fromtimestamp(fields["timeMillis"] / 1000, UTC)
            yield from editions(number, committed_at, fields.get("properties") or {})


def newest(store: FilesystemTableStore, report: TableName, up_to: int | None = None) -> dict[Partition, Edition]:
    """The newest edition of each partition."""
    found: dict[Partition, Edition] = {}
    for edition in history(store, report, up_to):
        found.setdefault(edition.written.partition, edition)
    return found


def gaps(store: FilesystemTableStore, pinned: PinnedInput, partitions: Sequence[Partition]) -> set[Partition]:
    """Those of the partitions for which a report that is read has no complete partition of the same time.

    Nothing else says of a report that it is complete: it has no watermark. An edition whose snapshot has expired counts
    as not there.
    """
    table = store.table(pinned.table)
    if pinned.table.layer is not Layer.RPT or table is None:
        return set()
    grain = Grain.MONTH if Grain.MONTH.column in table.partition_by else Grain.DAY
    made = newest(store, pinned.table, pinned.snapshot.id)
    complete = {part for part, edition in made.items() if edition.written.complete}
    return {part for part in partitions if not complete.issuperset(_within(part, grain))}


def _within(partition: Partition, grain: Grain) -> Iterator[Partition]:
    """The partitions of this grain that share a date with this one."""
    first = partition.local_date
    last = last_date(first) if partition.grain is Grain.MONTH else first
    days = (first + timedelta(days=offset) for offset in range((last - first).days + 1))
    for begin in dict.fromkeys(period(day, grain) for day in days):
        yield Partition(partition.market, begin, grain)


def rows_of(store: FilesystemTableStore, report: TableName, partitions: Sequence[Partition]) -> "pyarrow.Table | None":
    """The rows that the report has of these partitions now, perhaps among others; None before its first commit."""
    snapshot = store.latest_snapshot(report)
    if snapshot is None or not partitions:
        return None
    column = partitions[0].grain.column
    where = [
        Comparison("market", Operator.IN, tuple(sorted({part.market for part in partitions}))),
        Comparison(column, Operator.IN, tuple(sorted({part.local_date for part in partitions}))),
    ]
    return scan(store.lake, report, snapshot.id, where=where).read_all()


class Contents:
    """A report's rows by partition: counted, added up, and compared with those before.

    Args:
        grain: Of the report.
        rows: With the report's columns; None for no rows.
    """

    def __init__(self, grain: Grain, rows: "pyarrow.Table | None") -> None:
        self._grain = grain
        self._rows = rows
        self._profiles = _profiles(grain, rows) if rows is not None and rows.num_rows else {}

    def __iter__(self) -> Iterator[Partition]:
        return iter(self._profiles)

    def count(self, partition: Partition) -> int:
        """How many rows it has."""
        return self._profile(partition).rows

    def change_since(self, before: "Contents", partition: Partition) -> Change:
        """What the partition has more, or less, than before."""
        mine, its = self._profile(partition), before._profile(partition)
        if mine.rows == its.rows and (mine.digest == its.digest or _same(before.rows(partition), self.rows(partition))):
            return Change(same=True)
        names = {**mine.totals, **its.totals}
        sums = ((name, mine.totals.get(name, _NOTHING) - its.totals.get(name, _NOTHING)) for name in names)
        return Change(mine.rows - its.rows, tuple((name, found) for name, found in sums if found))

    def only(self, partitions: Collection[Partition]) -> "pyarrow.Table":
        """The rows of these partitions."""
        assert self._rows is not None
        import pyarrow

        columns = (self._rows.column(name).to_pylist() for name in ("market", self._grain.column))
        wanted = [Partition(market, day, self._grain) in partitions for market, day in zip(*columns, strict=True)]
        return self._rows.filter(pyarrow.array(wanted, pyarrow.bool_()))

    def rows(self, partition: Partition) -> list[dict[str, Any]]:
        """The rows of one partition."""
        return self.only((partition,)).to_pylist()

    def _profile(self, partition: Partition) -> "_Profile":
        return self._profiles.get(partition, _EMPTY)


@dataclass(frozen=True, slots=True)
class _Profile:
    """Of a partition's rows: their number, a digest that does not go by their order, sums of exact columns."""

    rows: int
    digest: int
    totals: Mapping[str, Decimal]


_NOTHING = Decimal(0)
_EMPTY = _Profile(0, 0, {})


def _profiles(grain: Grain, rows: "pyarrow.Table") -> dict[Partition, _Profile]:
    import duckdb
    import pyarrow

    kinds = pyarrow.types
    exact = [field.name for field in rows.schema if kinds.is_integer(field.type) or kinds.is_decimal(field.type)]
    names = [quoted(name) for name in rows.schema.names]
    sums = "".join(f", SUM({quoted(name)})" for name in exact)
    with duckdb.connect(":memory:") as connection:
        connection.register("report", rows)
        found = connection.sql(
            f"SELECT market, {grain.column}, COUNT(*), SUM(CAST(hash({', '.join(names)}) AS HUGEINT)){sums}"
            f" FROM report GROUP BY market, {grain.column}"
        ).fetchall()
    return {
        Partition(market, day, grain): _Profile(
            count, digest, {name: Decimal(total) for name, total in zip(exact, totals, strict=True) if total}
        )
        for market, day, count, digest, *totals in found
    }


def _same(before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]) -> bool:
    if len(before) != len(after):
        return False
    floats = {name for row in (*before, *after) for name, value in row.items() if isinstance(value, float)}

    def split(row: Mapping[str, Any]) -> tuple[tuple, tuple]:
        exact = tuple((name, value) for name, value in row.items() if name not in floats)
        return exact, tuple(row[name] for name in sorted(floats))

    one, other = ([split(row) for row in rows] for rows in (before, after))
    if Counter(map(repr, (exact for exact, _ in one))) != Counter(map(repr, (exact for exact, _ in other))):
        return False
    paired = zip(*(sorted(rows, key=lambda row: (repr(row[0]), repr(row[1]))) for rows in (one, other)), strict=True)
    return all(_near(a, b) for (_, mine), (_, its) in paired for a, b in zip(mine, its, strict=True))


def _near(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=_TOLERANCE) or (math.isnan(one) and math.isnan(other))
