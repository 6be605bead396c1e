"""What names mean within one SELECT."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from sqlglot import exp

from headwater.duckdb_terms.nested import field_of
from headwater.duckdb_terms.typed import Mistake, Refused, Typed
from headwater.duckdb_text import quoted
from headwater.sqltype import SqlType

Columns = Mapping[str, SqlType]


@dataclass(frozen=True, slots=True)
class Translated:
    """A query's DuckDB text and its output columns, in order."""

    sql: str
    columns: tuple[tuple[str, SqlType], ...]

    def as_columns(self, node: exp.Expr) -> Columns:
        """The columns by name. Raises Refused for names that DuckDB, blind to case, cannot tell apart."""
        distinct(node, [name for name, _ in self.columns])
        return dict(self.columns)


@dataclass(frozen=True, slots=True)
class Source:
    """Something in FROM: its name for DuckDB, its columns, and the names that may stand before them."""

    alias: str
    columns: Columns
    qualifiers: tuple[tuple[str, ...], ...] = ()

    def typed(self, name: str) -> Typed:
        """One of its columns."""
        return Typed(f"{quoted(self.alias)}.{quoted(name)}", self.columns[name])


@dataclass(slots=True)
class Scope:
    """The sources of one SELECT in order, and the columns that USING has made one of."""

    sources: list[Source] = field(default_factory=list)
    merged: dict[str, Typed] = field(default_factory=dict)

    def add(self, node: exp.Expr, source: Source) -> None:
        """Add a source. Raises Mistake for a name that is taken, even but for its case."""
        if any(source.alias.lower() == known.alias.lower() for known in self.sources):
            raise Mistake(node, f"two sources are called {source.alias}")
        self.sources.append(source)

    def every(self, node: exp.Expr, qualifier: tuple[str, ...] = ()) -> Iterator[tuple[str, Typed]]:
        """The columns that a star stands for."""
        if any(node.args.get(part) for part in ("except_", "except", "replace", "rename")):
            raise Refused(node, "a star with exceptions")
        sources = [source for source in self.sources if not qualifier or qualifier in source.qualifiers]
        if not sources:
            raise Mistake(node, f"no source is called {'.'.join(qualifier)}")
        if not qualifier:
            yield from self.merged.items()
        for source in sources:
            for name in source.columns:
                if qualifier or name not in self.merged:
                    yield name, source.typed(name)

    def find(self, node: exp.Column, parts: list[str]) -> Typed | None:
        """The column, or field of a ROW, that a name means here."""
        for length in range(min(2, len(parts) - 1), -1, -1):
            qualifier, name = tuple(parts[:length]), parts[length]
            if not length and name in self.merged:
                return _fields(node, self.merged[name], parts[1:])
            owners = [
                source
                for source in self.sources
                if name in source.columns and (not length or qualifier in source.qualifiers)
            ]
            if len(owners) > 1:
                raise Mistake(node, f"{name} could be of {' or '.join(owner.alias for owner in owners)}")
            if owners:
                return _fields(node, owners[0].typed(name), parts[length + 1 :])
        return None


def _fields(node: exp.Expr, found: Typed, names: Iterable[str]) -> Typed:
    for name in names:
        found = field_of(node, found, name)
    return found


def resolved(column: exp.Column, scopes: tuple[Scope, ...]) -> Typed:
    """The column of the innermost scope that has it. Names are case-sensitive, as in Flink."""
    parts = [part.name for part in column.parts]
    for scope in scopes:
        found = scope.find(column, parts)
        if found is not None:
            return found
    known = ", ".join(name for source in scopes[0].sources for name in source.columns)
    raise Mistake(column, f"there is no column {'.'.join(parts)}; there are {known}")


def distinct(node: exp.Expr, names: Iterable[str]) -> None:
    """Raises Refused for names that DuckDB, blind to case, cannot tell apart."""
    seen: set[str] = set()
    for name in names:
        if name.lower() in seen:
            raise Refused(node, f"two columns are called {name}, which DuckDB, blind to case, cannot tell apart")
        seen.add(name.lower())
