"""Applying a warehouse to running engines: first, again, and after every kind of edit."""

from typing import Any

import pytest

from headwater.compile.text import file_uri
from headwater.engines import JobState
from headwater.plan.stages import (
    AddColumns,
    CreateTable,
    SetOptions,
    StopWithSavepoint,
    SubmitJob,
    WaitHealthy,
)
from headwater.problem import HeadwaterError
from headwater.verdict.verdict import Outcome
from resources.paimon.store import FilesystemTableStore
from tests.integration.flink.house import House
from tests.integration.waiting import eventually

THINGS, TOTALS = "dwd.things#", "dm.totals#"

NARROW = """
    description: things
    owner: tests
    key: [id]
    columns:
      id: {type: BIGINT}
      kind: {type: STRING}
      amount: {type: BIGINT}
      left_at: {type: TIMESTAMP_LTZ(3)}
    flows:
      from_left: {sequence: left_at}
    event_time: {column: left_at}
    job: {checkpoint_interval: 500ms}
    """
# The new columns stand before the old ones, so that every old column moves.
WIDE = """
    description: things
    owner: tests
    key: [id]
    columns:
      id: {type: BIGINT}
      note: {type: STRING}
      right_at: {type: TIMESTAMP_LTZ(3)}
      kind: {type: STRING}
      amount: {type: BIGINT}
      left_at: {type: TIMESTAMP_LTZ(3)}
    flows:
      from_left: {sequence: left_at}
      from_right: {sequence: right_at}
    event_time: {column: left_at}
    job: {checkpoint_interval: 500ms}
    """
TOTALS_TABLE = """
    description: totals
    owner: tests
    key: [kind]
    columns:
      kind: {type: STRING}
      things: {type: BIGINT}
      amount: {type: BIGINT}
    job: {checkpoint_interval: 500ms}
    """
# Two branches over one table, as a measure per event has them: their scans must each find their own state again.
TOTALS_SQL = """
    SELECT kind, SUM(seen) AS things, SUM(worth) AS amount
    FROM (
      SELECT kind, CAST(1 AS BIGINT) AS seen, CAST(0 AS BIGINT) AS worth FROM dwd.things# WHERE left_at IS NOT NULL
      UNION ALL
      SELECT kind, CAST(0 AS BIGINT), amount FROM dwd.things# WHERE amount > 0
    )
    GROUP BY kind
    """


@pytest.fixture
def things(house: House) -> House:
    """`dwd.things`: partial updates from the fact `left`. The fact `right` has a topic, and no flow yet."""
    left = "id: {type: BIGINT, required: true}\nkind: {type: STRING}\namount: {type: BIGINT}\n"
    house.source("left", left + "left_at: {type: TIMESTAMP_LTZ(3), required: true}", event_time="{column: left_at}")
    right = "id: {type: BIGINT, required: true}\nnote: {type: STRING}\n"
    house.source("right", right + "right_at: {type: TIMESTAMP_LTZ(3), required: true}", event_time="{column: right_at}")
    house.write("dwd/things#/table.yaml", NARROW)
    house.write("dwd/things#/from_left.sql", "SELECT id, kind, amount, left_at FROM ods.left#\n")
    return house


@pytest.fixture
def totals(things: House) -> House:
    """`dm.totals` over `dwd.things`: an aggregate with state."""
    things.write("dm/totals#/table.yaml", TOTALS_TABLE)
    things.write("dm/totals#/select.sql", TOTALS_SQL)
    return things


def test_apply_starts_the_job_and_again_is_a_no_op(things: House) -> None:
    things.send("left#", [left(1, "a", 10)])
    assert [type(stage) for stage in things.plan(THINGS).stages] == [CreateTable, SubmitJob, WaitHealthy]
    things.apply(THINGS)
    job = things.job(THINGS)
    assert job.state is JobState.RUNNING
    assert things.health(THINGS).restored_from is None
    await_things(things, [(1, "a", 10)])

    assert things.plan(THINGS).is_empty
    assert things.apply(THINGS) == ()
    assert things.job(THINGS).id == job.id


