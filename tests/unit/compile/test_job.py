"""What a model's job is given, and what names it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from headwater.compile.binding import Addresses
from headwater.compile.job import JobSpec, compile_job, fingerprint
from headwater.compile.rejects import rejected_model
from headwater.model import (
    Autoscale,
    ChangelogProducer,
    Column,
    EventTime,
    JobOptions,
    Merge,
    Model,
    Parallelism,
    Storage,
    TopicFormat,
)
from headwater.sqltype import SqlType
from tests.unit.compile.declared import (
    COUNTS,
    FROM_LEFT,
    FROM_RIGHT,
    HERE,
    LEFT,
    RIGHT,
    SELECT,
    THINGS,
    TOLD,
    UPSTREAM,
    by_name,
    flow,
    source,
)

SCRATCH = replace(HERE, is_scratch=True)
GOLDEN = Path(__file__).parent / "golden"
PARTIAL = Storage(Merge.PARTIAL_UPDATE, ChangelogProducer.LOOKUP)
GIVES = {"note": "STRING", "things": "BIGINT"}


@pytest.mark.parametrize(
    ("name", "model"),
    [("things", THINGS), ("counts", COUNTS), ("told", TOLD), ("rejected", rejected_model([LEFT, RIGHT]))],
)
def test_a_job_is_given_these_statements(name: str, model: Model) -> None:
    job = compile_job(model, UPSTREAM, HERE)
    written = ";\n\n".join((*job.bindings, job.insert)) + ";\n"
    assert written == (GOLDEN / f"{name}.sql").read_text()


def test_a_job_is_named_by_its_model_and_fingerprint() -> None:
    job = compile_job(THINGS, UPSTREAM, HERE)
    assert job.name == f"dwd.things@{fingerprint(THINGS, UPSTREAM)}"
    assert len(job.fingerprint) == 12


def test_the_fingerprint_does_not_depend_on_where_lake_and_broker_are() -> None:
    there = compile_job(THINGS, UPSTREAM, Addresses(lake="file:///elsewhere", kafka="other:1"))
    here = compile_job(THINGS, UPSTREAM, HERE)
    assert there.fingerprint == here.fingerprint
    assert there.bindings != here.bindings


@pytest.mark.parametrize(
    "changed",
    [
        replace(THINGS, flows=(replace(FROM_LEFT, sql=FROM_LEFT.sql.replace("amount", "amount + 1 AS amount")),)),
        replace(THINGS, flows=THINGS.flows[::-1]),
        replace(THINGS, columns=(*THINGS.columns, Column("more", SqlType("STRING")))),
        replace(THINGS, columns=(THINGS.columns[1], THINGS.columns[0], *THINGS.columns[2:])),
        replace(THINGS, job=JobOptions(options=(("table.exec.mini-batch.enabled", "true"),))),
        replace(THINGS, job=JobOptions(state_ttl=timedelta(hours=36))),
        replace(THINGS, job=JobOptions(checkpoint_interval=timedelta(seconds=1))),
    ],
    ids=["sql", "order of flows", "added column", "order of columns", "option", "ttl", "checkpoints"],
)
def test_the_fingerprint_changes_with_what_is_declared(changed: Model) -> None:
    assert fingerprint(changed, UPSTREAM) != fingerprint(THINGS, UPSTREAM)


@pytest.mark.parametrize(
    "upstream",
    [
        replace(THINGS, columns=(*THINGS.columns, Column("more", SqlType("STRING")))),
        replace(THINGS, event_time=EventTime("right_at")),
    ],
    ids=["columns", "event time"],
)
def test_the_fingerprint_changes_with_the_tables_it_reads(upstream: Model) -> None:
    assert fingerprint(COUNTS, by_name(upstream)) != fingerprint(COUNTS, UPSTREAM)


def test_the_fingerprint_ignores_what_the_job_does_not_see() -> None:
    told = replace(THINGS, description="other words", owner="others", file=Path("moved.yaml"))
    assert fingerprint(told, UPSTREAM) == fingerprint(THINGS, UPSTREAM)


@pytest.mark.parametrize("range_", [Parallelism(2, 2), Parallelism(1, 4), Parallelism(2, 8, Autoscale.ON)], ids=str)
def test_the_fingerprint_ignores_what_a_running_job_can_be_given(range_: Parallelism) -> None:
    scaled = replace(THINGS, job=JobOptions(range_))
    assert fingerprint(scaled, UPSTREAM) == fingerprint(THINGS, UPSTREAM)


@pytest.mark.parametrize(
    ("before", "now"), [(None, "2"), (1, "2"), (3, "3"), (9, "4")], ids=["new", "too few", "as before", "too many"]
)
def test_a_job_starts_with_the_parallelism_that_it_had_within_its_range(before: int | None, now: str) -> None:
    job = compile_job(replace(THINGS, job=JobOptions(Parallelism(2, 4))), UPSTREAM, HERE)
    assert dict(job.properties)["parallelism.default"] == "2"
    sized = job.sized(before)
    assert dict(sized.properties)["parallelism.default"] == now
    assert sized.fingerprint == job.fingerprint


def test_a_trial_reads_without_leaving_a_trace_and_writes_nowhere() -> None:
    place = replace(HERE, is_trial=True)
    things = "\n".join(compile_job(THINGS, UPSTREAM, place).bindings)
    assert "'properties.commit.offsets.on.checkpoint' = 'false'" in things
    assert "'properties.group.id' = 'headwater.dwd.things.trial'" in things
    assert compile_job(THINGS, UPSTREAM, place).bindings[-1].endswith("WITH ('connector' = 'blackhole')")
    counts = "\n".join(compile_job(COUNTS, UPSTREAM, place).bindings)
    assert "consumer" not in counts
    assert "'source.operator-uid.suffix' = 'dm.counts.dwd.things'" in counts


def test_a_topic_is_written_by_another_job_only_in_earnest() -> None:
    assert fingerprint(TOLD, UPSTREAM) != fingerprint(COUNTS, UPSTREAM)
    *_, table, topic = compile_job(TOLD, UPSTREAM, replace(HERE, is_trial=True)).bindings
    assert all("'connector' = 'blackhole'" in binding for binding in (table, topic))
    shadow, plain = (compile_job(model, UPSTREAM, HERE, rebuilds=True) for model in (TOLD, COUNTS))
    assert (shadow.bindings, shadow.insert) == (plain.bindings, plain.insert)


def test_a_trial_and_a_scratch_lake_are_the_same_job() -> None:
    jobs = [compile_job(THINGS, UPSTREAM, place) for place in (HERE, replace(HERE, is_trial=True), SCRATCH)]
    assert len({job.fingerprint for job in jobs}) == 1
    assert "'auto-create' = 'true'" in "\n".join(jobs[-1].bindings)
    assert "'merge-engine' = 'partial-update'" in "\n".join(jobs[-1].bindings)


def counting(sql: str) -> JobSpec:
    return compile_job(replace(COUNTS, flows=(flow("select", sql, "dwd.things", GIVES),)), UPSTREAM, HERE)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT note, COUNT(*) FROM TABLE(TUMBLE(TABLE dwd.things, DESCRIPTOR(left_at), INTERVAL '5' MINUTE))",
        "SELECT note, COUNT(*) OVER (PARTITION BY note ORDER BY left_at) AS things FROM dwd.things",
        "SELECT a.note, 1 AS things FROM dwd.things a JOIN dwd.things FOR SYSTEM_TIME AS OF a.left_at AS b ON TRUE",
        "SELECT * FROM dwd.things MATCH_RECOGNIZE (ORDER BY left_at)",
    ],
)
def test_sql_that_works_on_time_gets_the_time_attribute(sql: str) -> None:
    assert "CAST(`left_at`" not in "\n".join(counting(sql).bindings)


@pytest.mark.parametrize("sql", [SELECT, f"-- OVER and JOIN\n{SELECT}", f"{SELECT} /* DESCRIPTOR\n */"])
def test_other_sql_gets_a_plain_timestamp(sql: str) -> None:
    assert "CAST(`left_at` AS TIMESTAMP_LTZ(3)) AS `left_at`" in "\n".join(counting(sql).bindings)


def test_a_session_always_says_parallelism_zone_and_materialisation() -> None:
    assert dict(compile_job(COUNTS, by_name(replace(THINGS, event_time=None)), HERE).properties) == {
        "parallelism.default": "1",
        "pipeline.object-reuse": "true",
        "table.exec.sink.upsert-materialize": "NONE",
        "table.local-time-zone": "UTC",
    }


def test_a_session_takes_the_declared_job_options() -> None:
    job = JobOptions(Parallelism(3, 5), timedelta(hours=36), timedelta(milliseconds=1500), (("a.b", "c"),))
    properties = dict(compile_job(replace(THINGS, job=job), UPSTREAM, HERE).properties)
    assert properties["parallelism.default"] == "3"
    assert properties["table.exec.state.ttl"] == "129600000 ms"
    assert properties["execution.checkpointing.interval"] == "1500 ms"
    assert properties["a.b"] == "c"
    assert properties["table.exec.source.idle-timeout"] == "15000 ms"


def test_a_job_says_which_broker_it_needs_and_whether_its_table_has_a_key() -> None:
    assert compile_job(THINGS, UPSTREAM, HERE).broker == HERE.kafka
    assert compile_job(COUNTS, UPSTREAM, HERE).broker is None
    assert compile_job(COUNTS, UPSTREAM, HERE).keyed
    assert not compile_job(replace(COUNTS, key=()), UPSTREAM, HERE).keyed


@pytest.fixture
def bindings() -> Callable[[Model], str]:
    return lambda model: "\n".join(compile_job(THINGS, by_name(model, RIGHT), HERE).bindings)


def test_a_source_of_another_topic_is_bound_under_another_name(bindings: Callable[[Model], str]) -> None:
    assert LEFT.topic is not None
    moved = replace(LEFT, topic=replace(LEFT.topic, name="moved"))
    assert "`left__bound:left-topic`" in bindings(LEFT)
    assert "`left__bound:moved`" in bindings(moved)
    assert "left-topic" not in bindings(moved)


@pytest.mark.parametrize(
    ("form", "types", "exact"),
    [
        (TopicFormat.DEBEZIUM_JSON, {"amount": "DECIMAL(20, 2)"}, True),
        (TopicFormat.DEBEZIUM_JSON, {"amount": "DECIMAL(20, 2)", "price": "DECIMAL(20, 2)!"}, False),
        (TopicFormat.DEBEZIUM_JSON, {"amount": "DOUBLE"}, False),
        (TopicFormat.JSON, {"amount": "DECIMAL(20, 2)"}, False),
    ],
    ids=["optional decimal", "required decimal", "no decimal", "plain JSON"],
)
def test_decimals_read_as_text_keep_all_their_digits(
    bindings: Callable[[Model], str], form: TopicFormat, types: dict[str, str], exact: bool
) -> None:
    written = bindings(source("left", form, event_time=None, id="BIGINT!", left_at="TIMESTAMP_LTZ(3)!", **types))
    assert ("`__exact` DECIMAL(38, 18)" in written) is exact
    assert "`__exact` AS" not in written


@pytest.mark.parametrize(
    ("model", "form"),
    [
        (THINGS, "json"),
        (replace(THINGS, flows=(replace(FROM_RIGHT, row_by_row=False), FROM_LEFT)), "debezium-json"),
        (replace(THINGS, storage=replace(PARTIAL, options=(("ignore-delete", "false"),))), "debezium-json"),
        (replace(THINGS, storage=Storage(Merge.DEDUPLICATE, ChangelogProducer.LOOKUP)), "debezium-json"),
    ],
    ids=["rows by themselves", "a flow that sees other rows", "a table that deletes", "a table without sequences"],
)
def test_changes_are_read_without_what_they_replace_only_where_nothing_needs_it(model: Model, form: str) -> None:
    written = "\n".join(compile_job(model, UPSTREAM, HERE).bindings)
    (bound,) = (part for part in written.split("CREATE ") if "`right__bound:right-topic` (" in part)
    assert f"'format' = '{form}'" in bound
    assert ("`after` ROW<" in bound) is (form == "json")
