"""Days of streams' tables computed again beside the running jobs."""

import os
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import date
from typing import Any

import pytest

from headwater.backfill.build import Request
from headwater.backfill.difference import Difference
from headwater.backfill.kind import Kind
from headwater.backfill.scope import Scope
from headwater.compile.backfill import Commit
from headwater.loader import load
from headwater.stack import Stack
from resources.backfill.run import Outcome, run_backfill
from resources.backfill.staging import WrittenMeanwhile, bring_in, stage
from resources.flink.gateway import Gateway
from resources.paimon.reader import scan
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
        """The same as the table has them."""
        rows = self.house.rows(TOTALS)
        assert all(row["sales"] == row["amount"] == row["price"] for row in rows), rows
        return {(row["day_of"], row["market"]): row["sales"] for row in rows}

    def damage(self, statement: str) -> None:
        """Change rows of the lake behind the jobs' backs, by a batch job of Flink's."""
        gateway = Gateway(self.house.stack.gateway_url)
        batch = {"execution.runtime-mode": "batch", "table.dml-sync": "true", "table.local-time-zone": "UTC"}
        with gateway.session(batch) as session:
            session.execute(f"CREATE CATALOG lake WITH ('type'='paimon', 'warehouse'='file://{self.house.stack.lake}')")
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


@pytest.fixture(scope="module")
def shop(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """One for all tests: each mends what it has damaged."""
    house = House(stack, tmp_path_factory.mktemp("shop") / "warehouse", f"{os.getpid()}_shop")
    try:
        built = Shop(house)
        built.open()
        yield built
    finally:
        house.leave()


def test_rows_are_corrected_beside_the_running_jobs_and_tables_downstream_follow(shop: Shop) -> None:
    jobs, sales, totals = shop.jobs(), shop.house.snapshot(SALES), shop.house.snapshot(TOTALS)
    shop.damage(f"INSERT INTO lake.dwd.sales# VALUES {sale('hk', 2, 10, amount=100)}")
    shop.damage("DELETE FROM lake.dm.totals# WHERE day_of = DATE '2026-11-03' AND market = 'tw'")
    shop.damage("INSERT INTO lake.dm.totals# VALUES (DATE '2026-11-03', 'xx', 1, 1, 1.0)")
    shop.await_totals({**shop.expected(), (DAYS[2], "xx"): 1}, without=[(DAYS[2], "tw")], apart=[(DAYS[1], "hk")])

    outcome, told = shop.backfill(SALES, DAYS[0], DAYS[3])
    assert [stage for stage in told if not stage.startswith(" ")] == [
        shop.house.named("correct dwd.sales#, 2026-11-01 to 2026-11-04: write the rows that differ"),
        shop.house.named("wait until job dm.totals# has read what was written to dwd.sales#"),
        shop.house.named("correct dm.totals#, 2026-10-31 to 2026-11-05: write the rows that differ"),
    ]
    first, second = outcome.written
    assert (first.difference, first.attempts) == (Difference(same=31, changed=1), 1)
    assert (second.difference.changed, second.difference.missing, second.difference.surplus) == (0, 1, 1)
    assert shop.totals() == shop.expected()
    assert shop.jobs() == jobs
    assert [shop.house.health(model).restarts for model in (SALES, TOTALS)] == [0, 0]
    amounts = {sum(row["amount"] for row in rows if row["day_of"] == DAYS[1]) for rows in shop.versions(SALES, sales)}
    assert amounts == {8, 107}
    places = [{(row["day_of"], row["market"]) for row in rows} for rows in shop.versions(TOTALS, totals)]
    assert all(((DAYS[2], "tw") in seen) != ((DAYS[2], "xx") in seen) for seen in places[places_damaged(places) :])


def test_a_late_row_in_a_partition_under_repair_is_neither_lost_nor_overwritten(shop: Shop) -> None:
    shop.damage(f"INSERT INTO lake.dwd.sales# VALUES {sale('tw', 2, 13, amount=50)}")
    late = []

    def comes_late(line: str) -> None:
        if "by duckdb" in line and not late:
            late.append(shop.house.snapshot(SALES))
            shop.sell([(DAYS[1], "tw")])
            eventually(lambda: shop.counted(SALES) == shop.sold, "the late sale", seconds=240)

    outcome, told = shop.backfill(SALES, DAYS[1], DAYS[1], downstream=False, tell=comes_late)
    assert any("was written into by snapshot" in line for line in told), told
    assert outcome.written[0].attempts > 1
    eventually(lambda: shop.totals() == shop.expected(), shop.found, seconds=240)

    # What no look before the commit can see, the commit's own condition does.
    name, staged = shop.house.table(SALES), shop.house.folder.parent / "staged"
    model = load(shop.house.folder).model(name)
    rows = scan(shop.house.stack.lake, name, late[0]).read_all()
    stage(staged, model, rows.take([rows["id"].to_pylist().index(13)]))
    with pytest.raises(WrittenMeanwhile, match="strict-mode"):
        bring_in(shop.house.stack, model, staged, Commit(late[0], "headwater-backfill-test"))
    assert shop.totals() == shop.expected()


def sale(market: str, day: int, number: int, *, amount: int) -> str:
    """A row of `dwd.sales`, as SQL, of an amount that nobody has sold."""
    at = f"TIMESTAMP '2026-11-0{day} 10:00:00', 1.0, TIMESTAMP '2026-11-0{day} 11:00:00'"
    return f"('{market}', DATE '2026-11-0{day}', {number}, {amount}, {at})"


def places_damaged(versions: list[set[tuple[date, str]]]) -> int:
    """The first version with a row that should not be there and without one that should."""
    return next(n for n, seen in enumerate(versions) if (DAYS[2], "xx") in seen)