def test_a_new_fact_joins_a_running_table_and_its_readers_keep_their_sums(totals: House) -> None:
    totals.send("left#", [left(1, "a", 10), left(2, "b", 20), left(3, "a", 30)])
    totals.apply(THINGS, TOTALS)
    totals.await_rows(TOTALS, [total("a", 2, 40), total("b", 1, 20)])

    totals.send("right#", [right(1, "first"), right(9, "alone")])
    totals.write("dwd/things#/table.yaml", WIDE)
    totals.write("dwd/things#/from_right.sql", "SELECT id, note, right_at FROM ods.right#\n")
    kinds = [type(stage) for stage in totals.plan(THINGS, TOTALS).stages]
    assert kinds[:3] == [StopWithSavepoint, AddColumns, SetOptions]
    totals.apply(THINGS, TOTALS)

    assert "savepoint-" in str(totals.health(THINGS).restored_from)
    assert "savepoint-" in str(totals.health(TOTALS).restored_from)
    totals.send("left#", [left(3, "b", 31, minute=3)])
    await_things(totals, [(1, "a", 10), (2, "b", 20), (3, "b", 31), (9, None, None)])
    assert [row["note"] for row in totals.rows(THINGS)] == ["first", None, None, "alone"]
    totals.await_rows(TOTALS, [total("a", 1, 10), total("b", 2, 51)])


def test_a_fact_can_leave_a_running_table(things: House) -> None:
    # In a table of partial updates the columns of the fact would be left without a flow.
    whole = NARROW.replace("    flows:\n      from_left: {sequence: left_at}\n", "")
    things.write("dwd/things#/table.yaml", whole)
    things.write(
        "dwd/things#/from_right.sql",
        "SELECT id, note AS kind, CAST(0 AS BIGINT) AS amount, right_at AS left_at FROM ods.right#\n",
    )
    things.send("left#", [left(1, "a", 10)])
    things.send("right#", [right(3, "kept")])
    things.apply(THINGS)
    await_things(things, [(1, "a", 10), (3, "kept", 0)])

    things.remove("dwd/things#/from_right.sql")
    things.apply(THINGS)
    assert "savepoint-" in str(things.health(THINGS).restored_from)
    things.send("left#", [left(2, "b", 20)])
    await_things(things, [(1, "a", 10), (2, "b", 20), (3, "kept", 0)])
    # Metrics are fetched every ten seconds. Read from its start, the topic would give two records.
    eventually(lambda: things.records_read(THINGS, "left") > 0, "the metrics")
    assert things.records_read(THINGS, "left") == 1


def test_a_changed_table_option_reaches_the_table_and_the_job_goes_on(things: House) -> None:
    things.send("left#", [left(1, "a", 10)])
    things.apply(THINGS)
    await_things(things, [(1, "a", 10)])

    things.write("dwd/things#/table.yaml", NARROW.rstrip() + "\n    options: {snapshot.num-retained.min: '12'}\n")
    things.apply(THINGS)
    assert options(things)["snapshot.num-retained.min"] == "12"
    assert "savepoint-" in str(things.health(THINGS).restored_from)
    assert things.plan(THINGS).is_empty

    things.write("dwd/things#/table.yaml", NARROW)
    things.apply(THINGS)
    assert "snapshot.num-retained.min" not in options(things)
    await_things(things, [(1, "a", 10)])


def test_a_rejected_statement_is_told_by_its_last_cause_and_corrected_by_applying_again(totals: House) -> None:
    totals.send("left#", [left(1, "a", 10)])
    # Known to the checks that need no cluster, refused by Flink alone: a window over a column without a watermark.
    totals.write("dm/totals#/select.sql", TOTALS_SQL.replace("SUM(seen)", "CAST(PERCENTILE(seen, 2.0) AS BIGINT)"))
    with pytest.raises(HeadwaterError) as refused:
        totals.apply(THINGS, TOTALS)
    assert refused.value.failed.startswith(f"Flink refused the SQL of {totals.named(TOTALS)}: ")
    assert "\tat " not in str(refused.value)
    assert totals.has_job(THINGS)
    assert not totals.has_job(TOTALS)
    job = totals.job(THINGS).id

    totals.write("dm/totals#/select.sql", TOTALS_SQL)
    totals.apply(THINGS, TOTALS)
    assert totals.job(THINGS).id == job
    totals.await_rows(TOTALS, [total("a", 1, 10)])


