"""From the forms that a person wrote to the frozen values that everything else works with."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path

from headwater.checks.kinds import (
    TOLERANCE,
    Accepted,
    Check,
    Kind,
    Late,
    Malformed,
    NotNull,
    ParityCheck,
    Range,
    Relation,
    Severity,
    SqlCheck,
    Unique,
    Volume,
)
from headwater.cost.prices import Prices
from headwater.declaration import (
    CheckForm,
    EventTimeForm,
    FreshnessForm,
    JobForm,
    MarketsForm,
    PricesForm,
    ReportForm,
    RestartForm,
    SourceForm,
    StreamForm,
)
from headwater.model import (
    Autoscale,
    ChangelogProducer,
    Column,
    EventTime,
    Flow,
    Freshness,
    JobOptions,
    Market,
    Merge,
    Model,
    OnIncompatible,
    Parallelism,
    ReportSchedule,
    Restart,
    Storage,
    TableName,
    Topic,
    TopicFormat,
)

TableFormType = SourceForm | StreamForm | ReportForm


def columns_of(form: TableFormType) -> tuple[Column, ...]:
    """The declared columns. Those of the key are NOT NULL, as Flink and Paimon take a primary key to be."""
    key = () if isinstance(form, ReportForm) else form.key
    return tuple(
        Column(name, column.type, column.description, column.required or name in key)
        for name, column in form.columns.items()
    )


def merge_of(form: StreamForm) -> Merge:
    """What two rows of one key make: as declared, or what the sequences and the key suggest."""
    if form.merge:
        return Merge(form.merge)
    if any(flow.sequence for flow in form.flows.values()):
        return Merge.PARTIAL_UPDATE
    return Merge.DEDUPLICATE if form.key else Merge.APPEND


def changelog_of(form: StreamForm) -> ChangelogProducer:
    """Where readers' changelog comes from: as declared, or `lookup`, right for any input, when there is a key."""
    if form.changelog:
        return ChangelogProducer(form.changelog)
    return ChangelogProducer.NONE if merge_of(form) is Merge.APPEND else ChangelogProducer.LOOKUP


def model_of(
    name: TableName, file: Path, form: TableFormType, flows: tuple[Flow, ...], checks: Mapping[str, SqlCheck]
) -> Model:
    """The model that a form declares.

    Args:
        flows: Its flows, analysed.
        checks: Its SQL checks, by file name. Must hold every file the form names.
    """
    if isinstance(form, SourceForm):
        topic = Topic(form.topic.name, TopicFormat(form.topic.format), form.topic.partitions)
        return Model(
            name,
            file,
            form.description,
            form.owner,
            columns_of(form),
            form.key,
            topic=topic,
            event_time=_event_time(form.event_time),
        )
    declared = tuple(_checks(form.checks, checks))
    if isinstance(form, ReportForm):
        return Model(
            name,
            file,
            form.description,
            form.owner,
            columns_of(form),
            partition_by=form.partition_by,
            flows=flows,
            storage=Storage(Merge.APPEND, ChangelogProducer.NONE),
            checks=declared,
            check_rows=form.check_rows,
            schedule=ReportSchedule(
                form.schedule.at,
                form.schedule.start_date,
                form.freshness.by if form.freshness else None,
                form.schedule.reopen or timedelta(),
            ),
        )
    return Model(
        name,
        file,
        form.description,
        form.owner,
        columns_of(form),
        form.key,
        form.partition_by,
        flows,
        storage=Storage(merge_of(form), changelog_of(form), form.buckets, tuple(form.options.items())),
        job=_job(form.job),
        event_time=_event_time(form.event_time),
        freshness=_freshness(form.freshness),
        checks=declared,
        check_rows=form.check_rows,
        restart=_restart(form.job.restart),
        distributes=Topic(str(name), TopicFormat.JSON, compacted=True) if form.distribute else None,
    )


def markets_of(form: MarketsForm) -> tuple[Market, ...]:
    """The markets, in the order they are declared."""
    return tuple(Market(code, market.name, market.zone, market.currency) for code, market in form.markets.items())


def prices_of(form: PricesForm) -> Prices:
    """The price table."""
    return Prices(form.currency, form.cpu_hour, form.storage_gb_month, form.state_gb_month)


def _job(form: JobForm) -> JobOptions:
    range_ = form.parallelism
    parallelism = Parallelism(range_.min, range_.max, Autoscale(range_.autoscale), range_.cool_down)
    return JobOptions(
        parallelism,
        form.state_ttl,
        form.checkpoint_interval,
        tuple(form.options.items()),
        OnIncompatible(form.on_incompatible),
    )


def _event_time(form: EventTimeForm | None) -> EventTime | None:
    return None if form is None else EventTime(form.column, form.lateness, form.idle_after)


def _restart(form: RestartForm | None) -> Restart | None:
    return None if form is None else Restart(form.attempts, form.backoff, form.within)


def _freshness(form: FreshnessForm | None) -> Freshness | None:
    return None if form is None else Freshness(form.warn_after, form.fail_after)


def _checks(forms: Iterable[CheckForm], files: Mapping[str, SqlCheck]) -> Iterable[Check]:
    for form in forms:
        yield Check(kind_of(form, files), Severity(form.severity), form.blocking)


def kind_of(form: CheckForm, files: Mapping[str, SqlCheck]) -> Kind:
    """What a check asks.

    Args:
        files: The SQL checks of the table, by file name.

    Raises KeyError for an SQL file that is not there, and ValueError for what cannot be a table's name.
    """
    if form.not_null is not None:
        return NotNull(form.not_null)
    if form.accepted is not None:
        return Accepted(form.accepted.column, form.accepted.values)
    if form.range is not None:
        return Range(form.range.column, form.range.min, form.range.max)
    if form.unique is not None:
        return Unique(form.unique)
    if form.relation is not None:
        relation = form.relation
        return Relation(relation.columns, TableName.parse(relation.to), relation.its or relation.columns)
    if form.volume is not None:
        return Volume(form.volume.tolerance, form.volume.weeks, form.volume.at_least)
    if form.malformed is not None:
        return Malformed(form.malformed.at_most, form.malformed.within)
    if form.late is not None:
        return Late(form.late.at_most)
    if form.parity is not None:
        tolerance = TOLERANCE if form.parity.tolerance is None else form.parity.tolerance
        return ParityCheck(form.parity.every, tolerance, form.parity.repair)
    return files[form.sql or ""]
