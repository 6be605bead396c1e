"""Keeping the lake clean beside jobs that run, with Paimon's own procedures."""

import itertools
import json
import os
import random
import shutil
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from headwater.batch import Partition
from headwater.loader import load
from headwater.model import Model, TableName
from headwater.stack import Stack
from headwater.upkeep.duty import Duty, Outcome
from resources.cost.bill import bill
from resources.flink.procedures import calling
from resources.local.flink import TASKMANAGER
from resources.local.processes import ProcessStatus, processes
from resources.paimon import tags
from resources.paimon.footprint import footprint
from resources.paimon.reader import PinnedTable, scan
from resources.paimon.store import FilesystemTableStore
from resources.report import run_report
from resources.upkeep.orphans import remove
from resources.upkeep.place import Place, Target
from resources.upkeep.round import keep_clean
from resources.watch.costs import Costs
from tests.integration.flink.events import EVENTS, declare_events, event
from tests.integration.flink.house import House
from tests.integration.paimon.flinkbatch import FlinkBatch
from tests.integration.waiting import eventually

REPORT = "rpt.daily_events#"
MARKETS = "markets:\n  fi: {name: Finland, zone: Europe/Helsinki}\n"
REPORT_SQL = """
    SELECT d.market, d.local_date, COUNT(*) AS events
    FROM dwd.events# AS e
    JOIN calendar.local_day AS d ON e.seen_at >= d.starts_at AND e.seen_at < d.ends_at
    GROUP BY d.market, d.local_date
    """
DEAD = "headwater-rpt.x-4194999-1795424512-abcdef"
_numbers = itertools.count(1)


@pytest.fixture
def house(stack: Stack, tmp_path: Path) -> Iterator[House]:
    """A table that a job keeps, and a report over it."""
    built = House(stack, tmp_path / "warehouse", f"u{os.getpid()}_{next(_numbers)}")
    built.write("markets.yaml", MARKETS)
    declare_events(built)
    built.write(
        "rpt/daily_events#/table.yaml",
        """
        description: events of a day
        owner: tests
        schedule: {at: "01:30", start_date: 2026-11-01}
        columns: {market: {type: STRING}, local_date: {type: DATE}, events: {type: BIGINT}}
        """,
    )
    built.write("rpt/daily_events#/select.sql", REPORT_SQL)
    yield built
    built.leave()


def folder(house: House, table: str) -> Path:
    name = house.table(table)
    return house.stack.lake / f"{name.layer.value}.db" / name.table


def age(files: list[Path], days: int = 10) -> None:
    """Make files look as if they had been written so long ago."""
    at = time.time() - days * 86400
    for file in files:
        os.utime(file, (at, at))


def leave_orphan(house: House, table: str) -> Path:
    """A data file that no snapshot knows, as a job that was killed before its commit leaves one."""
    model = next(file for file in folder(house, table).rglob("data-*.parquet") if "0badf00d" not in file.name)
    orphan = model.with_name("data-0badf00d-0000-0000-0000-000000000000-0.parquet")
    shutil.copyfile(model, orphan)
    age([orphan])
    return orphan


def only(house: House, duty: Duty, table: str, *, dry_run: bool = False) -> Outcome:
    (outcome,) = keep_clean(house.stack, [duty], [house.table(table)], dry_run=dry_run)
    return outcome


def model(house: House, table: str) -> Model:
    return load(house.folder).model(house.table(table))


def events(house: House, numbers: range) -> list[dict[str, object]]:
    rows = [event(number, number) for number in numbers]
    house.send("event#", rows)
    expected = [(number, number) for number in sorted(range(numbers.stop), key=str)]
    house.await_values(EVENTS, ("id", "size"), expected)
    return rows