def test_a_change_that_would_misread_the_state_is_refused_while_the_job_runs_on(totals: House) -> None:
    totals.send("left#", [left(1, "a", 10), left(2, "b", 20)])
    totals.apply(THINGS, TOTALS)
    totals.await_rows(TOTALS, [total("a", 1, 10), total("b", 1, 20)])
    job = totals.job(TOTALS).id

    by_size = TOTALS_SQL.replace("SELECT kind, CAST", "SELECT CAST(amount AS STRING) AS kind, CAST")
    totals.write("dm/totals#/select.sql", by_size)
    plan = totals.plan(TOTALS)
    assert plan.verdicts[totals.table(TOTALS)].outcome is Outcome.REBUILD
    (refusal,) = plan.refusals
    assert "GroupAggregate(groupBy=[kind]): what it uses was kind, is CAST(amount AS STRING)" in refusal
    assert f"headwater apply --fresh {totals.named(TOTALS)}" in refusal
    with pytest.raises(HeadwaterError, match="The plan cannot be applied"):
        totals.apply(TOTALS)
    assert totals.job(TOTALS).id == job
    totals.send("left#", [left(3, "a", 5)])
    totals.await_rows(TOTALS, [total("a", 2, 15), total("b", 1, 20)])

    totals.apply(TOTALS, fresh=[TOTALS])
    assert totals.health(TOTALS).restored_from is None
    assert totals.meant_start(TOTALS) == ""
    sizes = [total("10", 1, 10), total("20", 1, 20), total("5", 1, 5)]
    totals.await_rows(TOTALS, [*sizes, total("a", 2, 15), total("b", 1, 20)])


def test_a_trial_restores_the_changed_job_beside_the_running_one_and_writes_nothing(totals: House) -> None:
    totals.send("left#", [left(1, "a", 10)])
    totals.apply(THINGS, TOTALS)
    totals.await_rows(TOTALS, [total("a", 1, 10)])
    running = {model: totals.job(model).id for model in (THINGS, TOTALS)}

    totals.write("dm/totals#/select.sql", TOTALS_SQL.replace("AS amount\n", "* 100 AS amount\n", 1))
    totals.write("dwd/things#/from_left.sql", "SELECT id, UPPER(kind) AS kind, amount, left_at FROM ods.left#\n")
    plan = totals.plan(THINGS, TOTALS, trial=True)
    assert {name: verdict.outcome for name, verdict in plan.verdicts.items()} == {
        totals.table(name): Outcome.MEANING_CHANGES for name in (THINGS, TOTALS)
    }
    assert [trial.refusal for trial in plan.trials.values()] == ["", ""]
    assert all(trial.seconds > 0 for trial in plan.trials.values())
    assert plan.refusals == ()

    totals.send("left#", [left(2, "a", 5)])
    totals.await_rows(TOTALS, [total("a", 2, 15)])
    assert {model: totals.job(model).id for model in (THINGS, TOTALS)} == running
    assert not list(totals.stack.job_state.glob("*/trials"))


