"""Rules of one table.yaml: its columns, key, partitions, storage and event time."""

import re
from collections.abc import Callable, Iterator

from headwater.assemble import changelog_of, merge_of
from headwater.compile.rejects import REJECTED
from headwater.declaration import NAME_PATTERN, ReportForm, SourceForm, StreamForm
from headwater.draft import Draft
from headwater.duration import format_duration
from headwater.model import ChangelogProducer, Grain, Merge
from headwater.problem import Problem
from headwater.sqltype import SqlType
from headwater.upkeep.duty import HISTORY

_REPORT_PARTITIONS = {grain: {"market": SqlType("STRING"), grain.column: SqlType("DATE")} for grain in Grain}
_NAME = re.compile(NAME_PATTERN)
_NESTED = ("ARRAY", "MAP", "MULTISET", "ROW")
_BUCKETS = {
    -1: "with buckets: -1 only one job may write the table, and a backfill beside the stream is a second one",
    -2: "with buckets: -2 rows stay hidden from every reader until a compaction",
}
# Paimon options that the declaration has its own words for, or that make readers see no rows (stack notes, Paimon).
_TAKEN_OPTIONS = {
    "bucket": "buckets",
    "primary-key": "key",
    "partition": "partition_by",
    "merge-engine": "merge",
    "changelog-producer": "changelog",
    "ignore-delete": "merge",
}
_REFUSED_OPTIONS = {
    "write-only": "a write-only table makes no changelog, so its readers would wait for ever",
    "deletion-vectors.enabled": "Python reads no row of a table with deletion vectors until it is compacted",
}


def broken_rules(draft: Draft) -> Iterator[Problem]:
    """What is wrong in this table's YAML file."""
    for rule in _RULES:
        yield from rule(draft)


def _columns_have_names(draft: Draft) -> Iterator[Problem]:
    by_lower_name: dict[str, str] = {}
    for name in draft.form.columns:
        first = by_lower_name.setdefault(name.lower(), name)
        if not _NAME.match(name):
            advice = "Use letters, digits and underscores, not beginning with a digit."
            yield draft.at_key("columns", name, message=f"«{name}» cannot be a column's name", advice=advice)
        elif first != name:
            message = f"columns «{first}» and «{name}» are one to a reader that ignores case"
            yield draft.at_key("columns", name, message=message, advice="Rename one of the two.")


def _columns_are_declared(draft: Draft) -> Iterator[Problem]:
    for what in ("key", "partition_by"):
        names: tuple[str, ...] = getattr(draft, what)
        for index, name in enumerate(names):
            yield from _declared(draft, name, what, index)
            if name in names[:index]:
                yield draft.at_value(what, index, message=f"«{name}» stands twice in {what}", advice="Keep one.")
    event_time = draft.event_time
    if event_time is not None:
        yield from _declared(draft, event_time.column, "event_time", "column")
    for name, flow in getattr(draft.form, "flows", {}).items():
        if flow.sequence:
            yield from _declared(draft, flow.sequence, "flows", name, "sequence")


def _declared(draft: Draft, name: str, *path: str | int) -> Iterator[Problem]:
    if name not in draft.form.columns:
        yield draft.unknown_column(name, *path)


def _key_holds_plain_values(draft: Draft) -> Iterator[Problem]:
    for index, name in enumerate(draft.key):
        column = draft.column(name)
        if column is not None and column.type.root in _NESTED:
            yield draft.at_value("key", index, message=f"«{name}» is {column.type}, which cannot be part of a key")


def _partitions_are_in_the_key(draft: Draft) -> Iterator[Problem]:
    for index, name in enumerate(draft.partition_by if draft.key else ()):
        if name not in draft.key and name in draft.form.columns:
            message = f"«{name}» divides the table but is not in its key"
            advice = f"Add it to the key: [{', '.join((*draft.key, name))}]."
            yield draft.at_value("partition_by", index, message=message, advice=advice)


def _event_time_is_an_instant(draft: Draft) -> Iterator[Problem]:
    form = draft.event_time
    column = draft.column(form.column) if form else None
    if column is not None and not (column.type.root in ("TIMESTAMP", "TIMESTAMP_LTZ") and column.type.precision <= 3):
        message = f"event time goes by «{column.name}», which is {column.type}"
        yield draft.at_value(
            "event_time", "column", message=message, advice="It must be TIMESTAMP_LTZ(3) or TIMESTAMP(3)."
        )


def _freshness_warns_first(draft: Draft) -> Iterator[Problem]:
    form = draft.form.freshness if isinstance(draft.form, StreamForm) else None
    if form is not None and form.warn_after is not None and form.warn_after >= form.fail_after:
        message = "freshness warns no earlier than it fails"
        advice = "Make warn_after shorter than fail_after."
        yield draft.at_value("freshness", "warn_after", message=message, advice=advice)


def _merge_fits_the_key(draft: Draft) -> Iterator[Problem]:
    if not isinstance(draft.form, StreamForm):
        return
    merge, place = merge_of(draft.form), "merge" if draft.form.merge else "flows"
    if merge is Merge.APPEND and draft.key:
        advice = "Leave out the key, or merge: append."
        yield draft.at_value("merge", message="merge: append keeps every row, so a key means nothing", advice=advice)
    if merge is not Merge.APPEND and not draft.key:
        yield draft.at_key(
            place, message=f"merge: {merge.value} needs a key", advice="Say what identifies a row: key: […]."
        )
    if merge is not Merge.PARTIAL_UPDATE:
        for name, flow in draft.form.flows.items():
            if flow.sequence:
                message = f"a sequence orders a flow's updates only with merge: partial-update, not {merge.value}"
                yield draft.at_value("flows", name, "sequence", message=message, advice="Leave one of the two out.")


