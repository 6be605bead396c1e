"""How far tables are behind, measured on real engines: quiet sources, stuck jobs, and the hop where the data waits."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from headwater.lag.hops import State, TableLag
from resources.declarations import warehouse
from resources.lags import lags
from resources.paimon.recount import recount
from resources.paimon.store import FilesystemTableStore
from tests.integration.flink.events import COUNTS, EVENTS, await_counts, event
from tests.integration.flink.house import House
from tests.integration.waiting import eventually

PROMISE = "freshness: {{warn_after: 10s, fail_after: {}}}\n"
HOUR = timedelta(hours=1)


@pytest.fixture
def promised(counts: House) -> House:
    """`dwd.events` and `dm.counts` with a promise, both running, and one event in them."""
    for table, allowed in (("dwd/events#", "20s"), ("dm/counts#", "30s")):
        file = counts.folder / counts.named(f"{table}/table.yaml")
        file.write_text(file.read_text() + PROMISE.format(allowed))
    counts.send("event#", [event(1, 10)])
    counts.apply(EVENTS, COUNTS)
    await_counts(counts, {1: 10})
    return counts


def lag(house: House, table: str, later: timedelta = timedelta(0)) -> TableLag:
    """The table's lag, as it will be after some time if nothing happens until then."""
    found = lags(house.stack, warehouse(house.stack), datetime.now(UTC) + later)
    return next(each for each in found if each.table == house.table(table))


def slowest(house: House, table: str) -> str:
    """The hop that is to blame, without the number of the house; "" for none."""
    guilty = lag(house, table, HOUR).guilty
    return guilty.label.replace(house.named("#"), "#") if guilty else ""


def await_state(house: House, table: str, state: State) -> None:
    """Wait until the table is in this state an hour from now, if nothing happens until then."""
    eventually(lambda: lag(house, table, HOUR).state is state, lambda: f"{state}, not {lag(house, table, HOUR)}")


def await_slowest(house: House, table: str, hop: str) -> None:
    """Wait until this hop is to blame."""
    eventually(lambda: slowest(house, table) == hop, lambda: f"{hop}, not {lag(house, table, HOUR)}")


def test_a_silent_source_leaves_its_tables_quiet_and_not_stale(promised: House) -> None:
    await_state(promised, COUNTS, State.QUIET)
    assert lag(promised, EVENTS, HOUR).state is State.QUIET
    assert lag(promised, EVENTS).newest_event == datetime(2026, 11, 22, 3, tzinfo=UTC)


def test_a_table_whose_job_is_gone_is_stale_although_commits_without_data_arrive(promised: House) -> None:
    await_state(promised, COUNTS, State.QUIET)
    promised.cancel(EVENTS)
    promised.send("event#", [event(2, 20)])
    before = promised.snapshot(EVENTS)
    commit = next(FilesystemTableStore(promised.stack.lake).commits(promised.table(EVENTS)))
    recount(promised.stack.lake, promised.table(EVENTS), commit.user, commit.checkpoint)
    assert promised.snapshot(EVENTS) == before + 1
    for table in (EVENTS, COUNTS):
        await_slowest(promised, table, "ods.event# → dwd.events#, read")
        assert lag(promised, table, HOUR).state is State.STALE
    guilty = lag(promised, EVENTS).guilty
    assert guilty is not None
    assert guilty.waiting == 1

    promised.apply(EVENTS)
    await_counts(promised, {1: 10, 2: 20})
    await_state(promised, COUNTS, State.QUIET)


def test_a_table_that_is_not_read_is_fresh_and_the_one_that_does_not_read_it_is_stale(promised: House) -> None:
    await_state(promised, COUNTS, State.QUIET)
    promised.cancel(COUNTS)
    promised.send("event#", [event(2, 20)])
    await_slowest(promised, COUNTS, "dwd.events# → dm.counts#, read")
    assert lag(promised, COUNTS, HOUR).state is State.STALE
    await_state(promised, EVENTS, State.QUIET)


def test_a_job_whose_checkpoints_fail_is_to_blame(promised: House) -> None:
    (place,) = promised.stack.job_state.glob(f"{promised.table(EVENTS)}/*/checkpoints/{promised.job(EVENTS).id}")
    aside = place.with_name("aside")
    place.rename(aside)
    place.touch()
    promised.send("event#", [event(2, 20)])
    # Flink may start the job again, and give it up for want of a state to restore: then what waits is not read.
    blamed = {f"ods.event# → dwd.events#, {hop}" for hop in ("checkpoint", "read")}
    for table in (EVENTS, COUNTS):
        eventually(lambda table=table: slowest(promised, table) in blamed, lambda: str(lag(promised, EVENTS, HOUR)))
        assert lag(promised, table, HOUR).state is State.STALE
    place.unlink()
    aside.rename(place)
    if not promised.has_job(EVENTS):
        promised.apply(EVENTS)
    await_state(promised, COUNTS, State.QUIET)


def test_windows_that_a_slow_partition_keeps_open_are_late_while_the_source_moves(house: House) -> None:
    house.source(
        "click",
        "id: {type: BIGINT, required: true}\nseen_at: {type: TIMESTAMP_LTZ(3), required: true}",
        partitions=2,
        event_time="{column: seen_at, lateness: 1s, idle_after: 1h}",
    )
    house.write(
        "dm/clicks#/table.yaml",
        f"""
        description: clicks
        owner: tests
        key: [window_start]
        columns: {{window_start: {{type: TIMESTAMP_LTZ(3)}}, clicks: {{type: BIGINT}}}}
        job: {{checkpoint_interval: 500ms}}
        {PROMISE.format("30s")}""",
    )
    house.write(
        "dm/clicks#/select.sql",
        "SELECT window_start, COUNT(*) AS clicks FROM TABLE(TUMBLE(TABLE ods.click#, DESCRIPTOR(seen_at),"
        " INTERVAL '1' SECOND)) GROUP BY window_start, window_end\n",
    )
    now = datetime.now(UTC)
    click(house, 0, now - timedelta(minutes=10))
    click(house, 1, now)
    house.apply("dm.clicks#")
    # The metric that tells is renewed every ten seconds.
    eventually(
        lambda: (found := lag(house, "dm.clicks#").guilty) is not None and found.label.endswith(", watermark"),
        lambda: str(lag(house, "dm.clicks#")),
    )
    assert lag(house, "dm.clicks#").state is State.STALE
    click(house, 0, datetime.now(UTC) + timedelta(hours=1))
    click(house, 1, datetime.now(UTC) + timedelta(hours=1))
    eventually(lambda: lag(house, "dm.clicks#").state is State.FRESH, lambda: str(lag(house, "dm.clicks#")))


def click(house: House, partition: int, seen_at: datetime) -> None:
    """Send one record to a partition."""
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": house.stack.kafka, "log_level": 0})
    record = {"id": 1, "seen_at": seen_at.isoformat(timespec="milliseconds").replace("+00:00", "Z")}
    producer.produce(house.named("click#"), json.dumps(record), partition=partition)
    assert producer.flush(30) == 0
