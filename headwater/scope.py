"""Names within a query: what a FROM clause brings in, and what a column name means there."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from sqlglot import exp

from headwater.model import Origin
from headwater.sqltype import SqlType


@dataclass(frozen=True, slots=True)
class Unknown:
    """A type that is not known: because of this node, or, with None, because of a problem that is already reported."""

    cause: exp.Expr | None = None


Typed: TypeAlias = SqlType | Unknown

Origins: TypeAlias = frozenset[Origin] | None
"""The declared columns that values are made of; None when that is not worked out."""


@dataclass(frozen=True, slots=True)
class Field:
    """A column of a relation.

    Args:
        name: What it is called.
        type: Of its values.
        origin: The declared column that it is, unchanged.
        node: Where it is written.
        made_of: The declared columns that its values are worked out from.
    """

    name: str
    type: Typed
    origin: Origin | None = None
    node: exp.Expr | None = None
    made_of: Origins = frozenset()


@dataclass(frozen=True, slots=True)
class Relation:
    """What a table, a sub-query or a join gives. `is_complete` is False when it may have columns that are not known."""

    fields: tuple[Field, ...]
    is_complete: bool = True

    def named(self, name: str) -> list[Field]:
        """The columns of this name."""
        return [column for column in self.fields if column.name == name]


@dataclass(frozen=True, slots=True)
class Binding:
    """A relation under the names it can be called by: its alias, or the parts of the table's name."""

    qualifiers: tuple[tuple[str, ...], ...]
    relation: Relation


@dataclass(slots=True)
class Scope:
    """The relations that one SELECT can see. `merged` are columns that a JOIN … USING made one, and what of."""

    parent: "Scope | None" = None
    bindings: list[Binding] = field(default_factory=list)
    merged: dict[str, Origins] = field(default_factory=dict)
    grouped: bool = False

    def outward(self) -> Iterator["Scope"]:
        """This scope, then the ones that enclose it."""
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.parent

    @property
    def is_complete(self) -> bool:
        """Every column in sight is known."""
        return all(binding.relation.is_complete for scope in self.outward() for binding in scope.bindings)

    def find(self, name: str) -> list[Field]:
        """The columns of this name in the innermost scope that has any."""
        for scope in self.outward():
            found = [column for binding in scope.bindings for column in binding.relation.named(name)]
            if found:
                return [scope.as_merged(found[0])] if name in scope.merged else found
        return []

    def as_merged(self, column: Field) -> Field:
        """The column, or what a JOIN … USING has made of it."""
        return replace(column, made_of=self.merged[column.name]) if column.name in self.merged else column

    def binding(self, qualifier: Sequence[str]) -> Binding | None:
        """The relation that is called so."""
        wanted = tuple(qualifier)
        for scope in self.outward():
            for binding in scope.bindings:
                if wanted in binding.qualifiers:
                    return binding
        return None

    def all_fields(self) -> list[Field]:
        """What `*` stands for."""
        found: list[Field] = []
        seen: set[str] = set()
        for binding in self.bindings:
            for column in binding.relation.fields:
                if column.name in self.merged and column.name in seen:
                    continue
                seen.add(column.name)
                found.append(self.as_merged(column))
        return found

    def column_names(self) -> list[str]:
        """Every column name in sight, nearest first."""
        return list(
            dict.fromkeys(
                column.name
                for scope in self.outward()
                for binding in scope.bindings
                for column in binding.relation.fields
            )
        )

    def qualifier_names(self) -> list[str]:
        """Every name that a relation in sight can be called by."""
        return list(
            dict.fromkeys(
                ".".join(qualifier)
                for scope in self.outward()
                for binding in scope.bindings
                for qualifier in binding.qualifiers
            )
        )
