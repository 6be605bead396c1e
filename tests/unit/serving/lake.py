"""A lake that Paimon's Python writer fills, and a product over one of its tables. No Java."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pyarrow

from headwater.model import Column, Model, TableName, Warehouse
from headwater.serving.position import Position
from headwater.serving.product import Product, WhenStale
from headwater.serving.stored import body
from headwater.sqltype import SqlType
from resources.keyvalue.embedded import EmbeddedFeederStore
from resources.paimon.arrow import arrow_type
from serving.feeder.tail import Tail

COLUMNS = {"market": "STRING", "sensor": "INT", "degrees": "DECIMAL(6, 2)", "at": "TIMESTAMP_LTZ(3)"}
NAME = TableName.parse("dm.warmth")


def column(name: str) -> Column:
    return Column(name, SqlType.parse(COLUMNS[name]))


NEWEST = Product(
    name="warmth",
    file=Path("serving/warmth.yaml"),
    description="How warm it is.",
    owner="tests",
    table=NAME,
    key=(column("market"), column("sensor")),
    newest=column("at"),
    identity=(),
    columns=(column("degrees"), column("at")),
    market="market",
    max_age=timedelta(seconds=30),
    when_stale=WhenStale.SERVE,
)
BY_KEY = replace(NEWEST, newest=None, identity=(column("market"), column("sensor")))
"""The same of a table with a key."""


class Lake:
    """One table, its product, and the feeder's way between them."""

    def __init__(self, folder: Path, product: Product = NEWEST) -> None:
        self.folder = folder / "lake"
        self.product = product
        self.store = EmbeddedFeederStore(folder / "store", gigabytes=1)
        model = Model(NAME, Path("dm/warmth/table.yaml"), "", "", tuple(map(column, COLUMNS)))
        self.warehouse = Warehouse(folder, (model,))
        self.tail = Tail(product, self.warehouse, self.folder, self.store)

    def write(self, *rows: tuple[Any, ...], options: Mapping[str, str] | None = None, overwrite: bool = False) -> None:
        """Commit rows; the table is made when it is not there."""
        from pypaimon import CatalogFactory, Schema

        catalog = CatalogFactory.create({"warehouse": f"file://{self.folder}"})
        catalog.create_database("dm", True)
        key = [part.name for part in self.product.identity]
        schema = pyarrow.schema(
            [pyarrow.field(name, arrow_type(SqlType.parse(kind)), name not in key) for name, kind in COLUMNS.items()]
        )
        chosen = {"bucket": "1" if key else "-1", **(options or {})}
        declared = Schema.from_pyarrow_schema(schema, primary_keys=key, options=chosen)
        catalog.create_table(str(NAME), declared, True)
        builder = catalog.get_table(str(NAME)).new_batch_write_builder()
        if overwrite:
            builder = builder.overwrite({})
        with contextlib.closing(builder.new_write()) as writer, contextlib.closing(builder.new_commit()) as commit:
            arrays = [
                pyarrow.array(values, kind.type) for values, kind in zip(zip(*rows, strict=True), schema, strict=True)
            ]
            writer.write_arrow(pyarrow.Table.from_arrays(arrays, schema=schema))
            commit.commit(writer.prepare_commit())

    def expire(self, snapshot: int) -> None:
        """Remove a snapshot."""
        (self.table / "snapshot" / f"snapshot-{snapshot}").unlink()

    @property
    def table(self) -> Path:
        return self.folder / "dm.db" / "warmth"

    @property
    def position(self) -> Position | None:
        stored = self.store.position(self.product.name)
        return Position.decode(stored) if stored else None

    def served(self) -> tuple[int, dict[str, str]]:
        """The snapshot that is served, and degrees by address, `sg/1`."""
        import asyncio

        from tests.unit.serving.shop import Borrowed

        page = asyncio.run(Borrowed(self.store).scan(self.product.name, b"", None, 1000))
        assert page.position is not None
        rows = [orjson.loads(body(row, ranked=self.product.newest is not None)) for _, row in page.rows]
        return Position.decode(page.position).snapshot, {f"{r['market']}/{r['sensor']}": r["degrees"] for r in rows}


@contextlib.contextmanager
def lake(folder: Path, product: Product = NEWEST) -> Iterator[Lake]:
    """It, until its store is closed."""
    found = Lake(folder, product)
    yield found
    found.store.close()
