"""Rules of the checks that tables declare."""

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation

from headwater.assemble import kind_of
from headwater.declaration import CheckForm, ReportForm, SourceForm, StreamForm
from headwater.diagnostics import closest
from headwater.draft import Draft
from headwater.model import Layer, TableName
from headwater.problem import Problem
from headwater.sqltype import SqlType

Drafts = Mapping[TableName, Draft]

_NUMBERS = ("TINYINT", "SMALLINT", "INT", "BIGINT", "DECIMAL", "FLOAT", "DOUBLE")
_TIMES = ("TIMESTAMP", "TIMESTAMP_LTZ")
_NESTED = ("ARRAY", "MAP", "MULTISET", "ROW")


def broken_rules(drafts: Drafts) -> Iterator[Problem]:
    """What is wrong in the checks of a warehouse's tables."""
    for draft in drafts.values():
        forms = () if isinstance(draft.form, SourceForm) else draft.form.checks
        for index, form in enumerate(forms):
            for rule in _RULES:
                yield from rule(draft, index, form)
            yield from _relation_leads_somewhere(drafts, draft, index, form)
        yield from _names_differ(draft, forms)
        yield from _every_file_is_named(draft, forms)


def _columns_are_declared(draft: Draft, index: int, form: CheckForm) -> Iterator[Problem]:
    relation = form.relation.columns if form.relation else ()
    places = [
        *((name, ("not_null", place)) for place, name in enumerate(form.not_null or ())),
        *((name, ("unique", place)) for place, name in enumerate(form.unique or ())),
        *((name, ("relation", "columns", place)) for place, name in enumerate(relation)),
        *([(form.accepted.column, ("accepted", "column"))] if form.accepted else []),
        *([(form.range.column, ("range", "column"))] if form.range else []),
    ]
    for name, path in places:
        if draft.column(name) is None:
            yield draft.unknown_column(name, "checks", index, *path)


def _lists_name_columns(draft: Draft, index: int, form: CheckForm) -> Iterator[Problem]:
    for kind in ("not_null", "unique"):
        if getattr(form, kind) == ():
            yield draft.at_value("checks", index, kind, message=f"«{kind}» names no column", advice="Name one or more.")


def _range_is_of_the_type(draft: Draft, index: int, form: CheckForm) -> Iterator[Problem]:
    column = draft.column(form.range.column) if form.range else None
    if form.range is None or column is None:
        return
    if column.type.root not in (*_NUMBERS, *_TIMES, "DATE"):
        message = f"«{column.name}» is {column.type}, which has no range"
        advice = "A range is of numbers, dates or times; accepted lists the values of other columns."
        yield draft.at_value("checks", index, "range", "column", message=message, advice=advice)
        return
    bounds = {}
    for key, written in (("min", form.range.min), ("max", form.range.max)):
        if written is not None:
            bounds[key] = _bound(written, column.type)
            if bounds[key] is None:
                message = f"«{written}» is no value of «{column.name}», which is {column.type}"
                yield draft.at_value("checks", index, "range", key, message=message, advice=_spelling(column.type))
    least, most = bounds.get("min"), bounds.get("max")
    if least is not None and most is not None and least > most:
        message = f"the range begins at {form.range.min}, behind its end at {form.range.max}"
        yield draft.at_value("checks", index, "range", "min", message=message, advice="Exchange the two.")


def _bound(written: str, type_: SqlType) -> Decimal | str | None:
    """The bound as something to compare with others of its type, or None when it is of another type."""
    try:
        if type_.root in _NUMBERS:
            number = Decimal(written)
            return number if number.is_finite() else None
        if type_.root == "DATE":
            return date.fromisoformat(written).isoformat()
        moment = datetime.fromisoformat(written)
        has_zone = moment.tzinfo is not None
        return moment.isoformat() if has_zone == (type_.root == "TIMESTAMP_LTZ") else None
    except (ValueError, InvalidOperation):
        return None


def _spelling(type_: SqlType) -> str:
    examples = {"DATE": "2026-11-01", "TIMESTAMP": "2026-11-01T00:00:00", "TIMESTAMP_LTZ": "2026-11-01T00:00:00Z"}
    return f"Write it as {examples.get(type_.root, '12 or 12.5')}."


def _unique_is_not_the_key(draft: Draft, index: int, form: CheckForm) -> Iterator[Problem]:
    if form.unique and draft.key and set(draft.key) <= set(form.unique):
        message = f"{', '.join(form.unique)} stand once in any case: the key is among them"
        advice = "Leave the check out; it is for columns beside the key."
        yield draft.at_value("checks", index, "unique", message=message, advice=advice)
    for place, name in enumerate(form.unique or ()):
        column = draft.column(name)
        if column is not None and column.type.root in _NESTED:
            message = f"«{name}» is {column.type}, of which uniqueness is not checked"
            yield draft.at_value("checks", index, "unique", place, message=message, advice="Name plain columns.")


