"""A streaming model's job: the statements of its session, its one INSERT, and the fingerprint that names it."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from headwater.compile import binding, text
from headwater.compile.binding import Addresses, Images
from headwater.compile.storage import ignores_deletes
from headwater.model import Flow, Model, Parallelism, TableName, Topic
from headwater.shadow import shadow

# Moving to another Flink or connector set is a change of the job, even where the SQL stays.
ENGINE_VERSION = "flink-2.0.2 paimon-2.0.0 kafka-4.0.1"

PARALLELISM = "parallelism.default"
"""The session property with the subtasks of every operator that can run in several."""

_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
# Windows, temporal joins, pattern matching, ranges and interval joins work on a time attribute; nothing else does.
_TIME_ATTRIBUTE = re.compile(r"\b(DESCRIPTOR|SYSTEM_TIME|MATCH_RECOGNIZE|OVER|JOIN)\b", re.IGNORECASE)

_NOWHERE = Addresses(lake="lake:", kafka="kafka:")


@dataclass(frozen=True, slots=True)
class JobSpec:
    """What Flink is given to keep one model up to date.

    Args:
        model: The table that the job writes; there is one sink, so one committer, for each table.
        fingerprint: 12 hex digits over everything below except addresses and parallelism: Flink changes that of a
            running job, so another one is no other job.
        properties: Session properties, without the paths that the engine adds (checkpoints, savepoints, restore).
        bindings: Statements that make the session's databases, temporary tables and views.
        insert: The INSERT, or the set of both when the rows are distributed by a topic, too.
        keyed: The table has a key: a row that is written again replaces itself.
        broker: Bootstrap address of the topics that it reads, None when it reads none.
        engine: Versions of Flink and its connectors that it was compiled for; "" where that was not noted.
        parallelism: Between what it may be scaled; `parallelism.default` among the properties lies in it.
    """

    model: TableName
    fingerprint: str
    properties: tuple[tuple[str, str], ...]
    bindings: tuple[str, ...]
    insert: str
    keyed: bool = True
    broker: str | None = None
    engine: str = ENGINE_VERSION
    parallelism: Parallelism = field(default_factory=Parallelism)

    @property
    def name(self) -> str:
        """The job's name in Flink; jobs are found again by it."""
        return f"{self.model}@{self.fingerprint}"

    @property
    def slots(self) -> int:
        """Task slots that it takes: operators share them."""
        return int(dict(self.properties)[PARALLELISM])

    def sized(self, before: int | None) -> "JobSpec":
        """The job with the parallelism that it ran with before, as near as it may come to it; the least when new."""
        number = self.parallelism.nearest(before or self.parallelism.least)
        return replace(self, properties=_with_parallelism(self.properties, number))


def compile_job(
    model: Model, upstream: Callable[[TableName], Model], addresses: Addresses, *, rebuilds: bool = False
) -> JobSpec:
    """Compile a streaming model.

    Args:
        model: A model with flows, not a report.
        upstream: Gives the model of a table that a flow reads.
        addresses: Where the lake and the broker are.
        rebuilds: The job writes the table's shadow, under the shadow's name (headwater.shadow). All its operators but
            the sink have the ids of the model's own job, which can go on from its state.
    """
    writes = shadow(model.name) if rebuilds else model.name
    settings = properties(model, upstream)
    # Nobody is told of a shadow's rows.
    topic = None if rebuilds else model.distributes
    insert = insert_of(model) if topic is None else _inserts(model)
    identity = "\n".join(
        [
            ENGINE_VERSION,
            *(f"{key}={value}" for key, value in _with_parallelism(settings, 1)),
            *_bindings(model, upstream, _NOWHERE, writes, topic),
            insert,
        ]
    )
    return JobSpec(
        model=writes,
        fingerprint=hashlib.sha256(identity.encode()).hexdigest()[:12],
        properties=settings,
        bindings=_bindings(model, upstream, addresses, writes, topic),
        insert=insert,
        keyed=bool(model.key),
        broker=addresses.kafka if any(upstream(name).is_source for name in model.reads) else None,
        parallelism=model.job.parallelism,
    )


def fingerprint(model: Model, upstream: Callable[[TableName], Model]) -> str:
    """The fingerprint of the model's job, without compiling it for any address."""
    return compile_job(model, upstream, _NOWHERE).fingerprint