def test_an_old_orphan_goes_and_what_lives_stays_while_the_job_runs(house: House, flink: FlinkBatch) -> None:
    house.apply(EVENTS)
    events(house, range(40))
    orphan, young = leave_orphan(house, EVENTS), leave_orphan(house, EVENTS).with_name("data-0badf00d-1-0.parquet")
    shutil.copyfile(orphan, young)
    age([file for file in folder(house, EVENTS).rglob("*-*") if file.is_file() and file != young])

    looked = only(house, Duty.ORPHANS, EVENTS, dry_run=True)
    assert (looked.found, looked.found_bytes) == (1, orphan.stat().st_size)
    assert orphan.exists()

    removed = only(house, Duty.ORPHANS, EVENTS)
    assert (removed.found, removed.fault) == (1, "")
    assert removed.after.missing == ()
    assert not orphan.exists()
    assert young.exists()
    assert only(house, Duty.ORPHANS, EVENTS, dry_run=True).found == 0
    assert tags.names(house.stack.lake, house.table(EVENTS)) == ()
    events(house, range(40, 60))
    house.stop(EVENTS)
    leave_orphan(house, EVENTS)
    stopped = only(house, Duty.ORPHANS, EVENTS)
    assert (stopped.found, stopped.done) == (1, "")
    assert "has yet to commit" in stopped.left
    assert sorted(flink.execute(f"SELECT id, size FROM {house.table(EVENTS)}")) == [[n, n] for n in range(60)]


def test_what_lived_when_the_look_began_is_kept_though_its_snapshot_expires_meanwhile(
    stack: Stack, flink: FlinkBatch
) -> None:
    name = TableName.parse(f"dwd.upkeep_{os.getpid()}")
    table = f"CREATE TABLE {name} (id INT, v STRING, PRIMARY KEY (id) NOT ENFORCED) WITH ('bucket' = '1')"
    flink.execute(table)
    flink.execute(f"INSERT INTO {name} VALUES (1, 'a')")
    declared = Model(name, Path("table.yaml"), "", "", (), key=("id",))
    found = FilesystemTableStore(stack.lake).table(name)
    before = footprint(stack.lake, name)
    assert found is not None
    assert before is not None
    root = stack.lake / "dwd.db" / name.table

    with calling(stack.gateway_url, stack.lake) as real:

        class Expiring:
            """Between the tag and the look, another commit lets every older snapshot go."""

            def __getattr__(self, procedure: str) -> object:
                return getattr(real, procedure)

            def orphans(self, table: TableName, older_than: datetime, *, dry_run: bool) -> tuple[int, int]:
                if dry_run:
                    flink.execute(f"INSERT INTO {name} VALUES (2, 'b')")
                    flink.execute(f"CALL sys.expire_snapshots(`table` => '{name}', retain_max => 1, retain_min => 1)")
                    age([file for file in root.rglob("*-*") if file.is_file()])
                found = real.orphans(table, older_than, dry_run=dry_run)
                (held,) = tags.names(stack.lake, name)
                assert not (root / "snapshot" / "snapshot-1").exists()
                assert PinnedTable(stack.lake, name, 1, tag=held).reader().read_all().to_pylist() == [
                    {"id": 1, "v": "a"}
                ]
                return found

        now = datetime.now(UTC)
        place = Place(stack, Expiring(), now, dry_run=False, committed={name: now})  # pyright: ignore[reportArgumentType]
        outcome = remove(place, Target(declared, found.options, before))
    assert outcome.fault == ""
    assert sorted(flink.execute(f"SELECT id, v FROM {name}")) == [[1, "a"], [2, "b"]]
    assert tags.names(stack.lake, name) == ()
    after = footprint(stack.lake, name)
    assert after is not None
    assert (after.snapshots, after.missing) == (1, ())
    assert after.held_files <= 4  # the schema, hints, the snapshot itself: nothing that only the tag had held


def test_a_report_s_old_snapshots_go_and_its_rows_stay(house: House, flink: FlinkBatch) -> None:
    house.apply(EVENTS)
    events(house, range(5))
    daily = model(house, REPORT)
    for _ in range(14):
        run_report(house.stack, daily, [Partition("fi", date(2026, 11, 22))], markets=load(house.folder).markets)
    for number in range(1, 15):
        file = folder(house, REPORT) / "snapshot" / f"snapshot-{number}"
        content = json.loads(file.read_text())
        file.write_text(json.dumps({**content, "timeMillis": content["timeMillis"] - 101 * 86_400_000}))
    tags.create(house.stack.lake, daily.name, 2, DEAD)

    assert only(house, Duty.EXPIRY, REPORT, dry_run=True).found == 5
    outcome = only(house, Duty.EXPIRY, REPORT)
    assert (outcome.before.snapshots, outcome.after.snapshots) == (14, 10)
    assert (outcome.before.tags, outcome.after.tags) == ((DEAD,), ())
    assert outcome.after.bytes < outcome.before.bytes
    assert outcome.done == f"removed 1 tag ({DEAD}); expired 4 snapshots"
    rows = scan(house.stack.lake, daily.name, 14).read_all().to_pylist()
    assert rows == [{"market": "fi", "local_date": date(2026, 11, 22), "events": 5}]
    run_report(house.stack, daily, [Partition("fi", date(2026, 11, 22))], markets=load(house.folder).markets)
    assert flink.execute(f"SELECT events FROM {daily.name}") == [[5]]