def _volume_goes_by_event_time(draft: Draft, index: int, form: CheckForm) -> Iterator[Problem]:
    if form.volume is not None and draft.event_time is None:
        message = "volume counts rows by event time, and the table has none"
        advice = (
            "Check the tables that the report reads."
            if isinstance(draft.form, ReportForm)
            else "Say which column it goes by: event_time: {column: …}."
        )
        yield draft.at_key("checks", index, "volume", message=message, advice=advice)


def _malformed_records_come_over_topics(draft: Draft, index: int, form: CheckForm) -> Iterator[Problem]:
    reads = [name for flow in draft.flows for name in flow.analysis.reads]
    is_stream = isinstance(draft.form, StreamForm)
    if form.malformed is not None and not (is_stream and any(name.layer is Layer.ODS for name in reads)):
        message = f"{draft.name} reads no topic, and records are rejected where topics are read"
        yield draft.at_key(
            "checks", index, "malformed", message=message, advice="Declare it at a table that reads an ods table."
        )


def _late_rows_are_dropped_by_windows(draft: Draft, index: int, form: CheckForm) -> Iterator[Problem]:
    if form.late is not None and not any(flow.analysis.time_columns for flow in draft.flows):
        message = f"{draft.name} has no window, and only windows drop late rows"
        yield draft.at_key("checks", index, "late", message=message, advice="Leave the check out.")


def _parity_is_of_streams(draft: Draft, index: int, form: CheckForm) -> Iterator[Problem]:
    if form.parity is not None and not isinstance(draft.form, StreamForm):
        message = f"{draft.name} is not kept by a stream, and parity holds a stream against batch"
        yield draft.at_key("checks", index, "parity", message=message, advice="Leave the check out.")


def _file_is_there(draft: Draft, index: int, form: CheckForm) -> Iterator[Problem]:
    if form.sql is not None and form.sql not in draft.sql_checks:
        message = f"there is no file checks/{form.sql}"
        advice = closest(form.sql, list(draft.sql_checks))
        yield draft.at_value("checks", index, "sql", message=message, advice=advice)


def _relation_leads_somewhere(drafts: Drafts, draft: Draft, index: int, form: CheckForm) -> Iterator[Problem]:
    relation = form.relation
    if relation is None:
        return
    path = ("checks", index, "relation")
    known = {str(name): other for name, other in drafts.items() if name.layer is not Layer.ODS}
    if relation.to not in known:
        message = (
            f"{relation.to} is a topic, whose records cannot be looked up"
            if relation.to in map(str, drafts)
            else f"there is no table {relation.to}"
        )
        advice = closest(relation.to, list(known)) or "Name a table of dwd, dm or rpt."
        yield draft.at_value(*path, "to", message=message, advice=advice)
        return
    theirs = relation.its or relation.columns
    if len(theirs) != len(relation.columns):
        message = f"{len(relation.columns)} columns are compared with {len(theirs)}"
        yield draft.at_value(*path, "its", message=message, advice="Name as many, in the same order.")
        return
    other = known[relation.to]
    for place, (name, its) in enumerate(zip(relation.columns, theirs, strict=True)):
        where = (*path, "its", place) if relation.its else (*path, "columns", place)
        mine, column = draft.column(name), other.column(its)
        if column is None:
            yield draft.at_value(
                *where,
                message=f"«{its}» is not a column of {relation.to}",
                advice=closest(its, list(other.form.columns)) or "Name its columns: its: […].",
            )
        elif mine is not None and not _comparable(mine.type, column.type):
            message = f"«{name}» is {mine.type}, and «{its}» of {relation.to} is {column.type}"
            yield draft.at_value(*where, message=message, advice="Compare columns of one type.")


def _comparable(one: SqlType, other: SqlType) -> bool:
    return one.root not in _NESTED and (one.root == other.root or {one.root, other.root} <= set(_NUMBERS))


def _names_differ(draft: Draft, forms: tuple[CheckForm, ...]) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for index, form in enumerate(forms):
        try:
            name = kind_of(form, draft.sql_checks).name
        except (KeyError, ValueError):  # told of by another rule
            continue
        if first.setdefault(name, index) != index:
            message = f"this check is «{name}» too, as number {first[name] + 1} of the list"
            yield draft.at_key("checks", index, message=message, advice="Keep one, or say it in SQL of its own.")


def _every_file_is_named(draft: Draft, forms: tuple[CheckForm, ...]) -> Iterator[Problem]:
    named = {form.sql for form in forms}
    for name in draft.sql_checks:
        if name not in named:
            message = f"no check names checks/{name}, so it would never run"
            yield draft.at_key("checks", message=message, advice=f"Add {{sql: {name}}} to checks, or remove the file.")


_RULES: tuple[Callable[[Draft, int, CheckForm], Iterator[Problem]], ...] = (
    _columns_are_declared,
    _lists_name_columns,
    _range_is_of_the_type,
    _unique_is_not_the_key,
    _volume_goes_by_event_time,
    _malformed_records_come_over_topics,
    _late_rows_are_dropped_by_windows,
    _parity_is_of_streams,
    _file_is_there,
)
