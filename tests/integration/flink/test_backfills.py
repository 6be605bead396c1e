"""Days of streams' tables computed again beside the running jobs."""

import json
import os
import signal
from collections.abc import Iterator
from datetime import date
from typing import Any

import dagster as dg
import pytest

from assets.backfills import JOB
from assets.graph import build_definitions
from headwater.backfill.difference import Difference
from headwater.compile.backfill import Commit
from headwater.loader import load
from headwater.stack import Stack
from resources.backfill.fence import StillWriting
from resources.backfill.staging import WrittenMeanwhile, bring_in, job_name, stage
from resources.flink.jobmanager import JobManager
from resources.paimon.reader import scan
from tests.integration.flink.house import House
from tests.integration.flink.shop import DAYS, MARKETS, SALES, TOTALS, Shop
from tests.integration.waiting import eventually


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
    assert {amount(rows, DAYS[1]) for rows in shop.versions(SALES, sales)} == {8, 107}
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


def test_a_killed_backfill_leaves_nothing_half_done_and_goes_on_with_all_that_follows(shop: Shop) -> None:
    shop.damage(f"INSERT INTO lake.dwd.sales# VALUES {sale('hk', 1, 0, amount=9)}, {sale('hk', 2, 8, amount=9)}")
    sales, writing = shop.house.snapshot(SALES), job_name(shop.house.table(SALES))
    options = ("--days-at-once", "1", "--reach", "0", "--json")
    jobs = JobManager(shop.house.stack.flink_url)
    with shop.command(SALES, DAYS[0], DAYS[1], *options) as killed:
        eventually(lambda: jobs.is_running(writing) or killed.poll() is not None, "the first commit", seconds=240)
        killed.send_signal(signal.SIGKILL)
    assert killed.returncode == -signal.SIGKILL, killed.args
    jobs.close()

    with shop.command(SALES, DAYS[0], DAYS[1], *options) as again:
        out, said = again.communicate()
    assert again.returncode == 0, said
    assert "going on with the backfill that was cut off" in said
    pieces = [(piece["model"], piece["from"]) for piece in json.loads(out)["pieces"]]
    days = [str(day) for day in DAYS[:2]]
    assert pieces == [(shop.house.named(table), day) for table in (SALES, TOTALS) for day in days]
    assert shop.totals() == shop.expected()
    right = [sum(shop.expected()[day, market] for market in MARKETS) for day in DAYS[:2]]
    seen = [[amount(rows, day) for day in DAYS[:2]] for rows in shop.versions(SALES, sales)]
    assert all(each in ([right[0], right[1] + 8], right) for each in seen), seen
    assert seen[-1] == right


def test_a_job_that_a_killed_backfill_had_stopped_goes_on(shop: Shop) -> None:
    shop.damage("INSERT INTO lake.dm.totals# VALUES (DATE '2026-11-05', 'tw', 0, 0, 0.0)")
    first = shop.house.job(TOTALS).id
    with shop.selling(DAYS[-1], "hk"):
        with pytest.raises(StillWriting, match="--pause"):
            shop.backfill(TOTALS, DAYS[-1], DAYS[-1], downstream=False, patience=1)
        with shop.command(TOTALS, DAYS[-1], DAYS[-1], "--only", "--pause") as killed:
            assert killed.stderr is not None
            assert any("is stopped, its savepoint" in line for line in killed.stderr)
            killed.send_signal(signal.SIGKILL)
        eventually(lambda: not shop.house.has_job(TOTALS), "the job to end")
        outcome, told = shop.backfill(TOTALS, DAYS[-1], DAYS[-1], downstream=False, pauses=True)
    assert outcome.written[0].snapshot is not None
    assert any("was stopped for a moment by a process that is gone" in line for line in told), told
    eventually(lambda: shop.totals() == shop.expected(), shop.found, seconds=240)
    assert shop.house.job(TOTALS).id != first
    assert "savepoint-" in str(shop.house.health(TOTALS).restored_from)


def test_a_run_of_dagster_fills_what_is_missing_and_another_replaces_all_that_is_there(shop: Shop) -> None:
    shop.damage(
        "DELETE FROM lake.dm.totals# WHERE day_of = DATE '2026-11-01'",
        "INSERT INTO lake.dm.totals# VALUES (DATE '2026-11-01', 'xx', 0, 0, 0.0), (DATE '2026-11-02', 'tw', 0, 0, 0.0)",
    )
    filled = launch(shop, DAYS[0], DAYS[1], kind="fill", markets=["tw", "xx"])
    assert counted(filled) == {"same": 0, "changed": 1, "missing": 1, "surplus": 1}
    found = shop.totals()
    assert (found[DAYS[0], "tw"], found[DAYS[0], "xx"], found[DAYS[1], "tw"]) == (4, 0, 0)
    assert (DAYS[0], "hk") not in found
    replaced = launch(shop, DAYS[0], DAYS[1], kind="replace")
    assert counted(replaced) == {"same": 2, "changed": 1, "missing": 1, "surplus": 1}
    assert shop.totals() == shop.expected()


def launch(shop: Shop, first: date, last: date, **config: Any) -> dict[str, Any]:
    """Run Dagster's job over the totals with this configuration, as from its launchpad; give what was observed."""
    days = {"first": str(first), "last": str(last)}
    asked = {"ops": {"backfill_table": {"config": {"table": shop.house.named(TOTALS), **days, **config}}}}
    definitions = build_definitions(load(shop.house.folder), shop.house.stack)
    with dg.DagsterInstance.ephemeral() as instance:
        result = definitions.resolve_job_def(JOB).execute_in_process(run_config=asked, instance=instance)
    (observed,) = result.get_asset_observation_events()
    return {name: value.value for name, value in observed.asset_observation_data.asset_observation.metadata.items()}


def counted(observed: dict[str, Any]) -> dict[str, int]:
    """The rows that were told apart."""
    return {name: observed[f"headwater/rows_{name}"] for name in ("same", "changed", "missing", "surplus")}


def sale(market: str, day: int, number: int, *, amount: int) -> str:
    """A row of `dwd.sales`, as SQL, of an amount that nobody has sold."""
    at = f"TIMESTAMP '2026-11-0{day} 10:00:00', 1.0, TIMESTAMP '2026-11-0{day} 11:00:00'"
    return f"('{market}', DATE '2026-11-0{day}', {number}, {amount}, {at})"


def amount(rows: list[dict[str, Any]], day: date) -> int:
    """What was sold on a day."""
    return sum(row["amount"] for row in rows if row["day_of"] == day)


def places_damaged(versions: list[set[tuple[date, str]]]) -> int:
    """The first version with a row that should not be there and without one that should."""
    return next(n for n, seen in enumerate(versions) if (DAYS[2], "xx") in seen)