def test_a_report_in_many_files_is_compacted_and_keeps_its_snapshots(house: House, flink: FlinkBatch) -> None:
    house.apply(EVENTS)
    events(house, range(5))
    daily = model(house, REPORT)
    run_report(house.stack, daily, [Partition("fi", date(2026, 11, 22))], markets=load(house.folder).markets)
    for number in range(12):
        flink.execute(f"INSERT INTO {daily.name} VALUES ('fi', DATE '2026-11-01', {number})")
    for number in range(1, 13):
        file = folder(house, REPORT) / "snapshot" / f"snapshot-{number}"
        content = json.loads(file.read_text())
        file.write_text(json.dumps({**content, "timeMillis": content["timeMillis"] - 2 * 86_400_000}))
    outcome = only(house, Duty.COMPACTION, REPORT)
    assert (outcome.found, outcome.done) == (12, "compacted 13 data files into 2")
    assert outcome.after.snapshots == 14
    assert sorted(flink.execute(f"SELECT events FROM {daily.name}")) == [[n] for n in sorted([5, *range(12)])]


def test_a_stream_s_job_expires_its_snapshots_by_itself(house: House) -> None:
    options = "options: {snapshot.num-retained.min: 2, snapshot.num-retained.max: 4}\n"
    file = house.folder / house.named("dwd/events#/table.yaml")
    file.write_text(file.read_text() + options)
    house.apply(EVENTS)
    for last in range(10, 90, 10):
        events(house, range(last - 10, last))
    assert house.snapshot(EVENTS) >= 8

    def is_short() -> bool:
        # A commit and the compaction beside it are two snapshots, and what is too many goes after them.
        files = footprint(house.stack.lake, house.table(EVENTS))
        return files is not None and files.snapshots <= 5

    eventually(is_short, "the job to expire snapshots")
    outcome = only(house, Duty.EXPIRY, EVENTS)
    assert outcome.before.snapshots <= 5
    assert (outcome.found, outcome.done) == (0, "")


def worker(house: House) -> ProcessStatus:
    (found,) = (each for each in processes(house.stack) if each.name == TASKMANAGER)
    return found


def test_a_running_job_s_cost_is_its_part_of_what_its_worker_used(house: House) -> None:
    house.write("prices.yaml", "currency: EUR\ncpu_hour: 0.05\nstorage_gb_month: 0.02\nstate_gb_month: 0.1\n")
    house.apply(EVENTS)
    house.send("event#", [event(random.randrange(20_000), number) for number in range(30_000)])
    house_table = house.table(EVENTS)

    def usage() -> tuple[float, int, int]:
        found = bill(house.stack)
        (asset,) = [each for each in found.assets if each.model == house_table]
        charge = found.charge(asset)
        assert charge is not None
        assert charge.cpu == pytest.approx(asset.cores * 730 * 0.05)
        assert {each.process for each in found.overhead} >= {"kafka", "jobmanager", "gateway"}
        return asset.cores, asset.state_bytes, asset.table_bytes

    # The JobManager asks the workers for their counters every ten seconds.
    eventually(lambda: usage()[0] > 0 and usage()[2] > 10_000, "the job's counters and rows")
    before = worker(house)
    cores, state, table = usage()
    after = worker(house)
    # No other job runs, so all that the worker had used when it was looked at, between the two, is this one's.
    assert before.cpu / after.uptime <= cores <= after.cpu / before.uptime
    assert state > 0
    on_disk = sum(file.stat().st_size for file in folder(house, EVENTS).rglob("*") if file.is_file())
    assert table == pytest.approx(on_disk, rel=0.5)
    costs = Costs(house.stack)
    costs.measure()
    assert costs.newest is not None
    assert house_table in {each.model for each in costs.newest.assets}
