"""A lake written by Paimon's Python writer, and Paimon's procedures without their engine."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow
import pytest

from headwater.model import Column, Model, TableName
from headwater.sqltype import SqlType
from headwater.stack import Ports, Stack
from resources.paimon import tags
from resources.paimon.footprint import footprint
from resources.paimon.store import FilesystemTableStore
from resources.upkeep.place import Place, Target

DAILY, ORDERS = TableName.parse("rpt.daily"), TableName.parse("dwd.orders")
NOW = datetime.now(UTC)


@dataclass
class Calls:
    """Procedures that do what can be done without an engine, and note everything."""

    lake: Path
    orphaned: tuple[int, int] = (0, 0)
    made: list[str] = field(default_factory=list)
    tags_then: list[tuple[str, ...]] = field(default_factory=list)

    def expire_snapshots(self, table: TableName, older_than: datetime, retain: int, most: int) -> int:
        self.made.append(f"expire {most} of {table}, keep {retain}, {(NOW - older_than).days} days")
        return most

    def expire_tags(self, table: TableName) -> None:
        self.made.append(f"expire tags of {table}")

    def delete_tag(self, table: TableName, tag: str) -> None:
        self.made.append(f"delete tag {tag} of {table}")
        tags.delete(self.lake, table, tag)

    def orphans(self, table: TableName, older_than: datetime, *, dry_run: bool) -> tuple[int, int]:
        self.made.append(f"{'look for' if dry_run else 'remove'} orphans of {table}, {(NOW - older_than).days} days")
        self.tags_then.append(tags.names(self.lake, table))
        return self.orphaned

    def compact(self, table: TableName, kept: timedelta) -> None:
        self.made.append(f"compact {table}, {kept.days} days")


@dataclass
class Lake:
    """Two tables: a report, and one that a stream keeps."""

    stack: Stack
    calls: Calls

    def write(self, name: TableName, days: Sequence[int]) -> None:
        """One commit with one row for each of these days of November."""
        from pypaimon import CatalogFactory, Schema

        catalog = CatalogFactory.create({"warehouse": f"file://{self.stack.lake}"})
        catalog.create_database(name.layer.value, True)
        schema = pyarrow.schema([pyarrow.field("local_date", pyarrow.date32(), False), ("orders", pyarrow.int64())])
        declared = Schema.from_pyarrow_schema(schema, partition_keys=["local_date"], options={"bucket": "-1"})
        catalog.create_table(str(name), declared, True)
        builder = catalog.get_table(str(name)).new_batch_write_builder()
        writer, commit = builder.new_write(), builder.new_commit()
        dates = [date(2026, 11, day) for day in days]
        writer.write_arrow(pyarrow.table([dates, list(days)], schema=schema))
        commit.commit(writer.prepare_commit())
        writer.close()
        commit.close()

    def age(self, name: TableName, snapshots: Sequence[int], days: int) -> None:
        """Make snapshots look as if they had been committed so long ago."""
        for number in snapshots:
            file = self.folder(name) / "snapshot" / f"snapshot-{number}"
            content = json.loads(file.read_text())
            content["timeMillis"] -= days * 86_400_000
            file.write_text(json.dumps(content))

    def folder(self, name: TableName) -> Path:
        return self.stack.lake / f"{name.layer.value}.db" / name.table

    def target(self, name: TableName) -> Target:
        columns = (Column("local_date", SqlType("DATE")), Column("orders", SqlType("BIGINT")))
        model = Model(name, Path("table.yaml"), "", "", columns, key=() if name is DAILY else ("local_date",))
        table = FilesystemTableStore(self.stack.lake).table(name)
        files = footprint(self.stack.lake, name)
        assert table is not None
        assert files is not None
        return Target(model, table.options, files)

    def place(self, *, dry_run: bool = False) -> Place:
        """With the stream's job running."""
        return Place(self.stack, self.calls, NOW, dry_run, {ORDERS: NOW - timedelta(minutes=1)})


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    stack = Stack(home=tmp_path, warehouse=tmp_path / "warehouse", ports=Ports())
    return Lake(stack, Calls(stack.lake))
