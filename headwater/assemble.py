"""From the forms that a person wrote to the frozen values that everything else works with."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from zoneinfo import ZoneInfo

from headwater.alerts.condition import Severity
from headwater.alerts.declaration import AlertsForm
from headwater.alerts.policy import UTC, Policy, Route
from headwater.alerts.silence import WEEKDAYS, Window
from headwater.declaration import (
    CheckForm,
    EventTimeForm,
    FreshnessForm,
    JobForm,
    MarketsForm,
    ReportForm,
    RestartForm,
    SourceForm,
    StreamForm,
)
from headwater.model import (
    Accepted,
    Autoscale,
    ChangelogProducer,
    Check,
    Column,
    EventTime,
    Flow,
    Freshness,
    JobOptions,
    Market,
    Merge,
    Model,
    NotNull,
    OnIncompatible,
    Parallelism,
    ReportSchedule,
    Restart,
    SqlCheck,
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
    name: TableName, file: Path, form: TableFormType, flows: tuple[Flow, ...], check_sql: Mapping[str, str]
) -> Model:
    """The model that a form declares.

    Args:
        flows: Its flows, analysed.
        check_sql: Text of the SQL files in its folder checks/, by file name. Must hold every file the form names.
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
    checks = tuple(_checks(form.checks, file.parent / "checks", check_sql))
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
            checks=checks,
            schedule=ReportSchedule(
                form.schedule.at, form.schedule.start_date, form.freshness.by if form.freshness else None
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
        checks=checks,
        restart=_restart(form.job.restart),
    )


def markets_of(form: MarketsForm) -> tuple[Market, ...]:
    """The markets, in the order they are declared."""
    return tuple(Market(code, market.name, market.zone, market.currency) for code, market in form.markets.items())


def policy_of(form: AlertsForm, zones: Mapping[str, ZoneInfo]) -> Policy:
    """When people are told of what. The markets that windows name must be among the zones."""
    windows = tuple(
        Window(
            name,
            window.subjects,
            window.begins,
            window.ends,
            zones[window.market] if window.market else window.zone or UTC,
            tuple(WEEKDAYS.index(day) for day in window.days),
            window.reason,
        )
        for name, window in form.windows.items()
    )
    return Policy(
        form.hold,
        form.resolve_after,
        form.repeat_every,
        form.zone or UTC,
        windows,
        tuple(Route(route.to, route.owner, Severity(route.severity)) for route in form.routes),
    )


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


def _checks(forms: Iterable[CheckForm], folder: Path, check_sql: Mapping[str, str]) -> Iterable[Check]:
    for form in forms:
        if form.not_null is not None:
            yield NotNull(form.not_null)
        elif form.accepted is not None:
            yield Accepted(form.accepted.column, form.accepted.values)
        elif form.sql is not None:
            yield SqlCheck(form.sql.removesuffix(".sql"), folder / form.sql, check_sql[form.sql])
