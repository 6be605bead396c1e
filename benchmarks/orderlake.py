"""A lake of orders by the minute, written by Paimon's Python writer: days of history without Flink."""

import json
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import cos, pi
from pathlib import Path
from random import Random
from typing import Any

import pyarrow

from headwater.loader import load
from headwater.model import Market, TableName
from resources.paimon.arrow import arrow_type
from resources.paimon.layout import table_path

PROJECT = Path(__file__).parents[1]
KPI = TableName.parse("dm.kpi_minute")
PRICES = ("priority", "regular", "saver")
VEHICLES = ("car", "motorcycle", "van")
MINUTE = timedelta(minutes=1)
Row = tuple[Any, ...]


class OrdersLake:
    """The table `dm.kpi_minute` in a lake of its own.

    Args:
        lake: The lake's folder.
    """

    def __init__(self, lake: Path) -> None:
        from pypaimon import CatalogFactory, Schema

        model = load(PROJECT / "warehouse").model(KPI)
        fields = [pyarrow.field(each.name, arrow_type(each.type), each.name not in model.key) for each in model.columns]
        self.schema = pyarrow.schema(fields)
        self.lake = lake
        catalog = CatalogFactory.create({"warehouse": f"file://{lake}"})
        catalog.create_database("dm", True)
        made = Schema.from_pyarrow_schema(
            self.schema,
            partition_keys=list(model.partition_by),
            primary_keys=list(model.key),
            options={"bucket": "1"},
        )
        catalog.create_table(str(KPI), made, True)
        self._table = catalog.get_table(str(KPI))

    def write(self, rows: Sequence[Row], watermark: datetime) -> int:
        """Add rows, or replace those of the same keys, in one commit; give the snapshot's number."""
        builder = self._table.new_batch_write_builder()
        writer, commit = builder.new_write(), builder.new_commit()
        columns = zip(zip(*rows, strict=True), self.schema, strict=True)
        arrays = [pyarrow.array(values, field.type) for values, field in columns]
        writer.write_arrow(pyarrow.Table.from_arrays(arrays, schema=self.schema))
        commit.commit(writer.prepare_commit())
        writer.close()
        commit.close()
        return self._mark(watermark)

    def _mark(self, watermark: datetime) -> int:
        """Have the newest snapshot say what a Flink job's would: how far it is complete."""
        folder = Path(table_path(self.lake, KPI)) / "snapshot"
        number = max(int(file.name.removeprefix("snapshot-")) for file in folder.glob("snapshot-*"))
        file = folder / f"snapshot-{number}"
        said = json.loads(file.read_text())
        file.write_text(json.dumps(said | {"watermark": int(watermark.timestamp() * 1000)}))
        return number


def rows_between(
    markets: Sequence[Market],
    first: datetime,
    last: datetime,
    seed: int = 7,
    every: timedelta = MINUTE,
    scale: float = 1,
) -> Iterator[Row]:
    """Orders of every market, price category and vehicle type, with a day's rise and fall by the market's clock."""
    random = Random(f"{seed} {first.isoformat()}")
    minute = first
    while minute < last:
        for place, market in enumerate(markets):
            clock = minute.astimezone(market.zone)
            hour = clock.hour + clock.minute / 60
            level = scale * (1.2 - cos((hour - 3) / 24 * 2 * pi)) * (1 + place % 4)
            for price in PRICES:
                for vehicle in VEHICLES:
                    yield _row(random, minute, market.code, price, vehicle, level)
        minute += every


def _row(random: Random, minute: datetime, market: str, price: str, vehicle: str, level: float) -> Row:
    created = round(level * random.uniform(0.5, 1.5))
    matched = round(created * random.uniform(0.75, 1))
    completed = round(matched * random.uniform(0.8, 1))
    revenue = Decimal(random.randrange(800, 9000)) / 100 * completed
    return (
        minute.date(),
        market,
        minute,
        price,
        vehicle,
        created,
        matched,
        completed,
        created - matched,
        revenue,
        matched * random.randrange(40, 200),
    )


def main() -> None:
    """Make eight days of history in a folder and go on with it, a commit every three seconds: to look at pages."""
    home = Path(sys.argv[1])
    markets = load(PROJECT / "warehouse").markets
    lake = OrdersLake(home / "lake")
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    spans = [(timedelta(days=8, hours=16), timedelta(days=1, hours=3), 15 * MINUTE)]
    spans += [(timedelta(days=1, hours=3), timedelta(days=1), MINUTE)]
    spans += [(timedelta(days=1), timedelta(hours=3), 15 * MINUTE), (timedelta(hours=3), timedelta(0), MINUTE)]
    lake.write(
        [row for old, new, every in spans for row in rows_between(markets, now - old, now - new, every=every)], now
    )
    while True:
        now = datetime.now(UTC)
        minute = now.replace(second=0, microsecond=0)
        lake.write(list(rows_between(markets, minute - MINUTE, minute, seed=now.second)), now)
        time.sleep(3)


if __name__ == "__main__":
    main()