def test_a_version_that_does_not_get_going_gives_way_to_the_one_before(totals: House) -> None:
    totals.send("left#", [left(1, "a", 10)])
    totals.apply(THINGS, TOTALS)
    totals.await_rows(TOTALS, [total("a", 1, 10)])
    before = totals.job(TOTALS)

    more = TOTALS_TABLE.replace("    job:", "      most: {type: BIGINT}\n    job:")
    nowhere = "500ms, options: {state.backend.rocksdb.localdir: /proc/nowhere}}"
    totals.write("dm/totals#/table.yaml", more.replace("500ms}", nowhere))
    totals.write("dm/totals#/select.sql", TOTALS_SQL.replace("AS amount\n", "AS amount, SUM(seen) * 2 AS most\n", 1))
    with pytest.raises(HeadwaterError, match="not healthy") as failed:
        totals.apply(TOTALS, patience=8)
    previous = f"the previous version of {totals.named(TOTALS)}, which runs again from its savepoint"
    assert failed.value.left == previous

    job = totals.job(TOTALS)
    assert (job.fingerprint, job.state) == (before.fingerprint, JobState.RUNNING)
    assert job.id != before.id
    totals.send("left#", [left(2, "a", 5)])
    totals.await_rows(TOTALS, [total("a", 2, 15)])
    assert "AddColumns" in [type(stage).__name__ for stage in totals.plan(TOTALS).stages]


def test_an_earlier_savepoint_goes_on_from_the_snapshot_that_it_is_paired_with(things: House) -> None:
    things.send("left#", [left(1, "a", 10)])
    things.apply(THINGS)
    await_things(things, [(1, "a", 10)])
    savepoint = things.stop(THINGS)
    snapshot = things.pair(THINGS, savepoint)
    things.apply(THINGS)
    things.send("left#", [left(1, "a", 11), left(2, "b", 20)])
    await_things(things, [(1, "a", 11), (2, "b", 20)])
    things.stop(THINGS)

    assert things.state(THINGS, savepoint).snapshot == snapshot
    things.roll_back(THINGS, snapshot)
    await_things(things, [(1, "a", 10)])
    things.start(THINGS, savepoint)
    await_things(things, [(1, "a", 11), (2, "b", 20)])
    eventually(lambda: things.health(THINGS).checkpoints_completed > 2, "checkpoints after that")
    await_things(things, [(1, "a", 11), (2, "b", 20)])


def test_a_job_that_was_stopped_goes_on_where_it_was(totals: House) -> None:
    totals.send("left#", [left(1, "a", 10)])
    totals.apply(THINGS, TOTALS)
    totals.await_rows(TOTALS, [total("a", 1, 10)])
    savepoints = {model: totals.stop(model) for model in (TOTALS, THINGS)}
    totals.send("left#", [left(2, "a", 5)])

    totals.apply(THINGS, TOTALS)
    for model, savepoint in savepoints.items():
        assert str(totals.health(model).restored_from).endswith(savepoint.name)
        assert totals.meant_start(model) == file_uri(savepoint)
    totals.await_rows(TOTALS, [total("a", 2, 15)])


def test_a_source_that_moves_to_another_topic_reads_it_from_its_start(things: House) -> None:
    things.send("left#", [left(1, "a", 10)])
    things.apply(THINGS)
    await_things(things, [(1, "a", 10)])
    things.make_topic("moved#")
    things.send("moved#", [left(2, "b", 20)])

    file = things.folder / things.named("ods/left#/table.yaml")
    file.write_text(file.read_text().replace(things.named("name: left#"), things.named("name: moved#")))
    things.apply(THINGS)
    await_things(things, [(1, "a", 10), (2, "b", 20)])


def left(number: int, kind: str, amount: int, minute: int = 0) -> dict[str, Any]:
    return {"id": number, "kind": kind, "amount": amount, "left_at": at(minute)}


def right(number: int, note: str) -> dict[str, Any]:
    return {"id": number, "note": note, "right_at": at(1)}


def at(minute: int) -> str:
    return f"2026-11-22T03:{minute:02}:00.000Z"


def total(kind: str, things: int, amount: int) -> dict[str, Any]:
    return {"kind": kind, "things": things, "amount": amount}


def await_things(house: House, expected: list[tuple[Any, ...]]) -> None:
    house.await_values(THINGS, ("id", "kind", "amount"), expected)


def options(house: House) -> dict[str, str]:
    table = FilesystemTableStore(house.stack.lake).table(house.table(THINGS))
    assert table is not None
    return dict(table.options)