def _bindings(
    model: Model, upstream: Callable[[TableName], Model], addresses: Addresses, writes: TableName, topic: Topic | None
) -> tuple[str, ...]:
    return (
        *read_bindings(model, upstream, addresses, writes),
        *binding.write_table(model, addresses, writes),
        *(binding.write_topic(model, topic, addresses) if topic is not None else ()),
    )


def read_bindings(
    model: Model, upstream: Callable[[TableName], Model], addresses: Addresses, reader: TableName | None = None
) -> tuple[str, ...]:
    """Statements that make the layers' databases, and everything that the model reads.

    Args:
        reader: In whose name topics and tables are read; the model's own when left out.
    """
    writes = reader or model.name
    raw = {name for flow in model.flows if flow.raw for name in flow.reads}
    inputs = tuple(upstream(name) for name in model.reads)
    timed = any(map(is_timed, model.flows))
    statements = list(binding.databases((*inputs, model)))
    for source in inputs:
        if source.name in raw:
            statements.extend(binding.read_raw_topic(source, addresses, writes))
        elif source.is_source:
            wanted = images(model, source)
            statements.extend(binding.read_topic(source, addresses, writes, timed=timed, images=wanted))
        else:
            statements.extend(binding.read_table(source, addresses, writes, timed=timed))
    return tuple(statements)


def is_timed(flow: Flow) -> bool:
    """The flow's SQL may need the event-time columns of what it reads as time attributes."""
    return _TIME_ATTRIBUTE.search(_COMMENT.sub(" ", flow.sql)) is not None


def images(model: Model, source: Model) -> Images:
    """Only rows after a change, where the table ignores all others and no flow keeps count of them."""
    readers = [flow for flow in model.flows if source.name in flow.reads]
    is_enough = ignores_deletes(model) and all(flow.row_by_row for flow in readers)
    return Images.AFTER if is_enough else Images.BOTH


def properties(model: Model, upstream: Callable[[TableName], Model]) -> tuple[tuple[str, str], ...]:
    """The session's properties. Parallelism is always set: a client would take its own number of cores otherwise."""
    settings = {
        PARALLELISM: str(model.job.parallelism.least),
        # Operators of one chain hand a row on instead of a copy of it. Flink tests its SQL operators this way.
        "pipeline.object-reuse": "true",
        "table.local-time-zone": "UTC",
        # Paimon refuses to run behind Flink's own materialisation of upserts.
        "table.exec.sink.upsert-materialize": "NONE",
    }
    silences = [source.event_time.idle_after for source in map(upstream, model.reads) if source.event_time]
    if silences:
        settings["table.exec.source.idle-timeout"] = text.duration(max(silences))
    if model.job.state_ttl is not None:
        settings["table.exec.state.ttl"] = text.duration(model.job.state_ttl)
    if model.job.checkpoint_interval is not None:
        settings["execution.checkpointing.interval"] = text.duration(model.job.checkpoint_interval)
    return tuple(sorted((settings | dict(model.job.options)).items()))


def _with_parallelism(properties: tuple[tuple[str, str], ...], number: int) -> tuple[tuple[str, str], ...]:
    return tuple((key, str(number) if key == PARALLELISM else value) for key, value in properties)


def insert_of(model: Model) -> str:
    """One INSERT for all flows. Two sinks on one table would fight over compaction."""
    return _insert(model, text.table(model.name))


def _inserts(model: Model) -> str:
    """The same rows into the table and into the topic. Flink finds that they are the same, and makes them once."""
    both = (text.table(model.name), binding.topic_name(model))
    return "STATEMENT SET BEGIN\n" + "".join(f"{_insert(model, into)};\n" for into in both) + "END"


def _insert(model: Model, into: str) -> str:
    columns = text.identifiers(column.name for column in model.columns)
    return f"INSERT INTO {into} ({columns})\n" + united(model)


def united(model: Model) -> str:
    """The rows of all flows: each gives its own columns, and typed NULLs for the rest.

    The casts also take the time attribute off event-time columns, of which a sink accepts one at most. A derived table
    that begins with WITH must have a name.
    """
    branches = []
    for flow in model.flows:
        given = {output.name for output in flow.outputs}
        columns = [
            f"CAST({text.identifier(c.name) if c.name in given else 'NULL'} AS {c.type}) AS {text.identifier(c.name)}"
            for c in model.columns
        ]
        author = flow.sql.strip().rstrip(";").rstrip()
        branches.append("SELECT " + ",\n  ".join(columns) + f"\nFROM (\n{author}\n) AS `flow`")
    return "\nUNION ALL\n".join(branches)
