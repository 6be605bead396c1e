"""How far a table is behind its sources, from what the systems say."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from headwater.engines import Snapshot
from headwater.lag.hops import HopKind, State, TableLag
from headwater.lag.measure import Readings, table_lags
from headwater.lag.progress import NOTHING, Backlog, JobProgress, SourceProgress, TopicNews
from headwater.model import EventTime, Flow, Freshness, Model, TableName, Topic, TopicFormat, Warehouse

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
CLICKS, VISITS, HITS = (TableName.parse(name) for name in ("ods.clicks", "dwd.visits", "dm.hits"))
PROMISE = Freshness(timedelta(seconds=30), timedelta(minutes=2))


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def model(name: TableName, *reads: TableName, windowed: bool = False) -> Model:
    times = tuple((read, "at") for read in reads) if windowed else ()
    flows = (Flow("select", Path("select.sql"), "", reads, (), time_columns=times),) if reads else ()
    topic = None if reads else Topic(str(name), TopicFormat.JSON)
    event_time = EventTime("at", lateness=timedelta(seconds=20))
    promise = PROMISE if reads else None
    return Model(
        name, Path("table.yaml"), "", "", (), flows=flows, topic=topic, event_time=event_time, freshness=promise
    )


def warehouse(*, windowed: bool = False) -> Warehouse:
    return Warehouse(Path(), (model(CLICKS), model(VISITS, CLICKS), model(HITS, VISITS, windowed=windowed)))


def waits(seconds: float, count: int = 5) -> Backlog:
    return Backlog(count, ago(seconds))


def measured(
    visits: JobProgress, hits: JobProgress, *, arrived: float = 1, windowed: bool = False, unmeasured: str = ""
) -> dict[TableName, TableLag]:
    snapshots = {name: Snapshot(1, ago(1), "APPEND", ago(50), 1, 0) for name in (VISITS, HITS)}
    readings = Readings(
        NOW,
        {VISITS: visits, HITS: hits},
        {} if unmeasured else {CLICKS: TopicNews(ago(arrived), ago(arrived + 2))},
        snapshots,
        unmeasured,
    )
    return {lag.table: lag for lag in table_lags(warehouse(windowed=windowed), readings)}


def reading(source: TableName, progress: SourceProgress) -> JobProgress:
    return JobProgress({source: progress})


IDLE = reading(VISITS, SourceProgress(NOTHING))


def test_a_table_that_has_everything_is_not_behind_however_old_its_watermark() -> None:
    lag = measured(reading(CLICKS, SourceProgress(NOTHING)), IDLE)[VISITS]
    assert (lag.behind, lag.state, lag.guilty) == (timedelta(0), State.FRESH, None)
    assert lag.watermark_lag == timedelta(seconds=30)


def test_a_silent_source_makes_its_tables_quiet_and_not_stale() -> None:
    found = measured(reading(CLICKS, SourceProgress(NOTHING)), IDLE, arrived=4 * 3600)
    assert {lag.state for lag in found.values()} == {State.QUIET}


@pytest.mark.parametrize(
    ("seconds", "state"), [(30, State.FRESH), (31, State.LATE), (120, State.LATE), (121, State.STALE)]
)
def test_the_age_of_what_waits_is_held_against_the_promise(seconds: int, state: State) -> None:
    lag = measured(reading(CLICKS, SourceProgress(waits(seconds))), IDLE)[VISITS]
    assert (lag.behind, lag.state) == (timedelta(seconds=seconds), state)


def test_a_stuck_job_is_stale_though_the_newest_record_is_old() -> None:
    lag = measured(reading(CLICKS, SourceProgress(waits(600))), IDLE, arrived=600)[VISITS]
    assert lag.state is State.STALE


def test_what_waits_above_a_table_makes_it_late_too_and_the_hop_above_is_to_blame() -> None:
    lag = measured(reading(CLICKS, SourceProgress(waits(60))), IDLE)[HITS]
    assert lag.state is State.LATE
    assert lag.guilty is not None
    assert lag.guilty.label == "ods.clicks → dwd.visits, read"


def test_a_table_that_reads_slowly_does_not_make_the_one_above_it_late() -> None:
    found = measured(reading(CLICKS, SourceProgress(NOTHING)), reading(VISITS, SourceProgress(waits(300, 9))))
    assert (found[VISITS].state, found[HITS].state) == (State.FRESH, State.STALE)
    guilty = found[HITS].guilty
    assert guilty is not None
    assert (guilty.label, guilty.waiting) == ("dwd.visits → dm.hits, read", 9)


def test_what_has_been_read_waits_for_a_checkpoint() -> None:
    lag = measured(reading(CLICKS, SourceProgress(waits(60), unread=waits(2, 1))), IDLE)[VISITS]
    assert [(hop.kind, hop.age.seconds, hop.own.seconds) for hop in lag.hops] == [
        (HopKind.READ, 2, 2),
        (HopKind.CHECKPOINT, 60, 58),
    ]
    assert lag.guilty is lag.hops[1]


def test_a_checkpoint_without_a_snapshot_waits_for_the_commit() -> None:
    job = JobProgress({CLICKS: SourceProgress(waits(62), unread=waits(1))}, uncommitted_since=ago(60))
    lag = measured(job, IDLE)[VISITS]
    assert lag.guilty is not None
    assert (lag.guilty.kind, lag.guilty.own) == (HopKind.COMMIT, timedelta(seconds=60))


@pytest.mark.parametrize(
    ("source", "more"),
    [
        (SourceProgress(waits(9), kept_at=ago(70)), False),
        (SourceProgress(waits(62), kept_at=ago(70)), True),
        (SourceProgress(waits(9), kept_at=ago(61)), True),
        (SourceProgress(NOTHING), False),
    ],
    ids=["came-after-it", "waited-before-it", "kept-after-the-commit", "nothing-known"],
)
def test_only_a_checkpoint_with_data_waits_for_its_commit(source: SourceProgress, more: bool) -> None:
    job = JobProgress({CLICKS: source})
    assert job.has_kept_more(completed_at=ago(60), committed_at=ago(65)) is more


def windows(watermark: float, kept: float) -> JobProgress:
    return JobProgress({VISITS: SourceProgress(NOTHING, kept_at=ago(kept))}, watermark=ago(watermark))


def test_windows_that_event_time_does_not_close_are_late_while_records_come() -> None:
    lag = measured(reading(CLICKS, SourceProgress(NOTHING)), windows(200, kept=3), windowed=True)[HITS]
    assert lag.guilty is not None
    assert (lag.state, lag.guilty.kind, lag.behind) == (State.STALE, HopKind.WATERMARK, timedelta(seconds=180))


def test_windows_stay_open_while_the_source_is_silent() -> None:
    found = measured(reading(CLICKS, SourceProgress(NOTHING)), windows(999, kept=900), arrived=900, windowed=True)
    assert found[HITS].state is State.QUIET


def test_the_first_record_after_a_silence_makes_no_window_late() -> None:
    visits = reading(CLICKS, SourceProgress(waits(1), kept_at=ago(900)))
    lag = measured(visits, windows(999, kept=900), arrived=1, windowed=True)[HITS]
    assert (lag.state, lag.behind) == (State.FRESH, timedelta(seconds=1))


def test_without_the_broker_a_table_is_as_late_as_its_watermark() -> None:
    found = measured(JobProgress(), IDLE, unmeasured="Kafka does not answer")
    lag = found[VISITS]
    assert (lag.state, lag.behind, lag.unmeasured) == (State.FRESH, timedelta(seconds=30), "Kafka does not answer")
    assert found[HITS].unmeasured == "Kafka does not answer"


def test_a_hop_that_two_ways_share_counts_once() -> None:
    found = measured(reading(CLICKS, SourceProgress(waits(5))), reading(VISITS, SourceProgress(waits(1))))
    assert [hop.label for hop in found[HITS].hops] == ["ods.clicks → dwd.visits, read", "dwd.visits → dm.hits, read"]