def _changelog_fits_the_merge(draft: Draft) -> Iterator[Problem]:
    if not isinstance(draft.form, StreamForm):
        return
    merge, changelog = merge_of(draft.form), changelog_of(draft.form)
    if merge is Merge.PARTIAL_UPDATE and changelog is ChangelogProducer.INPUT:
        message = "changelog: input would pass on parts of rows, as each fact brings them"
        yield draft.at_value("changelog", message=message, advice="Leave it out: lookup gives whole rows.")
    if merge is Merge.APPEND and changelog is not ChangelogProducer.NONE:
        message = f"changelog: {changelog.value} needs a key; rows that are only added are their own changelog"
        yield draft.at_value("changelog", message=message, advice="Leave it out.")


def _buckets_are_fixed(draft: Draft) -> Iterator[Problem]:
    if isinstance(draft.form, StreamForm) and draft.form.buckets < 1:
        buckets = draft.form.buckets
        message = _BUCKETS.get(buckets, f"buckets: {buckets} is not a number of buckets")
        yield draft.at_value("buckets", message=message, advice="Give a fixed number, 1 or more.")


def _options_leave_the_declaration_alone(draft: Draft) -> Iterator[Problem]:
    for name in draft.form.options if isinstance(draft.form, StreamForm) else ():
        if name in _TAKEN_OPTIONS:
            message = f"the option «{name}» follows from «{_TAKEN_OPTIONS[name]}»"
            yield draft.at_key("options", name, message=message, advice="Leave the option out.")
        elif name in _REFUSED_OPTIONS:
            yield draft.at_key("options", name, message=_REFUSED_OPTIONS[name], advice="Leave the option out.")


def _partial_rows_may_have_gaps(draft: Draft) -> Iterator[Problem]:
    if isinstance(draft.form, StreamForm) and merge_of(draft.form) is Merge.PARTIAL_UPDATE:
        for name, column in draft.form.columns.items():
            if column.required and name not in draft.key:
                message = f"«{name}» cannot be required: it is NULL until its fact arrives"
                advice = "Leave required out here; a not_null check tells of gaps."
                yield draft.at_value("columns", name, "required", message=message, advice=advice)


def _source_can_be_read(draft: Draft) -> Iterator[Problem]:
    if not isinstance(draft.form, SourceForm):
        return
    if draft.name == REJECTED:
        message = f"{REJECTED} is made by the platform: it keeps the records that do not fit their columns"
        yield draft.at_key(message=message, advice="Give this source another name.")
    if draft.form.topic.format == "debezium-json" and not draft.form.key:
        message = "a topic of change events needs a key, or a repeated event would count twice"
        yield draft.at_value("topic", "format", message=message, advice="Say what identifies a row: key: […].")


def _report_is_made_by_market_and_period(draft: Draft) -> Iterator[Problem]:
    if not isinstance(draft.form, ReportForm):
        return
    partitions = _REPORT_PARTITIONS[draft.grain]
    if draft.partition_by != tuple(partitions):
        message = (
            "a report is made by market and local date, or local month,"
            f" not by {', '.join(draft.partition_by) or 'nothing'}"
        )
        advice = "Write partition_by: [market, local_date], or [market, local_month]."
        yield draft.at_value("partition_by", message=message, advice=advice)
    if draft.grain is Grain.MONTH and not draft.form.schedule.start_date.endswith("-01"):
        message = f"the first month begins on {draft.form.schedule.start_date}, in its middle"
        advice = f"Write {draft.form.schedule.start_date[:-3]}-01."
        yield draft.at_value("schedule", "start_date", message=message, advice=advice)
    reopen = draft.form.schedule.reopen
    if reopen is not None and reopen > HISTORY:
        message = f"after {format_duration(HISTORY)} nothing says any more whether a partition was made"
        advice = f"Reopen partitions for {format_duration(HISTORY)} at most."
        yield draft.at_value("schedule", "reopen", message=message, advice=advice)
    for name, wanted in partitions.items():
        column = draft.column(name)
        if column is None:
            yield draft.at_key(
                "columns", message=f"a report has a column «{name}»", advice=f"Add {name}: {{type: {wanted}}}."
            )
        elif column.type != wanted:
            message = f"a report's «{name}» is {wanted}, not {column.type}"
            yield draft.at_value("columns", name, "type", message=message)


_RULES: tuple[Callable[[Draft], Iterator[Problem]], ...] = (
    _columns_have_names,
    _columns_are_declared,
    _key_holds_plain_values,
    _partitions_are_in_the_key,
    _event_time_is_an_instant,
    _freshness_warns_first,
    _merge_fits_the_key,
    _changelog_fits_the_merge,
    _buckets_are_fixed,
    _options_leave_the_declaration_alone,
    _partial_rows_may_have_gaps,
    _source_can_be_read,
    _report_is_made_by_market_and_period,
)
