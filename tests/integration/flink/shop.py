"""A small shop: a table from two topics, a table over it, and what a backfill of them is tested with."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from headwater.backfill.build import Request
from headwater.backfill.kind import Kind
from headwater.backfill.scope import Scope
from resources.backfill.run import Outcome, run_backfill
from resources.flink.gateway import Gateway
from tests.integration.flink.house import House
from tests.integration.waiting import eventually

SALES, TOTALS = "dwd.sales#", "dm.totals#"
DAYS = [date(2026, 11, day) for day in range(1, 6)]
MARKETS = ("hk", "tw")

SALES_TABLE = """
    description: sales, and what was paid for them
    owner: tests
    key: [market, day_of, id]
    partition_by: [market, day_of]
    columns:
      market: {type: STRING}
      day_of: {type: DATE}
      id: {type: BIGINT}
      amount: {type: BIGINT}
      sold_at: {type: TIMESTAMP_LTZ(3)}
      price: {type: DOUBLE}
      paid_at: {type: TIMESTAMP_LTZ(3)}
    flows: {from_sale: {sequence: sold_at}, from_payment: {sequence: paid_at}}
    job: {checkpoint_interval: 300ms}
    """
TOTALS_TABLE = """
    description: totals of a day
    owner: tests
    key: [day_of, market]
    partition_by: [day_of]
    columns:
      day_of: {type: DATE}
      market: {type: STRING}
      sales: {type: BIGINT}
      amount: {type: BIGINT}
      price: {type: DOUBLE}
    job: {checkpoint_interval: 300ms}
    """
TOTALS_SQL = """
SELECT day_of, market, COUNT(*) AS sales, SUM(amount) AS amount, SUM(price) AS price
FROM dwd.sales# GROUP BY day_of, market
"""
KEY = "id: {type: BIGINT, required: true}\nmarket: {type: STRING, required: true}\nday_of: {type: DATE, required: true}"


class Shop:
    """`dwd.sales` from two topics, `dm.totals` over it, and sales that keep coming on the last day alone."""

    def __init__(self, house: House) -> None:
        self.house = house
        house.source("sale", f"{KEY}\namount: {{type: BIGINT}}\nsold_at: {{type: TIMESTAMP_LTZ(3), required: true}}\n")
        house.source(
            "payment", f"{KEY}\nprice: {{type: DOUBLE}}\npaid_at: {{type: TIMESTAMP_LTZ(3), required: true}}\n"
        )
        house.write("dwd/sales#/table.yaml", SALES_TABLE)
        house.write("dwd/sales#/from_sale.sql", "SELECT market, day_of, id, amount, sold_at FROM ods.sale#\n")
        house.write("dwd/sales#/from_payment.sql", "SELECT market, day_of, id, price, paid_at FROM ods.payment#\n")
        house.write("dm/totals#/table.yaml", TOTALS_TABLE)
        house.write("dm/totals#/select.sql", TOTALS_SQL)
        self._sold: list[tuple[date, str]] = []

    def open(self) -> None:
        """Sell on every day, and go on selling on the last one until the jobs have left the others alone."""
        self.sell((day, market) for day in DAYS for market in MARKETS for _ in range(4))
        self.house.apply(SALES, TOTALS)
        eventually(lambda: self.sales() == len(self._sold), self.found, seconds=240)
        for _ in range(4):
            self.sell([(DAYS[-1], "hk")])
            eventually(lambda: self.sales() == len(self._sold), self.found, seconds=240)

    def sell(self, sales: Iterable[tuple[date, str]]) -> None:
        """Sales of one unit, each paid with one."""
        sold, paid = [], []
        for day, market in sales:
            number = len(self._sold)
            self._sold.append((day, market))
            place = {"id": number, "market": market, "day_of": day.isoformat()}
            sold.append({**place, "amount": 1, "sold_at": f"{day}T10:00:00Z"})
            paid.append({**place, "price": 1.0, "paid_at": f"{day}T11:00:00Z"})
        self.house.send("sale#", sold)
        self.house.send("payment#", paid)

    @contextmanager
    def selling(self, day: date, market: str) -> Iterator[None]:
        """Sales go on there, ten a second, until the block ends."""
        ended = threading.Event()

        def sell() -> None:
            while not ended.wait(0.1):
                self.sell([(day, market)])

        with ThreadPoolExecutor(1) as pool:
            sold = pool.submit(sell)
            try:
                yield
            finally:
                ended.set()
            sold.result()

    def sales(self) -> int:
        """How many sales the totals count, and the payments, too."""
        rows = self.house.rows(TOTALS)
        counted = sum(row["sales"] for row in rows)
        return counted if sum(row["price"] or 0 for row in rows) == counted else -1

    @property
    def sold(self) -> int:
        """How many sales there were."""
        return len(self._sold)

    def counted(self, table: str) -> int:
        """How many rows the table has."""
        return len(self.house.rows(table))

    def jobs(self) -> list[str]:
        """Flink's ids of both jobs."""
        return [self.house.job(model).id for model in (SALES, TOTALS)]

    def versions(self, table: str, since: int) -> list[list[dict[str, Any]]]:
        """See House.versions."""
        return self.house.versions(table, since)

    def await_totals(
        self,
        expected: dict[tuple[date, str], int],
        *,
        without: Collection[tuple[date, str]],
        apart: Collection[tuple[date, str]],
    ) -> None:
        """Wait until the totals are these, but for places that are gone, and some whose amounts are damaged."""
        wanted = {place: count for place, count in expected.items() if place not in without}

        def found() -> dict[tuple[date, str], int]:
            return {(row["day_of"], row["market"]): row["sales"] for row in self.house.rows(TOTALS)}

        def damaged() -> set[tuple[date, str]]:
            return {(row["day_of"], row["market"]) for row in self.house.rows(TOTALS) if row["amount"] != row["sales"]}

        eventually(lambda: found() == wanted and damaged() == set(apart), self.found, seconds=240)

    def found(self) -> str:
        """For messages."""
        return f"{len(self._sold)} sales, not {self.house.rows(TOTALS)}"

    def expected(self) -> dict[tuple[date, str], int]:
        """Sales of each day and market."""
        return {place: self._sold.count(place) for place in sorted(set(self._sold))}

    def totals(self) -> dict[tuple[date, str], int]:
        """The same as the table has them; -1 where sales, amounts and payments do not agree."""
        return {
            (row["day_of"], row["market"]): row["sales"] if row["sales"] == row["amount"] == row["price"] else -1
            for row in self.house.rows(TOTALS)
        }

    def damage(self, *statements: str) -> None:
        """Change rows of the lake behind the jobs' backs, by batch jobs of Flink's."""
        gateway = Gateway(self.house.stack.gateway_url)
        batch = {"execution.runtime-mode": "batch", "table.dml-sync": "true", "table.local-time-zone": "UTC"}
        with gateway.session(batch) as session:
            session.execute(f"CREATE CATALOG lake WITH ('type'='paimon', 'warehouse'='file://{self.house.stack.lake}')")
            for statement in statements:
                session.execute(self.house.named(statement), timeout=240)
        gateway.close()

    def backfill(
        self, model: str, first: date, last: date, kind: Kind = Kind.CORRECT, **more: Any
    ) -> tuple[Outcome, list[str]]:
        """Run a backfill; give what came of it and what was told."""
        told: list[str] = []
        asked = {key: more.pop(key) for key in ("downstream", "reach", "days_at_once") if key in more}
        scope = Scope(first, last, more.pop("markets", ()))
        request = Request(self.house.table(model), kind, scope, **asked)
        tell: Callable[[str], None] = more.pop("tell", lambda _line: None)

        def both(line: str) -> None:
            told.append(line)
            tell(line)

        more.setdefault("patience", 240.0)
        return run_backfill(self.house.stack, request, both, **more), told

    def command(self, model: str, first: date, last: date, *options: str) -> subprocess.Popen[str]:
        """A backfill in a process of its own."""
        program = str(Path(sys.executable).with_name("headwater"))
        days = ("--from", str(first), "--to", str(last))
        return subprocess.Popen(
            [program, "backfill", self.house.named(model), *days, "--patience", "240", *options],
            env={**os.environ, **self.house.stack.environment()},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
