"""A lake of append tables, written by Paimon's Python writer: no Java."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow
import pytest

from headwater.sqltype import SqlType
from headwater.stack import Ports, Stack
from tests.unit.batch.daily import Write


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """A state folder in which nothing runs."""
    monkeypatch.setenv("HEADWATER_HOME", str(tmp_path))
    monkeypatch.delenv("HEADWATER_WAREHOUSE", raising=False)
    return Stack(home=tmp_path, warehouse=tmp_path / "warehouse", ports=Ports())


@pytest.fixture
def write(stack: Stack) -> Write:
    """Append rows to a table in one commit; the table is made when it is not there."""
    from pypaimon import CatalogFactory, Schema

    from resources.paimon.arrow import arrow_type

    def append(
        name: str,
        columns: dict[str, str],
        rows: Sequence[tuple],
        options: dict[str, str] | None = None,
        key: Sequence[str] = (),
        partition_by: Sequence[str] = (),
    ) -> None:
        catalog = CatalogFactory.create({"warehouse": f"file://{stack.lake}"})
        catalog.create_database(name.split(".")[0], True)
        schema = pyarrow.schema([(column, arrow_type(SqlType.parse(kind))) for column, kind in columns.items()])
        # A key column is never NULL, and the writer wants to be told.
        schema = pyarrow.schema([field.with_nullable(field.name not in key) for field in schema])
        declared = Schema.from_pyarrow_schema(
            schema, partition_keys=list(partition_by), primary_keys=list(key), options=options or {"bucket": "-1"}
        )
        catalog.create_table(name, declared, True)
        if not rows:
            return
        builder = catalog.get_table(name).new_batch_write_builder()
        writer, commit = builder.new_write(), builder.new_commit()
        arrays = [
            pyarrow.array(values, field.type) for values, field in zip(zip(*rows, strict=True), schema, strict=True)
        ]
        writer.write_arrow(pyarrow.Table.from_arrays(arrays, schema=schema))
        commit.commit(writer.prepare_commit())
        writer.close()
        commit.close()

    return append
