"""A product: columns of one table that callers get by key, with a promise about the data's age."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import cached_property
from pathlib import Path

from headwater.model import Column, TableName
from headwater.sqltype import SqlType

_ENCODING = "1"
"""Changes when keys or rows are written otherwise than before, so that no reader takes the old for the new."""


class WhenStale(StrEnum):
    """What a caller gets when the data is older than promised: the answer, marked as stale, or a refusal."""

    SERVE = "serve"
    REFUSE = "refuse"


@dataclass(frozen=True)  # without slots: what each request asks of it is worked out once
class Product:
    """One table as callers see it.

    Args:
        name: The file's name without `.yaml`.
        key: Columns of an answer's address, in order.
        newest: Of the rows of one address the one with the greatest value of this column is served, NULL being the
            least; rows that are equal in it are told apart by `identity`. None where an address has one row.
        identity: The table's own key; empty for a table whose rows are only added.
        columns: What callers see besides the key.
        market: The column of the key that scopes callers, or None.
        max_age: How old the data may be.
        examples: Addresses for the documentation, a text for each column of the key.
    """

    name: str
    file: Path
    description: str
    owner: str
    table: TableName
    key: tuple[Column, ...]
    newest: Column | None
    identity: tuple[Column, ...]
    columns: tuple[Column, ...]
    market: str | None
    max_age: timedelta
    when_stale: WhenStale
    examples: tuple[tuple[str, ...], ...] = ()

    @property
    def read(self) -> Mapping[str, SqlType]:
        """Every column that is read of the table, with its type."""
        newest = (self.newest,) if self.newest else ()
        return {column.name: column.type for column in (*self.key, *self.columns, *newest, *self.identity)}

    @cached_property
    def market_at(self) -> int | None:
        """Which part of an address is the market, counted from 0."""
        return next((place for place, column in enumerate(self.key) if column.name == self.market), None)

    @cached_property
    def shape(self) -> str:
        """Changes with whatever changes stored keys and rows: what was stored under another shape cannot be read."""
        parts = [_ENCODING, str(self.table)]
        for columns in (self.key, self.columns, (self.newest,) if self.newest else (), self.identity):
            parts.append(",".join(f"{column.name} {column.type}" for column in columns))
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
